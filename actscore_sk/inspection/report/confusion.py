"""Which labels were given, and which are suggested instead: a matrix of counts whose cells choose rows."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from actscore_sk.inspection.report.cells import as_text
from actscore_sk.inspection.report.labels import LabelFindings
from actscore_sk.inspection.report.views import view_of

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 15  # rows and columns of the matrix


class Confusion(NamedTuple):
    """Counts of labels that look wrong.

    Parameters
    ----------
    suggested : list of str
        Heads of the columns.
    rows : list of (str, list of (int, str, int))
        Given label, and for each suggested one the count, the view of these rows, and a shade from 0 to 4.
    n_shown, n_issues : int
        Labels that look wrong: in the matrix, and in all.
    """

    suggested: list[str]
    rows: list[tuple[str, list[tuple[int, str, int]]]]
    n_shown: int
    n_issues: int


def count_pairs(target: "pd.Series | None", labels: LabelFindings | None) -> Confusion | None:
    """Count given against suggested labels, of those that look wrong.

    Parameters
    ----------
    target : Series (n_samples,) or None
        Given labels.
    labels : LabelFindings or None
        What is known of them.

    Returns
    -------
    confusion : Confusion or None
        Of the classes with most of these labels, at most 15 on either side; None if no label looks wrong.
    """
    if target is None or labels is None or not labels.is_issue.any():
        return None
    given = target.map(str).to_numpy()[labels.is_issue]
    suggested = np.array([str(label) for label in labels.suggested[labels.is_issue]], dtype=object)
    rows, columns = _most_frequent(given), _most_frequent(suggested)
    counts = np.array([[int(((given == row) & (suggested == column)).sum()) for column in columns] for row in rows])
    shades = np.ceil(4 * counts / counts.max()).astype(int)
    cells = [
        (
            as_text(row, 40),
            [
                (int(count), view_of({"target": row, "suggested_label": column}, suspects=True), int(shade))
                for column, count, shade in zip(columns, counts[i], shades[i], strict=True)
            ],
        )
        for i, row in enumerate(rows)
    ]
    return Confusion([as_text(column, 40) for column in columns], cells, int(counts.sum()), len(given))


def _most_frequent(labels: np.ndarray) -> list[str]:
    """Return the classes with most labels, in the order of their names, numbers by size."""
    names, counts = np.unique(labels.astype(str), return_counts=True)
    kept = names[np.argsort(-counts, kind="stable")[:MOST_CLASSES]]
    return sorted(kept.tolist(), key=lambda name: (0, float(name), name) if _is_number(name) else (1, 0.0, name))


def _is_number(name: str) -> bool:
    try:
        return bool(np.isfinite(float(name)))
    except ValueError:
        return False
