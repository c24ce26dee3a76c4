"""Rows of X that another data set holds as a slice, found by their place in memory.

``Dataset(X[:80], y[:80])`` shares memory with X, so that the address of a slice tells its rows. A copy, such as the one
that ``X[index]`` makes, has an address of its own, and says nothing.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from skorch.dataset import Dataset as SkorchDataset
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from actscore_sk.data.containers import take_rows
from actscore_sk.data.parts import parts_of
from actscore_sk.utils.arrays import as_array


class _Place(NamedTuple):
    """Where the rows of an array are: row i at ``address + i * step``, in bytes.

    In two arrays of one `layout`, rows at one address are the same values: it has the dtype, the device, and the shape
    and strides within a row.
    """

    address: int
    n_rows: int
    step: int
    layout: tuple


def viewed_rows(dataset: Dataset, root: Dataset) -> Tensor | None:
    """Return the row of `root` that each sample of `dataset` is, if `dataset` is made of slices of its arrays.

    Parameters
    ----------
    dataset, root : Dataset
        Of skorch or a `TensorDataset`, or a subclass that reads samples like these; of no other kind it is known that
        sample i is row i of the arrays that it shows.

    Returns
    -------
    rows : Tensor of int64 (len(dataset),) or None
        None if the arrays are no slices of X, or are slices of different rows, or if the targets are others.

    Examples
    --------
    >>> X, y = torch.zeros(9, 2), torch.arange(9)
    >>> viewed_rows(TensorDataset(X[2:6:2], y[2:6:2]), TensorDataset(X, y))
    tensor([2, 4])
    >>> print(viewed_rows(TensorDataset(X[[2, 4]], y[[2, 4]]), TensorDataset(X, y)))
    None
    """
    ours, theirs = _arrays(root), _arrays(dataset)
    if ours is None or theirs is None:
        return None
    rows = _rows_of(theirs[0], ours[0])
    if rows is None or len(rows) != len(dataset) or bool((rows >= len(root)).any()):  # type: ignore[arg-type]
        return None
    return rows if _is_same(theirs[1], ours[1], rows) else None


def _arrays(dataset: Any) -> tuple[Any, Any] | None:
    """Return X and y of a data set whose sample i is known to be row i of them."""
    if _reads_rows_of(TensorDataset, dataset):
        return dataset.tensors[:1], dataset.tensors[1:]
    return (dataset.X, dataset.y) if _reads_rows_of(SkorchDataset, dataset) else None


def _reads_rows_of(kind: Any, dataset: Any) -> bool:
    """Return True if `dataset` gets a sample as data sets of this kind do; a subclass may do something else."""
    return isinstance(dataset, kind) and type(dataset).__getitem__ is kind.__getitem__


def _rows_of(part: Any, whole: Any) -> Tensor | None:
    """Return the rows of `whole` that `part` is a slice of; several inputs must agree."""
    parts, wholes = parts_of(part), parts_of(whole)
    if parts is None or wholes is None:
        return _rows_of_array(part, whole) if parts is wholes else None
    found = [_rows_of(parts[name], wholes[name]) for name in parts if name in wholes]
    is_known = len(found) == len(parts) == len(wholes) and all(rows is not None for rows in found)
    return found[0] if is_known and all(torch.equal(rows, found[0]) for rows in found) else None  # type: ignore[arg-type]


def _rows_of_array(part: Any, whole: Any) -> Tensor | None:
    """Return the rows of one array at which those of another are stored; None if it is no slice of it."""
    ours, theirs = _place(whole), _place(part)
    if ours is None or theirs is None or theirs.layout != ours.layout or not ours.step:
        return None
    first, inside_a_row = divmod(theirs.address - ours.address, ours.step)
    step, between_rows = divmod(theirs.step, ours.step) if theirs.n_rows > 1 else (1, 0)  # one row may have any step
    rows = first + step * torch.arange(theirs.n_rows)
    if not len(rows):
        return rows
    is_within = rows.min() >= 0 and rows.max() < ours.n_rows
    return rows if is_within and not inside_a_row and not between_rows else None


def _place(array: Any) -> _Place | None:
    """Return where an array is in memory; None for what has no rows of a fixed size."""
    if isinstance(array, Tensor) and array.ndim and array.layout is torch.strided:
        first, *steps = (array.element_size() * stride for stride in array.stride())
        values = str(array.dtype).removeprefix("torch."), str(array.device), array.is_conj(), array.is_neg()
        return _Place(array.data_ptr(), len(array), first, (*values, tuple(array.shape[1:]), tuple(steps)))
    if isinstance(array, np.ndarray) and array.ndim:
        first, *steps = array.strides
        values = str(array.dtype), "cpu", False, False
        return _Place(array.ctypes.data, len(array), first, (*values, array.shape[1:], tuple(steps)))
    return None


def _is_same(part: Any, whole: Any, rows: Tensor) -> bool:
    """Return True if targets are those of `rows`, whether they share memory or not."""
    if part is None or whole is None:
        return part is whole
    parts, wholes = parts_of(part), parts_of(whole)
    if parts is not None and wholes is not None:
        return parts.keys() == wholes.keys() and all(_is_same(parts[name], wholes[name], rows) for name in parts)
    found = _rows_of_array(part, whole)
    if found is not None and torch.equal(found, rows):
        return True
    expected = take_rows(whole, rows.numpy())
    return type(part) is type(expected) and np.array_equal(as_array(part), as_array(expected))
