"""How well scores find what was made wrong: rankings of samples, over seeds and kinds of fault."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.common.intervals import Claim, Interval
from benchmarks.common.timing import markdown_table

ACTION, LAST, RANDOM = "action score", "loss of the last epoch", "random"
ANY = "any"  # kind of fault


def precision_at_errors(is_wrong: np.ndarray, scores: np.ndarray) -> float:
    """Share of wrong samples among the hardest, as many as are wrong; ties are split evenly.

    >>> precision_at_errors(np.array([True, False, True]), np.array([2.0, 1.0, 1.0]))
    0.75
    """
    n_wrong = int(is_wrong.sum())
    edge = np.sort(scores)[-n_wrong]
    above, tied = scores > edge, scores == edge
    places = n_wrong - int(above.sum())
    return float((is_wrong[above].sum() + places * is_wrong[tied].mean()) / n_wrong)


Judge = Callable[[np.ndarray, np.ndarray], float]
JUDGES: dict[str, Judge] = {
    "average precision": average_precision_score,
    "area under the ROC curve": roc_auc_score,
    "precision at the number of errors": precision_at_errors,
}
AP, AUROC, PRECISION = JUDGES


class Rankings:
    """Quality of each score for each kind of fault, one number a seed, by each judge."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, dict[str, list[float]]]] = {judge: {} for judge in JUDGES}  # judge, kind, score

    def add(self, kind: str, is_wrong: np.ndarray, scores: Mapping[str, np.ndarray]) -> None:
        """Rank samples by each of the scores (n_samples,), higher = more suspicious."""
        for judge, by in JUDGES.items():
            for name, values in scores.items():
                scored = self.found[judge].setdefault(kind, {}).setdefault(name, [])
                scored.append(float(by(is_wrong, values)))

    def add_kinds(self, faults: np.ndarray, clean: str, kinds: Sequence[str], scores: Mapping[str, np.ndarray]) -> None:
        """Hold the samples with each kind of fault against those that are `clean`."""
        for kind in kinds:
            is_asked = (faults == clean) | (faults == kind) | (kind == ANY)
            asked = {name: values[is_asked] for name, values in scores.items()}
            self.add(kind, faults[is_asked] != clean, asked)

    def table(self, judge: str, header: str = "ranked by, higher = more suspicious") -> str:
        """Lay out a line a score, a column a kind; the best mean of each kind is bold."""
        kinds = self.found[judge]
        names = list(dict.fromkeys(name for scores in kinds.values() for name in scores))
        best = {kind: max(float(np.mean(values)) for values in scores.values()) for kind, scores in kinds.items()}
        lines = [(name, *[_cell(scores.get(name), best[kind]) for kind, scores in kinds.items()]) for name in names]
        return markdown_table((header, *kinds), lines)

    def print(self, *judges: str, title: str = "") -> None:
        """Print a table a judge; all of them if none is named."""
        for judge in judges or JUDGES:
            print(f"\n## {title}{judge[0].upper()}{judge[1:]}\n", self.table(judge), sep="\n")

    def gap(self, kind: str, mine: str, other: str, judge: str = AP) -> Interval:
        """Compare two scores seed by seed."""
        scores = self.found[judge][kind]
        return Interval.of_gap(scores[mine], scores[other])

    def claims(self, rows: Sequence[tuple[str, str, str]], where: str = "") -> list[Claim]:
        """Claim that one score finds more than another: kind, mine, other. Rows that were not run claim nothing."""
        known = self.found[AP]
        return [
            Claim(f"{where}{kind}: {mine} above {other}", self.gap(kind, mine, other))
            for kind, mine, other in rows
            if other in known.get(kind, {})
        ]


def score_card(rankings: Sequence[Rankings], mine: str, judge: str = AP) -> str:
    """Count in how many cells (a data set and a kind of fault) the interval says that a score is better, or worse."""
    gaps: dict[str, list[Interval]] = {}
    for found in rankings:
        for kind, scores in found.found[judge].items():
            for other in scores:
                if other != mine:
                    gaps.setdefault(other, []).append(found.gap(kind, mine, other, judge))
    lines = []
    for other, each in gaps.items():
        better, worse = sum(gap.low > 0 for gap in each), sum(gap.high < 0 for gap in each)
        average = f"{np.mean([gap.mean for gap in each]):+.3f}"
        lines.append((other, better, len(each) - better - worse, worse, average))
    return markdown_table((f"{mine} against", "better", "undecided", "worse", "mean difference"), lines)


def _cell(values: list[float] | None, best: float) -> str:
    if values is None:
        return ""
    return f"**{Interval.of(values)}**" if np.mean(values) == best else str(Interval.of(values))
