"""A training that is resumed from a checkpoint keeps the scores of the epochs before, or says that they are lost."""

import inspect
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import make_net, make_vectors, seed_everything
from skorch.callbacks import Checkpoint, LoadInitState, TrainEndCheckpoint

from actscore_sk import ActionScoreRecorder
from actscore_sk.recording.resume import save_states
from actscore_sk.storage import FileTrajectories

X, Y = make_vectors()
METRICS = "action_score", "aum", "forgetting", "el2n", "variability"


def train(epochs, *callbacks, is_first=True, data=(X, Y), **options):
    """Train without shuffling, so that a resumed run visits samples as a whole one does; return the recorder."""
    recorder = ActionScoreRecorder(metrics=METRICS, **options)
    named = [(f"callback{i}", callback) for i, callback in enumerate(callbacks)]
    own = [("scores", recorder)]
    net = make_net(max_epochs=epochs, callbacks=own + named if is_first else named + own)
    net.set_params(iterator_train__shuffle=False)
    seed_everything()
    net.fit(*data)
    return recorder


def assert_same_scores(recorder, whole):
    assert recorder.n_epochs_ == whole.n_epochs_
    np.testing.assert_array_equal(recorder.n_visits_, whole.n_visits_)
    for name, scores in whole.sample_metrics_.items():
        np.testing.assert_allclose(recorder.sample_metrics_[name], scores, rtol=1e-12, err_msg=name)


def every_epoch(folder):
    return Checkpoint(monitor=None, dirname=folder)


def at_the_end(folder):
    return TrainEndCheckpoint(dirname=folder).initialize()


@pytest.mark.parametrize("kind", [every_epoch, at_the_end])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("reduction", ["sum", "mean", "interpolated"])
def test_resumed_scores_are_those_of_a_whole_run(kind, is_first, reduction, tmp_path):
    options = {"reduction": reduction, "store_trajectories": True, "is_first": is_first}
    train(3, kind(tmp_path), **options)
    resumed = train(4, LoadInitState(kind(tmp_path)), kind(tmp_path), **options)
    whole = train(7, **options)
    assert_same_scores(resumed, whole)
    np.testing.assert_array_equal(resumed.trajectories_, whole.trajectories_)


def test_trajectory_file_goes_on_where_the_checkpoint_was(tmp_path):
    path = tmp_path / "losses.npy"
    train(3, every_epoch(tmp_path), store_trajectories=path)
    # An epoch more than the checkpoint knows of, as a kill may leave it.
    FileTrajectories(path, len(X), n_kept=3).append(np.zeros(len(X)))
    resumed = train(2, LoadInitState(every_epoch(tmp_path)), store_trajectories=path)
    np.testing.assert_array_equal(resumed.trajectories_, train(5, store_trajectories=True).trajectories_)


def test_file_of_an_earlier_run_is_not_replaced_without_a_word(tmp_path):
    train(2, store_trajectories=tmp_path / "losses.npy")
    with pytest.warns(UserWarning, match=r"losses\.npy holds trajectories of an earlier run"):
        train(2, store_trajectories=tmp_path / "losses.npy")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda folder: [path.unlink() for path in folder.glob("*.action_scores")], "no scores were saved"),
        (lambda folder: None, "are of other samples"),
    ],
    ids=["no state", "other samples"],
)
def test_lost_scores_are_told(change, reason, tmp_path):
    train(3, every_epoch(tmp_path))
    change(tmp_path)
    data = (X, Y) if "no" in reason else (X[::-1].copy(), Y[::-1].copy())
    with pytest.warns(UserWarning, match=f"trained for 3 epochs before, .*{reason}"):
        resumed = train(2, LoadInitState(every_epoch(tmp_path)), data=data)
    assert resumed.n_epochs_ == 2


SCRIPT = """
import os, signal, sys
from skorch.callbacks import Callback
from test_resume import every_epoch, train
class Kill(Callback):
    def on_batch_end(self, net, training=False, **kwargs):
        if len(net.history) == 4:
            os.kill(os.getpid(), signal.SIGKILL)
train(9, every_epoch(sys.argv[1]), Kill())
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_killed_training_goes_on(tmp_path):
    folders = os.pathsep.join([os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__)), *sys.path])
    killed = subprocess.run([sys.executable, "-c", SCRIPT, tmp_path], env={**os.environ, "PYTHONPATH": folders})
    assert killed.returncode == -signal.SIGKILL
    resumed = train(4, LoadInitState(every_epoch(tmp_path)))
    assert_same_scores(resumed, train(7))


def test_net_trained_before_says_that_its_losses_are_missing():
    net = make_net(max_epochs=2).fit(X, Y)
    net.callbacks_.append(("scores", ActionScoreRecorder()))
    with pytest.warns(UserWarning, match="trained for 2 epochs before"):
        net.partial_fit(X, Y)


def test_positions_of_save_params_are_those_of_skorch(tmp_path):
    net = make_net(callbacks=[("scores", ActionScoreRecorder())]).fit(*make_vectors())
    save_states([{"n": 1}], tuple(tmp_path / name for name in ("params", "optimizer", "criterion", "history")), {})
    assert [path.name for path in tmp_path.iterdir()] == ["history.action_scores"]
    assert [*inspect.signature(net.save_params).parameters][:4] == [
        "f_params",
        "f_optimizer",
        "f_criterion",
        "f_history",
    ]


def test_saved_state_holds_nothing_but_tensors_and_numbers(tmp_path):
    train(2, every_epoch(tmp_path))
    (state,) = torch.load(tmp_path / "history.json.action_scores", weights_only=True)
    assert state["record"]["n_epochs"] == 2
