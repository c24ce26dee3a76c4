"""The loss of each sample, and the weighted loss, for every criterion of torch and for those of users."""

from functools import partial

import criteria
import numpy as np
import pytest
import torch
from helpers import add_up, cross_entropies, make_net, make_vectors, seed_everything, tensors_of, train_plainly
from skorch import NeuralNet, NeuralNetClassifier
from skorch.dataset import ValidSplit
from torch import nn
from torch.nn import functional as F

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.exceptions import ActionScoreError, NonFiniteLossError, SampleLossError
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.losses.weighting import weighted_loss

B, K = 6, 4


def draw(*shape):
    return torch.randn(*shape, requires_grad=True)


def labels(*shape, ignored=False):
    drawn = torch.randint(K, shape)
    if ignored:
        drawn[0], drawn.view(-1)[-1] = -100, -100  # all of one sample, part of another
    return drawn


def signs(*shape):
    return 2 * torch.randint(2, shape) - 1


class_weights = torch.tensor([1.0, 0.2, 3.0, 0.5])


def linear_cross_entropy(inputs, target, **options):
    torch.manual_seed(3)  # as in `build`: the criterion has parameters of its own
    return nn.LinearCrossEntropyLoss(**options)(inputs, target)


# Each row: class of the criterion, its options, its functional form without reduction, a maker of inputs.
LOSSES = {
    "cross-entropy": (nn.CrossEntropyLoss, {}, F.cross_entropy, lambda: (draw(B, K), labels(B))),
    "cross-entropy, weights": (
        nn.CrossEntropyLoss,
        {"weight": class_weights},
        F.cross_entropy,
        lambda: (draw(B, K), labels(B)),
    ),
    "cross-entropy, ignored": (
        nn.CrossEntropyLoss,
        {"weight": class_weights},
        F.cross_entropy,
        lambda: (draw(B, K), labels(B, ignored=True)),
    ),
    "cross-entropy, ignored class": (
        nn.CrossEntropyLoss,
        {"ignore_index": 2},
        F.cross_entropy,
        lambda: (draw(B, K), torch.tensor([2, 0, 1, 2, 3, 0])),
    ),
    "cross-entropy, smooth": (
        nn.CrossEntropyLoss,
        {"weight": class_weights, "label_smoothing": 0.2},
        F.cross_entropy,
        lambda: (draw(B, K), labels(B, ignored=True)),
    ),
    "cross-entropy, probabilities": (
        nn.CrossEntropyLoss,
        {"weight": class_weights, "label_smoothing": 0.1},
        F.cross_entropy,
        lambda: (draw(B, K), torch.rand(B, K)),
    ),
    "cross-entropy, dense": (
        nn.CrossEntropyLoss,
        {"weight": class_weights},
        F.cross_entropy,
        lambda: (draw(B, K, 2, 3), labels(B, 2, 3, ignored=True)),
    ),
    "cross-entropy, dense probabilities": (
        nn.CrossEntropyLoss,
        {},
        F.cross_entropy,
        lambda: (draw(B, K, 2, 3), torch.rand(B, K, 2, 3)),
    ),
    "nll": (nn.NLLLoss, {"weight": class_weights}, F.nll_loss, lambda: (draw(B, K), labels(B, ignored=True))),
    "nll, dense": (nn.NLLLoss, {}, F.nll_loss, lambda: (draw(B, K, 2, 3), labels(B, 2, 3, ignored=True))),
    "binary": (nn.BCELoss, {}, F.binary_cross_entropy, lambda: (draw(B, 2).sigmoid(), torch.rand(B, 2))),
    "binary, logits": (
        nn.BCEWithLogitsLoss,
        {"pos_weight": torch.tensor([3.0, 0.5])},
        F.binary_cross_entropy_with_logits,
        lambda: (draw(B, 2), torch.rand(B, 2)),
    ),
    "squared": (nn.MSELoss, {}, F.mse_loss, lambda: (draw(B, 3), torch.randn(B, 3))),
    "absolute": (nn.L1Loss, {}, F.l1_loss, lambda: (draw(B), torch.randn(B))),
    "smooth l1": (nn.SmoothL1Loss, {"beta": 0.3}, F.smooth_l1_loss, lambda: (draw(B, 3), torch.randn(B, 3))),
    "huber": (nn.HuberLoss, {"delta": 0.3}, F.huber_loss, lambda: (draw(B, 2, 2), torch.randn(B, 2, 2))),
    "poisson": (
        nn.PoissonNLLLoss,
        {"log_input": False, "full": True},
        F.poisson_nll_loss,
        lambda: (draw(B, 3).exp(), torch.rand(B, 3) * 5),
    ),
    "gaussian": (
        nn.GaussianNLLLoss,
        {"full": True},
        F.gaussian_nll_loss,
        lambda: (draw(B, 3), torch.randn(B, 3), draw(B, 3).exp()),
    ),
    "kl": (nn.KLDivLoss, {}, F.kl_div, lambda: (draw(B, K), torch.rand(B, K))),
    "kl, log target": (nn.KLDivLoss, {"log_target": True}, F.kl_div, lambda: (draw(B, K), torch.randn(B, K))),
    "hinge embedding": (
        nn.HingeEmbeddingLoss,
        {"margin": 0.5},
        F.hinge_embedding_loss,
        lambda: (draw(B), signs(B)),
    ),
    "soft margin": (nn.SoftMarginLoss, {}, F.soft_margin_loss, lambda: (draw(B, 2), signs(B, 2).float())),
    "multi margin": (
        nn.MultiMarginLoss,
        {"weight": class_weights},
        F.multi_margin_loss,
        lambda: (draw(B, K), labels(B)),
    ),
    "multi-label margin": (
        nn.MultiLabelMarginLoss,
        {},
        F.multilabel_margin_loss,
        lambda: (draw(B, K), torch.tensor([[1, 2, -1, 0]] * B)),
    ),
    "multi-label soft margin": (
        nn.MultiLabelSoftMarginLoss,
        {"weight": class_weights},
        F.multilabel_soft_margin_loss,
        lambda: (draw(B, K), torch.randint(2, (B, K)).float()),
    ),
    "margin ranking": (
        nn.MarginRankingLoss,
        {"margin": 0.2},
        F.margin_ranking_loss,
        lambda: (draw(B), torch.randn(B), signs(B)),
    ),
    "cosine embedding": (
        nn.CosineEmbeddingLoss,
        {},
        F.cosine_embedding_loss,
        lambda: (draw(B, 3), torch.randn(B, 3), signs(B)),
    ),
    "triplet": (
        nn.TripletMarginLoss,
        {"margin": 2.0},
        F.triplet_margin_loss,
        lambda: (draw(B, 3), torch.randn(B, 3), torch.randn(B, 3)),
    ),
    "triplet, own distance": (
        nn.TripletMarginWithDistanceLoss,
        {"margin": 2.0},
        F.triplet_margin_with_distance_loss,
        lambda: (draw(B, 3), torch.randn(B, 3), torch.randn(B, 3)),
    ),
    "ctc": (
        nn.CTCLoss,
        {},
        F.ctc_loss,
        lambda: (
            draw(7, B, K).log_softmax(2),
            torch.randint(1, K, (B, 3)),
            torch.tensor([7, 6, 7, 5, 7, 7]),
            torch.tensor([3, 1, 2, 2, 3, 1]),
        ),
    ),
}
if hasattr(nn, "LinearCrossEntropyLoss"):  # new in torch 2.13
    LOSSES["linear cross-entropy"] = (
        partial(nn.LinearCrossEntropyLoss, 3, K),
        {"weight": class_weights, "ignore_index": 2},
        partial(linear_cross_entropy, in_features=3, num_classes=K),
        lambda: (draw(B, 3), torch.tensor([2, 0, 1, 2, 3, 0])),
    )
