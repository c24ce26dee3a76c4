"""Accuracy against the share of the data that is kept: every strategy, random, and the peers end to end.

    python -m benchmarks pruning_curves                # ten minutes

A seed is a split, the wrong labels of its training part, and the start of the nets; test labels are right. Samples are
scored once a seed, by a fit that is not counted. "as many epochs" trains on what is kept for as long as on all data, so
with less work; "as many visits" makes up for it with more epochs, ten times as many at most. The last table fits whole
estimators, their own way of choosing how much to leave out included: cleanlab's `CleanLearning`, imbalanced-learn's
`InstanceHardnessThreshold` and `RandomUnderSampler` as they come, and ours with `threshold="auto"`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from cleanlab.classification import CleanLearning
from imblearn.under_sampling import InstanceHardnessThreshold, RandomUnderSampler
from joblib import Parallel, delayed
from sklearn.model_selection import train_test_split
from torch import nn

from actscore_sk import ActionScoreClassifier, ActionScorePruner, ResampledClassifier
from actscore_sk.utils.typing import Strategy
from benchmarks.common.datasets import LOADERS, Table, is_here
from benchmarks.common.intervals import Interval
from benchmarks.common.nets import make_net, perceptron, strided_cnn
from benchmarks.common.noise import uniform
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import markdown_table

OPTIONS = ("jobs", "only")

KEPT = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
QUICK_KEPT = (0.2, 0.8)
STRATEGIES: tuple[Strategy, ...] = ("hardest", "easiest", "both", "stratified", "random")
NOISE = {"clean": 0.0, "20 % of the labels wrong": 0.2}
BUDGETS = ("as many epochs", "as many visits")
MOST_EPOCHS = 10  # times as many, at most: 5 % of the data are not shown 20 times as often
RANDOM = "random"


@dataclass(frozen=True)
class Case:
    """How much of a data set, and the net."""

    n_train: int
    module: Callable[[], nn.Module]
    epochs: int
    lr: float
    n_seeds: int
    budgets: tuple[str, ...] = BUDGETS

    def net(self, epochs: int | None = None) -> ActionScoreClassifier:
        """Build a net, to be seeded."""
        return ActionScoreClassifier(make_net(self.module, lr=self.lr, max_epochs=epochs or self.epochs))


CASES = {
    "digits": Case(1200, partial(perceptron, 64, 10), 20, 0.005, 10),
    "fashion": Case(5000, strided_cnn, 8, 0.002, 3, BUDGETS[:1]),
}


@dataclass(frozen=True)
class Split:
    """Training part with labels that may be wrong, and test part."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @classmethod
    def draw(cls, case: Case, table: Table, noise: float, seed: int) -> "Split":
        """Split and flip."""
        X, X_test, y, y_test = train_test_split(
            table.X, table.y, train_size=case.n_train, test_size=min(5000, len(table.y) - case.n_train),
            stratify=table.y, random_state=seed,
        )  # fmt: skip
        return cls(X, uniform(y, noise, table.n_classes, np.random.default_rng(seed)), X_test, y_test)

    def accuracy(self, model: Any) -> float:
        """Accuracy of a fitted model on the test part."""
        return float((model.predict(self.X_test) == self.y_test).mean())


Accuracies = dict[tuple[str, str, float], float]  # budget, strategy and share kept


def run_seed(case: Case, table: Table, noise: float, seed: int, kept: tuple[float, ...]) -> Accuracies:
    """Train on what each strategy keeps."""
    torch.set_num_threads(1)
    split, found = Split.draw(case, table, noise, seed), Accuracies()
    scores = case.net().set_params(random_state=1000 + seed).fit(split.X, split.y).action_scores_
    everything = split.accuracy(case.net().set_params(random_state=seed).fit(split.X, split.y))
    for budget, strategy, share in product(case.budgets, STRATEGIES, kept):
        pruner = ActionScorePruner(strategy=strategy, threshold=1 - share, class_balanced=True, random_state=seed)
        X, y = pruner.fit_resample(split.X, split.y, action_scores=scores)
        more = 1 if budget == BUDGETS[0] else min(MOST_EPOCHS, 1 / share)
        model = case.net(round(more * case.epochs)).set_params(random_state=seed).fit(X, y)
        found[budget, strategy, share] = split.accuracy(model) - everything
    found["", "", 1.0] = everything
    return found


