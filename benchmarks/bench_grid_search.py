"""What a search over pruning thresholds costs if each part of the data is scored once.

    python -m benchmarks grid_search                   # about six minutes, three without magic

10 thresholds x 5 folds are 50 fits of the final model, which no search can spare; scoring should add 5 fits of a net
to them, not 50. Timed is all of a search. "final fits alone" is a loop over samples that were chosen before, and so has
neither scoring nor `GridSearchCV`. The final models have their library's defaults, and cost less than a scoring fit:
with one that costs c scoring fits, a search that wastes nothing takes 1 + 1 / (10 c) times the final fits, so that a
cheaper model is the harder case.
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from imblearn.pipeline import Pipeline
from imblearn.under_sampling import InstanceHardnessThreshold
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from actscore_sk import ActionScoreClassifier, ActionScorePruner
from benchmarks.common.counting import counted, n_fits
from benchmarks.common.datasets import is_here, read_keel
from benchmarks.common.record import Settings
from benchmarks.common.timing import Seconds, Spread, Target, markdown_table, paired_ratio

OPTIONS = ("only",)

SEED = 0
THRESHOLDS = (0.0, 0.02, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
FOLDS, QUICK_FOLDS = 5, 2
TURNS, QUICK_TURNS = 3, 1
SLOW_EVERY = 3  # turns: rows that score for each candidate take three to six times as long as the others
LIMIT = 1.3

ALONE, SCORING = "final fits alone", "scoring fits alone, one a fold"
MEMORY, NO_MEMORY, WORKERS = "search, memory", "search, no memory", "search, memory, n_jobs=2"
HARDNESS = "search, InstanceHardnessThreshold"
SLOW = {NO_MEMORY, HARDNESS}


# A forest on the larger table, and gradient boosting on ten classes, would take ten minutes each.
CASES: dict[str, tuple[Callable[[], tuple[np.ndarray, np.ndarray]], BaseEstimator]] = {
    "digits": (partial(load_digits, return_X_y=True), RandomForestClassifier(random_state=SEED)),
    "magic": (partial(read_keel, "magic"), HistGradientBoostingClassifier(random_state=SEED)),
}


@dataclass(frozen=True)
class Job:
    """A case with its data, its folds, and the samples that each threshold leaves of each fold."""

    X: np.ndarray
    y: np.ndarray
    model: BaseEstimator
    folds: list[tuple[np.ndarray, np.ndarray]]
    kept: list[list[np.ndarray]]


def make_job(name: str, n_folds: int) -> Job:
    """Load the data and choose samples as the search will."""
    load, model = CASES[name]
    X, y = load()
    folds = list(StratifiedKFold(n_folds, shuffle=True, random_state=SEED).split(X, y))
    job = Job(X, y, model, folds, [])
    for (train, _), scores in zip(folds, score_folds(job).values, strict=True):
        pruners = [clone(make_pruner()).set_params(threshold=threshold) for threshold in THRESHOLDS]
        job.kept.append([train[p.fit(X[train], y[train], action_scores=scores).sample_indices_] for p in pruners])
    return job


def make_pruner(scorer: Any = None, memory: str | None = None) -> ActionScorePruner:
    """Build what every row prunes with; balanced as `InstanceHardnessThreshold` is."""
    return ActionScorePruner(scorer, class_balanced=True, memory=memory, random_state=SEED)


@dataclass(frozen=True)
class Outcome:
    """What a row found: test scores (n_candidates, n_folds), or action scores of each fold; and fits made to score."""

    values: Any
    n_scoring_fits: int
    best: dict[str, Any] | None = None


def final_fits(job: Job) -> Outcome:
    """Fit and test the final model on samples chosen before, candidate by candidate."""
    X, y, values = job.X, job.y, []
    for of_fold, (_, test) in zip(job.kept, job.folds, strict=True):
        values.append([clone(job.model).fit(X[kept], y[kept]).score(X[test], y[test]) for kept in of_fold])
    return Outcome(np.transpose(values), 0)


def score_folds(job: Job) -> Outcome:
    """Score each training part once."""
    pruner = make_pruner()
    scores = [pruner.fit(job.X[train], job.y[train]).action_scores_ for train, _ in job.folds]
    return Outcome(scores, len(scores))


def search(job: Job, slot: Any, grid: dict[str, list[Any]], log: Path, **options: Any) -> Outcome:
    """Search with a sampler in front of the final model."""
    pipeline = Pipeline([("slot", slot), ("model", job.model)])
    found = GridSearchCV(pipeline, grid, cv=job.folds, **{"refit": False, "error_score": "raise"} | options)
    found.fit(job.X, job.y)
    values = [found.cv_results_[f"split{i}_test_score"] for i in range(len(job.folds))]
    return Outcome(np.transpose(values), n_fits(log), found.best_params_)


def search_thresholds(job: Job, *, keep: bool, **options: Any) -> Outcome:
    """Search over the threshold, with scoring fits kept in a fresh folder or not kept."""
    with TemporaryDirectory() as folder:
        log = Path(folder, "fits")
        pruner = make_pruner(counted(ActionScoreClassifier(), log), str(Path(folder, "kept")) if keep else None)
        return search(job, pruner, {"slot__threshold": list(THRESHOLDS)}, log, **options)


def search_hardness(job: Job) -> Outcome:
    """Do the same by 1 - probability of the sample's class, cross-validated by imbalanced-learn (its default: 5)."""
    # Fair: the hardness is that for the final model itself, which costs less than our net. The strategy is a function
    # of y that says how many of each class stay, as many as with us, so that the final fits cost the same. A memory of
    # the Pipeline would not help: it knows a step by all of its parameters.
    with TemporaryDirectory() as folder:
        log = Path(folder, "fits")
        slot = InstanceHardnessThreshold(estimator=counted(job.model, log), random_state=SEED)
        return search(job, slot, {"slot__sampling_strategy": [partial(n_kept, share) for share in THRESHOLDS]}, log)


