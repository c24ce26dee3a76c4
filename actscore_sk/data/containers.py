"""Kinds of X and y: how each holds its samples. The one place that tells them apart.

A kind is a row of `_KINDS`. scikit-learn checks arrays, tables and sparse matrices; tensors, data sets and several
inputs in a mapping or a tuple are for nets, and pass as they are.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import validate_data
from skorch.helper import SliceDict
from torch.utils.data import Dataset, Subset

from actscore_sk.data.disk_kinds import is_on_disk, labels_on_disk, n_rows_on_disk, opened
from actscore_sk.data.disk_rows import DiskRows
from actscore_sk.utils.arrays import as_array
from actscore_sk.utils.sklearn_private import num_samples, safe_indexing


def parts_of(data: Any) -> dict[Any, Any] | None:
    """Return the arrays of a mapping by name, or of a tuple of arrays by number; None if `data` is a single thing.

    Examples
    --------
    >>> parts_of((np.zeros(3), np.ones((3, 2)))).keys()
    dict_keys([0, 1])
    >>> parts_of([[0.0], [1.0]]), parts_of((0, 1, 0))
    (None, None)
    """
    if isinstance(data, Mapping) and not sparse.issparse(data):  # a dok_matrix is a dict
        return dict(data)
    if isinstance(data, tuple) and data and all(hasattr(part, "shape") and len(part.shape) for part in data):
        return dict(enumerate(data))
    return None


def is_multi_input(X: Any) -> bool:
    """Return True if X is several arrays: a mapping, or a tuple of arrays."""
    return parts_of(X) is not None


def map_parts(function: Callable[[Any], Any], data: Any) -> Any:
    """Apply a function to `data`, or to each array in it.

    Parameters
    ----------
    function : callable
        Takes one array, sparse matrix, tensor or table.
    data : any kind
        Inputs may hold inputs.

    Returns
    -------
    mapped : object
        A dict for a mapping, a tuple for a tuple, else the output of the function.

    Examples
    --------
    >>> map_parts(len, {"words": np.zeros((3, 2)), "pair": (np.zeros(3), np.ones(3))})
    {'words': 3, 'pair': (3, 3)}
    """
    parts = parts_of(data)
    if parts is None:
        return function(data)
    mapped = {name: map_parts(function, part) for name, part in parts.items()}
    return mapped if isinstance(data, Mapping) else tuple(mapped.values())


def _take_parts(data: Any, indices: np.ndarray) -> Any:
    if isinstance(data, SliceDict):  # its constructor takes keywords, so it cannot be rebuilt like other mappings
        return data[indices]
    taken = {name: take_rows(part, indices) for name, part in parts_of(data).items()}  # type: ignore[union-attr]
    if isinstance(data, Mapping):
        return type(data)(taken)  # type: ignore[call-arg]
    return getattr(data, "_make", tuple)(taken.values())  # a named tuple keeps its names


def _check_parts(estimator: Any, X: Any, reset: bool) -> Any:
    parts = parts_of(X).values()  # type: ignore[union-attr]
    check_consistent_length(*[np.empty(n_samples_of(part)) for part in parts])
    return map_parts(opened, X) if any(map(is_on_disk, parts)) else X


def _check_array(estimator: Any, X: Any, reset: bool) -> Any:
    X = validate_data(estimator, X, reset=reset, accept_sparse="csr", allow_nd=True)
    # skorch takes rows of a sparse matrix; a row of a sparse array has lost a dimension
    return sparse.csr_matrix(X) if sparse.issparse(X) else X


def _check_rows(estimator: Any, X: Any, reset: bool) -> Any:
    if reset and X.ndim > 1:
        estimator.n_features_in_ = X.shape[1]
    elif X.ndim > 1 and X.shape[1] != getattr(estimator, "n_features_in_", X.shape[1]):
        raise ValueError(
            f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting {estimator.n_features_in_} "
            "features as input"
        )
    return X


class _Kind(NamedTuple):
    """Operations on one kind of data."""

    matches: Callable[[Any], bool]
    n_samples: Callable[[Any], int]
    take: Callable[[Any, np.ndarray], Any]
    check: Callable[[Any, Any, bool], Any]  # (estimator, X, reset)


# The first that matches: a sparse matrix may be a dict, and whatever is left is for scikit-learn to take or to refuse.
_KINDS = {
    "dataset": _Kind(
        lambda data: isinstance(data, Dataset),
        len,
        lambda data, indices: Subset(data, indices.tolist()),
        lambda estimator, X, reset: X,
    ),
    "tensor": _Kind(
        lambda data: isinstance(data, torch.Tensor),
        num_samples,
        lambda data, indices: data[torch.from_numpy(indices).to(data.device)],
        _check_rows,
    ),
    "on_disk": _Kind(
        is_on_disk,
        n_rows_on_disk,
        lambda data, indices: take_rows(opened(data), indices),
        lambda estimator, X, reset: check_X(estimator, opened(X), reset=reset),
    ),
    "opened": _Kind(lambda data: isinstance(data, DiskRows), len, lambda data, indices: data[indices], _check_rows),
    "sparse": _Kind(
        sparse.issparse,
        num_samples,
        lambda data, indices: data.tocsr()[indices].asformat(data.format),
        _check_array,
    ),
    "multi_input": _Kind(
        is_multi_input,
        lambda data: n_samples_of(next(iter(parts_of(data).values()))),  # type: ignore[union-attr]
        _take_parts,
        _check_parts,
    ),
    "array": _Kind(
        lambda data: True,
        num_samples,
        lambda data, indices: safe_indexing(data if hasattr(data, "__getitem__") else np.asarray(data), indices),
        _check_array,
    ),
}


def _kind_of(data: Any) -> str:
    return next(name for name, kind in _KINDS.items() if kind.matches(data))


def n_samples_of(data: Any) -> int:
    """Return the length of X or y along the samples.

    Raises
    ------
    TypeError
        If it has none: a scalar.
    """
    return _KINDS[_kind_of(data)].n_samples(data)


def take_rows(data: Any, indices: np.ndarray) -> Any:
    """Pick samples, in the order of `indices`; dtype, columns, index and format stay.

    Parameters
    ----------
    data : array-like, DataFrame, Series, sparse, tensor, Dataset, mapping or tuple of arrays, or None
        Samples along the first dimension.
    indices : ndarray of int64 (n_picked,)
        Positions; may repeat.

    Returns
    -------
    picked : same kind
        A `Subset` for a Dataset; None for None.

    Examples
    --------
    >>> take_rows({"left": np.arange(3), "right": ["a", "b", "c"]}, np.array([2, 0]))
    {'left': array([2, 0]), 'right': ['c', 'a']}
    """
    return None if data is None else _KINDS[_kind_of(data)].take(data, indices)


def check_X(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Validate X by its kind.

    Parameters
    ----------
    estimator : estimator
        Gets `n_features_in_` and `feature_names_in_` if `reset`, and is asked for them if not.
    X : array-like, sparse, DataFrame, mapping or tuple of arrays, tensor or Dataset
        Samples along the first dimension.
    reset : bool
        True in `fit`.

    Returns
    -------
    X : ndarray, csr_matrix, mapping, tuple, tensor or Dataset
        An array is finite and has at least 2 dimensions; inputs of a mapping or a tuple have equal lengths.

    Raises
    ------
    ValueError
        If X has NaN, another number of features than in `fit`, or inputs of different lengths.
    """
    return _KINDS[_kind_of(X)].check(estimator, X, reset)


