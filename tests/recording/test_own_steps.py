"""Training steps of a net's own: what they train on beside the recorded loss is refused, and the net is as before."""

import pytest
import torch
from helpers import cross_entropies, make_net, make_numbers, make_vectors, seed_everything, tensors_of, train_plainly
from recorded import N, assert_scores, record
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.exceptions import IndexTrackingError, SampleLossError


class OwnStep(NeuralNetClassifier):
    """Writes the whole step by hand; `total` makes the loss of it."""

    def train_step(self, batch, **fit_params):
        self._set_training(True)
        self.optimizer_.zero_grad()
        y_pred = self.infer(batch[0])
        loss, told = self.total(y_pred, batch[1])
        loss.backward()
        self.optimizer_.step()
        return {"loss": told, "y_pred": y_pred}

    def total(self, y_pred, y_true):
        loss = self.get_loss(y_pred, y_true, training=True)
        return loss, loss


class WithoutGetLoss(OwnStep):
    def total(self, y_pred, y_true):
        return (loss := self.criterion_(y_pred, y_true)), loss


class TwoLosses(OwnStep):
    def total(self, y_pred, y_true):
        loss = self.get_loss(y_pred, y_true, training=True) + self.get_loss(2 * y_pred, y_true, training=True)
        return loss, loss


class Penalised(OwnStep):
    def total(self, y_pred, y_true):
        loss = self.get_loss(y_pred, y_true, training=True) + y_pred.square().mean()
        return loss, loss


class StepsInside(NeuralNetClassifier):
    def train_step_single(self, batch, **fit_params):
        step = super().train_step_single(batch, **fit_params)
        self.optimizer_.step()
        return step | {"loss": step["loss"] + 1}


class SingleWithoutGetLoss(NeuralNetClassifier):
    def train_step_single(self, batch, **fit_params):
        y_pred = self.infer(batch[0])
        loss = self.criterion_(y_pred, batch[1])
        loss.backward()
        return {"loss": loss, "y_pred": y_pred}


REFUSED = {
    WithoutGetLoss: "did not call get_loss",
    SingleWithoutGetLoss: "did not call get_loss",
    TwoLosses: r"train_step of TwoLosses trains on a loss of .* the first of its 2 calls of get_loss",
    Penalised: r"train_step of Penalised trains on a loss of .* the first of its 1 calls of get_loss",
    StepsInside: "train_step_single of StepsInside trains on a loss of",
}


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize("net_class", REFUSED)
def test_refused_step_leaves_the_net_as_it_was(net_class, optimizer):
    net = make_net(net_class, kind="noisy", optimizer=optimizer, callbacks=[("scores", ActionScoreRecorder())])
    before = tensors_of(net.initialize())
    with pytest.raises(SampleLossError, match=REFUSED[net_class]):
        net.partial_fit(*make_vectors())
    assert all(torch.equal(value, before[name]) for name, value in tensors_of(net).items())
    assert type(net) is net_class


def test_refused_step_of_a_patched_skorch_leaves_the_net_as_it_was(monkeypatch):
    monkeypatch.setattr(NeuralNetClassifier, "total", Penalised.total, raising=False)
    monkeypatch.setattr(NeuralNet, "train_step", OwnStep.train_step)
    net = make_net(callbacks=[("scores", ActionScoreRecorder())]).initialize()
    before = tensors_of(net)
    with pytest.raises(SampleLossError, match="train_step of NeuralNetClassifier trains on a loss of"):
        net.partial_fit(*make_vectors())
    assert all(torch.equal(value, before[name]) for name, value in tensors_of(net).items())


def test_step_by_hand_is_recorded():
    X, y = make_vectors()
    assert_scores(record(make_net(OwnStep), X, y), train_plainly(X, y, cross_entropies)[1])


class Sharpness(OwnStep):
    """Looks at the loss in two places, and tells of the first."""

    def total(self, y_pred, y_true):
        first = self.get_loss(y_pred, y_true, training=True)
        return self.get_loss(1.1 * y_pred, y_true, training=True), first


def test_first_of_several_losses_counts_if_the_step_says_so():
    X, y = make_vectors()
    recorder = record(make_net(Sharpness, max_epochs=1, lr=0.0), X, y)
    assert_scores(recorder, train_plainly(X, y, cross_entropies, epochs=1, optimizer=_still)[1])


def _still(parameters):
    return torch.optim.SGD(parameters, lr=0.0)


def test_share_of_the_loss_is_warned_of():
    class Third(OwnStep):
        def total(self, y_pred, y_true):
            loss = self.get_loss(y_pred, y_true, training=True) / 3
            return loss, loss

    with pytest.warns(UserWarning, match="train_step trains on 1/3 of the loss that get_loss returns"):
        record(make_net(Third), *make_vectors())


# -- what get_loss writes down ----------------------------------------------------------------------------------


class WritesDown(NeuralNet):
    """Has a loss without a criterion, so that it is asked for each sample."""

    def get_loss(self, y_pred, y_true, *args, training=False, **kwargs):
        loss = nn.functional.cross_entropy(y_pred, y_true)
        self.history.record_batch("own", loss.detach())
        self.n_calls = getattr(self, "n_calls", 0) + 1
        return loss


