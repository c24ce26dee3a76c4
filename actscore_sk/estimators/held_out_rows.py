"""Samples that a learner without a split of its own does not see."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from actscore_sk.estimators.learner_classes import inherits


def hold_out(fraction: float | None, n_samples: int, codes: np.ndarray | None, groups: Any = None) -> np.ndarray:
    """Draw samples to hold out of training, as evenly over the classes as their numbers allow.

    The draw is always the same, as that of the default net: fits with several seeds hold out the same samples.

    Parameters
    ----------
    fraction : float or None
        Share of the samples, in (0, 1); None: none of them.
    n_samples : int
        Number of samples.
    codes : ndarray of int (n_samples,) or None
        Class of each sample; each class keeps at least one sample to train on. None: there are no classes.
    groups : array-like (n_samples,) or None
        Samples of a group are held out together: groups are drawn, each by the class of its first sample.

    Returns
    -------
    held_out : ndarray of bool (n_samples,)
        True for ``round(fraction * n_samples)`` samples, or for that share of the groups; fewer where a class would
        lose its last one.

    Raises
    ------
    ValueError
        If nothing is left to train on.

    Examples
    --------
    >>> codes = np.repeat([0, 1], [8, 4])
    >>> held_out = hold_out(0.25, 12, codes)
    >>> np.bincount(codes[held_out])
    array([2, 1])
    >>> hold_out(0.5, 4, None, ["ann", "bob", "ann", "bob"]).astype(int)
    array([0, 1, 0, 1])
    """
    if groups is not None and fraction is not None:
        return _hold_out_groups(fraction, np.asarray(groups), codes)
    held_out = np.zeros(n_samples, dtype=bool)
    if fraction is None:
        return held_out
    n_held_out = max(1, round(fraction * n_samples))
    if n_held_out >= n_samples:
        raise ValueError(
            f"{n_held_out} of {n_samples} samples or groups are held out, and none is left to train on; pass more"
        )
    order = np.random.default_rng(0).permutation(n_samples)
    if codes is not None:
        order = order[np.argsort(codes[order], kind="stable")]
    # Evenly spaced places among samples in the order of their classes: each class has its share, to one sample.
    held_out[order[np.floor((np.arange(n_held_out) + 0.5) * n_samples / n_held_out).astype(np.int64)]] = True
    if codes is not None:
        for code in np.setdiff1d(codes, codes[~held_out]):
            held_out[np.flatnonzero(codes == code)[0]] = False
    return held_out


def _hold_out_groups(fraction: float, groups: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    held_out = hold_out(fraction, len(first), None if codes is None else codes[first])
    if codes is not None:
        for code in np.setdiff1d(codes, codes[~held_out[group_of]]):
            held_out[group_of[np.flatnonzero(codes == code)[0]]] = False
    return held_out[group_of]


def kept_back(learner: Any, y: np.ndarray) -> np.ndarray:
    """Return the samples that scikit-learn's GradientBoosting keeps back for its early stopping, by its own split.

    Parameters
    ----------
    learner : estimator
        Not fitted. If it keeps samples back, a `random_state` that is no number becomes one drawn from it, so that its
        split can be made again here.
    y : ndarray (n_samples,)
        Labels, or numbers.

    Returns
    -------
    rows : ndarray of int64
        Their positions; none for other learners.
    """
    is_boosting = inherits(learner, "GradientBoostingClassifier", "GradientBoostingRegressor")
    if not is_boosting or learner.n_iter_no_change is None:
        return np.zeros(0, dtype=np.int64)
    if not isinstance(learner.random_state, (int, np.integer)):
        learner.set_params(random_state=int(check_random_state(learner.random_state).randint(2**31 - 1)))
    stratify = y if is_classifier(learner) else None
    options = {"test_size": learner.validation_fraction, "random_state": learner.random_state, "stratify": stratify}
    return train_test_split(np.arange(len(y)), **options)[1]
