"""What only a GPU can show: training on it leaves no trace, wherever the data are stored, and the host does not wait.

    python -m tests.cuda_checks                  # on a machine with CUDA; about two minutes
    python -m tests.cuda_checks --device cpu     # the same code paths, as far as a CPU has them

Each check is independent of the others and prints a line. Exit status 1 if one failed.
"""

import os

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before torch: without it cuBLAS may round differently

import argparse
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import ValidSplit
from torch import nn
from torch.nn.functional import cross_entropy

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.data import placement
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.estimators.regressor import ActionScoreRegressor
from actscore_sk.metrics import get_metric_names
from actscore_sk.tracker import ActionScoreTracker
from benchmarks.common.nets import ResNet9

DEVICE = "cuda"
CHECKS = []
PLACES = ("auto", "net", "host")
quiet = {"verbose": 0, "iterator_train__shuffle": True}


def check(function):
    """Add a check; it returns what its line says, or raises."""
    CHECKS.append(function)
    return function


# -- nets and data ---------------------------------------------------------------------------------------------


def table(n_samples=2_000, n_features=32, n_classes=3):
    X = np.random.default_rng(0).normal(size=(n_samples, n_features)).astype(np.float32)
    return X, X[:, :n_classes].argmax(1)


def pictures(n_samples, size=32):
    X = np.random.default_rng(0).integers(0, 256, (n_samples, 3, size, size), dtype=np.uint8)
    return X, X.reshape(n_samples, -1)[:, :10].argmax(1)


def mlp(n_features=32, n_outputs=3):
    return nn.Sequential(nn.Linear(n_features, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, n_outputs))


class SmallCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(),
            nn.Linear(16 * 64, 10),
        )  # fmt: skip

    def forward(self, X):
        return self.layers(X.float() / 255)


class ChannelsLast(SmallCNN):
    def __init__(self):
        super().__init__()
        self.to(memory_format=torch.channels_last)

    def forward(self, X):
        return super().forward(X.contiguous(memory_format=torch.channels_last))


def net_of(module, kind=NeuralNetClassifier, **options):
    settings = {
        "criterion": nn.CrossEntropyLoss, "optimizer": torch.optim.SGD, "lr": 0.05, "batch_size": 128, "max_epochs": 3,
        "device": DEVICE, "train_split": None,
    }  # fmt: skip
    return kind(module, **(settings | quiet | options))


def trained(net, X, y, data_device=None, seed=0, **recorder):
    """Train a net, plain or with a recorder; give both."""
    recorder = None if data_device is None else ActionScoreRecorder(data_device=data_device, **recorder)
    if recorder is not None:
        net.set_params(callbacks=[("action_scores", recorder), *(net.callbacks or [])])
    torch.manual_seed(seed)
    net.fit(X, y)
    return net, recorder


def parameters(net):
    return torch.cat([part.detach().double().reshape(-1).cpu() for part in net.module_.state_dict().values()])


def history(net):
    """The history with its types, without durations."""
    rows = [{key: value for key, value in row.items() if key != "dur"} for row in net.history]
    return repr(rows)


@contextmanager
def deterministic():
    """Ask torch for the same bits at each run; operations that cannot give them warn, and are seen in the result."""
    was = torch.backends.cudnn.deterministic, torch.are_deterministic_algorithms_enabled()
    torch.backends.cudnn.deterministic = True
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.cudnn.deterministic = was[0]
        torch.use_deterministic_algorithms(was[1])


# -- bit for bit -----------------------------------------------------------------------------------------------


class Summing(NeuralNetClassifier):
    """Plain skorch that adds up the losses of rows which come in order."""

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        loss = super().get_loss(y_pred, y_true, *args, **kwargs)
        if kwargs.get("training"):
            with torch.no_grad():
                losses = cross_entropy(y_pred.detach(), y_true.to(y_pred.device), reduction="none").double().cpu()
            totals = vars(self).setdefault("totals", [])
            totals.append(losses)
        return loss