REDUCTIONS = {name: ["mean", "sum"] for name in LOSSES} | {"kl": ["mean", "sum", "batchmean"]}
ROWS = [(name, reduction) for name in LOSSES for reduction in REDUCTIONS[name]]
slow_mean = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")


def build(name, reduction):
    kind, options, functional, inputs = LOSSES[name]
    torch.manual_seed(3)
    return kind(**options, reduction=reduction), partial(functional, **options, reduction="none"), inputs()


def repeat(inputs, index, name):
    """Give the batch with samples left out or given several times; CTC has time in front."""
    if name == "ctc":
        return (inputs[0][:, index], *(part[index] for part in inputs[1:]))
    return tuple(part[index] for part in inputs)


def test_table_holds_every_loss_of_torch():
    kinds = {
        value for value in vars(nn).values() if isinstance(value, type) and issubclass(value, nn.modules.loss._Loss)
    }
    abstract = {nn.modules.loss._Loss, nn.modules.loss._WeightedLoss, nn.NLLLoss2d}
    assert {getattr(kind, "func", kind) for kind, *_ in LOSSES.values()} >= kinds - abstract


@slow_mean
@pytest.mark.parametrize(("name", "reduction"), ROWS)
def test_values_are_those_without_reduction(name, reduction):
    criterion, functional, inputs = build(name, reduction)
    units = functional(*inputs).detach().reshape(B, -1)
    expected = units.sum(1) if reduction != "mean" else units.mean(1)
    if reduction == "mean" and "dense" in name and not inputs[1].is_floating_point():
        expected = units.sum(1) / (inputs[1].reshape(B, -1) != -100).sum(1).clamp(min=1)
    sample_loss = SampleLoss(criterion, score_class_weights=True)
    found = sample_loss.values(sample_loss.units(inputs, B), inputs)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    assert criterion.reduction == reduction


