"""What samplers that steer training cost, and whether they help: accuracy, work and time, against training on all data.

    python -m benchmarks samplers                      # about ten minutes
    python -m benchmarks samplers --only cost

A seed is a split, the flips of labels in its training part, and the start of the net; all rows of a seed share them, so
that differences are paired. The test part is clean. Intervals are Student's t, 95 %, over seeds. What a row does was
fixed before any was run. "work" and "time" are shares of those of all data; "to it": until the test accuracy that
training on all data ends with is reached for the first time, in more than half of the seeds. "random" skips as much as
`DynamicPruningSampler` does, at random; "fewer epochs" has all data for as many epochs as make the gradient work of
`DynamicPruningSampler`. A data set that is missing is left out.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback
from torch import Tensor, nn

from actscore_sk import ActionScoreClassifier, CurriculumSampler, DynamicPruningSampler, HardExampleSampler
from actscore_sk.data.epoch_sampler import EpochSampler
from benchmarks.common.datasets import LOADERS, Table, is_here
from benchmarks.common.intervals import Interval
from benchmarks.common.nets import make_net, perceptron, strided_cnn
from benchmarks.common.noise import uniform
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import Seconds, Spread, Target, interleave, markdown_table, paired_ratio

OPTIONS = ("only",)

SKIPPED = 0.3  # share of the samples that pruning skips in an epoch
NOISE = {"clean": 0.0, "20 % of the labels flipped": 0.2}
BUDGETS = {"ordinary budget": 1.0, "short budget": 0.2}
N_COST, QUICK_COST = 1_000_000, 100_000
LIMIT = 0.03  # of the time of an epoch


class RandomPruningSampler(EpochSampler):
    """The control: skip a random part of all samples, in as many epochs as `DynamicPruningSampler` may."""

    uses_scores = False
    needs_n_epochs = True

    def __init__(self, data_source: Any = None, *, fraction: float = SKIPPED, random_state: Any = None) -> None:
        self.data_source = data_source
        self.fraction = fraction
        self.random_state = random_state

    def _count(self) -> int:
        n_full = int(np.ceil(0.125 * self.n_epochs_ - 1e-9))  # type: ignore[operator]
        is_full = self.epoch_ == 0 or self.epoch_ >= self.n_epochs_ - n_full  # type: ignore[operator]
        return self.n_samples_ - (0 if is_full else int(self.fraction * self.n_samples_))

    def _draw(self, generator: torch.Generator) -> tuple[Tensor, None]:
        return torch.randperm(self.n_samples_, generator=generator)[: self._count()], None


FULL, FEWER = "all data", "all data, fewer epochs"
PRUNING = f"DynamicPruning, {SKIPPED:.0%}"
ROWS: dict[str, EpochSampler | None] = {
    FULL: None,
    PRUNING: DynamicPruningSampler(fraction=SKIPPED),
    "DynamicPruning, not rescaled": DynamicPruningSampler(fraction=SKIPPED, rescale=False),
    f"random pruning, {SKIPPED:.0%}": RandomPruningSampler(),
    FEWER: None,
    "HardExample": HardExampleSampler(),
    "HardExample, no weights": HardExampleSampler(importance_weights=False),
    "Curriculum, easy first": CurriculumSampler(),
    "Curriculum, hard first": CurriculumSampler(order="hard_first"),
    "Curriculum, random": CurriculumSampler(order="random"),
}


# -- accuracy --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Data, net and training."""

    module: Callable[[], nn.Module]
    n_train: int
    batch_size: int
    epochs: int
    lr: float
    n_seeds: int


CASES = {
    "digits": Case(partial(perceptron, 64, 10, 128), 1200, 64, 20, 0.01, 10),
    "magic": Case(partial(perceptron, 10, 2, 64), 8000, 128, 20, 0.003, 10),
    "fashion": Case(strided_cnn, 10_000, 64, 10, 0.002, 3),
}