def equal_everywhere(module, X, y, **options):
    """Compare parameters, history and scores with plain skorch for all places of the data, shuffled and in order."""
    with deterministic():
        plain, again = (trained(net_of(module, **options), X, y)[0] for _ in range(2))
        assert torch.equal(parameters(plain), parameters(again)), "plain skorch differs from itself: nothing to compare"
        scores = {}
        for place in PLACES:
            net, recorder = trained(net_of(module, **options), X, y, place)
            assert torch.equal(parameters(net), parameters(plain)), f"parameters differ with data_device={place!r}"
            assert history(net) == history(plain), f"history differs with data_device={place!r}"
            assert (recorder.n_visits_ == net.max_epochs).all(), "visits"
            scores[place] = recorder.action_scores_
        assert all((scores["auto"] == scores[place]).all() for place in PLACES), "scores differ between places"
        options |= {"iterator_train__shuffle": False}
        reference, _ = trained(net_of(module, Summing, **options), X, y)
        total = torch.cat(reference.totals).reshape(-1, len(X)).sum(0).numpy()
        _, recorder = trained(net_of(module, **options), X, y, "auto")
    difference = np.abs(recorder.action_scores_ - total).max()
    assert difference <= 1e-6 * np.abs(total).max(), f"scores differ from those by hand by {difference:.2g}"
    return f"parameters, history, visits equal; largest difference of a score {difference:.1e}"


@check
def plain_mlp():
    return equal_everywhere(mlp, *table())


@check
def plain_mlp_with_odd_batches():
    return equal_everywhere(partial(mlp, 7), *table(1_001, 7), batch_size=50)


@check
def default_split_and_callbacks():
    X, y = table()
    with deterministic():
        split = {"train_split": NeuralNetClassifier(nn.Identity).train_split}
        plain, _ = trained(net_of(mlp, **split), X, y)
        for place in PLACES:
            net, recorder = trained(net_of(mlp, **split), X, y, place)
            assert torch.equal(parameters(net), parameters(plain)), f"parameters, {place}"
            assert history(net) == history(plain), f"history, {place}"
            assert (recorder.n_visits_ == 3).all()
            assert recorder.validation_mask_.sum() == 400
    return f"history with valid_acc {plain.history[-1]['valid_acc']:.3f} equal, types too"


@check
def small_cnn_on_bytes():
    return equal_everywhere(SmallCNN, *pictures(2_000 if DEVICE == "cuda" else 300))


