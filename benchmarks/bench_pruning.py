"""Whether acting on difficulty helps: digits with a fifth of the training labels wrong, and as they are.

    python -m benchmarks pruning                       # two minutes

A seed is a split, the flips of labels in its training part, and the start of every net; all rows of a seed share them,
so that differences are paired. The test part is clean. Scores are those of `ActionScoreClassifier()`, one fit a seed.
Intervals are Student's t, 95 %, over seeds; splits overlap, so that they are somewhat too narrow. What a row does was
fixed before any was run, net and shares included. All of it is about two minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreCurriculum,
    ActionScorePruner,
    ResampledClassifier,
    ReweightedClassifier,
)
from actscore_sk.utils.typing import Order
from benchmarks.common.counting import counted, n_fits
from benchmarks.common.datasets import load_small_digits
from benchmarks.common.intervals import Claim, Interval
from benchmarks.common.nets import make_net
from benchmarks.common.noise import uniform
from benchmarks.common.record import Settings
from benchmarks.common.timing import markdown_table

N_SEEDS, QUICK_SEEDS = 10, 3
NOISE = {"20 % of the training labels flipped": 0.2, "clean labels": 0.0}
N_CLASSES = 10
TEST_SIZE = 0.3
SHARES = (5, 10, 20, 30)
AUTO, AUTO_CONTROL = 'threshold="auto"', "random, as many as auto"


@dataclass(frozen=True)
class Data:
    """A split; the labels of the training part may be wrong."""

    X: np.ndarray
    y: np.ndarray
    is_wrong: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def make_data(seed: int, noise: float) -> Data:
    """Split digits, and flip labels of the training part to any other class with equal chance."""
    table = load_small_digits()
    X, X_test, truth, y_test = train_test_split(
        table.X, table.y, test_size=TEST_SIZE, stratify=table.y, random_state=seed
    )
    y = uniform(truth, noise, N_CLASSES, np.random.default_rng(seed))
    return Data(X, y, y != truth, X_test, y_test)


def perceptron() -> torch.nn.Module:
    """Two hidden layers, as in the default net of `ActionScoreClassifier`."""
    first, second = torch.nn.Linear(64, 128), torch.nn.Linear(128, 128)
    return torch.nn.Sequential(first, torch.nn.SiLU(), second, torch.nn.SiLU(), torch.nn.Linear(128, N_CLASSES))


def make_model(shuffle: bool = True) -> ActionScoreClassifier:
    """Build the final net: settings are those of the default net, which cannot be told not to shuffle."""
    return ActionScoreClassifier(make_net(perceptron, iterator_train__shuffle=shuffle))


MODELS: dict[str, Callable[[], BaseEstimator]] = {
    "net": make_model,
    "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
}


def prune(model: BaseEstimator, *, scorer: BaseEstimator, memory: str, **options: Any) -> BaseEstimator:
    """Train on what a pruner leaves."""
    return ResampledClassifier(ActionScorePruner(scorer, memory=memory, **options), model)


def put_in_order(model: BaseEstimator, *, scorer: BaseEstimator, memory: str, order: Order) -> BaseEstimator:
    """Train a net that does not shuffle, whatever the model is, on samples in an order."""
    return ResampledClassifier(ActionScoreCurriculum(scorer, order=order, memory=memory), make_model(shuffle=False))


Row = Callable[..., BaseEstimator]  # of a model, a scorer and the memory
ROWS: dict[str, Row] = {
    "everything": partial(prune, threshold=0.0),
    **{f"hardest {share} %": partial(prune, threshold=share / 100) for share in SHARES},
    "hardest 20 %, class_balanced": partial(prune, threshold=0.2, class_balanced=True),
    "stratified 20 %": partial(prune, threshold=0.2, strategy="stratified"),
    AUTO: partial(prune, threshold="auto"),
    **{f"random {share} %": partial(prune, threshold=share / 100, strategy="random") for share in SHARES},
    "reweighted, easy": partial(ReweightedClassifier, weighting="easy"),
}
NET_ROWS: dict[str, Row] = {
    "order easy_first, no shuffling": partial(put_in_order, order="easy_first"),
    "order random, no shuffling": partial(put_in_order, order="random"),
}
CONTROLS = {f"hardest {share} %": f"random {share} %" for share in SHARES} | {
    "hardest 20 %, class_balanced": "random 20 %",
    "stratified 20 %": "random 20 %",
    AUTO: AUTO_CONTROL,
    "order easy_first, no shuffling": "order random, no shuffling",
}


@dataclass
class Results:
    """What a row reached, one entry a seed: all are shares of 1."""

    accuracy: list[float] = field(default_factory=list)
    dropped: list[float] = field(default_factory=list)
    wrong_left: list[float] = field(default_factory=list)


def evaluate(model: str, noise: float, n_seeds: int, scoring: dict[str, Any]) -> dict[str, Results]:
    """Fit every row on every seed, and note what it reached."""
    rows = ROWS | (NET_ROWS if model == "net" else {})
    results = {name: Results() for name in (*rows, AUTO_CONTROL)}
    for seed in range(n_seeds):
        data = make_data(seed, noise)
        for name, found in results.items():  # the control comes last: it needs to know how many to drop
            row = rows.get(name) or partial(prune, threshold=results[AUTO].dropped[-1], strategy="random")
            fitted = row(MODELS[model](), **scoring).set_params(random_state=seed).fit(data.X, data.y)
            indices = fitted.sampler_.sample_indices_ if hasattr(fitted, "sampler_") else np.arange(len(data.y))
            found.accuracy.append(float(fitted.score(data.X_test, data.y_test)))
            found.dropped.append(1 - len(indices) / len(data.y))
            found.wrong_left.append(float(data.is_wrong[indices].mean()))
    return results


def print_table(results: dict[str, Results]) -> None:
    """Print a line a row."""
    everything, lines = results["everything"].accuracy, []
    for name, found in results.items():
        control = Interval.of_points(found.accuracy, results[CONTROLS[name]].accuracy) if name in CONTROLS else ""
        means = [f"{100 * np.mean(values):.1f}" for values in (found.accuracy, found.dropped, found.wrong_left)]
        lines.append((name, means[0], Interval.of_points(found.accuracy, everything), control, *means[1:]))
    header = (
        "row",
        "accuracy, %",
        "- everything",
        "- random, as many or in order",
        "left out, %",
        "wrong of the rest, %",
    )
    print(markdown_table(header, lines))


def measure(settings: Settings, record: dict[str, Any]) -> list[Claim]:
    """Run every model on wrong and on clean labels."""
    n_seeds = len(settings.seeds(N_SEEDS, QUICK_SEEDS))
    claims: list[Claim] = []
    n_final = 0
    with TemporaryDirectory() as folder:
        log = Path(folder, "fits")
        scoring = {"scorer": counted(ActionScoreClassifier(), log), "memory": str(Path(folder, "kept"))}
        for (label, noise), model in product(NOISE.items(), MODELS):
            print(f"\n## {label}: {model}, {n_seeds} seeds\n")
            record[f"{label}: {model}"] = results = evaluate(model, noise, n_seeds, scoring)
            print_table(results)
            n_final += n_seeds * len(results)
            for other in ("everything", "random 20 %") if noise else ():
                difference = Interval.of_points(results["hardest 20 %"].accuracy, results[other].accuracy)
                claims.append(Claim(f"{model}, noisy digits: hardest 20 % beats {other}", difference))
        print(f"\n{n_final} final fits asked for scores; {n_fits(log)} scoring fits were made")
    return claims
