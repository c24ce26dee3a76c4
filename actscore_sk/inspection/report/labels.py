"""What is known of labels: from a fitted classifier, or from the columns that `actscore score` writes."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from actscore_sk.inspection.report.label_order import check_given, places_of_samples
from actscore_sk.inspection.report.targets import as_frame
from actscore_sk.label_issues.sentence import caution, summarise
from actscore_sk.utils.indexes import index_of

COLUMNS = ("suggested_label", "wrong_probability", "is_issue")
RANK, BOUNDS = "label_rank", ("n_wrong_low", "n_wrong_high")  # which the command writes, too
ALL_COLUMNS = (*COLUMNS, RANK, *BOUNDS)
TRUTHS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
NOT_DECIDED = "how many labels are wrong could not be decided when these scores were made; suggestions are there"


@dataclass(frozen=True)
class LabelFindings:
    """Decisions about the labels of all rows.

    Parameters
    ----------
    suggested : ndarray of object (n_samples,)
        What the label should be if it is wrong; None for a row without a label.
    probability : ndarray of float64 (n_samples,)
        That the given label is wrong, in [0, 1]; NaN = not known.
    is_issue : ndarray of bool (n_samples,)
        Labels that look wrong.
    ranking : ndarray of float64 (n_samples,)
        Higher = more likely wrong; NaN = no label.
    ranking_name : str
        In words.
    rank : ndarray of float64 (n_samples,)
        1 = most likely wrong; NaN = no label. Of equal values of `ranking` it says which comes first.
    interval : tuple of float or None
        Where the share of wrong labels may lie, if that is known.
    notes : tuple of str
        Sentences to be said: why nothing can be decided, or a warning.
    is_decided : bool
        False if there are suggestions alone.
    """

    suggested: np.ndarray
    probability: np.ndarray
    is_issue: np.ndarray
    ranking: np.ndarray
    ranking_name: str
    rank: np.ndarray
    interval: tuple[float, float] | None
    notes: tuple[str, ...]
    is_decided: bool

    @property
    def sentence(self) -> str:
        """How many labels look wrong, or why that cannot be said."""
        if not self.is_decided:
            return self.notes[0]
        return summarise(int(np.isfinite(self.ranking).sum()), int(self.is_issue.sum()), self.interval)

    @property
    def n_to_look_at(self) -> int:
        """How many rows of the ranking to look at: the upper end of the interval, at least those that look wrong."""
        n_rows, n_issues = int(np.isfinite(self.ranking).sum()), int(self.is_issue.sum())
        return n_issues if self.interval is None else max(n_issues, round(self.interval[1] * n_rows))

    def first_to_look_at(self) -> np.ndarray:
        """Return the rows to look at, the most likely wrong first, (n_to_look_at,)."""
        # flagged rows first: their number is rounded, and equal scores must not hide one of them
        return np.lexsort((self.rank, ~self.is_issue))[: self.n_to_look_at]


def labels_of_fit(fitted: Any) -> LabelFindings | None:
    """Ask a fitted estimator about its labels.

    Parameters
    ----------
    fitted : object
        With ``wrong_label_scores_``, as of ``store_probabilities=True``; or without.

    Returns
    -------
    findings : LabelFindings or None
        None if it has stored no probabilities.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ranking = getattr(fitted, "wrong_label_scores_", None)
        refusal = None if ranking is None else fitted.label_refusal_
    if ranking is None:
        return None
    suggested, rank = np.asarray(fitted.suggested_labels_, dtype=object), _rank_of(ranking)
    name = "wrong-label score (margin of other labels)"
    if refusal is not None:
        unknown, none = np.full(len(ranking), np.nan), np.zeros(len(ranking), dtype=bool)
        return LabelFindings(suggested, unknown, none, ranking, name, rank, None, (refusal,), False)
    low, high = fitted.noise_rate_interval_
    decided = fitted.wrong_label_proba_, fitted.is_label_issue_
    notes = _notes(decided[1], ranking, *(str(warning.message) for warning in caught))
    return LabelFindings(suggested, *decided, ranking, name, rank, (float(low), float(high)), notes, True)