@check
def resnet_in_bfloat16():
    size, width = (4_000, 64) if DEVICE == "cuda" else (64, 4)
    options = {"batch_size": size // 8, "max_epochs": 2, "lr": 0.01}
    return equal_everywhere(partial(ResNet9, width=width), *pictures(size), **options)


@check
def channels_last():
    X, y = pictures(1_000 if DEVICE == "cuda" else 300)
    X = torch.from_numpy(X).float().contiguous(memory_format=torch.channels_last)
    return equal_everywhere(ChannelsLast, X, y)


@check
def epoch_end_and_all_metrics():
    X, y = table()
    scores = [
        trained(net_of(mlp), X, y, place, recording="epoch_end", metrics=get_metric_names())[1].sample_metrics_
        for place in PLACES
    ]
    for name in scores[0]:
        np.testing.assert_allclose(scores[0][name], scores[1][name], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(scores[0][name], scores[2][name], rtol=1e-6, atol=1e-9)
    return f"{len(scores[0])} metrics equal for all places"


# -- what goes in ----------------------------------------------------------------------------------------------


@check
def tensors_on_the_device_in_three_estimators():
    X, y = table()
    there, classes = torch.from_numpy(X).to(DEVICE), torch.from_numpy(y).to(DEVICE)
    numbers = there[:, :1] * 2
    weights = torch.ones(len(X), device=DEVICE)
    weights[0] = 2
    regression = partial(net_of, partial(mlp, 32, 1), NeuralNetRegressor, criterion=nn.MSELoss)
    found = []
    for estimator, target in (
        (ActionScoreClassifier(net_of(mlp), random_state=0), classes),
        (ActionScoreRegressor(regression(), random_state=0), numbers),
        (ActionScoreEstimator(net_of(mlp, NeuralNet), random_state=0), classes),
    ):
        estimator.fit(there, target)
        on_host = type(estimator)(estimator.estimator, random_state=0).fit(X, target.cpu().numpy())
        np.testing.assert_allclose(estimator.action_scores_, on_host.action_scores_, rtol=1e-4)
        assert len(estimator.predict(there)) == len(X)
        estimator.to_frame()
        estimator.fit(there, target, sample_weight=weights, eval_set=(there[:50], target[:50]))
        assert np.isfinite(estimator.eval_action_scores_).all()
        found.append(type(estimator).__name__)
    return ", ".join(found)


@check
def bytes_stay_bytes():
    seen = Counter()

    class Looking(SmallCNN):
        def forward(self, X):
            seen[X.dtype, X.device.type] += 1
            return super().forward(X)

    X, y = pictures(1_000)
    ActionScoreClassifier(net_of(Looking)).fit(X, y)
    assert {dtype for dtype, _ in seen} == {torch.uint8}, seen
    return str({f"{dtype} on {device}": count for (dtype, device), count in seen.items()})


# -- where it is stored, and who waits -------------------------------------------------------------------------


def stores_used(free_bytes, data_device="auto"):
    """Kinds of stores of a fit on a device with so much memory."""
    made, was = [], (placement.DeviceStore, placement.HostStore, placement.free_bytes)

    def noted(kind):
        return lambda *args: made.append(kind.__name__) or kind(*args)

    placement.DeviceStore, placement.HostStore = map(noted, was[:2])
    placement.free_bytes = lambda device: free_bytes
    try:
        _, recorder = trained(net_of(SmallCNN), *pictures(1_000), data_device)
    finally:
        placement.DeviceStore, placement.HostStore, placement.free_bytes = was
    return made, recorder.action_scores_


@check
def budget():
    size = 1_000 * (3 * 32 * 32 + 8)
    with deterministic():
        enough, scores = stores_used(2 * size)
        little, others = stores_used(2 * size - 2)
        forced, _ = stores_used(0, "net")
    assert (enough, little, forced) == (["DeviceStore"], ["HostStore"], ["DeviceStore"]), (enough, little, forced)
    assert (scores == others).all()
    free = placement.free_bytes(torch.device(DEVICE)) if DEVICE == "cuda" else 0
    return f"half of the free memory decides; free now {free / 2**30:.1f} GiB"


@check
def memory_comes_back():
    if DEVICE != "cuda":
        return "left out"
    X, y = pictures(20_000)
    ActionScoreClassifier(net_of(SmallCNN, max_epochs=1)).fit(X[:500], y[:500])
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    fitted = ActionScoreClassifier(net_of(SmallCNN, max_epochs=2)).fit(X, y)
    peak, after = torch.cuda.max_memory_allocated() - before, torch.cuda.memory_allocated() - before
    assert after < 8 * 2**20, f"{after / 2**20:.1f} MiB are kept after fit"
    n_epochs = len(fitted.history_)
    return f"{n_epochs} epochs, {X.nbytes / 2**20:.0f} MiB: peak +{peak / 2**20:.0f}, kept {after / 2**20:.1f}"


def waits(n_epochs, metrics=(), data_device="auto", **options):
    """Where the host waited for the device during a fit, with how often."""
    X, y = table(128 * 40)
    net = net_of(mlp, max_epochs=n_epochs, **options)
    if metrics is not None:
        net.set_params(callbacks=[("scores", ActionScoreRecorder(metrics=metrics, data_device=data_device))])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            net.fit(X, y)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    places = [w for w in caught if "synchroniz" in str(w.message)]
    return Counter(f"{'/'.join(w.filename.split('/')[-2:])}:{w.lineno}" for w in places)


@check
def host_syncs_of_an_epoch_of_40_batches():
    if DEVICE != "cuda":
        return "left out"
    found, split = [], {"train_split": NeuralNetClassifier(nn.Identity).train_split}
    waits(1)  # proof of the fast path, first use of kernels
    per_epoch = {}
    for name, options in {
        "plain skorch": {"metrics": None},
        "auto": {},
        "auto, default split": split,
        "all metrics": {"metrics": get_metric_names()},
        "host": {"data_device": "host"},
    }.items():
        few, many = waits(3, **options), waits(6, **options)
        per_epoch[name] = (many.total() - few.total()) / 3
        found.append(f"{name}: {per_epoch[name]:.0f}")
        print("    ", name, {place: count / 3 for place, count in (many - few).most_common(6)})
    worst = max(per_epoch[name] for name in ("auto", "all metrics", "host"))
    assert worst < 20, f"more than one wait per two batches: {'; '.join(found)}"
    return "; ".join(found)


# -- a loop of one's own, and several processes -----------------------------------------------------------------


def loop(X, y, n_epochs, **options):
    """Train a small CNN by hand on data on the device; a tracker of these options records it, None: nothing does."""
    torch.manual_seed(0)
    module, order = SmallCNN().to(DEVICE), torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    tracker = ActionScoreTracker(len(X), **options) if options else None
    for _ in range(n_epochs):
        for index in torch.randperm(len(X), generator=order).to(DEVICE).split(256):
            logits = module(X[index])
            losses = cross_entropy(logits, y[index], reduction="none")
            optimizer.zero_grad()
            losses.mean().backward()
            optimizer.step()
            if tracker is not None:
                tracker.update(index, losses, logits, y[index])
        if tracker is not None:
            tracker.end_epoch()
    return tracker


@check
def updates_of_a_tracker_never_wait():
    if DEVICE != "cuda":
        return "left out"
    tracker = ActionScoreTracker(5_000, metrics=get_metric_names(), store_probabilities=True, store_trajectories=True)
    logits, labels = torch.randn(500, 10, device=DEVICE), torch.randint(10, (500,), device=DEVICE)
    losses = cross_entropy(logits, labels, reduction="none")
    for device in ("cpu", DEVICE):  # where positions are
        index = torch.arange(500, device=device)
        tracker.update(index, losses, logits, labels)  # kernels are loaded at their first use
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(100):
                tracker.update(index, losses, logits, labels)
                tracker.update(index + 500, losses, logits, labels, held_out=True)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    tracker.end_epoch()
    assert tracker.n_visits_[:1000].min() >= 200
    tracker.update(torch.tensor([4, 5_001, -2], device=DEVICE), losses[:3], logits[:3], labels[:3])
    try:
        tracker.end_epoch()
    except ValueError as error:
        return f"400 updates; then: {error}"
    raise AssertionError("positions out of range were not named")


@check
def a_tracker_costs_little_of_a_step():
    X, y = pictures(256 * 40)
    X, y = torch.from_numpy(X).to(DEVICE), torch.from_numpy(y).to(DEVICE)
    rows = {
        "nothing": {},
        "action score": {"metrics": ["action_score"]},
        "all metrics": {"metrics": get_metric_names()},
        "probabilities": {"metrics": get_metric_names(), "store_probabilities": True},
    }
    seconds = {name: [] for name in rows}
    for _ in range(8):
        for name, options in rows.items():
            start = time.perf_counter()
            loop(X, y, 2, **options)
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    plain = np.array(seconds.pop("nothing")[2:])
    ratios = {name: np.array(found[2:]) / plain for name, found in seconds.items()}
    step = np.median(plain) / 80 * 1e6
    return f"step of {step:.0f} us; " + "; ".join(
        f"{name} x {np.median(ratio):.3f} [{ratio.min():.3f}, {ratio.max():.3f}]" for name, ratio in ratios.items()
    )


@check
def two_processes_on_one_device():
    program = Path(__file__).parent / "distributed/on_one_device.py"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", program, DEVICE, folder]
        run = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-1500:]
        return run.stdout.splitlines()[-1]


# -- compiled and graphed --------------------------------------------------------------------------------------


@check
def graphs_of_the_user():
    if DEVICE != "cuda":
        return "left out"
    X, y = table(128 * 10)

    def scored(is_graphed):
        torch.manual_seed(0)
        recorder = ActionScoreRecorder()
        net = net_of(partial(_without_dropout), callbacks=[("scores", recorder)]).initialize()
        if is_graphed:
            sample = torch.zeros(128, 32, device=DEVICE)
            torch.cuda.make_graphed_callables(net.module_, (sample,))
        torch.manual_seed(1)
        net.partial_fit(X, y)
        return net, recorder

    (plain, recorded), (graphed, of_graph) = scored(False), scored(True)
    np.testing.assert_allclose(of_graph.action_scores_, recorded.action_scores_, rtol=1e-4)
    losses = [row["train_loss"] for row in graphed.history[-1]["batches"]]
    assert len(set(losses)) > 1, "all batches have one loss: they were read after the last was written"
    np.testing.assert_allclose(losses, [row["train_loss"] for row in plain.history[-1]["batches"]], rtol=1e-4)
    return "scores and losses of a graphed module equal those of the plain one"


def _without_dropout():
    return nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 3))


