"""Fetch a batch of in-memory data as one slice instead of sample by sample.

skorch and torch build a batch from single samples: one Python call and one small array for each. If the data are arrays
already, the same batch is one `index_select`. The slice is compared with torch's own collation before it is used, so
that a net sees the same bits either way.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from scipy import sparse
from skorch.dataset import Dataset as SkorchDataset
from torch.utils.data import Dataset, Subset, TensorDataset, default_collate

from actscore_sk.data.alignment import subset_layers, unwrap_subsets
from actscore_sk.data.disk_rows import DiskRows
from actscore_sk.data.parts import parts_of

Fetch = Callable[[torch.Tensor], Any]


def batch_slicer(dataset: Dataset, collate_fn: Callable, *, pins: bool = False) -> Fetch | None:
    """Build a function that returns the batch for an index, or None if only torch's own way is safe.

    Parameters
    ----------
    dataset : Dataset
        Data set of the loader; `Subset` layers are followed.
    collate_fn : callable
        Of the loader; any but torch's default needs single samples.
    pins : bool
        Gather tensors and arrays into pinned memory, from which a device can copy while the host works.

    Returns
    -------
    fetch : callable or None
        Takes positions (n,) of int64 in `dataset` and returns the batch that torch collates for them, a list
        ``[Xi, yi]``. None if the data are not plain arrays, or if the slice would differ in any bit.

    Examples
    --------
    >>> data = TensorDataset(torch.arange(4), torch.tensor([0, 1, 0, 1]))
    >>> batch_slicer(Subset(data, [3, 2, 1]), default_collate)(torch.tensor([0, 2]))
    [tensor([3, 1]), tensor([1, 1])]
    """
    if collate_fn is not default_collate or not len(dataset) or not _is_plain(dataset):  # type: ignore[arg-type]
        return None
    base, positions = unwrap_subsets(dataset)
    slicer = _base_slicer(base, pins)
    if slicer is None:
        return None
    fetch = slicer if positions is None else lambda index: slicer(positions.index_select(0, index))
    return fetch if _equals_collated(fetch, dataset) else None


def bytes_per_sample(dataset: Dataset) -> int:
    """Return the size of a sample of X; 0 if it cannot be told without reading one.

    Examples
    --------
    >>> bytes_per_sample(Subset(TensorDataset(torch.zeros(5, 3), torch.zeros(5)), [0, 1]))
    12
    """
    layers = subset_layers(dataset)
    base: Any = layers[-1].dataset if layers else dataset
    tensors = getattr(base, "tensors", None)
    X = tensors[0] if tensors else getattr(base, "X", None)
    parts = (parts_of(X) or {0: X}).values()
    arrays = [part for part in parts if isinstance(part, (np.ndarray, torch.Tensor, DiskRows)) and len(part)]
    return sum(part.nbytes // len(part) for part in arrays)


def data_identity(dataset: Dataset) -> list[Any]:
    """Return the objects that slices of `dataset` come from, to be compared by identity.

    A data set may get other data, or other indices, between two epochs. Then its slicer is out of date.

    Parameters
    ----------
    dataset : Dataset
        As in `batch_slicer`.

    Returns
    -------
    objects : list
        The innermost data set, its arrays, and the data set and the indices of each `Subset`.
    """
    layers = subset_layers(dataset)
    base: Any = layers[-1].dataset if layers else dataset
    data = [getattr(base, name, None) for name in ("X", "y", "tensors")]
    return [base, *data, *[layer.dataset for layer in layers], *[layer.indices for layer in layers]]


def _is_plain(dataset: Dataset) -> bool:
    """Return True if getting a sample runs no code of the user: no transform, no override."""
    layers = subset_layers(dataset)
    base: Any = layers[-1].dataset if layers else dataset
    if not all(_same_methods(layer, Subset, "__getitem__", "__getitems__") for layer in layers):
        return False
    return type(base) is TensorDataset or (
        isinstance(base, SkorchDataset) and _same_methods(base, SkorchDataset, "__getitem__", "transform")
    )


def _same_methods(thing: Any, kind: type, *names: str) -> bool:
    return all(getattr(type(thing), name) is getattr(kind, name) for name in names)


def _base_slicer(base: Any, pins: bool) -> Fetch | None:
    """Build the slicer of a plain data set: a list of its columns, as torch collates its items."""
    if isinstance(base, TensorDataset):
        return _list_slicer([_slicer(tensor, pins) for tensor in base.tensors])
    X = base.X
    if base.X_is_ndframe and hasattr(X, "columns"):
        X = {name: X[name].to_numpy().reshape(-1, 1) for name in X.columns}
    return _list_slicer([_slicer(X, pins), _dummy_target if base.y is None else _slicer(base.y, pins)])


def _dummy_target(index: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(index), 1)


def _list_slicer(slicers: list[Fetch | None]) -> Fetch | None:
    """Combine slicers into one that returns a list; None if one of them is missing."""
    found = [slicer for slicer in slicers if slicer is not None]
    if len(found) < len(slicers):
        return None
    return lambda index: [slicer(index) for slicer in found]


def _slicer(data: Any, pins: bool) -> Fetch | None:
    """Build the slicer of one array, or of each array in a mapping, tuple or list; None for any other kind of data."""
    if isinstance(data, torch.Tensor):
        return _tensor_slicer(data, pins)
    if isinstance(data, np.ndarray):
        return _array_slicer(data, pins)
    if isinstance(data, DiskRows):
        return lambda index: torch.from_numpy(data[index.numpy()])
    if sparse.issparse(data) and data.format == "csr":
        return lambda index: torch.from_numpy(data[index.numpy()].toarray())
    parts = parts_of(tuple(data) if isinstance(data, list) else data)
    slicer = None if parts is None else _list_slicer([_slicer(part, pins) for part in parts.values()])
    if slicer is None or not isinstance(data, Mapping):  # torch collates tuples and lists to lists
        return slicer
    names = list(parts)  # type: ignore[arg-type]
    return lambda index: dict(zip(names, slicer(index), strict=True))


def _tensor_slicer(data: torch.Tensor, pins: bool) -> Fetch | None:
    """Build the slicer of a tensor on any device; None if a slice would carry a graph, or is not strided."""
    if data.requires_grad or data.layout is not torch.strided:
        return None
    if data.device.type != "cpu":
        return lambda index: data.index_select(0, index.to(data.device, non_blocking=True))
    if not pins:
        return lambda index: data.index_select(0, index)
    return lambda index: torch.index_select(data, 0, index, out=_pinned((len(index), *data.shape[1:]), data.dtype))


def _pinned(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Allocate pinned memory, which torch keeps for the next batches once it has been read."""
    return torch.empty(shape, dtype=dtype, pin_memory=True)