@slow_mean
@pytest.mark.parametrize(("name", "reduction"), ROWS)
@pytest.mark.parametrize("weights", [[1] * B, [2] * B, [2, 1, 1, 0, 3, 1], [0, 0, 1, 0, 0, 0], [0, 1, 1, 1, 1, 2]])
def test_weight_counts_as_so_many_copies(name, reduction, weights):
    criterion, _, inputs = build(name, reduction)
    sample_loss = SampleLoss(criterion, score_class_weights=True)
    index = torch.arange(B).repeat_interleave(torch.tensor(weights))
    expected = criterion(*repeat(inputs, index, name))
    if expected.isnan():  # all that is left is ignored, and torch divides 0 by 0
        pytest.skip("no sample counts")
    found = weighted_loss(sample_loss, sample_loss.units(inputs, B), inputs, torch.tensor(weights, dtype=torch.float64))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert found.dtype == expected.dtype


@slow_mean
@pytest.mark.parametrize(("name", "reduction"), ROWS)
def test_weighted_gradient_is_that_of_copies(name, reduction):
    criterion, _, inputs = build(name, reduction)
    sample_loss = SampleLoss(criterion, score_class_weights=True)
    weights = torch.tensor([0, 1, 2, 1, 1, 3])
    inputs = (inputs[0].detach().requires_grad_(), *(part.detach() for part in inputs[1:]))
    copies = criterion(*repeat(inputs, torch.arange(B).repeat_interleave(weights), name))
    (expected,) = torch.autograd.grad(copies, inputs[0])
    (found,) = torch.autograd.grad(
        weighted_loss(sample_loss, sample_loss.units(inputs, B), inputs, weights.double()), inputs[0]
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@slow_mean
@pytest.mark.parametrize(("name", "reduction"), ROWS)
def test_batch_of_weights_zero_has_no_loss_and_no_gradient(name, reduction):
    criterion, _, inputs = build(name, reduction)
    sample_loss = SampleLoss(criterion, score_class_weights=True)
    inputs = (inputs[0].detach().requires_grad_(), *(part.detach() for part in inputs[1:]))
    loss = weighted_loss(sample_loss, sample_loss.units(inputs, B), inputs, torch.zeros(B, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(loss, inputs[0])
    assert loss == 0
    assert (gradient == 0).all()


def test_batch_of_one_may_give_one_number():
    loss = SampleLoss(nn.CrossEntropyLoss())
    inputs = draw(1, K), labels(1)
    assert loss.values(loss.units(inputs, 1), inputs).shape == (1,)
    scalar = SampleLoss(criteria.Scalar())
    assert scalar.units(inputs, 1, criteria.Scalar()(*inputs)).shape == (1,)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.tensor(1.0), "Scalar returned one number for a batch of 6 samples"),
        (torch.ones(3), "Scalar gave 3 losses for a batch of 6 samples"),
        ("loss", r"Scalar returned str; expected a tensor of shape \(6,\)"),
    ],
)
def test_what_is_no_loss_of_each_sample(output, message):
    with pytest.raises(SampleLossError, match=message):
        SampleLoss(criteria.Scalar()).units((draw(B, K), labels(B)), B, output)