def record_features(estimator: Any, X: Any) -> None:
    """Set `n_features_in_` and `feature_names_in_` of an estimator that takes X as it is, if X has columns."""
    if _kind_of(X) not in ("dataset", "multi_input"):
        validate_data(estimator, X, skip_check_array=True)


def is_per_sample(value: Any, n_samples: int) -> bool:
    """Return True if a fit parameter holds one entry per sample, so that it has to follow the samples.

    Data of their own do not, whatever their length: ``eval_set=(X_eval, y_eval)``.

    Examples
    --------
    >>> [is_per_sample(value, 3) for value in ([0.1, 0.2, 0.3], "abc", (np.zeros(3), np.zeros(3)), 3)]
    [True, False, False, False]
    """
    if isinstance(value, (str, bytes)) or _kind_of(value) in ("dataset", "multi_input"):
        return False
    if not (hasattr(value, "__len__") or hasattr(value, "shape")):
        return False
    try:
        return n_samples_of(value) == n_samples
    except TypeError:  # a scalar array
        return False


def targets_in(X: Any) -> np.ndarray | None:
    """Return the targets (n_samples,) that a Dataset shows in an attribute, or a table on disk in a column "label".

    None if it shows none, or X is neither.

    Reading every sample for its label would cost a pass over the data: images would be decoded for it.

    Examples
    --------
    >>> targets_in(torch.utils.data.TensorDataset(torch.zeros(3, 2), torch.tensor([0, 1, 0])))
    array([0, 1, 0])
    """
    if not isinstance(X, Dataset):
        return labels_on_disk(X)
    tensors = getattr(X, "tensors", None)
    for targets in (getattr(X, "targets", None), getattr(X, "y", None), tensors and tensors[-1]):
        if targets is not None and len(targets) == len(X):  # type: ignore[arg-type]
            return as_array(targets)
    return None


def target_columns(name: str, y: Any) -> dict[str, np.ndarray]:
    """Return y as named columns of a table, however its targets are nested; images and sequences are left out.

    Examples
    --------
    >>> target_columns("target", (np.array([1, 2]), np.array([[3, 4], [5, 6]])))
    {'target_0': array([1, 2]), 'target_1_0': array([3, 5]), 'target_1_1': array([4, 6])}
    """
    parts = parts_of(y)
    if parts is not None:
        columns = (target_columns(f"{name}_{part}", value) for part, value in parts.items())
        return {key: column for found in columns for key, column in found.items()}
    values = as_array(y)
    if values.ndim > 2:
        return {}
    if values.ndim == 1:
        return {name: values}
    return {f"{name}_{i}": column for i, column in enumerate(values.reshape(len(values), -1).T)}


def contents_of(data: Any) -> Iterable[Any] | None:
    """Return the values and names by which sparse matrices, tables, columns or indexes are equal; None for other kinds.

    Tables are those of pandas and polars, told by their methods: neither library is imported.
    """
    if sparse.issparse(data):
        rows = data.tocoo()
        return data.format, data.shape, rows.row, rows.col, rows.data
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):  # a table
        columns = (part for _, part in data.items()) if hasattr(data, "items") else data.iter_columns()
        return [*columns, list(data.columns)]
    if hasattr(data, "dtype") and hasattr(data, "to_numpy"):  # one column, or an index
        index = getattr(data, "index", None)
        return str(data.dtype), data.to_numpy(), getattr(data, "name", None), None if callable(index) else index
    return None
