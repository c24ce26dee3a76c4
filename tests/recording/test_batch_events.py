"""Who makes the host wait for the loss of a batch, and what is written down if nobody does."""

import pytest
import torch
from helpers import history_of, make_net, make_vectors, seed_everything
from skorch.callbacks import BatchScoring, Callback, EpochScoring, LRScheduler
from skorch.dataset import ValidSplit
from torch import nn

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.fast_path_proof import is_proved
from actscore_sk.recording.modules import is_compiled
from actscore_sk.recording.pending_losses import PendingLosses
from actscore_sk.recording.visit import Visit
from actscore_sk.recording.visit_buffer import VisitBuffer

X, y = make_vectors(70)
N_BATCHES = 2 * (4 + 1)  # two epochs of 56 and 14 samples


class Listening(Callback):
    def on_batch_end(self, net, **kwargs):
        self.loss_ = net.history[-1, "batches", -1]


class ListeningScore(EpochScoring):
    def on_batch_end(self, net, batch, y_pred, training, **kwargs):
        super().on_batch_end(net, batch, y_pred, training, **kwargs)


CALLBACKS = {
    "none": (list, False),
    "score of epochs": (lambda: [EpochScoring("accuracy", on_train=True)], False),
    "rate by epochs": (lambda: [LRScheduler("StepLR", step_size=1)], False),
    "rate by batches": (lambda: [LRScheduler("StepLR", step_size=1, step_every="batch")], False),
    "rate by the loss": (
        lambda: [LRScheduler("ReduceLROnPlateau", monitor="train_loss", step_every="batch")],
        True,
    ),
    "score of batches": (lambda: [BatchScoring("accuracy")], True),
    "listener": (lambda: [Listening()], True),
    "subclass": (lambda: [ListeningScore("accuracy", name="own")], True),
}


def fitted(name, *, is_recorded):
    callbacks = [(f"theirs{i}", callback) for i, callback in enumerate(CALLBACKS[name][0]())]
    callbacks += [("action_scores", ActionScoreRecorder())] * is_recorded
    seed_everything()
    return make_net(callbacks=callbacks, train_split=ValidSplit(5, stratified=False)).fit(X, y)


@pytest.mark.parametrize("name", CALLBACKS)
def test_losses_wait_for_the_end_of_the_epoch_unless_somebody_reads_them(name, monkeypatch):
    monkeypatch.setattr("actscore_sk.recording.fast_steps.is_at_hand", lambda loss: False)  # as on a GPU
    is_proved()  # once per process; it waits for losses, too
    waiting = []
    own = PendingLosses.add
    monkeypatch.setattr(PendingLosses, "add", lambda self, row, loss: waiting.append(1) or own(self, row, loss))
    fitted(name, is_recorded=True)
    assert len(waiting) == (0 if CALLBACKS[name][1] else N_BATCHES)


@pytest.mark.parametrize("name", CALLBACKS)
def test_history_is_that_of_skorch_value_for_value_and_type_for_type(name, monkeypatch):
    monkeypatch.setattr("actscore_sk.recording.fast_steps.is_at_hand", lambda loss: False)
    recorded, plain = (repr(history_of(fitted(name, is_recorded=is_recorded))) for is_recorded in (True, False))
    assert recorded == plain


def test_losses_are_read_before_too_many_wait(monkeypatch):
    monkeypatch.setattr("actscore_sk.recording.pending_losses.MOST", 2)
    losses, rows = PendingLosses("loss", copies=False), [{}, {}, {}]
    for i, row in enumerate(rows):
        losses.add(row, torch.tensor(float(i)))
    assert [type(row["loss"]) for row in rows] == [float, float, torch.Tensor]


@pytest.mark.parametrize("copies", [True, False])
def test_loss_that_is_written_over_the_last_one_is_copied(copies):
    place, losses, rows = torch.zeros(()), PendingLosses("loss", copies=copies), [{}, {}, {}]
    for i, row in enumerate(rows):
        losses.add(row, place.fill_(i))
    losses.write()
    assert [row["loss"] for row in rows] == [0.0, 1.0, 2.0]


def test_outputs_that_are_written_over_the_last_one_are_not_held():
    found, loss, place = [], SampleLoss(nn.MSELoss()), torch.zeros(1, 1)
    buffer = VisitBuffer(lambda rows, losses, *args: found.extend(losses.tolist()), keep_inputs=False)
    for value in (1.0, 2.0, 3.0):
        output = place.data.fill_(value)  # as a graph does, which torch does not count as a change
        buffer._look_at_memory(output)
        buffer.add(Visit(torch.tensor([0]), (output, torch.zeros(1, 1)), None, loss))
    assert found == [1.0, 4.0, 9.0]


def test_compiled_modules_are_told_from_others():
    layer = nn.Linear(1, 1)
    assert not is_compiled(layer)
    assert is_compiled(torch.compile(layer, backend="eager"))
    layer.compile(backend="eager")
    assert is_compiled(layer)
