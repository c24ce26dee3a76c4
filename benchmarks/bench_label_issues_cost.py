"""What a decision about labels costs: the fits behind it, against a fit without and the five fits of cleanlab.

    python -m benchmarks label_issues_cost             # ten minutes
    python -m benchmarks label_issues_cost --clock cpu

Timed is all of a fit of the default net, and `label_issues()`. "five folds" are five fits of the same net by skorch
alone, each on four fifths of the rows, with the probabilities of the rest: what cleanlab is given, and no more.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from actscore_sk import ActionScoreClassifier
from actscore_sk.estimators.default_net import default_net
from benchmarks.common.record import Settings
from benchmarks.common.timing import Target, interleave, paired_ratio, timing_table

OPTIONS = ("clock", "only")
# rows, features, classes
CASES = {"small": (600, 16, 4), "medium": (4_000, 16, 4), "wide": (1_800, 64, 10), "large": (20_000, 16, 4)}
TIMINGS, QUICK_TIMINGS = 7, 1
PLAIN, ONE, TWO, AUTO, FOLDS = "no decision", "refit=False", "refit=True", 'refit="auto"', "five folds"
LIMITS = {"small": 1.7, "medium": 1.7, "wide": 1.7, "large": 1.1}


def judge(X: np.ndarray, y: np.ndarray, **options: Any) -> ActionScoreClassifier:
    """Fit the default net, and decide."""
    judge_of_labels = ActionScoreClassifier(store_probabilities=True, random_state=0, **options).fit(X, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "only .* rows were held out|wrong labels and hard rows")
        judge_of_labels.label_issues()
    return judge_of_labels


def fit_folds(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return what five nets say of rows that they have not seen."""
    net = default_net(X, y, None, kind="classification", n_classes=int(y.max()) + 1)
    torch.manual_seed(0)
    return cross_val_predict(clone(net), X, y, cv=StratifiedKFold(5), method="predict_proba")


def measure(settings: Settings, record: dict[str, Any]) -> list[Target]:
    """Time each case, and print how many nets each kind of fit has trained."""
    targets = []
    for name in settings.parts(list(CASES)[:1] if settings.quick else list(CASES)):
        n_samples, n_features, n_classes = CASES[name]
        X = np.random.default_rng(0).normal(size=(n_samples, n_features))
        y = X[:, :n_classes].argmax(axis=1)
        rows: dict[str, Callable[[], Any]] = {
            PLAIN: partial(ActionScoreClassifier(random_state=0).fit, X, y),
            ONE: partial(judge, X, y, refit=False),
            TWO: partial(judge, X, y, refit=True),
            AUTO: partial(judge, X, y),
            FOLDS: partial(fit_folds, X, y),
        }
        repeats = QUICK_TIMINGS if settings.quick else TIMINGS
        seconds, found = interleave(rows, repeats=repeats, device="cpu", clock=settings.clock)
        nets = len(getattr(found[AUTO], "estimators_", ())) or 1 + found[AUTO].refit_
        print(f"\n## {name}: {n_samples:,} x {n_features}, {n_classes} classes; {AUTO} trains {nets} nets\n")
        print(timing_table(seconds, PLAIN, found[PLAIN].n_epochs_))
        record[name] = {"seconds": seconds, "nets": nets}
        targets.append(Target(f"{name}: time of a decision / none", paired_ratio(seconds, AUTO, PLAIN), LIMITS[name]))
        targets.append(Target(f"{name}: time of a decision / five folds", paired_ratio(seconds, AUTO, FOLDS), 0.5))
    return targets
