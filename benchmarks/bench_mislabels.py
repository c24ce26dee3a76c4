"""Which wrong labels are found: action scores, the field's other metrics and the peers' own packages, side by side.

    python -m benchmarks mislabels                     # about an hour
    python -m benchmarks mislabels --only digits,cost

A seed is a draw of samples, of wrong labels, and the start of the net. "uniform": any other class; "pair": the next
one. CIFAR-10N has labels that people gave: 9 % ("aggre"), 17 % ("random1") and 40 % ("worse") of them are wrong. All
rows of our own metrics and of the last epoch's loss come from one fit. cleanlab's are out of fold, five fits. Nets,
rates and numbers of epochs are ordinary ones, and were not changed after rows were compared; that small data are learnt
by heart is a part of the question. The part `cost` counts and times what each method needs, on Fashion-MNIST, or on
digits with `--quick`. Data sets run side by side in as many processes as `--jobs`; costs are measured alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import nn

from benchmarks.common.datasets import LOADERS, Table, is_here
from benchmarks.common.intervals import Claim
from benchmarks.common.methods import ACTION, AUTO, METHODS, Runs
from benchmarks.common.nets import make_net, perceptron, strided_cnn
from benchmarks.common.noise import NOISE
from benchmarks.common.ranking import Rankings, score_card
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import Seconds, forget_peak, in_fresh_process, markdown_table, paired_ratio, peak_bytes

OPTIONS = ("jobs", "only")

RATES = (0.05, 0.1, 0.2, 0.4)
N_SEEDS, N_IMAGE_SEEDS = 10, 3
COST_REPEATS, QUICK_REPEATS = 3, 1


@dataclass(frozen=True)
class Case:
    """How much of a data set, and the net."""

    n_samples: int
    module: Callable[[], nn.Module]
    epochs: int
    n_seeds: int = N_SEEDS
    lr: float = 0.005
    batch_size: int = 64


CASES = {
    "digits": Case(1797, partial(perceptron, 64, 10), 20),
    "breast cancer": Case(569, partial(perceptron, 30, 2), 20),
    "magic": Case(4000, partial(perceptron, 10, 2), 20),
    "penbased": Case(4000, partial(perceptron, 16, 10), 20),
    "fashion": Case(5000, strided_cnn, 12, N_IMAGE_SEEDS, 0.002),
    "20newsgroups": Case(5000, partial(perceptron, 300, 20), 10, N_IMAGE_SEEDS, 0.002),
    "cifar10n": Case(10_000, partial(perceptron, 1280, 10), 8, N_IMAGE_SEEDS, 0.0005, 128),
}


def make_runs(case: Case, table: Table, labels: np.ndarray, seed: int) -> Runs:
    """Return the trainings on labels, some of them wrong."""
    net = make_net(case.module, lr=case.lr, batch_size=case.batch_size, max_epochs=case.epochs)
    return Runs(net, table.X, labels, int((labels != table.y).sum()), seed)


def labels_of(table: Table, rng: np.random.Generator, rates: tuple[float, ...]) -> dict[str, np.ndarray]:
    """Return the labels to train on, by the kind of noise: those of people if there are any, or drawn."""
    if table.given is not None:
        return table.given
    return {
        f"{kind} {rate:.0%}": NOISE[kind](table.y, rate, table.n_classes, rng) for kind, rate in product(NOISE, rates)
    }


def run_case(name: str, settings: Settings) -> Rankings:
    """Rank by every method, for every seed and kind of noise."""
    torch.set_num_threads(settings.threads)
    case, whole, rankings = CASES[name], LOADERS[name](), Rankings()
    for seed in settings.seeds(case.n_seeds):
        rng = np.random.default_rng(seed)
        table = whole.take(rng.permutation(len(whole.y))[: case.n_samples])
        for kind, labels in labels_of(table, rng, RATES[2:3] if settings.quick else RATES).items():
            runs = make_runs(case, table, labels, seed)
            rankings.add(kind, labels != table.y, {method: rule.read(runs) for method, rule in METHODS.items()})
        progress(f"{name}, seed {seed}")
    return rankings


def measure_peak(name: str, run: str, threads: int) -> int:
    """Make one run in this process; give its peak over what was there before, in bytes."""
    torch.set_num_threads(threads)
    case = CASES[name]
    table = LOADERS[name]().take(np.arange(case.n_samples))
    labels = NOISE["uniform"](table.y, 0.2, table.n_classes, np.random.default_rng(0))
    runs, before = make_runs(case, table, labels, 0), forget_peak()
    getattr(runs, run)
    return peak_bytes("cpu") - before


def run_cost(settings: Settings, record: dict[str, Any]) -> None:
    """Count and time what each method needs, in turns."""
    name = "digits" if settings.quick or not is_here("fashion") else "fashion"
    case = CASES[name]
    table = LOADERS[name]().take(np.arange(case.n_samples))
    seconds: Seconds = {}
    for seed in range(QUICK_REPEATS if settings.quick else COST_REPEATS):
        labels = NOISE["uniform"](table.y, 0.2, table.n_classes, np.random.default_rng(seed))
        runs = make_runs(case, table, labels, seed)
        runs.plain  # noqa: B018 - made and timed by being asked for
        for rule in METHODS.values():
            rule.read(runs)
        for run, spent in runs.seconds.items():
            seconds.setdefault(run, []).append(spent)
    print(f"\n## Cost on {name}, {case.n_samples:,} samples, {case.epochs} epochs, in units of one plain skorch fit\n")
    measured = ["plain", "training"] if settings.quick else list(seconds)
    peaks = {run: in_fresh_process(measure_peak, name, run, settings.threads) for run in measured}
    lines = []
    for method, rule in METHODS.items():
        ratio = paired_ratio(seconds, rule.run, "plain") if rule.run else ""
        peak = f"{peaks[rule.run] / 1e6:.0f}" if rule.run in peaks else ""
        lines.append((method, f"{rule.fits:g}", rule.passes, ratio, peak))
    print(markdown_table(("method", "trainings", "forward passes beside", "time, x plain fit", "memory, MB"), lines))
    print("\nMemory: peak of a process of its own over what it held before the run, libraries that load late included;")
    print(f"of plain skorch {peaks['plain'] / 1e6:.0f} MB.")
    record["cost"] = {"seconds": seconds, "peak_bytes": peaks}


def measure(settings: Settings, record: dict[str, Any]) -> list[Claim]:
    """Run the data sets that are here."""
    parts = settings.parts([*CASES, "cost"])
    names = [name for name in CASES if name in parts and is_here(name) and not (settings.quick and name != "digits")]
    found = Parallel(settings.jobs)(delayed(run_case)(name, settings) for name in reversed(names))[::-1]
    if found:
        print("\n## In how many cells, by average precision\n")
        for mine in (ACTION, AUTO):
            print(score_card(found, mine), "", sep="\n")
    for name, rankings in zip(names, found, strict=True):
        rankings.print(title=f"{name}: ")
        record[name] = rankings.found
    if "cost" in parts:
        run_cost(settings, record)
    return []
