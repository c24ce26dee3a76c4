"""Class labels in y, if y holds classes, and ranks within them."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import type_of_target

from actscore_sk.data.own_targets import targets_in
from actscore_sk.data.parts import is_multi_input

_CLASSES = ("binary", "multiclass")


def class_labels(X: Any, y: Any, scorer: Any, *, is_scored: bool = True) -> np.ndarray | None:
    """Return the class of each sample, or None if y holds no classes.

    Parameters
    ----------
    X : any kind
        Searched for targets if it is a Dataset and y is None.
    y : array-like or None
        Labels (n_samples,) or (n_samples, 1), or one column per class with a single 1 in each row.
    scorer : estimator
        If it is a regressor, y holds numbers.
    is_scored : bool
        True if the scorer will be trained on y; a classifier then needs classes.

    Returns
    -------
    labels : ndarray (n_samples,) or None
        Numbers of the columns if y has one column per class.

    Raises
    ------
    ValueError
        If y holds NaN or infinity, or if `scorer` cannot be trained on its kind.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> class_labels(None, [[0, 1], [1, 0], [0, 1]], LogisticRegression())
    array([1, 0, 1])
    >>> class_labels(None, [0, 1, 1], LinearRegression()) is None
    True
    """
    y = targets_in(X) if y is None else y
    if y is None or is_multi_input(y) or is_regressor(scorer):
        return None
    y = np.asarray(y)
    if y.dtype.hasobject and all(isinstance(label, (Integral, np.bool_)) for label in y.flat):
        y = np.array(y.tolist())  # type_of_target refuses whole numbers in a column of objects
    if y.dtype.kind in "fc":
        assert_all_finite(y, input_name="y")
    kind = type_of_target(y, input_name="y") if y.ndim in (1, 2) else "unknown"
    if kind in _CLASSES:
        return y.reshape(-1)
    if kind == "multilabel-indicator" and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1)
    if is_scored and is_classifier(scorer) and kind == "continuous":
        raise ValueError(
            "Unknown label type: continuous. y holds numbers, and the scorer is a classifier; score with "
            "ActionScoreRegressor()"
        )
    if is_scored and is_classifier(scorer) and y.ndim > 1 and y.shape[1] > 1:
        raise ValueError(
            "Multilabel and multioutput targets are not supported by a classifier; score them with "
            "estimator=ActionScoreEstimator(net), or numbers with ActionScoreRegressor()"
        )
    return None


def check_has_classes(labels: np.ndarray | None) -> None:
    """Check that there are classes to keep in balance.

    Raises
    ------
    ValueError
        If `labels` is None.
    """
    if labels is None:
        raise ValueError("class_balanced=True needs classes, but y holds none; set it to False")


def ranks_within_class(scores: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """Rank each score among the scores of its class.

    Parameters
    ----------
    scores : ndarray of float64 (n_samples,)
        Higher = harder.
    labels : ndarray (n_samples,) or None
        Class of each sample; None: one class.

    Returns
    -------
    ranks : ndarray of float64 (n_samples,)
        Share in (0, 1], 1 = the hardest of its class. Equal scores are ranked by position.

    Examples
    --------
    >>> ranks_within_class(np.array([3.0, 1.0, 9.0, 2.0]), np.array(["a", "b", "a", "a"]))
    array([0.66666667, 1.        , 1.        , 0.33333333])
    """
    groups = np.zeros(len(scores), dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    order = np.lexsort((scores, groups))
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1) - starts[groups[order]]
    return ranks / sizes[groups]
