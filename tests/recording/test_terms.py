"""Terms beside the criterion: of inputs, of what a module keeps, of the whole batch."""

import numpy as np
import pytest
import torch
from criteria import Reduced
from helpers import Net, cross_entropies, make_net, make_vectors, tensors_of
from recorded import record
from skorch import NeuralNet, NeuralNetClassifier
from torch import nn

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.exceptions import SampleLossError


def with_term(term, kind=NeuralNetClassifier):
    """Net whose loss is the criterion's plus `term` of output and input."""

    class Terms(kind):
        def get_loss(self, y_pred, y_true, X=None, **kwargs):
            return super().get_loss(y_pred, y_true, X=X, **kwargs) + term(self, y_pred, X)

    return Terms


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_term_of_the_input_is_recorded_with_its_sample(batch_size):
    X, y = make_vectors()
    net = make_net(with_term(lambda net, y_pred, X: X.square().mean()), batch_size=batch_size, lr=0.0, max_epochs=1)
    recorder = record(net, X, y)
    with torch.no_grad():
        losses = cross_entropies(net.module_(torch.as_tensor(X)), torch.as_tensor(y)).numpy()
    np.testing.assert_allclose(recorder.action_scores_, losses + (X**2).mean(1), rtol=1e-5)


class KeepsTerm(Net):
    """Keeps a mean over the batch, as modules of autoencoders do."""

    def forward(self, X):
        self.kept = self[0](X).square().mean()
        return super().forward(X)


def kept(net, y_pred, X):
    return net.module_.kept


def functional(self, y_pred, y_true, *args, **kwargs):
    return nn.functional.cross_entropy(y_pred, y_true) + self.module_.kept


def of_mean(self, *args, **kwargs):
    return NeuralNetClassifier.get_loss(self, *args, **kwargs).square()


