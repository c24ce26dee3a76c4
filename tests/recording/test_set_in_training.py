"""Methods that a callback sets on a net in the middle of its training, often around those that it finds there."""

import pytest
import torch
from helpers import cross_entropies, make_net, make_vectors, seed_everything, tensors_of
from skorch.callbacks import Callback

from actscore_sk.callbacks import ActionScoreRecorder

EVENTS = "on_train_begin", "on_epoch_begin", "on_batch_begin", "on_batch_end", "on_epoch_end"


def shake(net):
    with torch.no_grad():
        net.module_[0].bias.add_(0.01)


def louder(net, own):
    return lambda *args, **kwargs: 2 * own(*args, **kwargs)


def shaken(net, own):
    def step(*args, **kwargs):
        found = own(*args, **kwargs)
        shake(net)
        return found

    return step


def shaken_at_the_event(net, own):
    def notify(method_name, **kwargs):
        if method_name == "on_batch_end":
            shake(net)
        return own(method_name, **kwargs)

    return notify


def another(net, own):
    return lambda y_pred, y_true, *args, **kwargs: 3 * cross_entropies(y_pred, y_true).mean()


WRAPPERS = {
    "get_loss": louder,
    "infer": louder,
    "train_step": shaken,
    "train_step_single": shaken,
    "run_single_epoch": shaken,
    "notify": shaken_at_the_event,
    "get_loss, another": another,
}


class Sets(Callback):
    """Sets a method of the net at the first times that an event comes."""

    def __init__(self, event, name, times=1):
        self.event, self.name, self.times = event, name, times

    def notify(self, net, event):
        count = getattr(self, "count", 0)
        if event == self.event and count < self.times:
            self.count = count + 1
            method = self.name.split(",")[0]
            setattr(net, method, WRAPPERS[self.name](net, getattr(net, method)))


for _event in EVENTS:
    setattr(Sets, _event, lambda self, net, *args, event=_event, **kwargs: self.notify(net, event))


def train(event, name, times, *recorders):
    callbacks = [*recorders, ("sets", Sets(event, name, times))]
    net = make_net(max_epochs=3, callbacks=callbacks)
    seed_everything()
    return net.fit(*make_vectors())


@pytest.mark.filterwarnings("ignore:get_loss multiplies")
@pytest.mark.filterwarnings("ignore:in epoch")
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("name", WRAPPERS)
def test_method_that_is_set_counts_where_skorch_would_call_it(name, event, times):
    plain = train(event, name, times)
    recorder = ActionScoreRecorder()
    recorded = train(event, name, times, ("scores", recorder))
    assert all(torch.equal(value, tensors_of(plain)[part]) for part, value in tensors_of(recorded).items())
    assert set(recorder.n_visits_.tolist()) == {3}


@pytest.mark.filterwarnings("ignore:get_loss multiplies")
def test_method_around_another_can_be_called_after_training():
    net = train("on_train_begin", "get_loss", 1, ("scores", ActionScoreRecorder()))
    y_pred, y_true = torch.randn(4, 3), torch.zeros(4, dtype=torch.int64)
    assert net.get_loss(y_pred, y_true) == 2 * net.criterion_(y_pred, y_true)
    net.partial_fit(*make_vectors())
    assert dict(net.callbacks_)["scores"].n_epochs_ == 6
