"""Checks of scores that a user passes in."""

from typing import Any

import numpy as np

from actscore_sk.scoring.given_scores import as_numbers, scores_in


def check_scores(scores: Any, name: str = "scores") -> np.ndarray:
    """Return scores as float64 (n_samples,), NaN = no score.

    Parameters
    ----------
    scores : array-like of shape (n_samples,), or fitted estimator
        Numbers, or something that has `action_scores_`.
    name : str
        What errors call them.

    Raises
    ------
    NotFittedError
        If they are an estimator, a recorder or a tracker that has recorded nothing.
    ValueError
        If they are not one number per sample, if one is infinite, or if all are NaN.

    Examples
    --------
    >>> check_scores([1, 2])
    array([1., 2.])
    """
    values = as_numbers(scores_in(scores), name)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}; expected one number per sample, (n_samples,)")
    if np.isinf(values).any():
        raise ValueError(f"{name} has {int(np.isinf(values).sum())} infinite values; expected finite numbers, or NaN")
    if not (~np.isnan(values)).any():
        raise ValueError(f"{name} has no value that is a number; fit first, and pass action_scores_")
    return values


def membership(scores: np.ndarray, n_hardest: float) -> np.ndarray:
    """Return the share of each sample among the `n_hardest`, (n_samples,) in [0, 1]: ties at the edge share places.

    Examples
    --------
    >>> membership(np.array([3.0, 1.0, 1.0]), 2)
    array([1. , 0.5, 0.5])
    """
    edge = np.sort(scores)[::-1][int(np.ceil(n_hardest)) - 1]
    above, tied = scores > edge, scores == edge
    return above + tied * (n_hardest - above.sum()) / tied.sum()
