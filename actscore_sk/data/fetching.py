"""Fetch a batch of in-memory data as one slice instead of sample by sample.

skorch and torch build a batch from single samples: one Python call and one small array for each. Where the
data already lie in arrays, the same batch is one `index_select`. The result is checked against torch's own
collation before it is used, so that a net sees the same bits either way.
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
from actscore_sk.data.containers import parts_of

Fetch = Callable[[torch.Tensor], Any]


def slice_fetcher(dataset: Dataset, collate_fn: Callable) -> Fetch | None:
    """Build a function that returns the batch for an index, or None if only the slow way is safe.

    Parameters
    ----------
    dataset : Dataset
        What the loader draws from; `Subset` layers are followed.
    collate_fn : callable
        The loader's; anything but torch's default needs single samples.

    Returns
    -------
    fetch : callable or None
        Takes int64 positions (n,) in `dataset`, returns what torch would have collated for them: a list
        ``[Xi, yi]``. None if the data are not plain arrays, or the outcome would differ in any bit.
    """
    if collate_fn is not default_collate or not len(dataset) or not _is_plain(dataset):  # type: ignore[arg-type]
        return None
    base, positions = unwrap_subsets(dataset)
    columns = _columns(base)
    if columns is None:
        return None
    fetch = columns if positions is None else lambda index: columns(positions.index_select(0, index))
    return fetch if _agrees(fetch, dataset) else None


def sources(dataset: Dataset) -> list[Any]:
    """Return the objects that a slice of `dataset` is taken from: other objects need another fetcher."""
    layers = subset_layers(dataset)
    base: Any = layers[-1].dataset if layers else dataset
    data = [getattr(base, name, None) for name in ("X", "y", "tensors")]
    return [base, *data, *[layer.dataset for layer in layers], *[layer.indices for layer in layers]]


def _is_plain(dataset: Dataset) -> bool:
    """Whether getting a sample runs none of the user's code: no transform, no override."""
    layers = subset_layers(dataset)
    base: Any = layers[-1].dataset if layers else dataset
    if not all(_same_methods(layer, Subset, "__getitem__", "__getitems__") for layer in layers):
        return False
    return type(base) is TensorDataset or (
        isinstance(base, SkorchDataset) and _same_methods(base, SkorchDataset, "__getitem__", "transform")
    )


def _same_methods(thing: Any, kind: type, *names: str) -> bool:
    return all(getattr(type(thing), name) is getattr(kind, name) for name in names)


def _columns(base: Any) -> Fetch | None:
    if isinstance(base, TensorDataset):
        return _take_all([_take(tensor) for tensor in base.tensors])
    X = base.X
    if base.X_is_ndframe and hasattr(X, "columns"):
        X = {name: X[name].to_numpy().reshape(-1, 1) for name in X.columns}
    return _take_all([_take(X), _dummy_target if base.y is None else _take(base.y)])


def _dummy_target(index: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(index), 1)


def _take_all(takes: list[Fetch | None]) -> Fetch | None:
    found = [take for take in takes if take is not None]
    if len(found) < len(takes):
        return None
    return lambda index: [take(index) for take in found]


def _take(data: Any) -> Fetch | None:
    """Pick rows of one array, or of each array in a dict or list; None for any other kind of data."""
    if isinstance(data, torch.Tensor):
        return _take_tensor(data)
    if isinstance(data, np.ndarray):
        return _take_array(data)
    if sparse.issparse(data) and data.format == "csr":
        return lambda index: torch.from_numpy(data[index.numpy()].toarray())
    parts = parts_of(tuple(data) if isinstance(data, list) else data)
    take = None if parts is None else _take_all([_take(part) for part in parts.values()])
    if take is None or not isinstance(data, Mapping):  # torch collates tuples and lists to lists
        return take
    names = list(parts)  # type: ignore[arg-type]
    return lambda index: dict(zip(names, take(index), strict=True))


def _take_tensor(data: torch.Tensor) -> Fetch | None:
    if data.requires_grad or data.layout is not torch.strided:
        return None
    if data.device.type == "cpu":
        return lambda index: data.index_select(0, index)
    return lambda index: data.index_select(0, index.to(data.device))


def _take_array(data: np.ndarray) -> Fetch | None:
    # A read-only array (memory map, joblib) is picked by NumPy: torch warns when it has to wrap one.
    if data.flags.writeable:
        try:
            return _take_tensor(torch.from_numpy(data))
        except (TypeError, ValueError):  # byte order, strides or dtype that torch has no word for
            pass
    return lambda index: torch.from_numpy(data[index.numpy()])


def _agrees(fetch: Fetch, dataset: Dataset) -> bool:
    """Whether the first and the last sample come out exactly as torch collates them."""
    ends = [0, len(dataset) - 1]  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch on read-only arrays; nothing is written here
            fetched = fetch(torch.tensor(ends))
            return _same(fetched, default_collate([dataset[i] for i in ends]))
    except Exception:  # whatever fails here must fail, or pass, in the user's own loader
        return False


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        if one.dtype != two.dtype or one.shape != two.shape or one.device != two.device:
            return False
        return bool(((one == two) | ((one != one) & (two != two))).all())
    if type(one) is not type(two) or len(one) != len(two):
        return False
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(_same(one[key], two[key]) for key in one)
    return isinstance(one, list) and all(_same(a, b) for a, b in zip(one, two, strict=True))
