"""The losses that are recorded are those of a training loop written in plain torch, and so are all metrics."""

import criteria
import numpy as np
import pytest
import torch
from helpers import (
    Net,
    add_up,
    cross_entropies,
    make_binary,
    make_images,
    make_net,
    make_numbers,
    make_tokens,
    make_vectors,
    seed_everything,
    spread,
    train_plainly,
)
from recorded import CLASS_WEIGHTS, N, assert_consistent, assert_scores, held_out, record, split, trained, weighted_mean
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional as F
from torch.utils.data import WeightedRandomSampler

from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.exceptions import NonFiniteLossError, SampleLossError
from actscore_sk.metrics import definitions
from actscore_sk.metrics.registry import get_metric_names

pytestmark = pytest.mark.filterwarnings("ignore:samples were visited")  # it has tests of its own

EPS = torch.finfo(torch.float32).eps


def ignored_mean(losses, target):
    return losses.sum() / (target != 1).sum()


def focal(output, target):
    losses = cross_entropies(output, target)
    return (1 - torch.exp(-losses)) ** 2 * losses


def nll(output, target):
    return F.nll_loss(torch.log(output + EPS), target, reduction="none")


def binary_logit(output, target):
    return F.binary_cross_entropy_with_logits(output, target, reduction="none")


def binary_probability(output, target):
    return F.binary_cross_entropy(output, target, reduction="none")


def squared(output, target):
    return ((output - target) ** 2).mean(1)


class HalfAsMuch(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        return 0.25 * self.criterion_(y_pred, y_true) + 0.75 * self.criterion_(y_pred, (y_true + 1) % 3)


class Accumulating(NeuralNetClassifier):
    """Steps after every second batch: the recorded loss is that of the criterion, not half of it."""

    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs) / 2


def two_losses(output, target):
    return 0.25 * cross_entropies(output, target) + 0.75 * cross_entropies(output, (target + 1) % 3)


def sgd(lr, **options):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, **options)


