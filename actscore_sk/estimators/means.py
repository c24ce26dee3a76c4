"""Means over repeats, of arrays, ragged scores or dicts of them; NaN counts as no value."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from actscore_sk.losses.ragged_scores import RaggedScores


def mean_of(values: Iterable[Any]) -> Any:
    """Return the mean of values of one form, in their dtype.

    Parameters
    ----------
    values : iterable of ndarray, RaggedScores or dict of these
        At least one. NaN counts as no value.

    Returns
    -------
    mean : ndarray, RaggedScores or dict
        NaN where no value is.

    Examples
    --------
    >>> mean_of([np.array([1.0, np.nan, 3.0]), np.array([2.0, np.nan, np.nan])])
    array([1.5, nan, 3. ])
    """
    values = list(values)
    first = values[0]
    if isinstance(first, Mapping):
        return {name: mean_of([each[name] for each in values]) for name in first}
    if isinstance(first, RaggedScores):
        return _mean_of_ragged(values)
    total, count = np.zeros(first.shape, dtype=np.float64), np.zeros(first.shape, dtype=np.int32)
    for each in values:
        is_known = ~np.isnan(each)
        total += np.where(is_known, each, 0)
        count += is_known
    return np.divide(total, count, out=np.full(first.shape, np.nan), where=count > 0).astype(first.dtype)


def spread_of(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation over the first axis, divided by the number of values; NaN counts as no value.

    Examples
    --------
    >>> spread_of(np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan]]))
    array([ 1.,  0., nan])
    """
    return np.sqrt(mean_of((values - mean_of(values)) ** 2))


def _mean_of_ragged(values: list[RaggedScores]) -> RaggedScores:
    lengths = np.maximum.reduce([np.diff(each.offsets) for each in values])
    aligned = []
    for each in values:
        scores = np.full(lengths.sum(), np.nan, dtype=each.values.dtype)
        scores[np.repeat(np.diff(each.offsets) > 0, lengths)] = each.values  # all units of a sample, or none
        aligned.append(scores)
    return RaggedScores(mean_of(aligned), np.concatenate([[0], np.cumsum(lengths)]))


def mean_of_rows(values: list[np.ndarray]) -> np.ndarray:
    """Return the mean over the nets that were still trained in an epoch."""
    n_epochs = max(map(len, values))
    return mean_of([np.pad(each, (0, n_epochs - len(each)), constant_values=np.nan) for each in values])
