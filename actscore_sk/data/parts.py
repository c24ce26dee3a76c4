"""Data of several parts: a mapping, or a tuple of arrays, that stands for one X or y."""

from collections.abc import Callable, Mapping
from typing import Any

from scipy import sparse


def parts_of(data: Any) -> dict[Any, Any] | None:
    """Return the arrays of a mapping by name, or of a tuple of arrays by number; None if `data` is a single thing.

    Examples
    --------
    >>> import numpy as np
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
    >>> import numpy as np
    >>> map_parts(len, {"words": np.zeros((3, 2)), "pair": (np.zeros(3), np.ones(3))})
    {'words': 3, 'pair': (3, 3)}
    """
    parts = parts_of(data)
    if parts is None:
        return function(data)
    mapped = {name: map_parts(function, part) for name, part in parts.items()}
    return mapped if isinstance(data, Mapping) else tuple(mapped.values())
