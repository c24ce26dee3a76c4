"""What several seeds in one fit cost, and what they bring: `n_repeats` of 2, 3 and 5 against one.

    python -m benchmarks repeats                       # about ten minutes
    python -m benchmarks repeats --only time --device cuda

Timed is all of a fit of the default net. "fits" are single fits with the same seeds, one after another. Scores of each
repeat are compared with those of the single fit. The targets are for the first case, whose batches have 64 samples.

Quality: average precision of labels made wrong, and Spearman's rank correlation of scores of disjoint sets of seeds.
All sets of one table and draw of the noise come from one fit with ten seeds; intervals are over tables.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

from actscore_sk import ActionScoreClassifier
from actscore_sk.estimators.default_net import default_net
from benchmarks.common.datasets import KEEL, Table, load_keel
from benchmarks.common.intervals import Claim, Interval
from benchmarks.common.noise import NOISE
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import Target, interleave, markdown_table, paired_ratio, timing_table

OPTIONS = ("device", "clock", "only")
PARTS = ("time", "quality")

REPEATS = (1, 2, 3, 5)
MOST = max(REPEATS)
LIMITS = {"cpu": 2.0, "cuda": 1.5}  # of the time of one, for five
# rows, features, classes
CASES = {
    "batches of 64": (1000, 16, 2),
    "batches of 64, narrow": (1000, 8, 3),
    "batches of 64, wide": (1000, 32, 5),
    "batches of 256": (4096, 16, 2),
    "one batch": (250, 16, 2),
}
TIMINGS, QUICK_TIMINGS = 15, 5
TOLERANCE = 1e-5

TABLES = ("banana", "phoneme", "vehicle", "segment", "satimage", "spambase", "ring", "vowel", "penbased", "magic")
QUICK_TABLES = ("vehicle", "segment")
N_SEEDS, N_DRAWS, MOST_ROWS, SHARE = 10, 3, 1000, 0.2


# -- time --------------------------------------------------------------------------------------------------------


def fit(X: np.ndarray, y: np.ndarray, n_repeats: int, device: str, seed: int = 0) -> ActionScoreClassifier:
    """Fit the default net."""
    net = default_net(X, y, None, kind="classification", n_classes=int(y.max()) + 1).set_params(device=device)
    return ActionScoreClassifier(net, n_repeats=n_repeats, random_state=seed).fit(X, y)


def fit_in_turn(X: np.ndarray, y: np.ndarray, seeds: Sequence[int], device: str) -> list[np.ndarray]:
    """Fit once for each seed; give the scores."""
    return [fit(X, y, 1, device, seed).action_scores_ for seed in seeds]


def time_case(name: str, settings: Settings) -> tuple[dict[str, Any], list[Any]]:
    """Time one case, print its table, and compare scores."""
    n_samples, n_features, n_classes = CASES[name]
    X = np.random.default_rng(0).normal(size=(n_samples, n_features))
    y = X[:, :n_classes].argmax(axis=1)
    seeds = fit(X, y, MOST, settings.device).repeat_seeds_.tolist()
    names = {n: "one seed" if n == 1 else f"{n} seeds" for n in REPEATS}
    rows: dict[str, Callable[[], Any]] = {name: partial(fit, X, y, n, settings.device) for n, name in names.items()}
    rows[f"{MOST} fits"] = partial(fit_in_turn, X, y, seeds, settings.device)
    repeats = QUICK_TIMINGS if settings.quick else TIMINGS
    seconds, results = interleave(rows, repeats=repeats, device=settings.device, clock=settings.clock)
    one, most = results["one seed"], results[f"{MOST} seeds"]
    n_steps = sum(len(row["batches"]) for row in one.history_)
    apart = np.max(np.abs(most.repeat_scores_ / np.array(results[f"{MOST} fits"]) - 1))
    width = most.estimator_.module_.layers[0].out_features
    print(f"\n## {name}: {n_samples:,} x {n_features}, hidden layers of {width}, {n_steps} steps\n")
    print(timing_table(seconds, "one seed", n_steps))
    print(f"\nLargest difference from the scores of single fits, as a share: {apart:.1e}")
    targets: list[Any] = []
    if name == next(iter(CASES)):
        ratio = paired_ratio(seconds, f"{MOST} seeds", "one seed")
        targets.append(Target(f"{name}: time of {MOST} seeds / one", ratio, LIMITS[settings.device]))
    claim = f"{name}: scores of {MOST} seeds, difference from single fits / {TOLERANCE:g}"
    targets.append(Target(claim, paired_ratio({"a": [apart], "b": [TOLERANCE]}, "a", "b"), 1.0))
    return {"seconds": seconds, "apart": apart}, targets


# -- quality -----------------------------------------------------------------------------------------------------


Cells = dict[str, list[dict[str, dict[int, float]]]]  # by table and noise, one entry per draw


def averaged(scores: np.ndarray, n: int) -> np.ndarray:
    """Mean scores (n_sets, n_samples) of disjoint sets of n seeds.

    >>> averaged(np.array([[1.0], [3.0], [4.0], [6.0], [9.0]]), 2)
    array([[2.],
           [5.]])
    """
    n_sets = len(scores) // n
    return scores[: n * n_sets].reshape(n_sets, n, -1).mean(axis=1)


def measure_cell(table: Table, noise: str, draw: int) -> dict[str, dict[int, float]]:
    """Fit one table under one draw of the noise; give both measures for each number of seeds."""
    rng = np.random.default_rng(draw)
    table = table.take(rng.permutation(len(table.y))[:MOST_ROWS])
    y = NOISE[noise](table.y, SHARE, table.n_classes, rng)
    scores = ActionScoreClassifier(n_repeats=N_SEEDS, random_state=draw).fit(table.X, y).repeat_scores_
    precision, stability = {}, {}
    for n in REPEATS:
        sets = averaged(scores, n)
        precision[n] = float(np.mean([average_precision_score(y != table.y, mean) for mean in sets]))
        stability[n] = float(np.mean([spearmanr(*pair).statistic for pair in pairwise(sets)]))
    return {"average precision": precision, "rank correlation": stability}


def measure_quality(settings: Settings) -> tuple[dict[str, Any], list[Any]]:
    """Compare numbers of seeds on tables that are here."""
    KEEL.path()  # says how to get it
    names = QUICK_TABLES if settings.quick else TABLES
    draws = range(1 if settings.quick else N_DRAWS)
    cells: Cells = {}
    for name in names:
        table = load_keel(name)
        for noise in NOISE if table.n_classes > 2 else ("uniform",):  # of two classes the other one is the next one
            cells[f"{name}, {noise}"] = [measure_cell(table, noise, draw) for draw in draws]
        progress(name)
    return cells, report_quality(cells)


def report_quality(cells: Cells) -> list[Any]:
    """Print tables of both measures; intervals are over tables, whose kinds of noise and draws are averaged."""
    claims: list[Any] = []
    names = list(dict.fromkeys(name.split(",")[0] for name in cells))
    for measure_name in ("average precision", "rank correlation"):
        means = {
            cell: {n: float(np.mean([draw[measure_name][n] for draw in draws])) for n in REPEATS}
            for cell, draws in cells.items()
        }
        found = {
            n: [
                float(np.mean([mean[n] for cell, mean in means.items() if cell.split(",")[0] == name]))
                for name in names
            ]
            for n in REPEATS
        }
        print(f"\n## {measure_name.capitalize()}, {len(names)} tables, {SHARE:.0%} of the labels wrong\n")
        lines = [(n, Interval.of(found[n], 3), Interval.of_gap(found[n], found[1], 3)) for n in REPEATS]
        print(markdown_table(("seeds", "mean", "against one seed"), lines))
        claims += [
            Claim(f"{measure_name}: {n} seeds above one", Interval.of_gap(found[n], found[1], 3)) for n in REPEATS[1:]
        ]
        by_cell = [(cell, *[f"{mean[n]:.3f}" for n in REPEATS]) for cell, mean in means.items()]
        print("\n" + markdown_table(("table, noise", *map(str, REPEATS)), by_cell))
    return claims


def measure(settings: Settings, record: dict[str, Any]) -> list[Any]:
    """Run both parts."""
    parts, claims = settings.parts(list(PARTS)), []
    if "time" in parts:
        for name in CASES:
            record[name], found = time_case(name, settings)
            claims += found
    if "quality" in parts and settings.device == "cpu":
        record["quality"], found = measure_quality(settings)
        claims += found
    return claims
