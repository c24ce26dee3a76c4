"""How stable a ranking by difficulty is: other seeds, other nets, other batch sizes, another way of recording.

    python -m benchmarks stability                     # five minutes

Spearman's rank correlation of the scores of two fits on the same data, of which one thing was changed, and all of them
with another seed. "accumulated" is the action score, "snapshot" the loss of the last epoch. The last row keeps the
seed, and compares losses at presentation with losses after each epoch.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from scipy.stats import spearmanr
from torch import nn

from benchmarks.common.datasets import LOADERS, Table, is_here
from benchmarks.common.dynamics import LAST_LOSS, difficulties, fit_all
from benchmarks.common.intervals import Interval
from benchmarks.common.nets import make_net, perceptron, strided_cnn
from benchmarks.common.noise import uniform
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import markdown_table

OPTIONS = ("jobs", "only")

N_SEEDS, QUICK_SEEDS = 6, 2
NOISE = 0.1
SHOWN = {"action_score": "accumulated", LAST_LOSS: "snapshot", "aum": "AUM", "el2n": "EL2N"}
BASE, SAME = "seed alone", "recording after each epoch, same seed"
CASES: dict[str, tuple[int, dict[str, Callable[[], nn.Module]], dict[str, Any]]] = {
    "digits": (
        1797,
        {"": partial(perceptron, 64, 10), "width 32": partial(perceptron, 64, 10, 32)},
        {"lr": 0.005, "max_epochs": 20},
    ),
    "fashion": (
        5000,
        {"": strided_cnn, "perceptron": partial(perceptron, 784, 10)},
        {"lr": 0.002, "max_epochs": 10},
    ),
}


def score(
    table: Table, y: np.ndarray, module: Callable[[], nn.Module], seed: int, options: dict[str, Any], **other: Any
) -> dict[str, np.ndarray]:
    """Fit once; give every metric."""
    torch.set_num_threads(1)
    return difficulties(fit_all(make_net(module, **options), table.X, y, seed, **other))


def run_case(name: str, settings: Settings) -> dict[str, dict[str, list[float]]]:
    """Compare fits in pairs: seed s as it is with seed s + 1 changed."""
    n_samples, modules, options = CASES[name]
    table = LOADERS[name]()
    table = table.take(np.random.default_rng(0).permutation(len(table.y))[:n_samples])
    y = uniform(table.y, NOISE, table.n_classes, np.random.default_rng(0))
    base, *others = modules
    changes: dict[str, tuple[Callable[[], nn.Module], dict[str, Any], dict[str, Any]]] = {
        BASE: (modules[base], options, {}),
        **{f"net: {label}": (modules[label], options, {}) for label in others},
        **{f"batch size {size}": (modules[base], options | {"batch_size": size}, {}) for size in (16, 256)},
        SAME: (modules[base], options, {"recording": "epoch_end"}),
    }
    seeds = range(len(settings.seeds(N_SEEDS, QUICK_SEEDS)))
    jobs = [(change, seed) for change in changes for seed in seeds]
    fits = Parallel(settings.jobs)(
        delayed(score)(table, y, changes[change][0], seed, changes[change][1], **changes[change][2])
        for change, seed in jobs
    )
    scores = dict(zip(jobs, fits, strict=True))
    progress(name)
    found: dict[str, dict[str, list[float]]] = {}
    for change in changes:
        pairs = [(seed, seed) for seed in seeds] if change == SAME else list(pairwise(seeds))
        for metric in SHOWN:
            found.setdefault(change, {})[metric] = [
                float(spearmanr(scores[BASE, a][metric], scores[change, b][metric]).statistic) for a, b in pairs
            ]
    print(f"\n## {name}: {n_samples:,} samples, {NOISE:.0%} of the labels wrong, {len(seeds)} seeds\n")
    lines = [(change, *[Interval.of(row[metric], 3) for metric in SHOWN]) for change, row in found.items()]
    print(markdown_table(("what differs", *SHOWN.values()), lines))
    return found


def measure(settings: Settings, record: dict[str, Any]) -> list[Any]:
    """Run the data sets that are here."""
    for name in settings.parts(list(CASES)):
        if is_here(name) and not (settings.quick and name != "digits"):
            record[name] = run_case(name, settings)
    return []
