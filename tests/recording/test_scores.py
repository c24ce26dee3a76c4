"""Scores against a training loop written in plain torch, and everything that may happen to a training."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import (
    Counting,
    Focal,
    LearnedTemperature,
    Net,
    OwnGenerator,
    Random,
    RandomNumpy,
    Reduced,
    ReplacedBuffer,
    RunningBuffer,
    Vector,
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
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import ValidSplit
from skorch.helper import predefined_split
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Subset, TensorDataset, WeightedRandomSampler

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.exceptions import NonFiniteLossError, SampleLossError
from actscore_sk.metrics import definitions
from actscore_sk.metrics.registry import get_metric_names

N = 70
pytestmark = pytest.mark.filterwarnings("ignore:samples were visited")  # it has tests of its own

EPS = torch.finfo(torch.float32).eps
weights = torch.tensor([1.0, 0.5, 3.0])
split = ValidSplit(5, stratified=False)  # the first fifth is held out
held_out, trained = list(range(14)), list(range(14, N))


def record(net, X, y, seed=0, **options):
    """Train `net` with a recorder as its first callback; give the recorder."""
    recorder = ActionScoreRecorder(**options)
    callbacks = net.callbacks or []
    net.set_params(callbacks=[("action_scores", recorder), *callbacks])
    seed_everything(seed)
    net.fit(X, y)
    return recorder


def assert_scores(recorder, visits, n_samples=N):
    total, count = add_up(visits, n_samples)
    np.testing.assert_allclose(recorder.action_scores_, total, rtol=1e-6, atol=1e-6)
    assert recorder.n_visits_.tolist() == count.tolist()
    assert np.isnan(recorder.action_scores_).tolist() == (count == 0).tolist()


def assert_consistent(recorder):
    np.testing.assert_allclose(
        np.nansum(recorder.trajectories_, axis=0), np.nan_to_num(recorder.action_scores_), rtol=1e-5
    )
    assert recorder.trajectories_.shape == (recorder.n_epochs_, len(recorder.n_visits_))
    assert np.isnan(recorder.action_scores_).tolist() == (recorder.n_visits_ == 0).tolist()


def weighted_mean(losses, target):
    return losses.sum() / weights[target].sum()


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
        {"criterion__weight": weights},
        lambda output, target: cross_entropies(output, target, weight=weights),
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
    "own, with reduction": (make_vectors, {"criterion": Focal}, focal, {}),
    "own, vector": (make_vectors, {"criterion": Vector}, cross_entropies, {}),
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


# -- positions ---------------------------------------------------------------------------------------------


def chained(dataset, y=None, **kwargs):
    first = Subset(dataset, list(range(N - 1, 19, -1)))  # item i is row N - 1 - i
    return Subset(first, list(range(0, 50, 2))), Subset(Subset(first, [1, 3, 5]), [2, 0])


def from_the_end(dataset, y=None, **kwargs):
    return Subset(dataset, [-1, -5, 3, -70, 4]), Subset(dataset, [-2, 9])


def as_arrays(dataset, y=None, **kwargs):
    return Subset(dataset, np.arange(30, 60)), Subset(dataset, tuple(range(5)))


SPLITS = {
    "chain of subsets": (chained, [69 - i for i in range(0, 50, 2)], [64, 68]),
    "negative indices": (from_the_end, [69, 65, 3, 0, 4], [68, 9]),
    "arrays": (as_arrays, list(range(30, 60)), list(range(5))),
    "nothing held out": (lambda dataset, y=None: (Subset(dataset, range(9)), None), list(range(9)), []),
}


@pytest.mark.parametrize("name", SPLITS)
def test_positions_are_those_of_X(name):
    train_split, train, valid = SPLITS[name]
    X, y = make_vectors()
    _, visits = train_plainly(X, y, cross_entropies, train=train, valid=valid or None)
    recorder = record(make_net(train_split=train_split), X, y)
    assert_scores(recorder, visits)
    assert np.flatnonzero(recorder.validation_mask_).tolist() == sorted(valid)


def test_positions_in_a_subset_passed_as_X():
    X, y = make_vectors()
    rows = list(range(60, 20, -1))
    data = Subset(TensorDataset(torch.as_tensor(X), torch.as_tensor(y)), rows)
    _, visits = train_plainly(X[rows], y[rows], cross_entropies, train=list(range(8, 40)), valid=list(range(8)))
    assert_scores(record(make_net(train_split=split), data, None), visits, 40)


def trained_with_validation(X, y, train=None):
    # Validation draws from the random stream, so the plain loop has to validate too, on whatever.
    return [visit for visit in train_plainly(X, y, cross_entropies, train=train, valid=[0])[1] if visit.training]


def test_other_validation_samples_have_no_position():
    X, y = make_vectors()
    other = TensorDataset(*map(torch.as_tensor, make_vectors(20, seed=5)))
    recorder = record(make_net(train_split=predefined_split(other)), X, y)
    assert_scores(recorder, trained_with_validation(X, y))
    assert not recorder.validation_mask_.any()


OVERLAPS = {
    "same": (lambda dataset, y=None: (dataset, dataset), None),
    "some": (lambda dataset, y=None: (dataset, Subset(dataset, range(10))), None),
    "subsets": (lambda dataset, y=None: (Subset(dataset, range(9, 70)), Subset(dataset, range(30, 40))), range(9, 70)),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_sample_that_is_trained_and_validated_counts_once(name):
    train_split, train = OVERLAPS[name]
    X, y = make_vectors()
    recorder = record(make_net(train_split=train_split), X, y)
    assert_scores(recorder, trained_with_validation(X, y, train=train))
    assert not recorder.validation_mask_.any()


def test_indices_replaced_while_training():
    # Pruning by a callback: later epochs see fewer samples, and each keeps its position.
    class Prune(Callback):
        def on_epoch_begin(self, net, dataset_train=None, **kwargs):
            if len(net.history) == 2:
                dataset_train.indices = dataset_train.indices[::-3]

    X, y = make_vectors()
    rows = list(range(5, 65))
    options = {"train_split": lambda dataset, y=None: (Subset(dataset, rows), None), "callbacks": [("prune", Prune())]}
    count = record(make_net(**options), X, y).n_visits_
    assert np.flatnonzero(count == 2).tolist() == sorted(rows[::-3])
    assert count.sum() == 80


# -- training that goes on, stops or breaks ----------------------------------------------------------------


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


class One(Reduced):
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
    names = (
        "callbacks.py",
        "recording/visit_buffer.py",
        "recording/sample_state.py",
        "metrics/statistics.py",
        "storage.py",
    )
    files = tuple(os.path.join("actscore_sk", *name.split("/")) for name in names)
    X, y = make_vectors()
    untraced = sys.gettrace()
    for line in range(1, 10_000, 2):
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
    net = make_net(criterion__weight=weights.clone(), callbacks=[("write", writing_into(what))], **options)
    try:
        recorder = record(net, X, y)
    except SampleLossError as error:
        assert "in place" in str(error)  # noqa: PT017 - one of two allowed outcomes
        return
    first = train_plainly(
        X,
        y,
        lambda output, target: cross_entropies(output, target, weight=weights),
        reduce=weighted_mean,
        epochs=1,
        batch_size=35,
        shuffle=False,
    )[1][0]
    np.testing.assert_allclose(recorder.action_scores_[:35], first.losses, rtol=1e-6)


def test_output_changed_in_place_is_an_error():
    X, y = make_vectors()
    with pytest.raises(SampleLossError, match="changed in place after the loss was computed"):
        record(make_net(callbacks=[("write", writing_into("output"))], criterion__weight=weights.clone()), X, y)


# -- what a criterion may change while the net trains ------------------------------------------------------


@pytest.mark.parametrize(
    "criterion",
    [Random, RandomNumpy, OwnGenerator, RunningBuffer, ReplacedBuffer, Counting, LearnedTemperature],
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
        (Focal, "gamma", 0.0, cross_entropies),
        (
            nn.CrossEntropyLoss,
            "label_smoothing",
            0.9,
            lambda output, target: cross_entropies(output, target, label_smoothing=0.9),
        ),
        (
            nn.CrossEntropyLoss,
            "weight",
            weights,
            lambda output, target: cross_entropies(output, target, weight=weights),
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


@pytest.mark.parametrize(("name", "value"), [("label_smoothing", 0.9), ("weight", weights), ("reduction", "sum")])
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
    class SmoothingInTraining(Reduced):
        def each(self, output, target):
            return cross_entropies(output, target, label_smoothing=0.5 if self.training else 0.0)

    X, y = make_vectors()
    net = make_net(criterion=SmoothingInTraining, train_split=split, max_epochs=1)
    recorder = record(net, X, y)
    scores = recorder.action_scores_[recorder.validation_mask_]
    np.testing.assert_allclose(scores.mean(), net.history[-1, "valid_loss"], rtol=1e-6)


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


# -- other passes ------------------------------------------------------------------------------------------


class Evaluate(Callback):
    """Computes, by hand, the losses under the net as it stands at the end of each epoch."""

    def __init__(self, X, y):
        self.X, self.y, self.rows = torch.as_tensor(X), torch.as_tensor(y), []

    def on_epoch_end(self, net, **kwargs):
        modes = [(module, module.training) for module in net.module_.modules()]
        net.module_.eval()
        with torch.no_grad():
            self.rows.append(cross_entropies(net.module_(self.X), self.y).numpy())
        for module, mode in modes:
            module.training = mode


@pytest.mark.parametrize("train_split", [None, split], ids=["all trained", "split"])
def test_epoch_end_recording_equals_a_pass_by_hand(train_split):
    X, y = make_vectors()
    net = make_net(kind="noisy", train_split=train_split, max_epochs=3)
    seed_everything()
    by_hand = Evaluate(X, y)
    recorder = ActionScoreRecorder(recording="epoch_end", store_trajectories=True, metrics=("variability",))
    net.set_params(callbacks=[("scores", recorder), ("by_hand", by_hand)]).fit(X, y)
    np.testing.assert_allclose(recorder.trajectories_, by_hand.rows, rtol=1e-5)
    np.testing.assert_allclose(recorder.action_scores_, np.sum(by_hand.rows, axis=0), rtol=1e-6)
    assert recorder.n_visits_.tolist() == [3] * N
    assert recorder.validation_mask_.sum() == (0 if train_split is None else 14)


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
@pytest.mark.parametrize("form", ["tuple", "Dataset"])
def test_eval_set(form, recording):
    X, y = make_vectors()
    held = make_vectors(25, seed=5)
    by_hand = Evaluate(*held)
    eval_set = held if form == "tuple" else TensorDataset(*map(torch.as_tensor, held))
    net = make_net(kind="noisy", callbacks=[("by_hand", by_hand)])
    recorder = record(net, X, y, eval_set=eval_set, recording=recording)
    np.testing.assert_allclose(recorder.eval_action_scores_, np.sum(by_hand.rows, axis=0), rtol=1e-6)
    assert recorder.n_visits_.tolist() == [2] * N
    net.partial_fit(X, y)
    np.testing.assert_allclose(recorder.eval_action_scores_, np.sum(by_hand.rows, axis=0), rtol=1e-6)


def test_two_recorders_on_one_net():
    X, y = make_vectors()
    second, by_hand = ActionScoreRecorder(recording="epoch_end"), Evaluate(X, y)
    net = make_net(kind="noisy", callbacks=[("second", second), ("by_hand", by_hand)])
    first = record(net, X, y)
    assert_scores(first, train_plainly(X, y, cross_entropies, kind="noisy")[1])
    np.testing.assert_allclose(second.action_scores_, np.sum(by_hand.rows, axis=0), rtol=1e-6)


@pytest.mark.parametrize("store", [True, "path"])
def test_trajectories(store, tmp_path):
    X, y = make_vectors()
    path = tmp_path / "losses.npy"
    _, visits = train_plainly(X, y, cross_entropies, train=trained[:-9], valid=held_out)
    net = make_net(train_split=lambda data, y=None: (Subset(data, trained[:-9]), Subset(data, held_out)))
    recorder = record(net, X, y, store_trajectories=path if store == "path" else store)
    expected = spread(visits, [visit.losses for visit in visits], N)
    np.testing.assert_allclose(recorder.trajectories_, expected, rtol=1e-6)
    assert recorder.trajectories_.dtype == np.float32
    if store == "path":
        np.testing.assert_allclose(np.load(path), expected, rtol=1e-6)


def test_without_trajectories_or_eval_set():
    recorder = record(make_net(), *make_vectors())
    with pytest.raises(AttributeError, match="store_trajectories=True"):
        _ = recorder.trajectories_
    with pytest.raises(AttributeError, match="no eval_set was scored"):
        _ = recorder.eval_action_scores_


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


# -- all metrics -------------------------------------------------------------------------------------------


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


def kernels(logits, labels):
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


KERNEL_OF = {
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
    values = [kernels(to_logits(v.output.double().numpy()), v.target.numpy().astype(int)) for v in visits]
    assert_scores(recorder, visits)
    for name, kernel in KERNEL_OF.items():
        expected = getattr(definitions, name)(spread(visits, [value[kernel] for value in values], N))
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