def _array_slicer(data: np.ndarray, pins: bool) -> Fetch | None:
    # NumPy slices a read-only array (memory map, joblib): torch warns when it has to wrap one.
    if data.flags.writeable:
        try:
            return _tensor_slicer(torch.from_numpy(data), pins)
        except (TypeError, ValueError):  # torch lacks the byte order, the strides or the dtype
            pass
    return lambda index: torch.from_numpy(data[index.numpy()])


def _equals_collated(fetch: Fetch, dataset: Dataset) -> bool:
    """Return True if the slice of the first and the last sample has the bits of torch's batch of them."""
    ends = [0, len(dataset) - 1]  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch on read-only arrays; nothing is written here
            fetched = fetch(torch.tensor(ends))
            return _is_same_batch(fetched, default_collate([dataset[i] for i in ends]))
    except Exception:  # an error of the user's data must appear in the user's own loader, or not at all
        return False


def _is_same_batch(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        if one.dtype != two.dtype or one.shape != two.shape or one.device != two.device:
            return False
        return bool(((one == two) | ((one != one) & (two != two))).all())
    if type(one) is not type(two) or len(one) != len(two):
        return False
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(_is_same_batch(one[key], two[key]) for key in one)
    return isinstance(one, list) and all(_is_same_batch(a, b) for a, b in zip(one, two, strict=True))
