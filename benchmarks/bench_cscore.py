"""Ground truth for difficulty: how every metric ranks samples, against the C-score that a hundred nets give.

    python -m benchmarks cscore                        # ten minutes

The C-score of a sample is the expected share of nets that get it right when they were trained without it (Jiang et
al., ICML 2021): here over 100 random training sets of 70 % of the data, so about 30 nets a sample. A metric comes from
one fit on all data, with the same net, ten seeds; what is printed is Spearman's rank correlation with 1 - C-score. Most
samples are always right, and tie. "nets: one half against the other" correlates C-scores of 50 nets each, which says
how well so few nets know them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from scipy.stats import spearmanr
from torch import nn

from benchmarks.common.datasets import LOADERS, Table, is_here
from benchmarks.common.dynamics import difficulties, fit_all
from benchmarks.common.intervals import Interval
from benchmarks.common.nets import make_net, perceptron, strided_cnn
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import markdown_table

OPTIONS = ("jobs", "only")

N_NETS, QUICK_NETS, SHARE = 100, 20, 0.7
N_SEEDS, QUICK_SEEDS = 10, 2


@dataclass(frozen=True)
class Case:
    """The net, and how it is trained."""

    module: Callable[[], nn.Module]
    epochs: int
    lr: float

    def net(self) -> Any:
        """Build it."""
        return make_net(self.module, lr=self.lr, max_epochs=self.epochs)


CASES = {
    "digits": Case(partial(perceptron, 64, 10), 20, 0.005),
    "mnist 5k": Case(strided_cnn, 10, 0.002),
}


def one_net(case: Case, table: Table, seed: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Train on a random part; give which samples were left out, and which of all samples are right."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    order = np.random.default_rng(seed).permutation(len(table.y))
    part = order[: round(SHARE * len(order))]
    net = case.net().fit(table.X[part], table.y[part])
    is_out = np.ones(len(table.y), dtype=bool)
    is_out[part] = False
    return is_out, net.predict(table.X) == table.y


def c_scores(nets: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Share of the nets without the sample that get it right, (n_samples,); NaN = all had it."""
    is_out, is_right = (np.array(each) for each in zip(*nets, strict=True))
    with np.errstate(invalid="ignore"):
        return (is_out & is_right).sum(0) / is_out.sum(0)


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation, over samples that both know."""
    known = ~(np.isnan(a) | np.isnan(b))
    return float(spearmanr(a[known], b[known]).statistic)


def metrics_of(case: Case, table: Table, seed: int, threads: int) -> dict[str, np.ndarray]:
    """Return every metric of one fit."""
    torch.set_num_threads(threads)
    return difficulties(fit_all(case.net(), table.X, table.y, seed))


def run_case(name: str, settings: Settings) -> dict[str, list[float]]:
    """Correlate each metric with the C-score, seed by seed."""
    case, table = CASES[name], LOADERS[name]()
    parallel, n_nets = Parallel(settings.jobs), QUICK_NETS if settings.quick else N_NETS
    nets = list(parallel(delayed(one_net)(case, table, seed, settings.threads) for seed in range(n_nets)))
    progress(f"{name}: {n_nets} nets")
    hardness, half = 1 - c_scores(nets), n_nets // 2
    seeds = settings.seeds(N_SEEDS, QUICK_SEEDS)
    fits = parallel(delayed(metrics_of)(case, table, 1000 + seed, settings.threads) for seed in seeds)
    found: dict[str, list[float]] = {}
    for scores in fits:
        for metric, values in scores.items():
            found.setdefault(metric, []).append(agreement(values, hardness))
    print(f"\n## {name}: {len(table.y):,} samples, mean C-score {1 - np.nanmean(hardness):.3f}\n")
    lines = [(metric, str(Interval.of(values, 3))) for metric, values in found.items()]
    lines.append(("nets: one half against the other", f"{agreement(c_scores(nets[:half]), c_scores(nets[half:])):.3f}"))
    print(markdown_table(("metric", "rank correlation with 1 - C-score"), lines))
    return found


def measure(settings: Settings, record: dict[str, Any]) -> list[Any]:
    """Run the data sets that are here."""
    for name in settings.parts(list(CASES)):
        if is_here(name) and not (settings.quick and name != "digits"):
            record[name] = run_case(name, settings)
    return []
