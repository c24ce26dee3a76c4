"""From scores to weights: hard samples, easy ones or those in between count more."""

from collections.abc import Callable
from typing import Any

import numpy as np

# Rank u in (0, 1), 1 = hardest, to preference in [0, 1], 1 = most.
WEIGHTINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hard": lambda rank: rank,
    "easy": lambda rank: 1 - rank,
    "middle": lambda rank: 1 - np.abs(2 * rank - 1),
}


def difficulty_weights(
    scores: np.ndarray, weighting: Any = "easy", *, temperature: float = 1.0, sample_weight: np.ndarray | None = None
) -> np.ndarray:
    """Weigh samples by their difficulty.

    The weight is ``exp(f(u) / temperature)``, where u is the sample's rank as a share of all, and f(u) is u for "hard",
    1 - u for "easy" and 1 - abs(2 u - 1) for "middle". Ranks make it independent of the scale and the tail of the
    scores: no sample counts more than ``exp(1 / temperature)`` times as much as another.

    Parameters
    ----------
    scores : ndarray (n_samples,)
        Higher = harder.
    weighting : {"hard", "easy", "middle"} or callable
        Samples that count more. A callable maps the scores to weights (n_samples,), at least 0.
    temperature : float
        Above 0; the smaller, the more unequal. Weights of a callable are raised to the power ``1 / temperature``.
    sample_weight : ndarray (n_samples,), optional
        A sample of weight 2 counts as two in the ranks and in the mean.

    Returns
    -------
    weights : ndarray of float64 (n_samples,)
        1 on average, where a sample counts as often as its `sample_weight`; not multiplied by it.

    Raises
    ------
    ValueError
        If a callable returns another shape, negative or non-finite weights, or nothing but zeros.

    Examples
    --------
    >>> difficulty_weights(np.array([0.1, 7.0, 0.2]), "hard", temperature=0.5).round(2)
    array([0.45, 1.69, 0.87])
    """
    amounts = np.ones(len(scores)) if sample_weight is None else sample_weight
    if callable(weighting):
        weights = _called(weighting, scores)
        weights = (weights / (weights.max(initial=0) or 1)) ** (1 / temperature)  # the largest is 1: no overflow
    else:
        preference = WEIGHTINGS[weighting](relative_ranks(scores, amounts))
        weights = np.exp((preference - preference.max(initial=0)) / temperature)
    mean = np.average(weights, weights=amounts)
    if not mean > 0:
        raise ValueError(f"weighting={weighting!r} sets the weight of every sample to 0; leave some above 0")
    return weights / mean


def relative_ranks(scores: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Rank each sample as a share of all samples; equal scores share their mean rank.

    Parameters
    ----------
    scores : ndarray (n_samples,)
        Higher = harder.
    amounts : ndarray (n_samples,)
        Number of samples that each one counts as.

    Returns
    -------
    ranks : ndarray of float64 (n_samples,)
        In (0, 1), higher = harder.

    Examples
    --------
    >>> relative_ranks(np.array([5.0, 1.0, 1.0, 2.0]), np.ones(4))
    array([0.875, 0.25 , 0.25 , 0.625])
    """
    # The scores of two copies of a sample differ by rounding errors of the net, and yet are ties. Errors are relative
    # to the median: relative to a single huge score, all others would be equal.
    usual = np.median(np.abs(scores)) if len(scores) else 0.0
    usual = usual or np.abs(scores).max(initial=0) or 1.0
    _, value = np.unique(np.round(scores / usual, 10), return_inverse=True)
    total = np.bincount(value, weights=amounts)
    return ((np.cumsum(total) - total / 2) / total.sum())[value]


def _called(weighting: Callable, scores: np.ndarray) -> np.ndarray:
    weights = np.asarray(weighting(scores.copy()), dtype=np.float64)
    if weights.shape != scores.shape:
        raise ValueError(
            f"weighting must return {len(scores)} weights, one per score, but returned shape {weights.shape}"
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("weighting must return finite weights of at least 0")
    return weights
