"""Rows of any kind of data, in the kind that it came in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy import sparse
from skorch.helper import SliceDict
from torch.utils.data import Dataset, Subset

from actscore_sk.data.containers import is_parts
from actscore_sk.utils.sklearn_private import safe_indexing


def take_rows(data: Any, indices: np.ndarray) -> Any:
    """Pick samples, in the order of `indices`; dtype, columns, index and format stay.

    Parameters
    ----------
    data : array-like, list, DataFrame, Series, sparse, tensor, Dataset, dict or tuple of arrays, or None
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
    if data is None:
        return None
    if isinstance(data, Dataset):
        return Subset(data, indices.tolist())
    if isinstance(data, torch.Tensor):
        return data[torch.from_numpy(indices).to(data.device)]
    if sparse.issparse(data):  # before dicts: one of its formats is one
        return data.tocsr()[indices].asformat(data.format)
    if isinstance(data, SliceDict):
        return data[indices]
    if isinstance(data, Mapping):
        return type(data)({name: take_rows(part, indices) for name, part in data.items()})  # type: ignore[call-arg]
    if is_parts(data):
        return getattr(data, "_make", tuple)(take_rows(part, indices) for part in data)  # a named one keeps its names
    return safe_indexing(data if hasattr(data, "__getitem__") else np.asarray(data), indices)
