"""Private names of scikit-learn, imported here and nowhere else: a release may move them; and its decorators, typed."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._metadata_requests import _routing_enabled as routing_enabled
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if as _available_if
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_sample_weight
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "available_if",
    "check_feature_names_in",
    "check_sample_weight",
    "fit_context",
    "num_samples",
    "routing_enabled",
    "safe_indexing",
]

Method = TypeVar("Method", bound=Callable[..., Any])


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]:
    """Return scikit-learn's decorator of `fit`, which checks parameters; type checkers see the method as it is written.

    Parameters
    ----------
    prefer_skip_nested_validation : bool
        Let estimators inside leave their parameters unchecked: False where the user passes them.

    Returns
    -------
    Callable
        The decorator.
    """
    return _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Return scikit-learn's decorator of methods that only some objects have; type checkers see the method.

    Parameters
    ----------
    check : callable
        Takes the object; it returns False or raises AttributeError if the object does not have the method.

    Returns
    -------
    Callable
        The decorator.
    """
    return _available_if(check)


def check_sample_weight(sample_weight: Any, n_samples: int) -> np.ndarray | None:
    """Validate weights of samples as scikit-learn does; refuse zeros alone, which 1.8 lets pass.

    Parameters
    ----------
    sample_weight : array-like (n_samples,), float or None
        At least 0.
    n_samples : int
        Number of samples.

    Returns
    -------
    weights : ndarray of float64 (n_samples,) or None
        None for None.

    Raises
    ------
    ValueError
        If they are negative, infinite, missing or all 0, or not one per sample.

    Examples
    --------
    >>> check_sample_weight([1, 3], 2)
    array([1., 3.])
    """
    if sample_weight is None:
        return None
    X = np.empty((n_samples, 1))  # scikit-learn asks it for the number of samples
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights
