"""Kinds of X: what scikit-learn knows it checks; what only nets know passes as it is."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import validate_data
from torch.utils.data import Dataset

from actscore_sk.utils.sklearn_private import num_samples


def is_parts(X: Any) -> bool:
    """Whether X is several inputs: a dict, or a tuple of arrays."""
    if sparse.issparse(X):  # one of the formats is a dict
        return False
    return isinstance(X, Mapping) or (
        isinstance(X, tuple) and len(X) > 0 and all(hasattr(part, "shape") and len(part.shape) for part in X)
    )


def check_X(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Validate X by its kind.

    Parameters
    ----------
    estimator : estimator
        Gets `n_features_in_` and `feature_names_in_` if `reset`, and is asked for them if not.
    X : array-like, sparse, DataFrame, dict or tuple of arrays, tensor or Dataset
        First dimension: samples.
    reset : bool
        True in `fit`.

    Returns
    -------
    X : ndarray, csr_matrix, dict, tuple, tensor or Dataset
        Arrays of numbers, finite, of any number of dimensions from 2 on; the other kinds with equal lengths.
    """
    if isinstance(X, Dataset):
        return X
    if isinstance(X, torch.Tensor):
        _check_n_features(estimator, X, reset)
        return X
    if is_parts(X):
        check_consistent_length(*(X.values() if isinstance(X, Mapping) else X))
        return X
    X = validate_data(estimator, X, reset=reset, accept_sparse="csr", allow_nd=True)
    # skorch takes rows of sparse matrices; a row of a sparse array has lost a dimension
    return sparse.csr_matrix(X) if sparse.issparse(X) else X


def _check_n_features(estimator: Any, X: torch.Tensor, reset: bool) -> None:
    if reset and X.ndim > 1:
        estimator.n_features_in_ = X.shape[1]
    elif X.ndim > 1 and X.shape[1] != getattr(estimator, "n_features_in_", X.shape[1]):
        raise ValueError(
            f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting {estimator.n_features_in_} "
            "features as input"
        )


def n_samples_of(X: Any) -> int:
    """Length of X along the samples."""
    if isinstance(X, Dataset):
        return len(X)  # type: ignore[arg-type]
    if is_parts(X):
        X = next(iter(X.values() if isinstance(X, Mapping) else X))
    return num_samples(X)


def targets_in(dataset: Dataset) -> np.ndarray | None:
    """Targets (n_samples,) of a data set that shows them in an attribute; None if it does not.

    Reading every sample for its label would cost a pass over the data: images would be decoded for it.
    """
    tensors = getattr(dataset, "tensors", None)
    for targets in (getattr(dataset, "targets", None), getattr(dataset, "y", None), tensors and tensors[-1]):
        if targets is not None and len(targets) == len(dataset):  # type: ignore[arg-type]
            return np.asarray(targets)
    return None