def labels_of_columns(labels: Any, n_samples: int, target: Any = None, own: Any = None) -> LabelFindings:
    """Read what a table says of labels.

    Parameters
    ----------
    labels : DataFrame or dict of columns
        ``suggested_label``, ``wrong_probability``, ``is_issue``, in the order of the scores; of a DataFrame as
        `label_issues` sorts it, the index says which row belongs where: it has positions, or the names in `own`.
        ``label_rank``, ``n_wrong_low`` and
        ``n_wrong_high`` may be missing: in a table of all rows that were judged, they say between which numbers that of
        wrong labels lies.
    n_samples : int
        As many rows are expected.
    target : Series (n_samples,) or None
        Labels of the samples; those of the table, if it has ``given_label``, must be the same.
    own : Index or None
        Names of the samples.

    Returns
    -------
    findings : LabelFindings

    Raises
    ------
    ValueError
        If a column is missing, there are not as many rows, or a probability is none; if it is not known which sample a
        row is of.
    """
    frame = as_frame(labels, n_samples, "labels")
    if missing := [name for name in COLUMNS if name not in frame]:
        raise ValueError(f"labels lack {', '.join(missing)}; expected {', '.join(COLUMNS)}, as label_issues() has them")
    frame = frame.iloc[places_of_samples(index_of(labels), own, n_samples)].reset_index(drop=True)
    check_given(frame, target)
    suggested = frame["suggested_label"].astype(object).where(frame["suggested_label"].notna(), None).to_numpy()
    probability = _numbers(frame["wrong_probability"])
    if not ((probability >= 0) & (probability <= 1) | np.isnan(probability)).all():
        raise ValueError("wrong_probability has values outside [0, 1]; expected probabilities")
    is_issue = truths(frame["is_issue"])
    rank = _numbers(frame[RANK]) if RANK in frame else _rank_of(probability)
    name = "probability that the label is wrong"
    if np.isnan(probability).all():
        return LabelFindings(suggested, probability, is_issue, -rank, name, rank, None, (NOT_DECIDED,), False)
    interval, notes = _interval(frame, rank), _notes(is_issue, probability)
    return LabelFindings(suggested, probability, is_issue, probability, name, rank, interval, notes, True)


def _rank_of(ranking: np.ndarray) -> np.ndarray:
    """Number samples from the highest value on; of equal ones the first is lower.

    >>> _rank_of(np.array([0.1, 0.9, np.nan, 0.9]))
    array([ 3.,  1., nan,  2.])
    """
    rank = np.empty(len(ranking))
    rank[np.argsort(-ranking, kind="stable")] = np.arange(1, len(ranking) + 1)
    return np.where(np.isnan(ranking), np.nan, rank)


def _interval(frame: Any, rank: np.ndarray) -> tuple[float, float] | None:
    """Return where the share of wrong labels lies; None of a table that lacks some of the rows that were judged."""
    known = np.sort(rank[~np.isnan(rank)])
    if any(name not in frame for name in (RANK, *BOUNDS)) or (known != np.arange(1, len(known) + 1)).any():
        return None
    low, high = (float(np.nanmax(_numbers(frame[name])) / len(known)) for name in BOUNDS)
    return low, min(high, 1.0)


def _notes(is_issue: np.ndarray, ranking: np.ndarray, *warned: str) -> tuple[str, ...]:
    """Return what to keep in mind."""
    return tuple(filter(None, [caution(int(np.isfinite(ranking).sum()), int(is_issue.sum())), *warned]))


def truths(column: Any) -> np.ndarray:
    """Return a column of truth values.

    Parameters
    ----------
    column : Series (n_samples,)
        True, False, 1, 0, or these as text; missing = False.

    Raises
    ------
    ValueError
        If an entry is no truth value.

    Examples
    --------
    >>> import pandas as pd
    >>> truths(pd.Series(["True", None, "FALSE"], name="is_issue"))
    array([ True, False, False])
    """
    if str(column.dtype) in ("bool", "boolean"):
        return column.fillna(False).to_numpy(dtype=bool)
    found = column.map(lambda value: TRUTHS.get(str(value).casefold()), na_action="ignore")
    if (unknown := found.isna() & column.notna()).any():
        raise ValueError(f"{column.name} has {str(column[unknown].iloc[0])!r}; expected true or false")
    return found.astype("boolean").fillna(False).to_numpy(dtype=bool)


def _numbers(column: Any) -> np.ndarray:
    """Return a column as float64, missing = NaN, or name what is no number."""
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{column.name} holds {column.dtype} such as {str(column.iloc[0])!r}; expected numbers"
        ) from error