@dataclass
class Results:
    """What a row reached, one entry a seed."""

    accuracy: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)  # epochs' worth of visits
    seconds: list[float] = field(default_factory=list)
    curve: list[np.ndarray] = field(default_factory=list)  # accuracy, work and seconds after each epoch


class Curve(Callback):
    """Tests after each epoch, and knows how long training took without these tests."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        self.X, self.y = X, y

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self.accuracy_: list[float] = []
        self.seconds_: list[float] = []
        self.testing_, self.start_ = 0.0, time.perf_counter()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Note both."""
        now = time.perf_counter()
        self.seconds_.append(now - self.start_ - self.testing_)
        self.accuracy_.append(float((net.predict(self.X) == self.y).mean()))
        self.testing_ += time.perf_counter() - now


def train(case: Case, sampler: EpochSampler | None, epochs: int, seed: int, split: list[np.ndarray]) -> np.ndarray:
    """Return test accuracy, epochs' worth of gradient work, and seconds, so far after each epoch (3, n_epochs)."""
    X, X_test, y, y_test = split
    curve = Curve(X_test, y_test)
    net = make_net(case.module, lr=case.lr, batch_size=case.batch_size, max_epochs=epochs, callbacks=[("curve", curve)])
    sampler = None if sampler is None else clone(sampler)
    scorer = ActionScoreClassifier(net, train_sampler=sampler, reduction="mean", random_state=seed).fit(X, y)
    curve = dict(scorer.estimator_.callbacks)["curve"]
    return np.stack([curve.accuracy_, scorer.gradient_work_.cumsum(), curve.seconds_])


def make_split(case: Case, table: Table, noise: float, seed: int) -> list[np.ndarray]:
    """Split, and flip labels of the training part to any other class with equal chance."""
    X, X_test, y, y_test = train_test_split(
        table.X, table.y, train_size=case.n_train, stratify=table.y, random_state=seed
    )
    return [X, X_test, uniform(y, noise, table.n_classes, np.random.default_rng(seed)), y_test]


def evaluate(case: Case, table: Table, noise: float, epochs: int, seeds: range) -> dict[str, Results]:
    """Train every row on every seed."""
    results = {name: Results() for name in ROWS}
    for seed in seeds:
        split = make_split(case, table, noise, seed)
        for name, sampler in ROWS.items():
            # the row before it says how much work is equal
            n_epochs = max(1, round(results[PRUNING].work[-1])) if name == FEWER else epochs
            found = train(case, sampler, n_epochs, seed, split)
            results[name].curve.append(found)
            for values, last in zip(
                (results[name].accuracy, results[name].work, results[name].seconds), found[:, -1], strict=True
            ):
                values.append(float(last))
    return results


def to_accuracy(found: Results, full: Results) -> tuple[str, str]:
    """Work and time, by those of all data, until the accuracy that all data end with; medians over seeds."""
    work, seconds = [], []
    for mine, theirs in zip(found.curve, full.curve, strict=True):
        reached = np.flatnonzero(mine[0] >= theirs[0, -1])
        shares = mine[1:, reached[0]] / theirs[1:, -1] if len(reached) else np.full(2, np.inf)
        work.append(shares[0])
        seconds.append(shares[1])
    n_reached = int(np.isfinite(work).sum())
    if 2 * n_reached <= len(work):
        return f"({n_reached} of {len(work)})", ""
    return f"{np.median(work):.2f} ({n_reached} of {len(work)})", f"{np.median(seconds):.2f}"


def print_accuracy(results: dict[str, Results]) -> None:
    """Print a line a row."""
    full, fewer, lines = results[FULL], results[FEWER], []
    for name, found in results.items():
        seconds: Seconds = {"row": found.seconds, FULL: full.seconds}
        work = np.mean(found.work) / np.mean(full.work)
        gain = "" if name == FULL else Interval.of_points(found.accuracy, full.accuracy)
        by_fewer = "" if name in (FULL, FEWER) else Interval.of_points(found.accuracy, fewer.accuracy)
        time_ratio = paired_ratio(seconds, "row", FULL)
        accuracy = f"{100 * np.mean(found.accuracy):.2f}"
        lines.append((name, accuracy, gain, by_fewer, f"{work:.2f}", time_ratio, *to_accuracy(found, full)))
    header = ("row", "accuracy, %", "- all data", "- fewer epochs", "work", "time", "work to it (seeds)", "time to it")
    print(markdown_table(header, lines))


