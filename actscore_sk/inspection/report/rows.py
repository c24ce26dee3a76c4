"""The table of a page: a row per sample, what to look at first."""

from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.groupings import is_continuous
from actscore_sk.inspection.report.cells import as_text
from actscore_sk.inspection.report.labels import ALL_COLUMNS, LabelFindings
from actscore_sk.inspection.report.tables import Table, make_table
from actscore_sk.inspection.report.targets import as_frame
from actscore_sk.metrics.registry import METRICS
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

FIXED = ("rank", "row", "target", "suggested_label", "wrong_probability", "is_issue", "action_score", "label_rank")
N_WITHOUT_SCRIPT, MOST_WITHOUT_SCRIPT = 20, 12  # rows and columns that a browser without JavaScript shows
HARDEST_LAST = ("rank", "row", "label_rank", *(name for name, metric in METRICS.items() if not metric.higher_is_harder))
OF_PAGE = ("index", "target", "action_score", "is_validation", "given_label", *ALL_COLUMNS)  # of a fit, told apart
HARDEST_FIRST = ("wrong_probability", "is_issue", "n_visits", *METRICS)


def page_rows(
    scores: np.ndarray,
    target: "pd.Series | None",
    held_out: np.ndarray,
    labels: LabelFindings | None,
    columns: dict[str, Any],
    data: Any,
    positions: Any = None,
) -> "pd.DataFrame":
    """Return the table of a page, in the order of the samples.

    Parameters
    ----------
    scores : ndarray of float64 (n_samples,)
        Higher = harder; NaN = no score.
    target : Series (n_samples,) or None
        Classes or numbers.
    held_out : ndarray of bool (n_samples,)
        Samples that were not trained on.
    labels : LabelFindings or None
        What is known of the labels.
    columns : dict of str to array-like (n_samples,)
        Groups and files; those with a name that the table has already are left out.
    data : DataFrame, dict of columns or None
        More to show.
    positions : array-like of int (n_samples,), optional
        Where each sample is in the user's table; None: where it is in `scores`.

    Returns
    -------
    rows : DataFrame
        ``rank``, ``row`` (its position), target, what is known of the labels, score, and the others, whose names may be
        the same.
    """
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    rank = pandas.Series(scores).rank(method="first", ascending=False).astype("Int64")
    rows = pandas.DataFrame({"rank": rank, "row": np.arange(len(scores)) if positions is None else positions})
    if target is not None:
        rows["target"] = target if is_continuous(target) else target.map(str, na_action="ignore").astype(object)
    if labels is not None:
        known = [None if label is None else str(label) for label in labels.suggested]
        rows["suggested_label"] = pandas.Series(known, dtype=object)
        if labels.is_decided:
            rows["wrong_probability"], rows["is_issue"] = labels.probability, labels.is_issue
    rows["action_score"] = scores
    if labels is not None:
        rows["label_rank"] = pandas.Series(labels.rank).astype("Int64")
    if held_out.any():
        rows["held out"] = held_out
    further = pandas.DataFrame() if data is None else as_frame(data, len(scores), "data")
    for name, column in columns.items():
        if name not in rows and name not in further.columns:
            rows[name] = column
    return pandas.concat([rows, further], axis=1) if len(further.columns) else rows


def columns_of_fit(fitted: Any, data: Any = None) -> "tuple[pd.DataFrame, np.ndarray | None]":
    """Return what a fit knows of each sample beside the columns that every page has, and the targets if it kept them.

    Parameters
    ----------
    fitted : object
        With ``action_scores_``, and `to_frame` if it has more.
    data : DataFrame, dict of columns or None
        More columns, behind these.
    """
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    has_frame = hasattr(fitted, "to_frame")
    rows = fitted.to_frame() if has_frame else pandas.DataFrame(index=range(len(fitted.action_scores_)))
    own = rows.drop(columns=[*OF_PAGE], errors="ignore")
    if data is not None:
        own = pandas.concat([own.reset_index(drop=True), as_frame(data, len(rows), "data")], axis=1)
    return own, rows["target"].to_numpy() if "target" in rows else None


def column_of(rows: "pd.DataFrame", name: str) -> "pd.Series":
    """Return the first column of a name: the page's own, where the user's data have one of the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> column_of(pd.DataFrame([[1, 2]], columns=["rank", "rank"]), "rank").tolist()
    [1]
    """
    return rows.iloc[:, list(rows.columns).index(name)]


def order_of_rows(rows: "pd.DataFrame", labels: LabelFindings | None) -> np.ndarray:
    """Return the positions of the rows as a page has them: labels to look at first, then the hardest rows.

    Parameters
    ----------
    rows : DataFrame
        Of `page_rows`.
    labels : LabelFindings or None
        What is known of the labels.

    Returns
    -------
    order : ndarray of int (n_samples,)
        Samples without a score are last.
    """
    rank = column_of(rows, "rank").to_numpy(dtype=np.float64, na_value=np.inf)
    first = np.array([], dtype=np.int64) if labels is None else labels.first_to_look_at()
    others = np.argsort(rank, kind="stable")
    return np.concatenate([first, others[~np.isin(others, first)]])


def directions(rows: "pd.DataFrame") -> list[str]:
    """Return how each column is sorted at the first click: "down", from the highest value, where that is the hardest.

    Examples
    --------
    >>> import pandas as pd
    >>> directions(pd.DataFrame(columns=["rank", "action_score", "aum", "name"]))
    ['up', 'down', 'up', 'up']
    """
    hard_if_high = [str(name) in HARDEST_FIRST and str(name) not in HARDEST_LAST for name in rows.columns]
    return ["down" if is_high else "up" for is_high in hard_if_high]


def first_rows(rows: "pd.DataFrame") -> Table:
    """Return the rows for a browser without JavaScript, and columns that fit on a screen."""
    first = rows.iloc[:N_WITHOUT_SCRIPT, :MOST_WITHOUT_SCRIPT].astype(object)
    return make_table(first.where(first.notna(), "").map(_short))


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else as_text(value)
