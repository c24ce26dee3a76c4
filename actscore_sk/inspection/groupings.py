"""Groups of samples by their targets: classes as they are, numbers in bins, and all but the hardest of many joined."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 200  # more different whole numbers are numbers, not classes
MOST_GROUPS = 20  # that a picture shows unless it is asked for more
MISSING = "(missing)"
MIDNIGHT = " 00:00:00"  # what pandas writes behind a date


class Grouping(NamedTuple):
    """The group of each sample.

    Parameters
    ----------
    labels : ndarray of object (n_samples,)
        A class, or the text of a bin such as "0.5 to 2".
    ordered : list
        All groups in the order of their numbers if they are bins; empty if they are classes.
    """

    labels: np.ndarray
    ordered: list


def target_column(y: Any) -> "pd.Series":
    """Return targets as a column.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, ...), or sequence of anything
        Targets of any kind, also of pandas, polars or torch.

    Returns
    -------
    target : Series (n_samples,)
        Single values as they are; arrays, lists and dicts as text.

    Examples
    --------
    >>> target_column([[1, 0], [0, 1]]).tolist()
    ['[1, 0]', '[0, 1]']
    """
    pandas = import_optional("pandas", extra="cli", purpose="tell classes from numbers")
    if hasattr(y, "to_pandas"):
        y = y.to_pandas()
    if isinstance(y, pandas.Series):
        return y.reset_index(drop=True)
    if getattr(y, "ndim", None) == 1:
        return pandas.Series(np.asarray(y))
    # a target with parts (boxes, masks) is no value to group by; its text at least is the same for equal ones
    values = [value.tolist() if hasattr(value, "tolist") else value for value in y]
    single = all(np.ndim(value) == 0 and not isinstance(value, dict) for value in values)
    return pandas.Series(values if single else [str(value) for value in values])


def is_continuous(target: "pd.Series", most_classes: int = MOST_CLASSES) -> bool:
    """Tell numbers from classes.

    Parameters
    ----------
    target : Series (n_samples,)
        Missing values do not count.
    most_classes : int
        More different whole numbers than this are numbers.

    Returns
    -------
    answer : bool
        True if there are fractions, or more than `most_classes` different whole numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> is_continuous(pd.Series([0.5, 1.5])), is_continuous(pd.Series([1, 2]))
    (True, False)
    """
    types = import_optional("pandas", extra="cli", purpose="tell classes from numbers").api.types
    if not types.is_numeric_dtype(target) or types.is_bool_dtype(target) or types.is_complex_dtype(target):
        return False
    known = target.dropna().to_numpy(dtype=float)
    known = known[np.isfinite(known)]
    return bool((known % 1 != 0).any()) or len(np.unique(known)) > most_classes


def group_targets(y: Any, n_bins: int) -> Grouping:
    """Group samples by their targets.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Classes of any kind. Fractions, and more than 200 different whole numbers, are cut into bins.
    n_bins : int
        Bins of about as many samples each, at least 2.

    Returns
    -------
    grouping : Grouping
        Missing targets are a group, "(missing)".

    Examples
    --------
    >>> group_targets([3, 1, 3], n_bins=2).labels
    array([3, 1, 3], dtype=object)
    >>> group_targets([0.5, 1.0, 1.5, 9.0], n_bins=2)
    Grouping(labels=array(['0.5 to 1.25', '0.5 to 1.25', '1.25 to 9', '1.25 to 9'],
          dtype=object), ordered=['0.5 to 1.25', '1.25 to 9'])
    """
    target = target_column(y)
    ordered: list = []
    if is_continuous(target):
        # quantiles rather than equal widths: every group has enough samples to be compared
        target, ordered = cut_into_bins(target, n_bins)
    labels = target.astype(object).to_numpy(dtype=object, na_value=MISSING)
    return Grouping(labels, [*ordered, MISSING] if ordered and target.isna().any() else ordered)


def cut_into_bins(column: "pd.Series", n_bins: int) -> tuple["pd.Series", list[str]]:
    """Cut numbers, dates or times into bins of about as many samples each.

    Parameters
    ----------
    column : Series (n_samples,)
        Missing values stay missing.
    n_bins : int
        At least 2; fewer come out where many values are equal.

    Returns
    -------
    bins : Series of str (n_samples,)
        Such as "0.5 to 2".
    ordered : list of str
        All bins, from the lowest on.

    Examples
    --------
    >>> import pandas as pd
    >>> cut_into_bins(pd.Series(pd.to_datetime(["2020-01-01", "2020-03-01", "2020-05-01"])), 2)[1]
    ['2020-01-01 to 2020-03-01', '2020-03-01 to 2020-05-01']
    """
    pandas = import_optional("pandas", extra="cli", purpose="group samples")
    is_number = pandas.api.types.is_numeric_dtype(column)
    if is_number:  # what is infinite is in an outer bin
        finite = column[np.isfinite(column.to_numpy(dtype=float, na_value=np.nan))]
        column = column.clip(finite.min(), finite.max())
    codes, edges = pandas.qcut(column, n_bins, labels=False, retbins=True, duplicates="drop")
    texts = _texts_apart(edges) if is_number else [str(edge).removesuffix(MIDNIGHT) for edge in edges]
    ordered = [" to ".join(pair) for pair in pairwise(texts)]
    return codes.map(lambda code: ordered[int(code)], na_action="ignore"), ordered


def join_easier(labels: np.ndarray, scores: np.ndarray, max_groups: int) -> tuple[np.ndarray, str | None]:
    """Join all but the hardest groups.

    Parameters
    ----------
    labels : ndarray of object (n_samples,)
        Groups.
    scores : ndarray of float64 (n_samples,)
        Higher = harder; NaN = no score, left out.
    max_groups : int
        How many groups stay, those with the highest medians; at least 1.

    Returns
    -------
    labels : ndarray of object (n_samples,)
        With one label for all the others.
    joined : str or None
        That label, such as "7 easier groups"; None if no more groups than `max_groups` have a score.

    Examples
    --------
    >>> join_easier(np.array(["a", "b", "c"], dtype=object), np.array([1.0, 3.0, 2.0]), 1)
    (array(['2 easier groups', 'b', '2 easier groups'], dtype=object), '2 easier groups')
    """
    if max_groups < 1:
        raise ValueError(f"max_groups={max_groups}; expected at least 1")
    groups = hardest_first(labels, scores)
    if len(groups) <= max_groups:
        return labels, None
    kept, joined = set(groups[:max_groups]), f"{len(groups) - max_groups:,} easier groups"
    return np.array([label if label in kept else joined for label in labels], dtype=object), joined


def hardest_first(labels: np.ndarray, scores: np.ndarray) -> list:
    """Return the groups by their median score.

    Parameters
    ----------
    labels : ndarray of object (n_samples,)
        Groups.
    scores : ndarray of float64 (n_samples,)
        Higher = harder; NaN = no score, left out.

    Returns
    -------
    groups : list
        Each group with a score, the one with the highest median first; equal ones in the order of their texts.
    """
    pandas = import_optional("pandas", extra="cli", purpose="group samples")
    medians = pandas.Series(scores).groupby(labels, sort=False).median().dropna()
    return sorted(medians.index, key=lambda group: (-medians[group], str(group)))


def _texts_apart(numbers: np.ndarray) -> list[str]:
    """Write numbers with three digits, or as many as tell them apart."""
    for digits in range(3, 18):  # 17 digits tell any two float64 apart
        texts = [f"{number:.{digits}g}" for number in numbers]
        if len(set(texts)) == len(texts):
            break
    return texts