# -- in a net --------------------------------------------------------------------------------------------------


def record(net, X, y, **options):
    recorder = ActionScoreRecorder(store_trajectories=True, **options)
    seed_everything()
    net.set_params(callbacks=[("action_scores", recorder)])
    net.fit(X, y)
    return recorder


class HalfHidden(nn.Module):
    """Has an attribute `reduction` that its forward does not obey."""

    reduction = "mean"

    def forward(self, output, target):
        return F.cross_entropy(output, target)


class Silent(NeuralNetClassifier):
    """Computes its loss without a criterion."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        return F.cross_entropy(y_pred, y_true)


class Coupled(NeuralNetClassifier):
    """The loss of a sample depends on the others."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        return F.cross_entropy(y_pred / y_pred.std(), y_true)


class MeanOfTwo(NeuralNetClassifier):
    """Takes the mean over the batch itself, of two calls."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        return (self.criterion_(y_pred, y_true) + self.criterion_(-y_pred, y_true)).mean()


def drop_last_sample(samples):
    return torch.utils.data.default_collate(samples[:-1])


UNKNOWN = {
    "scalar": ({"criterion": criteria.Scalar}, "Scalar returned one number for a batch of 16 samples"),
    "reduction ignored": ({"criterion": HalfHidden}, "HalfHidden returned one number for a batch of 16"),
    "no call": ({"net_class": Coupled}, "Coupled.get_loss did not call a criterion of the net, and batches of one"),
    "collate_fn drops samples": (
        {"iterator_train__collate_fn": drop_last_sample},
        "gave 15 losses for a batch of 16 samples; .* let no collate_fn add or drop any",
    ),
}


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
@pytest.mark.parametrize("case", UNKNOWN)
def test_hidden_loss_is_an_error_before_the_first_update(case, recording):
    options, message = UNKNOWN[case]
    if recording == "epoch_end" and case == "collate_fn drops samples":
        pytest.skip("the pass at the end of an epoch has its own collate_fn")
    X, y = make_vectors()
    net = make_net(**options)
    seed_everything()
    net.initialize()
    before = tensors_of(net)
    with pytest.raises(SampleLossError, match=message):
        record(net, X, y, recording=recording)
    if recording == "training":
        assert all(torch.equal(value, before[name]) for name, value in tensors_of(net).items())
    assert type(net) is options.get("net_class", NeuralNetClassifier)


ONE_BY_ONE = {
    "no call": ({"net_class": Silent}, cross_entropies),
    "mean of two calls": (
        {"net_class": MeanOfTwo, "criterion": criteria.Vector},
        lambda output, target: cross_entropies(output, target) + cross_entropies(-output, target),
    ),
    "function": ({"criterion": lambda: F.cross_entropy}, cross_entropies),
    "partial": (
        {"criterion": lambda: partial(F.cross_entropy, label_smoothing=0.1)},
        lambda output, target: cross_entropies(output, target, label_smoothing=0.1),
    ),
}


@pytest.mark.parametrize("case", ONE_BY_ONE)
def test_loss_without_a_criterion_is_asked_for_sample_by_sample(case):
    options, each_loss = ONE_BY_ONE[case]
    X, y = make_vectors()
    module, visits = train_plainly(X, y, each_loss)
    net = make_net(**options)
    recorder = record(net, X, y)
    np.testing.assert_allclose(recorder.action_scores_, add_up(visits, len(X))[0], rtol=1e-5)
    for one, two in zip(net.module_.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(one, two)


class WithTerm(NeuralNetClassifier):
    """Adds a term of the outputs to the loss of the criterion."""

    def get_loss(self, y_pred, *args, **kwargs):
        return super().get_loss(y_pred, *args, **kwargs) + y_pred.square().mean()


def test_first_batch_without_a_loss_does_not_settle_how_losses_follow():
    """NaN equals NaN: a batch of one ignored target must not pass for a loss that is the criterion's alone."""
    X, y = make_vectors()
    net = make_net(net_class=WithTerm, criterion__ignore_index=int(y[0]), batch_size=1, iterator_train__shuffle=False)
    with pytest.raises(NonFiniteLossError, match="the loss became NaN or infinite in epoch 1"):
        record(net, X, y)