def test_asking_again_writes_nothing_into_history_or_net():
    plain, net = make_net(WritesDown), make_net(WritesDown)
    X, y = make_vectors()
    recorder = record(net, X, y)
    seed_everything()
    plain.fit(X, y)
    assert_scores(recorder, train_plainly(X, y, cross_entropies)[1])
    assert net.n_calls == plain.n_calls
    assert net.history[:, "batches", :, "own"] == plain.history[:, "batches", :, "own"]


# -- criteria that are not what they seem -------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("criterion", [nn.MSELoss, nn.L1Loss, nn.HuberLoss])
def test_output_and_target_that_are_broadcast_are_refused(criterion):
    X, y = make_numbers()
    with pytest.raises(SampleLossError, match=r"shapes \(16, 1\) and \(16,\) by broadcasting"):
        record(make_net(NeuralNetRegressor, n_outputs=1, criterion=criterion), X, y[:, 0])
    assert record(make_net(NeuralNetRegressor, n_outputs=1, criterion=criterion), X, y).n_visits_.tolist() == [2] * N


def test_forward_set_on_a_criterion_is_not_passed_by():
    net = make_net(callbacks=[("scores", ActionScoreRecorder())]).initialize()
    own = net.criterion_.forward
    net.criterion_.forward = lambda *inputs: own(*inputs) * 2
    with pytest.raises(SampleLossError, match="CrossEntropyLoss returned one number for a batch of 16 samples"):
        net.partial_fit(*make_vectors())


def test_forward_of_a_class_may_be_patched(monkeypatch):
    monkeypatch.setattr(nn.CrossEntropyLoss, "forward", lambda self, output, target: output.square().mean())
    with pytest.raises(SampleLossError, match="CrossEntropyLoss returned one number for a batch of 16 samples"):
        record(make_net(), *make_vectors())


# -- losses in another order than their samples ------------------------------------------------------------------


def reordered(order_of):
    class Reordered(NeuralNetClassifier):
        def get_loss(self, y_pred, y_true, *args, **kwargs):
            order = order_of(y_pred, y_true)
            return super().get_loss(y_pred[order], y_true[order], *args, **kwargs)

    return Reordered


class Flipped(nn.Module):
    """A criterion that gives one loss per sample, the last one first."""

    def forward(self, output, target):
        return nn.functional.cross_entropy(output, target, reduction="none").flip(0)


class OwnVector(NeuralNetClassifier):
    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs).mean()


OUT_OF_ORDER = {
    "turned round": {"net_class": reordered(lambda output, target: torch.arange(len(target)).flip(0))},
    "sorted by target": {"net_class": reordered(lambda output, target: target.argsort())},
    "sorted by output": {"net_class": reordered(lambda output, target: output[:, 0].argsort())},
    "by a criterion": {"net_class": OwnVector, "criterion": Flipped},
}


@pytest.mark.parametrize("batch_size", [2, 3, 16])
@pytest.mark.parametrize("name", OUT_OF_ORDER)
def test_losses_in_another_order_are_refused(name, batch_size):
    net = make_net(**OUT_OF_ORDER[name], batch_size=batch_size, iterator_train__shuffle=False)
    X, y = make_vectors()
    y[:16] = [2, 1, 0, 1, 2, 0, 2, 1, 0, 1, 1, 0, 2, 0, 2, 1]
    with pytest.raises(SampleLossError, match="do not follow its samples to other places"):
        record(net, X, y)


def test_losses_in_the_order_of_the_batch_are_recorded():
    X, y = make_vectors()
    net = make_net(reordered(lambda output, target: torch.arange(len(target))))
    assert_scores(record(net, X, y), train_plainly(X, y, cross_entropies)[1])


def reordering(method, order):
    """Net that changes the order of a batch in one of its training steps, and the values of X."""

    def step(self, batch, **fit_params):
        X, y = batch
        places = order(X)
        return getattr(NeuralNetClassifier, method)(self, (2 * X[places], y[places]), **fit_params)

    return type("Reordering", (NeuralNetClassifier,), {method: step})


@pytest.mark.parametrize("method", ["train_step", "train_step_single"])
@pytest.mark.parametrize("order", [lambda X: torch.randperm(len(X)), lambda X: X[:, 0].argsort()])
def test_step_that_reorders_its_batch_is_refused_before_the_update(method, order):
    net = make_net(reordering(method, order), callbacks=[("scores", ActionScoreRecorder())]).initialize()
    before = tensors_of(net)
    with pytest.raises(IndexTrackingError, match="passes the samples of its batch on in another order"):
        net.partial_fit(*make_vectors())
    assert all(torch.equal(value, before[name]) for name, value in tensors_of(net).items())


@pytest.mark.parametrize("method", ["train_step", "train_step_single"])
def test_step_that_changes_values_is_recorded(method):
    net = make_net(reordering(method, lambda X: slice(None)), train_split=None)
    assert (record(net, *make_vectors()).n_visits_ > 0).all()


class Writes(nn.CrossEntropyLoss):
    """Changes labels in place."""

    def forward(self, y_pred, y_true):
        y_true[y_true == 2] = 0
        return super().forward(y_pred, y_true)


def test_criterion_that_writes_into_its_arguments_is_refused():
    with pytest.raises(SampleLossError, match=r"Writes writes into its arguments.*let it change a copy"):
        record(make_net(criterion=Writes, train_split=None), *make_vectors())