# -- cost ------------------------------------------------------------------------------------------------------

COSTS = {
    "curriculum": CurriculumSampler(n_epochs=100, random_state=0),
    "hard examples": HardExampleSampler(random_state=0),
    "pruning": DynamicPruningSampler(n_epochs=100, random_state=0),
}


def one_epoch(X: np.ndarray, y: np.ndarray, batch_size: int) -> ActionScoreClassifier:
    """Train for one epoch, in random order."""
    module = partial(perceptron, X.shape[1], 2, 64)
    return ActionScoreClassifier(make_net(module, batch_size=batch_size, max_epochs=1), random_state=0).fit(X, y)


def sample(sampler: EpochSampler, losses: Tensor) -> None:
    """Do what a sampler does for one epoch."""
    sampler.draw()
    sampler.update(torch.arange(len(losses)), losses)


def measure_cost(quick: bool, record: dict[str, Any]) -> list[Target]:
    """Time what samplers do for an epoch, beside an epoch."""
    n = QUICK_COST if quick else N_COST
    rng = np.random.default_rng(0)
    X, losses = rng.normal(size=(n, 20)).astype(np.float32), torch.rand(n)
    y = (X[:, 0] > 0).astype(np.int64)
    rows: dict[str, Callable[[], Any]] = {
        f"epoch, batch {size}": partial(one_epoch, X, y, size) for size in (128, 1024)
    }
    rows["torch.randperm"] = partial(torch.randperm, n)
    for name, sampler in COSTS.items():
        bound = clone(sampler).bind(n, 100)
        sample(bound, losses)
        rows[name] = partial(sample, bound, losses)
    seconds, _ = interleave(rows, repeats=2 if quick else 5, device="cpu")
    record["cost"] = seconds
    print(f"\n## {n:,} samples: what a sampler does for an epoch, as a share of the epoch\n")
    names = [name for name in rows if not name.startswith("epoch")]
    lines = []
    for name in names:
        shares = [_percent(paired_ratio(seconds, name, f"epoch, batch {size}")) for size in (128, 1024)]
        lines.append((name, f"{1000 * float(np.median(seconds[name])):.1f}", *shares))
    print(markdown_table(("sampler", "ms", "% of an epoch, batch 128", "batch 1024"), lines))
    return [
        Target(f"{name}: sampling / epoch, batch {size}", paired_ratio(seconds, name, f"epoch, batch {size}"), LIMIT)
        for name, size in product(COSTS, (128, 1024))
    ]


def _percent(share: Spread) -> Spread:
    return Spread(100 * share.median, 100 * share.low, 100 * share.high)


def measure(settings: Settings, record: dict[str, Any]) -> list[Target]:
    """Measure cost, then accuracy."""
    parts = settings.parts(["cost", *CASES])
    targets = measure_cost(settings.quick, record) if "cost" in parts else []
    for name, case in CASES.items():
        if name not in parts or not is_here(name) or (settings.quick and name != "digits"):
            continue
        table = LOADERS[name]()
        for (label, noise), (budget, share) in product(NOISE.items(), BUDGETS.items()):
            if settings.quick and budget != "ordinary budget":
                continue
            epochs, seeds = max(3, round(share * case.epochs)), settings.seeds(case.n_seeds, 2)
            title = f"{name}, {label}, {budget}: {epochs} epochs, {len(seeds)} seeds"
            progress(title)
            print(f"\n## {title}\n")
            record[title] = results = evaluate(case, table, noise, epochs, seeds)
            print_accuracy(results)
    return targets