def n_kept(share: float, y: np.ndarray) -> dict[Any, int]:
    """Say how many samples of each class stay if a share goes."""
    labels, counts = np.unique(y, return_counts=True)
    return {label: int(count - np.floor(share * count + 1e-9)) for label, count in zip(labels, counts, strict=True)}


ROWS: dict[str, Callable[[Job], Outcome]] = {
    ALONE: final_fits,
    SCORING: score_folds,
    MEMORY: partial(search_thresholds, keep=True),
    WORKERS: partial(search_thresholds, keep=True, n_jobs=2),
    NO_MEMORY: partial(search_thresholds, keep=False),
    HARDNESS: search_hardness,
}


def count_fits(job: Job, **options: Any) -> int:
    """Count the scoring fits of a search whose final model costs nothing."""
    return search_thresholds(replace(job, model=DummyClassifier()), keep=True, **options).n_scoring_fits


def take_turns(job: Job, rows: list[str], turns: int) -> tuple[Seconds, dict[str, list[Outcome]]]:
    """Time the rows once a turn, every second turn backwards; slow rows in some turns only."""
    count_fits(job, n_jobs=2)  # not timed: starts the workers, and loads what is loaded late
    seconds: Seconds = {row: [] for row in rows}
    outcomes: dict[str, list[Outcome]] = {row: [] for row in rows}
    for turn in range(turns):
        in_turn = [row for row in rows if row not in SLOW or turn % SLOW_EVERY == 0]
        for row in in_turn[:: -1 if turn % 2 else 1]:
            gc.collect()
            start = time.perf_counter()
            outcomes[row].append(ROWS[row](job))
            seconds[row].append(time.perf_counter() - start)
    return seconds, outcomes


def times_alone(seconds: Seconds, row: str) -> Spread:
    """Compare with the final fits of the turns that the row took part in."""
    alone = seconds[ALONE][:: SLOW_EVERY if row in SLOW else 1]
    return paired_ratio({row: seconds[row], ALONE: alone}, row, ALONE)


def print_tables(job: Job, seconds: Seconds, outcomes: Mapping[str, list[Outcome]]) -> None:
    """Print times, fits, what the cache and the search cost by themselves, and whether rows that must agree do."""
    fits = {row: found[0].n_scoring_fits for row, found in outcomes.items()}
    lines = [(row, f"{median(s):.2f}", len(s), times_alone(seconds, row), fits[row]) for row, s in seconds.items()]
    print(markdown_table(("row", "seconds", "turns", f"x {ALONE}: median [min, max]", "fits to score"), lines))
    rest = [b - a - s for a, s, b in zip(seconds[ALONE], seconds[SCORING], seconds[MEMORY], strict=True)]
    each = Spread.of([1000 * value / (len(THRESHOLDS) * len(job.folds)) for value in rest])
    print(f"\n'{MEMORY}', what is neither a scoring nor a final fit: {each} ms a candidate and fold")
    for row in (NO_MEMORY, WORKERS, ALONE):
        first, other = outcomes[MEMORY][0], outcomes[row][0]
        scores = "identical" if np.array_equal(first.values, other.values) else "DIFFERENT"
        best = "" if other.best is None else f", best {other.best} and {first.best}"
        print(f"'{row}' and '{MEMORY}': test scores {scores}{best}")


def find_targets(name: str, job: Job, seconds: Seconds, outcomes: Mapping[str, list[Outcome]]) -> list[Target]:
    """Hold fits and time against what they should be."""
    n_folds = len(job.folds)
    counts = [(row, n_folds, [outcome.n_scoring_fits for outcome in outcomes[row]]) for row in (MEMORY, WORKERS)]
    counts += [(f"refit=True, n_jobs={n}", n_folds + 1, [count_fits(job, refit=True, n_jobs=n)]) for n in (1, 2)]
    fits = [Target(f"{name}: fits to score, {row}", Spread.of(n), goal, low=goal) for row, goal, n in counts]
    return [*fits, Target(f"{name}: {MEMORY} / {ALONE}", times_alone(seconds, MEMORY), LIMIT)]


def run(name: str, quick: bool, record: dict[str, Any]) -> list[Target]:
    """Run a case and print its tables."""
    print(f"\n## {name}\n")
    job = make_job(name, QUICK_FOLDS if quick else FOLDS)
    rows = [row for row in ROWS if row != HARDNESS or (name == "digits" and not quick)]
    seconds, outcomes = take_turns(job, rows, QUICK_TURNS if quick else TURNS)
    print_tables(job, seconds, outcomes)
    fits = {row: [outcome.n_scoring_fits for outcome in found] for row, found in outcomes.items()}
    record[name] = {"seconds": seconds, "fits_to_score": fits}
    return find_targets(name, job, seconds, outcomes)


def measure(settings: Settings, record: dict[str, Any]) -> list[Target]:
    """Run the cases."""
    record["constants"] = {"seed": SEED, "thresholds": THRESHOLDS}
    names = [
        name for name in settings.parts(list(CASES)) if is_here(name) and not (settings.quick and name != "digits")
    ]
    return [target for name in names for target in run(name, settings.quick, record)]
