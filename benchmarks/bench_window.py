"""How many epochs a score should go over: every window from the first epoch on, and rules that choose one unseen.

    python -m benchmarks window                        # six minutes

A net that trains for long learns wrong labels by heart, and from then on their losses say little. For every t, samples
are ranked by the sum of their losses over epochs 1 to t; the best t is known only to somebody who knows which labels
are wrong. Rules know the losses alone, and those of the fifth of the samples that the net holds out. A rule is judged
by how much area under the ROC curve it loses to the best window. `reduction="auto"` was found on the first group of
tables, and tried on the second one when it was fixed. Nets are perceptrons with two layers of 64, 40 epochs, at most
1,500 rows, three seeds. Two classes have no pair noise of their own: the next class is any other class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score
from skorch.dataset import ValidSplit

from actscore_sk import ActionScoreClassifier
from benchmarks.common.datasets import KEEL, LOADERS, Table, load_keel, scaled
from benchmarks.common.nets import make_net, perceptron
from benchmarks.common.noise import NOISE
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import markdown_table

OPTIONS = ("jobs", "only")

FOUND_ON = ("digits", "breast cancer", "magic", "penbased", "phoneme", "satimage", "spambase")
TRIED_ON = ("german", "mammographic", "optdigits", "pima", "ring", "segment", "texture", "twonorm")
RATES = (0.05, 0.2, 0.4)
N_SEEDS, N_SAMPLES, N_EPOCHS = 3, 1500, 40
WINDOWS = (1, 2, 3, 5, 8, 12, 20, 30, 40)


@dataclass(frozen=True)
class Run:
    """What one fit recorded of the samples it trained on.

    Parameters
    ----------
    losses : ndarray (n_epochs, n_samples)
        Of each sample in each epoch.
    held_out : ndarray (n_epochs,)
        Mean loss of the samples that the net held out.
    auto : ndarray (n_samples,)
        Scores with ``reduction="auto"``.
    is_wrong : ndarray of bool (n_samples,)
        Whether the label was.
    """

    losses: np.ndarray
    held_out: np.ndarray
    auto: np.ndarray
    is_wrong: np.ndarray

    def area(self, scores: np.ndarray) -> float:
        """Area under the ROC curve of scores (n_samples,)."""
        return float(roc_auc_score(self.is_wrong, scores))

    def windows(self) -> np.ndarray:
        """Area of each window (n_epochs,)."""
        return np.array([self.area(scores) for scores in self.losses.cumsum(0)])


def best_epoch(run: Run) -> int:
    """Number of epochs up to the smallest held-out loss."""
    return int(run.held_out.argmin()) + 1


RULES: dict[str, Callable[[Run], np.ndarray]] = {
    "whole run": lambda run: run.losses.sum(0),
    "last epoch alone": lambda run: run.losses[-1],
    "up to the smallest held-out loss": lambda run: run.losses[: best_epoch(run)].sum(0),
    "up to twice that epoch": lambda run: run.losses[: 2 * best_epoch(run)].sum(0),
    'reduction="auto"': lambda run: run.auto,
}


def load(name: str) -> Table:
    """Read a table, scaled."""
    if name not in LOADERS:
        return load_keel(name)
    table = LOADERS[name]()
    return Table(scaled(table.X), table.y)


def fit(table: Table, labels: np.ndarray, seed: int) -> Run:
    """Train on labels, some of them wrong."""
    module = partial(perceptron, table.X.shape[1], table.n_classes, 64)
    split = ValidSplit(5, stratified=True)
    net = make_net(module, lr=0.001, batch_size=32, max_epochs=N_EPOCHS, train_split=split)
    scorer = ActionScoreClassifier(net, reduction="auto", store_trajectories=True, random_state=seed)
    scorer.fit(table.X, labels)
    trained = ~scorer.validation_mask_
    losses, is_wrong = scorer.trajectories_.astype(np.float64), labels != table.y
    return Run(losses[:, trained], losses[:, ~trained].mean(1), scorer.action_scores_[trained], is_wrong[trained])


def run_table(name: str, settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Judge every window and every rule, for each kind and rate of noise and each seed."""
    torch.set_num_threads(settings.threads)
    whole, found = load(name), {}
    for kind, rate in product(NOISE, RATES):
        if kind == "pair" and whole.n_classes == 2:
            continue
        judged = []
        for seed in settings.seeds(N_SEEDS):
            rng = np.random.default_rng(seed)
            table = whole.take(rng.permutation(len(whole.y))[:N_SAMPLES])
            run = fit(table, NOISE[kind](table.y, rate, table.n_classes, rng), seed)
            windows = run.windows()
            lost = {rule: float(windows.max() - run.area(choose(run))) for rule, choose in RULES.items()}
            judged.append({"windows": windows, "lost": lost})
        found[f"{kind} {rate:.0%}"] = judged
    progress(name)
    return found


def print_windows(results: dict[str, Any]) -> None:
    """Print the area of some windows, mean over tables and seeds."""
    lines = []
    for noise in (f"{kind} {rate:.0%}" for kind, rate in product(NOISE, RATES)):
        areas = np.array([each["windows"] for found in results.values() for each in found.get(noise, ())])
        if len(areas):
            best = f"{np.median(areas.argmax(1) + 1):.0f}"
            lines.append(
                (noise, *[f"{areas[:, t - 1].mean():.3f}" for t in WINDOWS], f"{areas.max(1).mean():.3f}", best)
            )
    header = ("noise", *[f"1 to {t}" for t in WINDOWS], "best of each fit", "its t, median")
    print("\n## Area under the ROC curve, by epochs summed: mean over tables and seeds\n")
    print(markdown_table(header, lines))


def print_rules(title: str, results: dict[str, Any]) -> None:
    """Print what each rule loses, by rate."""
    print(f"\n## {title}: area lost to the best window, mean (largest)\n")
    lines = []
    for rule in RULES:
        cells = []
        for rate in (*RATES, None):
            lost = [
                each["lost"][rule]
                for found in results.values()
                for noise, seeds in found.items()
                if rate is None or noise.endswith(f" {rate:.0%}")
                for each in seeds
            ]
            cells.append(f"{np.mean(lost):.4f} ({np.max(lost):.3f})")
        lines.append((rule, *cells))
    print(markdown_table(("rule", *[f"{rate:.0%} wrong" for rate in RATES], "all"), lines))


def measure(settings: Settings, record: dict[str, Any]) -> list[Any]:
    """Run all tables."""
    known = [name for name in (*FOUND_ON, *TRIED_ON) if name in ("digits", "breast cancer") or KEEL.is_here]
    names = settings.parts(known[:2] if settings.quick else known)
    found = Parallel(settings.jobs)(delayed(run_table)(name, settings) for name in names)
    results = dict(zip(names, found, strict=True))
    print_windows(results)
    for title, group in (("Tables that the rule was found on", FOUND_ON), ("Other tables", TRIED_ON)):
        chosen = {name: results[name] for name in group if name in results}
        if chosen:
            print_rules(f"{title}: {', '.join(chosen)}", chosen)
    record["results"] = results
    return []