# Each row: data, options of the skorch net, loss of each sample, options of the plain loop.
TABLE = {
    "cross-entropy": (make_vectors, {}, cross_entropies, {}),
    "cnn": (make_images, {"kind": "cnn"}, cross_entropies, {"kind": "cnn"}),
    "dropout and batch norm": (make_vectors, {"kind": "noisy"}, cross_entropies, {"kind": "noisy"}),
    "tokens": (make_tokens, {"kind": "tokens"}, cross_entropies, {"kind": "tokens"}),
    "lazy": (make_vectors, {"kind": "lazy"}, cross_entropies, {"kind": "lazy"}),
    "class weights": (
        make_vectors,
        {"criterion__weight": CLASS_WEIGHTS},
        lambda output, target: cross_entropies(output, target, weight=CLASS_WEIGHTS),
        {"reduce": weighted_mean, "scored": cross_entropies},
    ),
    "label smoothing": (
        make_vectors,
        {"criterion__label_smoothing": 0.3},
        lambda output, target: cross_entropies(output, target, label_smoothing=0.3),
        {},
    ),
    "ignore_index": (
        make_vectors,
        {"criterion__ignore_index": 1},
        lambda output, target: cross_entropies(output, target, ignore_index=1),
        {"reduce": ignored_mean},
    ),
    "sum": (
        make_vectors,
        {"criterion__reduction": "sum", "lr": 0.01},
        cross_entropies,
        {"reduce": torch.sum, "optimizer": sgd(0.01)},
    ),
    "NLLLoss": (
        make_vectors,
        {"kind": "probabilities", "criterion": nn.NLLLoss},
        nll,
        {"kind": "probabilities"},
    ),
    "binary": (
        make_binary,
        {"net_class": NeuralNetBinaryClassifier, "kind": "flat", "criterion": nn.BCEWithLogitsLoss},
        binary_logit,
        {"kind": "flat"},
    ),
    "MSELoss": (
        make_numbers,
        {"net_class": NeuralNetRegressor, "n_outputs": 1, "criterion": nn.MSELoss},
        squared,
        {"n_outputs": 1},
    ),
    "own, with reduction": (make_vectors, {"criterion": criteria.Focal}, focal, {}),
    "own, vector": (make_vectors, {"criterion": criteria.Vector}, cross_entropies, {}),
    "two calls": (make_vectors, {"net_class": HalfAsMuch}, two_losses, {}),
    "halved": (make_vectors, {"net_class": Accumulating, "lr": 0.2}, cross_entropies, {}),
    "momentum": (make_vectors, {"optimizer__momentum": 0.9}, cross_entropies, {"optimizer": sgd(0.1, momentum=0.9)}),
    "sequential": (make_vectors, {"iterator_train__shuffle": False}, cross_entropies, {"shuffle": False}),
    "drop_last": (make_vectors, {"iterator_train__drop_last": True}, cross_entropies, {"drop_last": True}),
    "batches of one": (
        make_vectors,
        {"batch_size": 1, "max_epochs": 1},
        cross_entropies,
        {"batch_size": 1, "epochs": 1},
    ),
    "last batch of one": (make_vectors, {"batch_size": 23}, cross_entropies, {"batch_size": 23}),
    "all at once": (make_vectors, {"batch_size": -1}, cross_entropies, {"batch_size": N}),
    "with replacement": (
        make_vectors,
        {
            "iterator_train__sampler": WeightedRandomSampler(torch.arange(N) + 1.0, 90),
            "iterator_train__shuffle": False,
        },
        cross_entropies,
        {"sampler": WeightedRandomSampler(torch.arange(N) + 1.0, 90), "shuffle": False},
    ),
    "workers": (
        make_vectors,
        {"iterator_train__num_workers": 2, "max_epochs": 1},
        cross_entropies,
        {"num_workers": 2, "epochs": 1},
    ),
    "split": (
        make_vectors,
        {"kind": "noisy", "train_split": split},
        cross_entropies,
        {"kind": "noisy", "train": trained, "valid": held_out},
    ),
}


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("case", TABLE)
@pytest.mark.filterwarnings("ignore:get_loss (multiplies|adds)")
def test_scores_equal_plain_torch(case):
    data, options, each_loss, plain = TABLE[case]
    X, y = data()
    _, visits = train_plainly(X, y, each_loss, **plain)
    recorder = record(make_net(**options), X, y, store_trajectories=True)
    assert_scores(recorder, visits)
    assert_consistent(recorder)
    assert recorder.n_epochs_ == visits[-1].epoch
    assert recorder.validation_mask_.tolist() == [row in plain.get("valid", []) for row in range(N)]
    if case != "with replacement":
        values = [visit.losses for visit in visits]
        np.testing.assert_allclose(recorder.trajectories_, spread(visits, values, N), rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("case", ["cross-entropy", "dropout and batch norm", "binary", "MSELoss", "split"])
def test_estimator_gives_the_same_scores(case):
    data, options, each_loss, plain = TABLE[case]
    X, y = data()
    _, visits = train_plainly(X, y, each_loss, **plain)
    seed_everything()
    assert_scores(ActionScoreEstimator(make_net(**options)).fit(X, y), visits)


def test_mean_divides_by_visits():
    X, y = make_vectors()
    sampler = WeightedRandomSampler(torch.arange(N) + 1.0, 90)
    options = {"iterator_train__sampler": sampler, "iterator_train__shuffle": False}
    total, count = add_up(train_plainly(X, y, cross_entropies, sampler=sampler, shuffle=False)[1], N)
    assert (count == 0).any()
    recorder = record(make_net(**options), X, y, reduction="mean")
    np.testing.assert_allclose(recorder.action_scores_, total / np.maximum(count, 1), rtol=1e-6)


# -- what a criterion may change while the net trains ----------------------------------------------------------


@pytest.mark.parametrize(
    "criterion",
    [
        criteria.Random,
        criteria.RandomNumpy,
        criteria.OwnGenerator,
        criteria.RunningBuffer,
        criteria.ReplacedBuffer,
        criteria.Counting,
        criteria.LearnedTemperature,
    ],
)
def test_recorded_loss_is_the_one_that_is_trained_on(criterion):
    # Asked for single samples, a criterion must draw what it drew, and be in the state in which it was.
    X, y = make_vectors()
    net = make_net(criterion=criterion, batch_size=35, iterator_train__shuffle=False)
    recorder = record(net, X, y, store_trajectories=True)
    means = recorder.trajectories_.reshape(2, 2, 35).mean(axis=2)
    np.testing.assert_allclose(means, net.history[:, "batches", :, "train_loss"], rtol=1e-5)


class Anneal(Callback):
    """Changes one attribute of the criterion at the start of the second epoch, or after each batch."""

    def __init__(self, name, value, event="epoch"):
        self.name, self.value, self.event = name, value, event

    def on_epoch_begin(self, net, **kwargs):
        if self.event == "epoch" and len(net.history) == 2:
            setattr(net.criterion_, self.name, self.value)

    def on_batch_end(self, net, **kwargs):
        if self.event == "batch":
            setattr(net.criterion_, self.name, self.value)


@pytest.mark.parametrize(
    ("criterion", "name", "value", "later"),
    [
        (criteria.Focal, "gamma", 0.0, cross_entropies),
        (
            nn.CrossEntropyLoss,
            "label_smoothing",
            0.9,
            lambda output, target: cross_entropies(output, target, label_smoothing=0.9),
        ),
        (
            nn.CrossEntropyLoss,
            "weight",
            CLASS_WEIGHTS,
            lambda output, target: cross_entropies(output, target, weight=CLASS_WEIGHTS),
        ),
    ],
    ids=["gamma", "label_smoothing", "weight"],
)
def test_annealed_criterion_is_followed(criterion, name, value, later):
    X, y = make_vectors()
    net = make_net(criterion=criterion, batch_size=-1, callbacks=[("anneal", Anneal(name, value))])
    net.set_params(iterator_train__shuffle=False)
    before = cross_entropies if criterion is nn.CrossEntropyLoss else focal
    _, visits = train_plainly(X, y, before, batch_size=N, shuffle=False)
    recorder = record(net, X, y, store_trajectories=True, score_class_weights=True)
    expected = later(visits[1].output, torch.as_tensor(y))
    np.testing.assert_allclose(recorder.trajectories_[1], expected, rtol=1e-5)


@pytest.mark.skipif(not hasattr(nn, "LinearCrossEntropyLoss"), reason="new in torch 2.13")
def test_learned_criterion_of_torch():
    # Its parameters move at each step: a loss that is computed later is that of another net.
    X, y = make_vectors()
    options = {"criterion__in_features": 3, "criterion__num_classes": 3, "lr": 1.0, "batch_size": 35}
    net = make_net(criterion=nn.LinearCrossEntropyLoss, **options, iterator_train__shuffle=False, max_epochs=1)
    recorder = record(net, X, y)
    means = recorder.action_scores_.reshape(2, 35).mean(axis=1)
    np.testing.assert_allclose(means, [batch["train_loss"] for batch in net.history[-1, "batches"]], rtol=1e-5)


@pytest.mark.parametrize(("name", "value"), [("label_smoothing", 0.9), ("weight", CLASS_WEIGHTS), ("reduction", "sum")])
def test_criterion_changed_after_a_batch(name, value):
    # Losses that wait for their evaluation must not be those of the changed criterion; an error will do.
    X, y = make_vectors()
    net = make_net(max_epochs=1, batch_size=35, callbacks=[("anneal", Anneal(name, value, "batch"))])
    net.set_params(criterion__weight=torch.ones(3), iterator_train__shuffle=False)
    try:
        recorder = record(net, X, y)
    except SampleLossError:
        return
    _, visits = train_plainly(X, y, cross_entropies, epochs=1, batch_size=35, shuffle=False)
    np.testing.assert_allclose(recorder.action_scores_[:35], visits[0].losses, rtol=1e-5)


def test_criterion_in_evaluation_mode_gives_validation_losses():
    class SmoothingInTraining(criteria.Reduced):
        def each(self, output, target):
            return cross_entropies(output, target, label_smoothing=0.5 if self.training else 0.0)

    X, y = make_vectors()
    net = make_net(criterion=SmoothingInTraining, train_split=split, max_epochs=1)
    recorder = record(net, X, y)
    scores = recorder.action_scores_[recorder.validation_mask_]
    np.testing.assert_allclose(scores.mean(), net.history[-1, "valid_loss"], rtol=1e-6)


# -- all metrics -----------------------------------------------------------------------------------------------


def two_class_logits(logit):
    return np.stack([np.zeros_like(logit), logit], axis=1)


# Each row: data, options of the net, loss of each sample, logits (n, K) from the output as float64.
CLASSIFIERS = {
    "CrossEntropyLoss": (make_vectors, {}, cross_entropies, lambda output: output),
    "NLLLoss": (
        make_vectors,
        {"kind": "probabilities", "criterion": nn.NLLLoss},
        nll,
        lambda output: np.log(output + EPS),
    ),
    "BCEWithLogitsLoss": (
        make_binary,
        {"kind": "flat", "criterion": nn.BCEWithLogitsLoss, "net_class": NeuralNetBinaryClassifier},
        binary_logit,
        two_class_logits,
    ),
    "BCELoss": (
        make_binary,
        {"kind": "flat_probability", "criterion": nn.BCELoss, "net_class": NeuralNet},
        binary_probability,
        lambda output: two_class_logits(np.log(output) - np.log1p(-output)),
    ),
}


def measured(logits, labels):
    """Margin, probability of the label, correctness and error of each row, in NumPy."""
    n = np.arange(len(labels))
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    others = logits.copy()
    others[n, labels] = -np.inf
    errors = probabilities - np.eye(logits.shape[1])[labels]
    return {
        "margin": logits[n, labels] - others.max(1),
        "probability": probabilities[n, labels],
        "correct": (logits.argmax(1) == labels).astype(float),
        "error": np.sqrt((errors**2).sum(1)),
    }


MEASURED_FOR = {
    "aum": "margin",
    "forgetting": "correct",
    "el2n": "error",
    "confidence": "probability",
    "variability": "probability",
    "correctness": "correct",
}


@pytest.mark.parametrize("case", CLASSIFIERS)
def test_all_metrics_in_one_pass_equal_their_definitions(case):
    data, options, each_loss, to_logits = CLASSIFIERS[case]
    X, y = data()
    fast = {"optimizer": torch.optim.Adam, "lr": 0.05}
    _, visits = train_plainly(
        X,
        y,
        each_loss,
        kind=options.get("kind", "mlp"),
        epochs=12,  # el2n stops at 10
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.05),
        train=trained,
        valid=held_out,
    )
    net = make_net(**options, **fast, max_epochs=12, train_split=split)
    recorder = record(net, X, y, metrics=get_metric_names(), store_trajectories=True)
    values = [measured(to_logits(v.output.double().numpy()), v.target.numpy().astype(int)) for v in visits]
    assert_scores(recorder, visits)
    for name, measurement in MEASURED_FOR.items():
        expected = getattr(definitions, name)(spread(visits, [value[measurement] for value in values], N))
        np.testing.assert_allclose(recorder.sample_metrics_[name], expected, rtol=1e-4, atol=1e-5, err_msg=name)
    assert recorder.sample_metrics_["forgetting"].max() > 0  # the comparison is not one of zeros


