"""Which samples to drop: one function a strategy, all of the same form.

Weights are amounts of samples: a sample of weight 2 is there twice, and one of its two may be dropped. Without
weights every sample weighs 1. Each strategy takes

    scores : ndarray of float64 (n_samples,), higher = harder
    weights : ndarray of float64 (n_samples,), at least 0
    amount : float, how much to drop in all, at most the sum of the weights
    rng : RandomState
    hard_share : float in [0, 1], how much of it "stratified" cuts as the hardest

and returns what it drops of each sample, (n_samples,) between 0 and its weight, `amount` in sum.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import RandomState

N_STRATA = 50  # as in the paper on coverage-centric selection


def drop_hardest(
    scores: np.ndarray, weights: np.ndarray, amount: float, rng: RandomState, hard_share: float
) -> np.ndarray:
    """Drop the highest scores; the first of equal ones first."""
    return _take(np.argsort(-scores, kind="stable"), weights, amount)


def drop_easiest(
    scores: np.ndarray, weights: np.ndarray, amount: float, rng: RandomState, hard_share: float
) -> np.ndarray:
    """Drop the lowest scores; the first of equal ones first."""
    return _take(np.argsort(scores, kind="stable"), weights, amount)


def drop_both(
    scores: np.ndarray, weights: np.ndarray, amount: float, rng: RandomState, hard_share: float
) -> np.ndarray:
    """Drop half of the amount at either end, the odd one among the hardest."""
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
    """Cut the hardest, then keep as much of every score stratum: coverage-centric selection.

    The range of the scores that are left is cut into `N_STRATA` of equal width; strata get equal budgets, and what a
    small one can't use goes to the others (Zheng et al., ICLR 2023, arXiv:2210.15809, algorithm 1).
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
    """Turn a share of all samples into an amount; samples that are there a whole number of times drop whole.

    >>> amount_of(0.25, np.ones(10)), amount_of(0.29, np.ones(100)), amount_of(0.25, np.full(10, 0.1))
    (2.0, 29.0, 0.25)
    """
    amount = float(share * weights.sum())
    return _floor(amount) if (weights == np.floor(weights)).all() else amount


def _part(amount: float, share: float) -> float:
    """Give a share of an amount, whole if the amount is."""
    return _floor(amount * share) if float(amount).is_integer() else amount * share


def _floor(amount: float) -> float:
    return float(np.floor(amount + 1e-9))  # 0.29 * 100 is 28.999999999999996


def _take(order: np.ndarray, weights: np.ndarray, amount: float) -> np.ndarray:
    """Take from the samples in order, each whole, until `amount` is reached."""
    ordered = weights[order]
    taken = np.empty_like(weights)
    taken[order] = np.clip(amount - (np.cumsum(ordered) - ordered), 0, ordered)
    return taken


def _strata(scores: np.ndarray, is_left: np.ndarray) -> list[np.ndarray]:
    """Positions of the samples in each stratum that has any."""
    rows = np.flatnonzero(is_left)
    if not len(rows):
        return []
    edges = np.linspace(scores[rows].min(), scores[rows].max(), N_STRATA + 1)
    stratum = np.searchsorted(edges[1:-1], scores[rows], side="right")
    return [members for k in range(N_STRATA) if len(members := rows[stratum == k])]
