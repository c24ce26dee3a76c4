"""Rows of X that a split holds as slices: found where memory is shared, unknown where it is not."""

import numpy as np
import pytest
import torch
from skorch.dataset import Dataset as SkorchDataset
from skorch.helper import SliceDict
from torch.utils.data import Subset, TensorDataset

from actscore_sk.data.alignment import Alignment
from actscore_sk.data.views import viewed_rows
from actscore_sk.exceptions import IndexTrackingError

X, y = np.arange(60.0).reshape(20, 3), np.arange(20) % 4
SLICES = {
    "first": slice(5),
    "last": slice(-4, None),
    "every third": slice(2, 19, 3),
    "backwards": slice(None, None, -1),
    "backwards, by two": slice(15, 2, -2),
    "one": slice(7, 8),
    "none": slice(3, 3),
}


def tensors(X, y):
    return TensorDataset(torch.as_tensor(X), torch.as_tensor(y))


def two_inputs(X, y):
    return SkorchDataset({"left": X, "right": X[:, ::2]}, y)


def fortran(X, y):
    return SkorchDataset(np.asfortranarray(X), y)


ROOTS = {"arrays": SkorchDataset(X, y), "given backwards": SkorchDataset(X[::-1], y[::-1]), "Fortran": fortran(X, y)}
ROOTS |= {"dict": two_inputs(X, y), "slice dict": SkorchDataset(SliceDict(left=X, right=X + 1), y)}
ROOTS |= {"list of y": SkorchDataset(X, y.tolist()), "no y": SkorchDataset(X), "a part": SkorchDataset(X[3:], y[3:])}


def cut(X, part):
    return {name: each[part] for name, each in X.items()} if isinstance(X, dict) else X[part]


# skorch refuses an empty list
CASES = [(root, name) for root in ROOTS for name in SLICES if (root, name) != ("list of y", "none")]


@pytest.mark.parametrize(("root", "name"), CASES)
def test_rows_of_slices_are_found(root, name):
    root, part = ROOTS[root], SLICES[name]
    half = SkorchDataset(cut(root.X, part), None if root.y is None else root.y[part])
    assert viewed_rows(half, root).tolist() == list(range(len(root)))[part]


@pytest.mark.parametrize("name", [name for name in SLICES if "backwards" not in name])
def test_rows_of_slices_of_tensors_are_found(name):
    root, part = tensors(X, y), SLICES[name]
    half = TensorDataset(*[tensor[part] for tensor in root.tensors])
    assert viewed_rows(half, root).tolist() == list(range(20))[part]
    assert (
        viewed_rows(SkorchDataset(X[part], y[part]), SkorchDataset(torch.as_tensor(X), y)).tolist()
        == [*range(20)][part]
    )  # torch shares the memory of an array


class Doubled(SkorchDataset):
    def __getitem__(self, i):
        return super().__getitem__(i // 2)


OTHERS = {
    "copy": SkorchDataset(X[[0, 1]], y[:2]),
    "equal values": SkorchDataset(X[:5].copy(), y[:5].copy()),
    "mask": SkorchDataset(X[y > 1], y[y > 1]),
    "other targets": SkorchDataset(X[:5], 3 - y[:5]),
    "targets of other rows": SkorchDataset(X[:5], y[1:6]),
    "no targets": SkorchDataset(X[:5]),
    "columns": SkorchDataset(X[:5, :2], y[:5]),
    "other type": SkorchDataset(X.view(np.int64)[:5], y[:5]),
    "own way to read": Doubled(X[:5], y[:5]),
    "before it": SkorchDataset(X[:8], y[:8]),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_data_have_no_rows(name):
    root = SkorchDataset(X[4:], y[4:]) if name == "before it" else SkorchDataset(X, y)
    assert viewed_rows(OTHERS[name], root) is None


def test_inputs_that_are_slices_of_different_rows_have_no_rows():
    mixed = SkorchDataset({"left": X[:5], "right": X[1:6, ::2]}, y[:5])
    assert viewed_rows(mixed, two_inputs(X, y)) is None


def test_subset_of_slices_is_found():
    root = SkorchDataset(X, y)
    assert Alignment(Subset(SkorchDataset(X[4:], y[4:]), [2, -1]), root).positions.tolist() == [6, 19]


def test_copies_are_refused_with_what_to_return():
    with pytest.raises(IndexTrackingError, match=r"slices of its X and y, which share their memory: X\[:80\]"):
        Alignment(OTHERS["copy"], SkorchDataset(X, y))
