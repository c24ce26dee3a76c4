"""Strategies of pruning: one function per strategy, all of the same form.

Weights are amounts: a sample of weight 2 is there twice, and one of the two may be dropped. Without weights every
sample weighs 1. Each strategy takes

    scores : ndarray of float64 (n_samples,), higher = harder
    weights : ndarray of float64 (n_samples,), at least 0
    amount : float, total weight to drop, at most the sum of the weights
    rng : RandomState
    hard_share : float in [0, 1], share of the amount that "stratified" cuts as the hardest

and returns the dropped weight of each sample, (n_samples,) between 0 and its weight, `amount` in sum.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import RandomState

N_STRATA = 50  # of Zheng et al., see drop_stratified


def drop_hardest(
    scores: np.ndarray, weights: np.ndarray, amount: float, rng: RandomState, hard_share: float
) -> np.ndarray:
    """Drop the highest scores; among equal scores the first sample."""
    return _take(np.argsort(-scores, kind="stable"), weights, amount)


def drop_easiest(
    scores: np.ndarray, weights: np.ndarray, amount: float, rng: RandomState, hard_share: float
) -> np.ndarray:
    """Drop the lowest scores; among equal scores the first sample."""
    return _take(np.argsort(scores, kind="stable"), weights, amount)


def drop_both(
    scores: np.ndarray, weights: np.ndarray, amount: float, rng: RandomState, hard_share: float
) -> np.ndarray:
    """Drop half of the amount at either end; an odd sample is one of the hardest."""
    easy = drop_easiest(scores, weights, _part(amount, 0.5), rng, hard_share)
    return easy + drop_hardest(scores, weights - easy, amount - easy.sum(), rng, hard_share)


def drop_random(
    scores: np.ndarray, weights: np.ndarray, amount: float, rng: RandomState, hard_share: float
) -> np.ndarray:
    """Drop at random: the control that every other strategy has to beat."""
    return _take(rng.permutation(len(scores)), weights, amount)


def drop_stratified(
    scores: np.ndarray, weights: np.ndarray, amount: float, rng: RandomState, hard_share: float
) -> np.ndarray:
    """Cut the hardest samples, then keep equally many of every stratum of scores: coverage-centric selection.

    The range of the remaining scores is cut into `N_STRATA` strata of equal width. The strata have equal budgets; the
    unused budget of a small one goes to the others (Zheng et al., ICLR 2023, arXiv:2210.15809, algorithm 1).
    """
    cut = drop_hardest(scores, weights, _part(amount, hard_share), rng, hard_share)
    left, kept = weights - cut, np.zeros_like(weights)
    budget = weights.sum() - amount
    strata = _strata(scores, left > 0)
    for i, rows in enumerate(sorted(strata, key=lambda rows: left[rows].sum())):
        quota = min(left[rows].sum(), _part(budget, 1 / (len(strata) - i)))
        kept[rows] = _take(rng.permutation(len(rows)), left[rows], quota)
        budget -= quota
    return weights - kept


STRATEGIES: dict[str, Callable[..., np.ndarray]] = {
    "hardest": drop_hardest,
    "easiest": drop_easiest,
    "both": drop_both,
    "stratified": drop_stratified,
    "random": drop_random,
}


def amount_of(share: float, weights: np.ndarray) -> float:
    """Convert a share of all samples to an amount, rounded down if all weights are whole.

    Examples
    --------
    >>> amount_of(0.25, np.ones(10)), amount_of(0.29, np.ones(100)), amount_of(0.25, np.full(10, 0.1))
    (2.0, 29.0, 0.25)
    """
    amount = float(share * weights.sum())
    return _floor(amount) if (weights == np.floor(weights)).all() else amount


def _part(amount: float, share: float) -> float:
    """Return a share of an amount, rounded down if the amount is whole."""
    return _floor(amount * share) if float(amount).is_integer() else amount * share


def _floor(amount: float) -> float:
    return float(np.floor(amount + 1e-9))  # 0.29 * 100 is 28.999999999999996


def _take(order: np.ndarray, weights: np.ndarray, amount: float) -> np.ndarray:
    """Take the weight of the samples in order until `amount` is reached; only the last may be taken in part."""
    ordered = weights[order]
    taken = np.empty_like(weights)
    taken[order] = np.clip(amount - (np.cumsum(ordered) - ordered), 0, ordered)
    return taken


def _strata(scores: np.ndarray, is_left: np.ndarray) -> list[np.ndarray]:
    """Return the positions of the samples in each stratum that is not empty."""
    rows = np.flatnonzero(is_left)
    if not len(rows):
        return []
    edges = np.linspace(scores[rows].min(), scores[rows].max(), N_STRATA + 1)
    stratum = np.searchsorted(edges[1:-1], scores[rows], side="right")
    return [members for k in range(N_STRATA) if len(members := rows[stratum == k])]
