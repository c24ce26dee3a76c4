"""Checks of the estimators' input: errors that name the remedy where scikit-learn's or torch's do not."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import Tensor, as_tensor

from actscore_sk.data.containers import check_X
from actscore_sk.data.devices import on_host
from actscore_sk.data.disk_kinds import is_on_disk
from actscore_sk.data.sources import check_source
from actscore_sk.utils.sklearn_private import check_sample_weight

_N_NAMED = 5  # columns named in an error


def checked_X(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Validate X by its kind as `check_X` does, with errors that say what to do.

    Raises
    ------
    IndexTrackingError
        For streams and loaders; see `check_source`.
    ValueError
        As `explained_X` says, or scikit-learn.
    """
    if not is_on_disk(X):
        check_source(X)
    with explained_X(X):
        X = check_X(estimator, X, reset=reset)
        # scikit-learn leaves a table with categories an array of objects
        return X.astype(np.float64) if isinstance(X, np.ndarray) and X.dtype == object else X


@contextmanager
def explained_X(X: Any) -> Iterator[None]:
    """Say what to do if X cannot be checked because it holds text, dates or categories.

    Raises
    ------
    ValueError
        Instead of the error in the block; any other X keeps that one.

    Examples
    --------
    >>> with explained_X(["a text", "another"]):
    ...     raise ValueError("Expected 2D array, got 1D array instead")
    Traceback (most recent call last):
    ...
    ValueError: X holds text, but a net takes numbers; ...
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        columns = _odd_columns(X)
        if columns:
            shown = ", ".join(f"{name!r} ({dtype})" for name, dtype in [*columns.items()][:_N_NAMED])
            raise ValueError(
                f"X has {len(columns)} columns that hold no numbers: {shown}; encode them first: "
                "make_pipeline(TablePreprocessor(), estimator), from actscore_sk, takes numbers, categories and dates; "
                "a column of text needs TfidfVectorizer in a ColumnTransformer"
            ) from error
        if is_text(X):
            raise ValueError(
                "X holds text, but a net takes numbers; tokenize it, or put sklearn.feature_extraction.text."
                "TfidfVectorizer before the estimator in a Pipeline"
            ) from error
        raise


def _odd_columns(X: Any) -> dict[str, str]:
    """Return the dtypes of those columns of a table, of pandas or polars, that hold no numbers."""
    if not hasattr(X, "columns") or not hasattr(X, "dtypes"):
        return {}
    dtypes = {str(name): dtype for name, dtype in zip(X.columns, list(X.dtypes), strict=True)}
    return {name: str(dtype) for name, dtype in dtypes.items() if not _is_numeric(dtype)}


def _is_numeric(dtype: Any) -> bool:
    if hasattr(dtype, "is_numeric"):  # polars
        return bool(dtype.is_numeric()) or str(dtype) == "Boolean"
    return getattr(dtype, "kind", "O") in "biufc"


def is_text(data: Any) -> bool:
    """Return True if the first entry of an array or list is a string.

    Examples
    --------
    >>> is_text([["a", 1.0]]), is_text(np.array([1.0]))
    (True, False)
    """
    if isinstance(data, (Mapping, Tensor)) or is_on_disk(data) or not hasattr(data, "__len__"):
        return False
    first = np.asarray(data[:1] if hasattr(data, "__getitem__") else data, dtype=object).reshape(-1)
    return len(first) > 0 and isinstance(first[0], (str, bytes))


@contextmanager
def explained_labels(y: Any) -> Iterator[None]:
    """Say how many labels are missing, or of which type they are, if y is no vector of labels because of that.

    Raises
    ------
    ValueError
        Instead of the error in the block; any other y keeps that one.

    Examples
    --------
    >>> with explained_labels(np.array(["a", None], dtype=object)):
    ...     raise ValueError("Unknown label type: unknown")
    Traceback (most recent call last):
    ...
    ValueError: Input y contains NaN: 1 of 2 samples have no label, ...
    >>> with explained_labels(np.array([True, False], dtype=object)):
    ...     raise ValueError("Unknown label type: unknown")
    Traceback (most recent call last):
    ...
    ValueError: Unknown label type: y is an array of objects, of type bool; labels are ...
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        labels = np.asarray(y, dtype=object).reshape(-1)
        is_missing = np.array([_is_missing(value) for value in labels], dtype=bool)
        if not is_missing.any():
            if getattr(getattr(y, "dtype", None), "kind", "") != "O" or "Unknown label type" not in str(error):
                raise
            types = " and ".join(sorted({type(value).__name__ for value in labels}))
            raise ValueError(
                f"Unknown label type: y is an array of objects, of type {types}; labels are numbers, booleans or "
                "strings: y.astype(int), y.astype(bool) or y.astype(str) makes them of objects"
            ) from error
        raise ValueError(
            f"Input y contains NaN: {int(is_missing.sum())} of {len(is_missing)} samples have no label, the first at "
            f"position {int(is_missing.argmax())}; leave them out: X[~pandas.isna(y)], y[~pandas.isna(y)]"
        ) from error


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA says neither yes nor no
        return True


@contextmanager
def explained_targets(y: Any) -> Iterator[None]:
    """Say what to do if a net that takes targets as they are does not take strings.

    Raises
    ------
    ValueError
        Instead of the error in the block; any other y keeps that one.

    Examples
    --------
    >>> with explained_targets(np.array(["cat", "dog"])):
    ...     raise TypeError("new(): invalid data type 'str'")
    Traceback (most recent call last):
    ...
    ValueError: y holds strings, ...
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        if not is_text(y):
            raise
        raise ValueError(
            "y holds strings, which are no targets of a net: use ActionScoreClassifier for labels, or encode them as "
            f"numbers ({type(error).__name__}: {error})"
        ) from error


def warn_of_no_visits(n_visits: np.ndarray) -> None:
    """Warn if no sample was visited at all: the net is kept, as skorch does, and all scores are NaN.

    Parameters
    ----------
    n_visits : ndarray of int (n_samples,)
        Number of visits of each sample.
    """
    if not n_visits.any():
        warnings.warn(
            "training ended before its first batch (interrupted, or with 0 epochs), so all scores are NaN and the net "
            "is as it was initialized; call fit again",
            UserWarning,
        )


def check_weights(sample_weight: Any, n_samples: int) -> Tensor | None:
    """Return weights as float64, or None where all are 1: then the net is that of a fit without weights, to the bit.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        At least 0.
    n_samples : int
        Number of samples in X.

    Returns
    -------
    weights : Tensor of float64 (n_samples,) or None
        A copy.

    Raises
    ------
    ValueError
        If they are not one finite number per sample, or one is negative.

    Examples
    --------
    >>> check_weights([1, 1], 2) is None, check_weights([1, 2], 2).tolist()
    (True, [1.0, 2.0])
    """
    weights = check_sample_weight(on_host(sample_weight), n_samples)
    # The weighted loss rounds differently, so weights of 1 must not take that path.
    if weights is None or (weights == 1).all():
        return None
    return as_tensor(weights.copy())  # a column of a table is read-only