@check
def compiled_by_skorch():
    X, y = table(128 * 10)
    plain, _ = trained(net_of(_without_dropout, compile=True), X, y)
    net, recorder = trained(net_of(_without_dropout, compile=True), X, y, "auto")
    _, eager = trained(net_of(_without_dropout), X, y, "auto")
    np.testing.assert_allclose(recorder.action_scores_, eager.action_scores_, rtol=1e-3)
    return f"trained; parameters equal to plain skorch's: {torch.equal(parameters(net), parameters(plain))}"


class Compiled(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.compile(_without_dropout(), mode="reduce-overhead")

    def forward(self, X):
        return self.inner(X)


@check
def compiled_with_graphs_by_the_user():
    X, y = table(128 * 10)
    net, recorder = trained(net_of(Compiled), X, y, "auto")
    _, eager = trained(net_of(_without_dropout), X, y, "auto")
    np.testing.assert_allclose(recorder.action_scores_, eager.action_scores_, rtol=1e-3)
    losses = [row["train_loss"] for row in net.history[-1]["batches"]]
    assert len(set(losses)) > 1
    return "scores equal those of the plain module to 1e-3"


# -- several nets in one fit -----------------------------------------------------------------------------------


@check
def repeats_equal_single_fits():
    X, y = table()
    fitted = ActionScoreClassifier(net_of(_without_dropout), n_repeats=3, random_state=0).fit(X, y)
    for seed, scores in zip(fitted.repeat_seeds_, fitted.repeat_scores_, strict=True):
        alone = ActionScoreClassifier(net_of(_without_dropout), random_state=seed).fit(X, y)
        np.testing.assert_allclose(scores, alone.action_scores_, rtol=1e-3)
    assert next(fitted.estimator_.module_.parameters()).device.type == DEVICE
    return "three seeds in one fit equal fits of their own to 1e-3"


@check
def nets_that_share_rows_decide_about_labels():
    X, y = table()
    rng = np.random.default_rng(1)
    wrong = rng.random(len(y)) < 0.1
    given = np.where(wrong, (y + 1) % 3, y)
    found = {}
    for device in {DEVICE, "cpu"}:
        net = net_of(_without_dropout, train_split=ValidSplit(5), max_epochs=15, device=device)
        judge = ActionScoreClassifier(net, store_probabilities=True, random_state=0).fit(X, given)
        assert len(judge.estimators_) == 5
        assert judge.is_label_issue_.sum() == round(judge.noise_rate_ * len(y))
        assert abs(judge.noise_rate_ - wrong.mean()) < 0.05, (device, judge.noise_rate_)
        assert wrong[judge.is_label_issue_].mean() > 0.7, device
        found[device] = judge
    same = (found[DEVICE].is_label_issue_ == found["cpu"].is_label_issue_).mean()
    assert same > 0.97, same
    return f"rate {found[DEVICE].noise_rate_:.3f} of {wrong.mean():.3f}; flags as on the CPU for {same:.1%} of the rows"


def run(name_contains=""):
    """Run the checks; give the number of those that failed."""
    n_failed = 0
    for function in CHECKS:
        name, start = function.__name__.replace("_", " "), time.perf_counter()
        if name_contains not in name:
            continue
        try:
            verdict, text = "ok", function()
        except AssertionError as error:
            verdict, text = "FAILED", " ".join(str(error).split())[:600]
        except Exception:
            verdict, text = "ERROR", traceback.format_exc()[-1500:]
        n_failed += verdict != "ok"
        print(f"{verdict:7}{name} ({time.perf_counter() - start:.1f} s): {text}", flush=True)
    return n_failed


def main():
    global DEVICE
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--only", default="", help="part of a name")
    args = parser.parse_args()
    DEVICE = args.device
    if DEVICE == "cpu":  # the data are moved as if the net were elsewhere
        placement.is_host = lambda device: False
        placement.free_bytes = lambda device: 2**40
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    print(f"{name}, torch {torch.__version__}, numpy {np.__version__}", flush=True)
    sys.exit(min(1, run(args.only)))


if __name__ == "__main__":
    main()