@pytest.mark.parametrize("high", [0.9, 1.0])
def test_metrics_of_smoothed_binary_targets(high):
    # 0.1 is a smoothed 0, not a label of the second class.
    X, y = make_binary()
    target = np.where(y > 0, high, 1 - high).astype(np.float32)
    net = make_net(NeuralNet, "flat", criterion=nn.BCEWithLogitsLoss, batch_size=-1, max_epochs=1)
    seed_everything()
    with torch.no_grad():
        logit = Net("flat")(torch.as_tensor(X)).numpy()
    net.set_params(iterator_train__shuffle=False)
    recorder = record(net, X, target, metrics=("aum",))
    np.testing.assert_allclose(recorder.sample_metrics_["aum"], np.where(y > 0, logit, -logit), rtol=1e-4, atol=1e-6)


def test_class_metrics_of_a_regression_are_an_error():
    net = make_net(NeuralNetRegressor, n_outputs=1, criterion=nn.MSELoss)
    with pytest.raises(SampleLossError, match=r"need class scores .* leave these metrics out"):
        record(net, *make_numbers(), metrics=("aum", "confidence"))


class Temperature(nn.CrossEntropyLoss):
    def __init__(self):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(()))

    def forward(self, y_pred, y_true):
        return super().forward(y_pred / self.temperature, y_true)


