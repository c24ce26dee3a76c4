"""Class labels in y, if it holds classes."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import type_of_target

from actscore_sk.data.containers import is_multi_input, targets_in

_CLASSES = ("binary", "multiclass")


def class_labels(X: Any, y: Any, scorer: Any, *, is_scored: bool = True) -> np.ndarray | None:
    """Give the class of each sample, or None if y holds something else.

    Parameters
    ----------
    X : any kind
        Looked at for targets if it is a Dataset and y is None.
    y : array-like or None
        Labels (n_samples,) or (n_samples, 1), or one column a class with a single 1 in each row.
    scorer : estimator
        A regressor says that y holds numbers.
    is_scored : bool
        Whether the scorer is going to be trained on y; a classifier then needs classes.

    Returns
    -------
    labels : ndarray (n_samples,) or None
        Positions of the columns for one column a class.

    Raises
    ------
    ValueError
        If y holds NaN or infinity, or is of a kind that `scorer` can't be trained on.
    """
    y = targets_in(X) if y is None else y
    if y is None or is_multi_input(y) or is_regressor(scorer):
        return None
    y = np.asarray(y)
    if y.dtype.hasobject and all(isinstance(label, (Integral, np.bool_)) for label in y.flat):
        y = np.array(y.tolist())  # whole numbers in a column of objects are classes, too
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
    """Raise ValueError if there are no classes to keep in balance."""
    if labels is None:
        raise ValueError("class_balanced=True needs classes, but y holds none; set it to False")


def ranks_within_class(scores: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """Rank of each score among those of its class, as a share: in (0, 1], 1 = the hardest of its class.

    Returns
    -------
    ranks : ndarray of float64 (n_samples,)
        Equal scores are ranked by position. Without classes, among all samples.

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
