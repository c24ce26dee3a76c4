"""Which wrong labels boosting and SGD find: scores of one fit against cleanlab's five folds of the same learner.

    python -m benchmarks mislabels_learners            # a quarter of an hour

"trees" are scikit-learn's HistGradientBoosting with its default parameters, 100 rounds of up to 31 leaves at a rate of
0.1; "small trees" have at most 6 leaves and a rate of 0.05. SGD is a logistic regression. Each row of ours is read off
one fit: the sum of the losses after each stage (action score), and the mean margin (AUM). cleanlab's rows are
probabilities of five fits on four fifths each, ranked by its self-confidence or by its normalized margin. Small trees
and AUM were chosen on the first group of tables and on letter, which takes too long for this record, and tried on the
second group when they were fixed. "default net" is the one of ``estimator=None``, by one fit. At most 1,000 rows, one
seed; 20 % alone where there are ten classes. Two classes have no pair noise of their own: the next class is any other
class. A claim's interval is over tables.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from cleanlab.rank import get_label_quality_scores
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from actscore_sk import ActionScoreClassifier
from benchmarks.common.datasets import LOADERS, load_keel
from benchmarks.common.intervals import Claim, Interval
from benchmarks.common.noise import NOISE
from benchmarks.common.ranking import AP, Rankings
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import markdown_table

OPTIONS = ("jobs", "only")

FOUND_ON = ("magic", "satimage", "spambase")
TRIED_ON = ("breast cancer", "digits", "penbased", "phoneme", "ring", "segment", "vehicle")
RATES = (0.05, 0.2, 0.4)
N_SAMPLES, N_SEEDS, N_FOLDS, MANY_CLASSES = 1000, 1, 5, 10

Learner = Callable[[int], Any]
LEARNERS: dict[str, Learner] = {
    "trees": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    "small trees": lambda seed: HistGradientBoostingClassifier(max_leaf_nodes=6, learning_rate=0.05, random_state=seed),
    "SGD": lambda seed: SGDClassifier(loss="log_loss", random_state=seed),
}
OURS = "action score", "AUM"
FOLDS = {"five folds, self-confidence": "self_confidence", "five folds, normalized margin": "normalized_margin"}
CHOSEN, LINEAR = "small trees, AUM", "SGD, AUM"
COST = {**dict.fromkeys(OURS, "1"), **dict.fromkeys(FOLDS, "4")}


def scores_of_net(X: np.ndarray, y: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Rank labels (n_samples,) by one fit of the default net, higher = more suspicious."""
    scorer = ActionScoreClassifier(metrics=("action_score", "aum"), random_state=seed).fit(X, y)
    return {
        "default net, action score": scorer.action_scores_,
        "default net, AUM": -scorer.sample_metrics_["aum"],
    }