def test_criterion_with_parameters_shows_no_class_scores():
    with pytest.raises(SampleLossError, match=r"Temperature has parameters.* leave these metrics out"):
        record(make_net(criterion=Temperature), *make_vectors(), metrics=("aum",))


def test_ignored_targets_have_no_class_metrics():
    # An obscure IndexError of torch is no answer: either a NaN for these samples, or an error that says it.
    X, y = make_vectors()
    y[:5] = -100
    try:
        recorder = record(make_net(), X, y, metrics=("aum",))
    except SampleLossError:
        return
    assert np.isnan(recorder.sample_metrics_["aum"][:5]).all()
    assert np.isfinite(recorder.sample_metrics_["aum"][5:]).all()


def test_identities_between_metrics_of_one_fit():
    X, y = make_vectors()
    net = make_net(max_epochs=6, optimizer=torch.optim.Adam, lr=0.03)
    recorder = record(net, X, y, metrics=get_metric_names(), store_trajectories=True)
    scores, visits, epochs = recorder.sample_metrics_, recorder.n_visits_, 6
    total, tiny = scores["action_score"], 1e-5
    assert (total / epochs >= -np.log(scores["confidence"]) - tiny).all()
    assert (total / epochs >= np.logaddexp(0, -scores["aum"]) - tiny).all()
    wrong = visits * (1 - scores["correctness"])
    assert (scores["forgetting"] <= wrong + tiny).all()
    assert (wrong <= total / np.log(2) + tiny).all()
    probabilities = np.exp(-recorder.trajectories_.astype(np.float64))
    np.testing.assert_allclose((1 - probabilities).sum(0), epochs * (1 - scores["confidence"]), atol=1e-5)
    np.testing.assert_allclose(total, recorder.trajectories_[:2].sum(0) + recorder.trajectories_[2:].sum(0), rtol=1e-5)


def test_logits_under_the_nllloss_of_skorch_are_named_as_the_cause():
    X, y = make_numbers()[0], np.arange(N) % 2
    net = NeuralNetClassifier(nn.Linear(X.shape[1], 2), max_epochs=2, lr=10, verbose=0, train_split=None)
    with pytest.raises(NonFiniteLossError, match=r"^with NLLLoss, .* set criterion=torch.nn.CrossEntropyLoss"):
        ActionScoreEstimator(net, random_state=0).fit(X, y)