def test_batches_of_one_tell_nothing_of_the_terms_of_larger_ones():
    """Held-out samples come in one batch, whose mean no sample may get a share of."""
    X, y = make_vectors()
    options = {"train_split": ValidSplit(5, stratified=False), "lr": 0.0, "max_epochs": 1, "batch_size": 1}
    recorder = record(make_net(net_class=WithTerm, iterator_valid__batch_size=99, **options), X, y)
    seed_everything()
    output = make_net(**options).initialize().module_.eval()(torch.from_numpy(X))
    expected = cross_entropies(output, torch.from_numpy(y)) + output.square().mean(1)
    np.testing.assert_allclose(recorder.action_scores_, expected.detach(), rtol=1e-5)


def test_mean_in_get_loss_of_a_vector_is_seen_through():
    class Mean(NeuralNetClassifier):
        def get_loss(self, *args, **kwargs):
            return super().get_loss(*args, **kwargs).mean()

    X, y = make_vectors()
    expected = record(make_net(criterion=nn.CrossEntropyLoss), X, y).action_scores_
    found = record(make_net(net_class=Mean, criterion=criteria.Vector), X, y).action_scores_
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("criterion", [nn.CrossEntropyLoss, criteria.Focal, criteria.Vector])
def test_mixed_targets(criterion):
    # Mixup: the same combination, sample by sample.
    class MixedUp(NeuralNet):
        def get_loss(self, y_pred, y_true, X=None, training=False):
            return 0.3 * self.criterion_(y_pred, y_true[:, 0]) + 0.7 * self.criterion_(y_pred, y_true[:, 1])

    class Mixed(nn.Module):
        def forward(self, output, target):
            first, second = criterion(), criterion()
            if criterion is not criteria.Vector:
                first.reduction = second.reduction = "none"
            return 0.3 * first(output, target[:, 0]) + 0.7 * second(output, target[:, 1])

    X, y = make_vectors()
    both = np.stack([y, y[::-1]], axis=1)
    expected = record(make_net(NeuralNet, criterion=Mixed), X, both).trajectories_
    found = record(make_net(MixedUp, criterion=criterion), X, both).trajectories_
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_random_mix_uses_the_same_draw():
    shares = []

    class MixedUp(NeuralNetClassifier):
        def get_loss(self, y_pred, y_true, X=None, training=False):
            share = float(np.random.beta(1, 1) + torch.rand(()))  # noqa: NPY002
            shares.append(share)
            return share * self.criterion_(y_pred, y_true) + 2 * self.criterion_(y_pred, y_true)

    X, y = make_vectors()
    net = make_net(net_class=MixedUp, batch_size=-1, iterator_train__shuffle=False, max_epochs=1)
    recorder = record(net, X, y)
    expected = record(make_net(batch_size=-1, iterator_train__shuffle=False, max_epochs=1), X, y)
    np.testing.assert_allclose(recorder.action_scores_, (shares[0] + 2) * expected.action_scores_, rtol=1e-5)


