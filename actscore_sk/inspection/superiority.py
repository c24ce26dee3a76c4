"""Are the samples of a group harder than the others? An effect size by ranks, with interval and test."""

from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control, t

Floats = npt.NDArray[np.float64]


class Superiority(NamedTuple):
    """Probability that a sample of a group is harder than one of the others, ties counting half.

    Parameters
    ----------
    estimate, low, high : float
        In [0, 1], with the limits of the confidence interval; 0.5 = no difference. Limits are NaN with one sample.
    p_value : float
        Of the hypothesis that it is 0.5; NaN with one sample on a side.
    """

    estimate: float
    low: float
    high: float
    p_value: float


UNKNOWN = Superiority(np.nan, np.nan, np.nan, np.nan)


def superiority(group: Floats, ordered: Floats, confidence_level: float = 0.95) -> Superiority:
    """Compare a group with the others by the test of Brunner and Munzel: it assumes neither equal spreads nor a shape.

    Parameters
    ----------
    group : ndarray of float64 (n_group,)
        Finite scores.
    ordered : ndarray of float64 (n_samples,)
        Scores of all samples, the group among them, from the lowest on. They are searched, so that many groups of one
        set take no longer than a few.
    confidence_level : float in (0, 1)
        Of the interval, that of the same t distribution as the test.

    Returns
    -------
    found : Superiority
        If all samples of one side are harder than all of the other, ranks have no variance: then the p-value is that
        of the exact rank sum test, and the interval that of min(n_group, n_others) pairs with the same outcome.

    References
    ----------
    E. Brunner, U. Munzel, "The Nonparametric Behrens-Fisher Problem", Biometrical Journal 42, 2000.

    Examples
    --------
    >>> found = superiority(np.array([3.0, 4.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0, 3.0, 3.5, 4.0, 4.5, 5.0, 9.0]))
    >>> round(found.estimate, 3), round(found.p_value, 3)
    (0.825, 0.073)
    """
    n, m = len(group), len(ordered) - len(group)
    if not n or not m:
        return UNKNOWN
    # of each sample of the group: the share of the others that are easier
    above_others = (_twice_below(group, ordered) - _twice_below(group, np.sort(group))) / (2 * m)
    estimate = float(above_others.mean())
    if min(n, m) < 2:
        return Superiority(estimate, np.nan, np.nan, np.nan)
    variances = np.array([above_others.var(ddof=1) / n, _variance_below_others(group, ordered) / m])
    total = variances.sum()
    if total <= 1e-30:  # no overlap, or all scores equal
        return _without_variance(estimate, n, m, confidence_level)
    # Satterthwaite's degrees of freedom, since the two spreads may differ
    freedom = total**2 / (variances**2 / np.array([n - 1, m - 1])).sum()
    half = t.ppf((1 + confidence_level) / 2, freedom) * np.sqrt(total)
    p_value = 2 * t.sf(abs(estimate - 0.5) / np.sqrt(total), freedom)
    return Superiority(estimate, max(0.0, estimate - half), min(1.0, estimate + half), float(p_value))


def _twice_below(scores: Floats, ordered: Floats) -> npt.NDArray[np.int64]:
    """Return twice the number of ordered scores below each score, ties counting half."""
    return np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")


def _variance_below_others(group: Floats, ordered: Floats) -> float:
    """Return the variance, over the others, of the share of the group that is below one of them, ties counting half.

    The share only changes at the scores of the group, so that the others are counted between these.
    """
    values, n_equal = np.unique(group, return_counts=True)
    starts, stops = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    n_up_to = np.cumsum(n_equal)
    n_tied, n_above = stops - starts - n_equal, np.append(starts[1:], len(ordered)) - stops
    shares = np.concatenate([[0], n_up_to - n_equal / 2, n_up_to]) / len(group)
    n_others = np.concatenate([starts[:1], n_tied, n_above])
    m = len(ordered) - len(group)
    mean = n_others @ shares / m
    return float(n_others @ (shares - mean) ** 2 / (m - 1))


def _without_variance(estimate: float, n: int, m: int, confidence_level: float) -> Superiority:
    if 0 < estimate < 1:
        return Superiority(estimate, estimate, estimate, 1.0)
    # Clopper-Pearson limit of n successes in n
    least = ((1 - confidence_level) / 2) ** (1 / min(n, m))
    low, high = (least, 1.0) if estimate == 1 else (0.0, 1 - least)
    return Superiority(estimate, low, high, min(1.0, 2 / comb(n + m, n)))


def adjust(p_values: Floats, correction: str | None) -> Floats:
    """Correct p-values for their number; NaN stays, and is not counted.

    Parameters
    ----------
    p_values : ndarray of float64 (n_tests,)
        In [0, 1], or NaN = no test.
    correction : {"holm", "fdr_bh"} or None
        "holm" bounds the chance of any false finding (Holm, 1979), "fdr_bh" the expected share of false ones among the
        findings (Benjamini & Hochberg, 1995). None: no correction.

    Returns
    -------
    adjusted : ndarray of float64 (n_tests,)
        In [0, 1], in the order of `p_values`.

    Examples
    --------
    >>> adjust(np.array([0.01, np.nan, 0.04, 0.03]), "holm")
    array([0.03,  nan, 0.06, 0.06])
    """
    adjusted, known = p_values.copy(), ~np.isnan(p_values)
    if correction is None or not known.any():
        return adjusted
    if correction == "fdr_bh":
        adjusted[known] = false_discovery_control(p_values[known])
        return adjusted
    # Holm: the smallest of n p-values counts n times, the next n - 1 times, and none less than one before it
    order = np.argsort(p_values[known], kind="stable")
    steps = np.maximum.accumulate(p_values[known][order] * np.arange(len(order), 0, -1))
    in_order = np.empty(len(order))
    in_order[order] = np.minimum(steps, 1)
    adjusted[known] = in_order
    return adjusted
