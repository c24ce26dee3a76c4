"""The default net above 100,000 rows: wrong labels it finds, and time, as it is and by the rule for fewer rows.

    python -m benchmarks large_tables            # a quarter of an hour

110,000 of 336,776 flights from New York, with the airport, the airline or the delay on arrival as the target, and a
made table of ten classes in clusters. A share of the targets is made wrong: another class, or the delay of another
such row. The rule for fewer rows has a second layer as wide as the first, smaller batches and a smaller step; both
train in single precision.
"""

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score

from actscore_sk import ActionScoreClassifier, ActionScoreRegressor, TablePreprocessor
from actscore_sk.estimators.default_net import default_net
from benchmarks.common.datasets import read_new_york
from benchmarks.common.noise import choose, uniform
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import Spread, Target, markdown_table

OPTIONS = ("only", "runs")
N_ROWS, N_SEEDS = 110_000, 2
SHORTFALL, SHARE = 0.005, 0.6  # of average precision, and of the time
FEWER_ROWS = {"lr": 2e-3, "batch_size": 1024}


def _flights(target: str) -> tuple[np.ndarray, np.ndarray]:
    table = pd.read_csv(io.BytesIO(read_new_york())).dropna(subset=[target]).sample(N_ROWS, random_state=0)
    column = table.pop(target)
    is_number = column.dtype.kind == "f"
    y = ((column - column.mean()) / column.std()).to_numpy() if is_number else pd.factorize(column)[0]
    return TablePreprocessor().fit_transform(table), y


def _clusters() -> tuple[np.ndarray, np.ndarray]:
    X, y = make_classification(N_ROWS, 60, n_informative=20, n_classes=10, random_state=1)
    return X.astype(np.float32), y


# Name: the table, and the share of wrong targets.
TABLES: dict[str, tuple[Callable[[], tuple[np.ndarray, np.ndarray]], float]] = {
    "origin": (lambda: _flights("origin"), 0.05),
    "origin_fifth": (lambda: _flights("origin"), 0.2),
    "carrier": (lambda: _flights("carrier"), 0.05),
    "arr_delay": (lambda: _flights("arr_delay"), 0.05),
    "clusters": (_clusters, 0.05),
}


def measure(settings: Settings, record: dict[str, Any]) -> list[Target]:
    """Fit both nets to each table, in turns."""
    names = settings.parts(["carrier"] if settings.quick else list(TABLES))
    lines, targets = [], []
    for name in names:
        load, rate = TABLES[name]
        X, y = load()
        runs: dict[str, list[tuple[float, float]]] = {"as it is": [], "rule for fewer rows": []}
        for seed in settings.seeds(N_SEEDS):
            wrong, noisy = _spoil(y, rate, seed)
            for rule in list(runs)[:: -1 if seed % 2 else 1]:
                runs[rule].append(_find(X, noisy, wrong, seed, is_new=rule == "as it is", quick=settings.quick))
                progress(f"{name}, {rule}: {runs[rule][-1]}")
        record[name] = runs
        new, old = runs.values()
        lines += [
            (f"{name}, {rate:.0%} wrong, {rule}", *(str(Spread.of(each)) for each in zip(*found, strict=True)))
            for rule, found in runs.items()
        ]
        lost = Spread.of([theirs[0] - ours[0] for ours, theirs in zip(new, old, strict=True)])
        share = Spread.of([ours[1] / theirs[1] for ours, theirs in zip(new, old, strict=True)])
        targets += [Target(f"{name}, AP less", lost, SHORTFALL), Target(f"{name}, time", share, SHARE)]
    print(markdown_table(("table, net", "average precision", "processor, s"), lines))
    return targets


def _spoil(y: np.ndarray, rate: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which targets are wrong, and all of them."""
    rng = np.random.default_rng(seed)
    if y.dtype.kind != "f":
        noisy = uniform(y, rate, int(y.max()) + 1, rng)
    else:
        noisy, chosen = y.copy(), choose(len(y), rate, rng)
        noisy[chosen] = y[rng.permutation(chosen)]
    return noisy != y, noisy


def _find(
    X: np.ndarray, y: np.ndarray, wrong: np.ndarray, seed: int, *, is_new: bool, quick: bool
) -> tuple[float, float]:
    """Fit, and return the average precision of the scores, and the seconds of the processor."""
    is_class = y.dtype.kind != "f"
    kind, n_classes = ("classification", int(y.max()) + 1) if is_class else ("regression", 0)
    net = default_net(X, y, None, kind=kind, n_classes=n_classes)
    if not is_new:
        net.set_params(**FEWER_ROWS, module__widths=(net.module__widths[0],) * 2)
    if net.module__dtype is not torch.float32:
        raise AssertionError("the rule for many rows is not in force")
    start = time.process_time()
    estimator = (ActionScoreClassifier if is_class else ActionScoreRegressor)(net, random_state=seed)
    estimator.fit(X, y, epochs=2 if quick else net.max_epochs)
    return average_precision_score(wrong, estimator.action_scores_), time.process_time() - start