def test_adaptive_softmax():
    class Adaptive(NeuralNetClassifier):
        def get_loss(self, y_pred, y_true, X=None, training=False):
            return self.criterion_(y_pred, y_true).loss

    X, y = make_vectors()
    options = {"in_features": 8, "n_classes": 3, "cutoffs": [1]}
    net = make_net(
        n_outputs=8,
        net_class=Adaptive,
        criterion=nn.AdaptiveLogSoftmaxWithLoss,
        batch_size=-1,
        **{f"criterion__{name}": value for name, value in options.items()},
    )
    recorder = record(net, X, y)
    np.testing.assert_allclose(recorder.trajectories_.mean(1), net.history[:, "train_loss"], rtol=1e-5)


# -- weights in a net ------------------------------------------------------------------------------------------


class Mean(NeuralNetClassifier):
    """Reduces the criterion's vector itself."""

    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs).mean()


WEIGHTED = {
    "torch": {},
    "own, with reduction": {"criterion": criteria.Focal},
    "vector": {"criterion": criteria.Vector},
    "class weights": {"criterion__weight": torch.tensor([1.0, 0.2, 3.0])},
    "vector reduced by get_loss": {"criterion": criteria.Vector, "net_class": Mean},
}


@pytest.mark.parametrize("case", WEIGHTED)
def test_weights_train_as_copies_or_are_refused(case):
    # Never ignored in silence.
    X, y = make_vectors()
    weights = np.arange(len(y)) % 3
    copies = np.repeat(np.arange(len(y)), weights)
    net = make_net(**WEIGHTED[case], batch_size=-1, iterator_train__shuffle=False)
    try:
        scorer = ActionScoreClassifier(net, random_state=0).fit(X, y, sample_weight=weights)
    except ActionScoreError as error:
        assert case == "vector reduced by get_loss"
        assert "weight" in str(error)  # noqa: PT017
        return
    alike = ActionScoreClassifier(net, random_state=0).fit(X[copies], y[copies])
    for one, two in zip(tensors_of(scorer.estimator_).values(), tensors_of(alike.estimator_).values(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)
    unweighted = scorer.action_scores_[copies]
    np.testing.assert_allclose(unweighted, alike.action_scores_, rtol=1e-4)  # the recorded loss has no weight


def test_recorded_loss_has_weights_neither_of_classes_nor_of_samples():
    X, y = make_vectors()
    class_weight = torch.tensor([1.0, 0.2, 3.0])
    net = make_net(batch_size=-1, max_epochs=1, criterion__weight=class_weight, iterator_train__shuffle=False)
    scorer = ActionScoreClassifier(net, random_state=0).fit(X, y, sample_weight=np.full(len(y), 5.0))
    plain = ActionScoreClassifier(net, random_state=0).fit(X, y)
    np.testing.assert_allclose(scorer.action_scores_, plain.action_scores_, rtol=1e-6)
    unweighted = ActionScoreClassifier(net.set_params(criterion__weight=None), random_state=0).fit(X, y)
    np.testing.assert_allclose(plain.action_scores_, unweighted.action_scores_, rtol=1e-5)
    recorder = record(net.set_params(criterion__weight=class_weight), X, y, score_class_weights=True)
    assert np.ptp(recorder.action_scores_ / plain.action_scores_) > 1


def test_training_of_cross_entropies_is_that_of_torch():
    # The helper that other tests compare with.
    output, target = draw(B, K), labels(B)
    torch.testing.assert_close(cross_entropies(output, target).mean(), nn.CrossEntropyLoss()(output, target))