def print_curves(title: str, seeds: list[Accuracies], case: Case, kept: tuple[float, ...]) -> None:
    """Print a table a budget: differences to training on everything, and where they exclude that of random."""
    everything = Interval.of([100 * found["", "", 1.0] for found in seeds])
    for budget in case.budgets:
        print(f"\n## {title}, {budget}: accuracy less that of all data ({everything} %), in points\n")
        lines = []
        for strategy in STRATEGIES:
            cells = []
            for share in kept:
                mine, control = ([found[budget, name, share] for found in seeds] for name in (strategy, RANDOM))
                gap = Interval.of_points(mine, control)
                mark = "" if strategy == RANDOM or not gap.excludes_zero else " ▲" if gap.mean > 0 else " ▼"
                cells.append(f"{100 * np.mean(mine):+.1f}{mark}")
            lines.append((f"drop {strategy}", *cells))
        print(markdown_table(("▲ above, ▼ below random", *[f"{share:.0%} kept" for share in kept]), lines))


def peers(case: Case, seed: int) -> dict[str, Any]:
    """Return whole estimators, by name."""
    net = partial(lambda: case.net().set_params(random_state=seed))
    return {
        "all data": net(),
        'ours, pruner with "auto"': ResampledClassifier(
            ActionScorePruner(net(), threshold="auto", random_state=seed), net()
        ),
        "ours, hardest 20 %": ResampledClassifier(ActionScorePruner(net(), threshold=0.2, random_state=seed), net()),
        "CleanLearning": CleanLearning(net(), seed=seed, find_label_issues_kwargs={"n_jobs": 1}, verbose=False),
        "InstanceHardnessThreshold": ResampledClassifier(InstanceHardnessThreshold(random_state=seed), net()),
        "RandomUnderSampler": ResampledClassifier(RandomUnderSampler(random_state=seed), net()),
    }


def run_peers(case: Case, table: Table, noise: float, seed: int) -> dict[str, float]:
    """Fit whole estimators."""
    torch.set_num_threads(1)
    split, found = Split.draw(case, table, noise, seed), {}
    for name, model in peers(case, seed).items():
        np.random.seed(seed)  # noqa: NPY002 - cleanlab draws from it
        found[name] = split.accuracy(model.fit(split.X, split.y))
    return found


def print_peers(results: dict[str, list[dict[str, float]]]) -> None:
    """Print accuracies, less those of all data."""
    print("\n## digits, whole estimators: accuracy, and less that of all data in points\n")
    lines = []
    for name in next(iter(results.values()))[0]:
        cells: list[object] = []
        for seeds in results.values():
            mine, full = ([found[key] for found in seeds] for key in (name, "all data"))
            cells += [f"{100 * np.mean(mine):.1f}", "" if name == "all data" else Interval.of_points(mine, full)]
        lines.append((name, *cells))
    print(markdown_table(("estimator", *[word for label in results for word in (label, "difference")]), lines))


def measure(settings: Settings, record: dict[str, Any]) -> list[Any]:
    """Run the data sets that are here, then whole estimators."""
    parallel, kept = Parallel(settings.jobs), QUICK_KEPT if settings.quick else KEPT
    parts = settings.parts([*CASES, "peers"])
    for name, (label, noise) in product(CASES, NOISE.items()):
        if name not in parts or not is_here(name) or (settings.quick and name != "digits"):
            continue
        case, table = CASES[name], LOADERS[name]()
        runs = (delayed(run_seed)(case, table, noise, seed, kept) for seed in settings.seeds(case.n_seeds, 2))
        seeds = list(parallel(runs))
        print_curves(f"{name}, {label}", seeds, case, kept)
        record[f"{name}, {label}"] = [
            {" | ".join(map(str, key)): value for key, value in each.items()} for each in seeds
        ]
        progress(f"{name}, {label}")
    if "peers" in parts:
        case, table = CASES["digits"], LOADERS["digits"]()
        found = {
            label: list(parallel(delayed(run_peers)(case, table, noise, s) for s in settings.seeds(case.n_seeds, 2)))
            for label, noise in NOISE.items()
        }
        print_peers(found)
        record["peers"] = found
    return []
