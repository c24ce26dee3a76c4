"""A training that goes on, stops or breaks leaves scores of what was trained, or an error."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import criteria
import numpy as np
import pytest
import torch
from helpers import (
    cross_entropies,
    make_net,
    make_vectors,
    seed_everything,
    train_plainly,
)
from recorded import CLASS_WEIGHTS, N, assert_consistent, assert_scores, record, weighted_mean
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from torch.nn import functional as F

import actscore_sk
from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.exceptions import NonFiniteLossError, SampleLossError

pytestmark = pytest.mark.filterwarnings("ignore:samples were visited")  # it has tests of its own


class Stop(Callback):
    """Ends training after some batches, or after an epoch, as Ctrl-C does."""

    def __init__(self, epoch, batch, how):
        self.epoch, self.batch, self.how = epoch, batch, how

    def _stop(self):
        if self.how == "signal":
            signal.raise_signal(signal.SIGINT)
        raise KeyboardInterrupt

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == self.epoch and len(net.history[-1, "batches"]) == self.batch:
            self._stop()

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch and self.batch is None:
            self._stop()


@pytest.mark.parametrize("how", ["raise", "signal"])
@pytest.mark.parametrize(("epoch", "batch", "n_visits"), [(1, 1, 16), (2, 3, 118), (2, None, 140), (3, 5, 210)])
def test_interrupted_scores_are_those_so_far(epoch, batch, n_visits, how):
    X, y = make_vectors()
    _, visits = train_plainly(X, y, cross_entropies, epochs=3)
    so_far = [
        visit for visit, end in zip(visits, np.cumsum([len(v.rows) for v in visits]), strict=True) if end <= n_visits
    ]
    net = make_net(max_epochs=3, callbacks=[("stop", Stop(epoch, batch, how))])
    recorder = record(net, X, y, store_trajectories=True, metrics=("aum", "forgetting"))
    assert_scores(recorder, so_far)
    assert_consistent(recorder)
    assert recorder.n_visits_.sum() == n_visits
    assert recorder.n_epochs_ == epoch
    assert type(net) is NeuralNetClassifier


class One(criteria.Reduced):
    """The loss of each sample is 1: scores must equal visits, whatever happens."""

    def each(self, output, target):
        return output.sum(1) * 0 + 1


def raising_at(line, files):
    """Give a tracer that sends SIGINT at the n-th line that runs in these files, and a function that counts."""
    n_lines = 0

    def trace(frame, event, arg):
        nonlocal n_lines
        if not frame.f_code.co_filename.endswith(files):
            return None
        n_lines += event == "line"
        if n_lines == line and event == "line":
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)
        return trace

    return trace, lambda: n_lines


class Trace(Callback):
    """Traces the second epoch."""

    def __init__(self, trace):
        self.trace = trace

    def on_epoch_begin(self, net, **kwargs):
        sys.settrace(self.trace if len(net.history) == 2 else None)

    def on_train_end(self, net, **kwargs):
        sys.settrace(None)


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
def test_signal_at_any_line_keeps_scores_consistent(recording):
    # Wherever Ctrl-C lands in the code that remembers, no sample is counted by half.
    root = Path(actscore_sk.__file__).parent
    rooms = [root / "callbacks.py", root / "storage.py", *root.glob("metrics/*.py"), *root.glob("recording/*.py")]
    files = tuple(map(str, rooms))
    X, y = make_vectors()
    untraced = sys.gettrace()
    for line in range(1, 10_000, 3):
        trace, count = raising_at(line, files)
        net = make_net(criterion=One, max_epochs=3, batch_size=35, callbacks=[("trace", Trace(trace))])
        try:
            recorder = record(net, X, y, recording=recording, store_trajectories=True, metrics=("correctness",))
        finally:
            sys.settrace(untraced)
        visits = recorder.n_visits_.tolist()
        assert recorder.action_scores_.tolist() == visits, line
        assert np.nansum(recorder.trajectories_, axis=0).tolist() == visits, line
        assert len(recorder.trajectories_) == recorder.n_epochs_, line
        assert (recorder.sample_metrics_["correctness"] <= 1).all(), line
        assert type(net) is NeuralNetClassifier
        if count() < line:
            break
    assert line > 50


SCRIPT = """
import numpy as np, torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
import actscore_sk
from actscore_sk.callbacks import ActionScoreRecorder
class Ready(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            print("ready", flush=True)
X = np.random.default_rng(0).normal(size=(500, 4)).astype("float32")
recorder = ActionScoreRecorder(store_trajectories=True)
net = NeuralNetClassifier(torch.nn.Linear(4, 2), criterion=torch.nn.CrossEntropyLoss, max_epochs=10**6, verbose=0,
                          callbacks=[("scores", recorder), Ready()], batch_size=7)
net.fit(X, (X[:, 0] > 0).astype("int64"))
total = np.nansum(recorder.trajectories_.astype(float), axis=0)
np.testing.assert_allclose(total, recorder.action_scores_, rtol=1e-5)
print(len(recorder.trajectories_) == recorder.n_epochs_, type(net).__mro__[0] is NeuralNetClassifier, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent as on POSIX")
def test_real_interrupt():
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert output == "True True\n"
    assert process.returncode == 0


def test_early_stopping_counts_no_epoch_that_did_not_happen():
    X, y = make_vectors()
    stop = EarlyStopping("train_loss", patience=1, threshold=10.0)
    recorder = record(make_net(max_epochs=50, callbacks=[("stop", stop)]), X, y, store_trajectories=True)
    assert recorder.n_epochs_ < 5
    assert_scores(recorder, train_plainly(X, y, cross_entropies, epochs=recorder.n_epochs_)[1])


def test_partial_fit_goes_on():
    X, y = make_vectors()
    net = make_net(max_epochs=2)
    recorder = record(net, X, y, store_trajectories=True, metrics=("forgetting", "variability"))
    first = recorder.action_scores_
    kept = first.copy()
    net.partial_fit(X, y)
    assert_scores(recorder, train_plainly(X, y, cross_entropies, epochs=4)[1])
    assert_consistent(recorder)
    assert recorder.n_epochs_ == 4
    assert first.tolist() == kept.tolist()  # scores handed out keep their values


def test_fit_starts_anew():
    X, y = make_vectors()
    net = make_net()
    recorder = record(net, X, y)
    net.fit(X[:30], y[:30])
    assert recorder.n_visits_.tolist() == [2] * 30


def test_partial_fit_refuses_other_samples():
    X, y = make_vectors()
    net = make_net()
    record(net, X, y)
    with pytest.raises(ValueError, match="X has 30 samples, but the scores so far are those of 70"):
        net.partial_fit(X[:30], y[:30])


def test_scores_read_in_each_epoch_are_independent():
    class Read(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append((recorder.action_scores_, recorder.n_visits_))

    X, y = make_vectors()
    seen, recorder = [], ActionScoreRecorder(store_trajectories=True)
    seed_everything()
    make_net(max_epochs=3, callbacks=[("scores", recorder), ("read", Read())]).fit(X, y)
    for epoch, (scores, visits) in enumerate(seen, start=1):
        np.testing.assert_allclose(scores, recorder.trajectories_[:epoch].sum(0), rtol=1e-5)
        assert visits.tolist() == [epoch] * N


def test_non_finite_loss_names_epoch_and_samples():
    X, y = make_vectors()
    X[[5, 9]] = np.inf
    with pytest.raises(NonFiniteLossError, match=r"NaN or infinite in epoch 1, first for .* positions \[5, 9\]"):
        record(make_net(batch_size=-1, iterator_train__shuffle=False), X, y)


def test_non_finite_loss_in_a_later_epoch():
    class Poison(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 2:
                net.module_[0].bias.data.fill_(torch.nan)

    X, y = make_vectors()
    net = make_net(callbacks=[("poison", Poison())], iterator_train__shuffle=False)
    with pytest.raises(NonFiniteLossError, match=r"in epoch 2, .* \[0, 1, 2, 3, 4\]"):
        record(net, X, y)
    assert len(net.history) == 2


def writing_into(what):
    def on_batch_end(self, net, batch=None, y_pred=None, **kwargs):
        part = {"output": y_pred.detach(), "target": batch[1], "class weights": net.criterion_.weight}[what]
        part.mul_(2) if what == "class weights" else part.zero_()

    return type("Writing", (Callback,), {"on_batch_end": on_batch_end})()


@pytest.mark.parametrize("what", ["output", "target", "class weights"])
def test_what_the_loss_was_computed_from_must_not_change(what):
    # Either the scores are right all the same, or an error says so; never silently wrong scores.
    X, y = make_vectors()
    options = {"max_epochs": 1, "batch_size": 35, "iterator_train__shuffle": False}
    net = make_net(criterion__weight=CLASS_WEIGHTS.clone(), callbacks=[("write", writing_into(what))], **options)
    try:
        recorder = record(net, X, y)
    except SampleLossError as error:
        assert "in place" in str(error)  # noqa: PT017 - one of two allowed outcomes
        return
    first = train_plainly(
        X,
        y,
        lambda output, target: cross_entropies(output, target, weight=CLASS_WEIGHTS),
        reduce=weighted_mean,
        epochs=1,
        batch_size=35,
        shuffle=False,
    )[1][0]
    np.testing.assert_allclose(recorder.action_scores_[:35], first.losses, rtol=1e-6)


def test_output_changed_in_place_is_an_error():
    X, y = make_vectors()
    with pytest.raises(SampleLossError, match="changed in place after the loss was computed"):
        record(make_net(callbacks=[("write", writing_into("output"))], criterion__weight=CLASS_WEIGHTS.clone()), X, y)


def test_step_that_never_asks_for_the_loss_is_an_error():
    # It would leave NaN everywhere, without a word.
    class OwnStep(NeuralNetClassifier):
        def train_step_single(self, batch, **fit_params):
            self._set_training(True)
            y_pred = self.infer(batch[0])
            loss = F.cross_entropy(y_pred, batch[1])
            loss.backward()
            return {"loss": loss, "y_pred": y_pred}

    X, y = make_vectors()
    with pytest.raises(SampleLossError, match="get_loss"):
        record(make_net(net_class=OwnStep), X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recording": "train"}, "recording='train'; expected one of 'training', 'epoch_end'"),
        ({"reduction": "max"}, "reduction='max'; expected one of 'sum', 'mean'"),
        ({"metrics": "aum"}, "metrics='aum'; expected a sequence"),
        ({"metrics": ("amu",)}, "unknown metric 'amu'; did you mean 'aum'"),
    ],
)
def test_wrong_parameters(options, message):
    X, y = make_vectors()
    net = make_net()
    with pytest.raises(ValueError, match=message):
        record(net, X, y, **options)
    assert type(net) is NeuralNetClassifier