OF_MEAN = type("OfMean", (NeuralNetClassifier,), {"get_loss": of_mean})
REFUSED = {
    "function of the mean": (OF_MEAN, "neither their combination nor batches of one sample give the rest"),
    "kept by the module": (with_term(kept), "does not: get_loss adds a term of the whole batch"),
    "kept, without a criterion": (
        type("Functional", (NeuralNetClassifier,), {"get_loss": functional}),
        "does not: get_loss adds a term of the whole batch",
    ),
    "variance": (with_term(lambda net, y_pred, X: y_pred.std(0).mean()), "nor batches of one sample give the rest"),
    "largest": (with_term(lambda net, y_pred, X: y_pred[:, 0].topk(len(X) // 2).values.mean()), "give the rest"),
}


@pytest.mark.filterwarnings("ignore:get_loss adds")
@pytest.mark.filterwarnings("ignore:std")
@pytest.mark.parametrize("recording", ["training", "epoch_end"])
@pytest.mark.parametrize("batch_size", [16, 70])
@pytest.mark.parametrize("name", REFUSED)
def test_term_of_the_whole_batch_is_refused_before_the_update(name, batch_size, recording):
    net_class, message = REFUSED[name]
    scores = ("scores", ActionScoreRecorder(recording))
    net = make_net(net_class, batch_size=batch_size, callbacks=[scores]).set_params(module=KeepsTerm).initialize()
    before = tensors_of(net)
    with pytest.raises(SampleLossError, match=message):
        net.partial_fit(*make_vectors())
    assert all(torch.equal(value, before[part]) for part, value in tensors_of(net).items())


@pytest.mark.parametrize("seed", [4, 10, 17])
def test_function_of_the_mean_is_refused_where_all_losses_are_equal_at_first(seed):
    torch.manual_seed(seed)
    net = make_net(OF_MEAN, callbacks=[("scores", ActionScoreRecorder())]).initialize()
    with torch.no_grad():
        for parameter in net.module_.parameters():
            parameter.zero_()
    with pytest.raises(SampleLossError, match="neither their combination nor batches of one sample give the rest"):
        net.partial_fit(*make_vectors())


@pytest.mark.parametrize("kind", ["noisy", "mlp"])
def test_penalty_is_warned_of_and_left_out(kind):
    penalised = with_term(lambda net, y_pred, X: 0.1 * sum(p.square().sum() for p in net.module_.parameters()))
    with pytest.warns(UserWarning, match="adds .* that no sample has a share in"):
        record(make_net(penalised, kind=kind), *make_vectors())


def test_what_a_module_keeps_is_that_of_training():
    X, y = make_vectors()
    net = make_net(with_term(lambda net, y_pred, X: X.square().mean()), max_epochs=1, lr=0.0)
    record(net.set_params(module=KeepsTerm), X, y)
    assert net.module_.kept.requires_grad  # no pass of the recorder's own has left its value there


def test_term_that_comes_later_is_warned_of_with_its_epoch():
    late = with_term(lambda net, y_pred, X: y_pred.square().mean() if len(net.history) > 1 else 0.0)
    with pytest.warns(UserWarning, match="in epoch 2 the net was trained on losses of") as told:
        record(make_net(late, max_epochs=3), *make_vectors())
    assert len(told) == 1


class Centred(nn.Module):
    """Reads the whole batch: the losses of a sample less a share of the mean."""

    reduction = "mean"

    def forward(self, output, target):
        losses = cross_entropies(output, target)
        losses = losses - 0.5 * losses.mean()
        return losses if self.reduction == "none" else losses.mean()


class TwoCriteria(NeuralNetClassifier):
    def initialize_criterion(self):
        super().initialize_criterion()
        self.second_ = Centred()
        return self

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        return super().get_loss(y_pred, y_true, *args, **kwargs) + self.second_(y_pred, y_true)


def test_criteria_that_read_the_batch_may_be_combined():
    X, y = make_vectors()
    net = make_net(TwoCriteria, batch_size=-1, lr=0.0, max_epochs=1)
    recorder = record(net, X, y)
    with torch.no_grad():
        losses = cross_entropies(net.module_(torch.as_tensor(X)), torch.as_tensor(y)).numpy()
    np.testing.assert_allclose(recorder.action_scores_, 2 * losses - 0.5 * losses.mean(), rtol=1e-5)


def penalty(net, X, y):
    """Square of the gradient of each loss by its input."""
    X = torch.as_tensor(X).requires_grad_()
    gradient = torch.autograd.grad(cross_entropies(net.module_(X), torch.as_tensor(y)).sum(), X, create_graph=True)[0]
    return gradient.square().sum(1)


class Smooth(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        return loss + penalty(self, X.clone(), y_true).mean() if training else loss


def test_penalty_on_gradients_is_recorded_with_its_sample():
    X, y = make_vectors()
    net = make_net(Smooth, lr=0.0, max_epochs=1, train_split=None)
    scores = record(net, X, y).action_scores_
    with torch.no_grad():
        losses = cross_entropies(net.module_(torch.as_tensor(X)), torch.as_tensor(y))
    np.testing.assert_allclose(scores, (losses + penalty(net, X.copy(), y).detach()).numpy(), rtol=1e-5)


class OfTheBatch(Reduced):
    """Losses that are made of all samples: one that is repeated, or shares of the sum."""

    def __init__(self, reduction="mean", is_repeated=True):
        super().__init__(reduction)
        self.is_repeated = is_repeated

    def each(self, output, target):
        losses = cross_entropies(output, target)
        return losses.max().expand(len(losses)) if self.is_repeated else losses**2 / losses.mean()


def test_one_loss_of_the_batch_that_is_repeated_for_each_sample_is_refused():
    X, y = make_vectors()
    with pytest.raises(SampleLossError, match="repeats the loss of the whole batch for each"):
        record(make_net(criterion=OfTheBatch), X, y)


def test_losses_that_depend_on_the_other_samples_are_warned_of():
    X, y = make_vectors()
    with pytest.warns(UserWarning, match="changes with the other samples of its batch"):
        record(make_net(criterion=OfTheBatch, criterion__is_repeated=False), X, y)


def test_weights_of_classes_stay_out_of_losses_with_a_term_beside_them():
    X, labels = make_vectors()
    y = np.eye(3, dtype=np.float32)[labels]
    kind = with_term(lambda net, y_pred, X: y_pred.square().mean(), NeuralNet)
    net = make_net(kind, criterion=nn.BCEWithLogitsLoss, criterion__pos_weight=torch.tensor([1.0, 9, 2]), max_epochs=1)
    recorder = record(net.set_params(lr=0.0), X, y)
    with torch.no_grad():
        output = net.module_(torch.as_tensor(X))
        units = nn.functional.binary_cross_entropy_with_logits(output, torch.as_tensor(y), reduction="none")
    expected = (units + output.square()).mean(1)
    np.testing.assert_allclose(recorder.action_scores_, expected, rtol=1e-5)


def test_weights_by_place_in_the_batch_train_as_in_skorch():
    X, y = make_vectors()[0][:16], np.eye(3, dtype=np.float32)[make_vectors()[1][:16]]
    weight = torch.linspace(0.1, 2, 8)[:, None]
    options = {"criterion": nn.BCEWithLogitsLoss, "criterion__weight": weight, "batch_size": 8, "max_epochs": 2}
    net = make_net(NeuralNet, **options, lr=0.0)
    recorder = record(net, X, y)
    output = net.module_(torch.as_tensor(X)).detach()
    units = nn.functional.binary_cross_entropy_with_logits(output, torch.as_tensor(y), reduction="none")
    np.testing.assert_allclose(recorder.action_scores_, 2 * units.mean(1), rtol=1e-5)