def scores_of(learner: Any, X: np.ndarray, y: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Rank labels (n_samples,) by one fit and by five, higher = more suspicious."""
    scorer = ActionScoreClassifier(learner, metrics=("action_score", "aum")).fit(X, y)
    found = {"action score": scorer.action_scores_, "AUM": -scorer.sample_metrics_["aum"]}
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    unseen = cross_val_predict(clone(learner), X, y, cv=folds, method="predict_proba")
    return found | {name: 1 - get_label_quality_scores(y, unseen, method=method) for name, method in FOLDS.items()}


def run_table(name: str, settings: Settings) -> Rankings:
    """Rank the labels of a table by every row, for each kind and rate of noise and each seed."""
    whole, rankings = (LOADERS[name]() if name in LOADERS else load_keel(name)), Rankings()
    is_short = settings.quick or whole.n_classes >= MANY_CLASSES
    for seed in settings.seeds(N_SEEDS):
        for kind, rate in product(NOISE, RATES[1:2] if is_short else RATES):
            if kind == "pair" and whole.n_classes == 2:
                continue
            rng = np.random.default_rng(seed)
            table = whole.take(rng.permutation(len(whole.y))[:N_SAMPLES])
            labels = NOISE[kind](table.y, rate, table.n_classes, rng)
            scores = {
                f"{learner}, {rule}": values
                for learner, make in LEARNERS.items()
                for rule, values in scores_of(make(seed), table.X, labels, seed).items()
            }
            scores |= scores_of_net(table.X, labels, seed)
            rankings.add(f"{kind} {rate:.0%}", labels != table.y, scores)
        progress(f"{name}, seed {seed}")
    return rankings


Cells = dict[tuple[str, str], dict[str, float]]


def cells_of(names: Sequence[str], found: dict[str, Rankings]) -> Cells:
    """Return the average precision of each row by (table, noise), the mean over seeds."""
    return {
        (name, kind): {row: float(np.mean(values)) for row, values in rows.items()}
        for name in names
        if name in found
        for kind, rows in found[name].found[AP].items()
    }


def print_means(title: str, cells: Cells) -> None:
    """Print a line per row: the mean over all cells, and over those of each rate."""
    if not cells:
        return
    rows = next(iter(cells.values()))
    kinds = list(dict.fromkeys(kind for _, kind in cells))
    lines = []
    for row in rows:
        means = [np.mean([cell[row] for (_, kind), cell in cells.items() if kind == each]) for each in kinds]
        every = np.mean([cell[row] for cell in cells.values()])
        lines.append((row, COST[row.split(", ", 1)[1]], f"{every:.3f}", *[f"{mean:.3f}" for mean in means]))
    print(f"\n## {title}: average precision, mean over {len(cells)} cells\n")
    print(markdown_table(("ranked by", "trainings", "all", *kinds), lines))


def rivals_of(row: str) -> list[str]:
    """Name the rows of five folds of the same learner, and of scikit-learn's default trees."""
    learner = row.split(", ")[0]
    return [f"{each}, {rule}" for each in dict.fromkeys((learner, "trees")) for rule in FOLDS]


def claims_of(title: str, cells: Cells) -> list[Claim]:
    """Claim that AUM is above five folds, on average over the cells of a table, tables being the repetitions."""
    names = list(dict.fromkeys(name for name, _ in cells))

    def by_table(row: str) -> list[float]:
        return [float(np.mean([cell[row] for (name, _), cell in cells.items() if name == each])) for each in names]

    return [
        Claim(f"{title}: {mine} above {rival}", Interval.of_gap(by_table(mine), by_table(rival), digits=3))
        for mine in (CHOSEN, LINEAR)
        for rival in rivals_of(mine)
        if names and (mine == CHOSEN or rival.startswith("SGD"))
    ]


def print_lost(mine: str, cells: Cells) -> None:
    """Print every cell in which five folds of the same learner, by the better of two rules, find more."""
    lines = []
    for (name, kind), cell in cells.items():
        best = max(cell[rival] for rival in rivals_of(mine)[: len(FOLDS)])
        if best > cell[mine]:
            lines.append((f"{name}, {kind}", f"{cell[mine]:.3f}", f"{best:.3f}"))
    print(f"\n## Cells that {mine} loses to the better of its five folds: {len(lines)} of {len(cells)}\n")
    if lines:
        print(markdown_table(("table, noise", mine, "five folds"), lines))


def measure(settings: Settings, record: dict[str, Any]) -> list[Claim]:
    """Run the tables."""
    names = settings.parts([*FOUND_ON, *TRIED_ON])
    if settings.quick:
        names = [name for name in names if name in ("breast cancer", "spambase")]
    rankings = Parallel(settings.jobs)(delayed(partial(run_table, settings=settings))(name) for name in names)
    found = dict(zip(names, rankings, strict=True))
    groups = {"Found on": cells_of(FOUND_ON, found), "Tried on": cells_of(TRIED_ON, found)}
    for title, cells in groups.items():
        print_means(f"{title} {', '.join(dict.fromkeys(name for name, _ in cells))}", cells)
    for mine in (CHOSEN, LINEAR):
        print_lost(mine, {place: cell for cells in groups.values() for place, cell in cells.items()})
    record["tables"] = {name: each.found for name, each in found.items()}
    return [claim for title, cells in groups.items() for claim in claims_of(title, cells)]
