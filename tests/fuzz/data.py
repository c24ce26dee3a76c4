"""Containers in which X and y may come, and the same samples as the plain loop reads them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from skorch.dataset import Dataset as SkorchDataset
from torch.utils.data import Dataset, Subset, TensorDataset, default_collate

LABELS = np.array(["no", "perhaps", "yes"])


@dataclass
class Given:
    """What a net or an estimator is given, and the samples (Xi, yi) behind it."""

    X: Any
    y: Any
    samples: Dataset


class Samples(Dataset):
    """A data set of a user's own."""

    def __init__(self, X, y):
        self.X, self.targets = X, y

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return rows_of(self.X, i), self.targets[i]


class Augmented(Samples):
    """Draws from the three global streams whenever a sample is read."""

    def __getitem__(self, i):
        X, y = super().__getitem__(i)
        scale = 1 + 0.1 * (float(torch.rand(())) + np.random.uniform() + random.random())  # noqa: NPY002
        return X * np.float32(scale), y


class Transformed(SkorchDataset):
    """skorch's own data set with a transform."""

    def transform(self, X, y):
        X, y = super().transform(X, y)
        return X + np.float32(torch.rand(())), y


class PlainTransformed(Samples):
    """The same without skorch."""

    def __getitem__(self, i):
        X, y = super().__getitem__(i)
        return X + np.float32(torch.rand(())), y


def rows_of(X, index):
    """Take rows of an array, or of each array in a dict."""
    return {name: part[index] for name, part in X.items()} if isinstance(X, Mapping) else X[index]


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _memory_map(X, folder):
    file = folder / f"{random.Random(X.tobytes()).getrandbits(64):x}.npy"
    np.save(file, X)
    return np.load(file, mmap_mode="r")


def _sparse(X):
    return sparse.csr_matrix(np.where(X > 0, X, 0))


def _frame(X):
    return pd.DataFrame(X, columns=[f"column_{i}" for i in range(X.shape[1])])


def _tensor_set(X, y):
    return TensorDataset(torch.as_tensor(X), torch.as_tensor(y))


def _part(dataset):
    n = len(dataset)
    return Subset(dataset, [n - 1, *range(n - 1)])


# name: X and y as they are given
ARRAYS = {
    "array": lambda X, y, folder: (X, y),
    "tensor": lambda X, y, folder: (torch.as_tensor(X), torch.as_tensor(y)),
    "tensor, array": lambda X, y, folder: (torch.as_tensor(X), y),
    "read-only": lambda X, y, folder: (_read_only(X), _read_only(y)),
    "memory map": lambda X, y, folder: (_memory_map(X, folder), y),
    "every second": lambda X, y, folder: (np.repeat(X, 2, axis=0)[::2], np.repeat(y, 2, axis=0)[::2]),
    "backwards": lambda X, y, folder: (X[::-1].copy()[::-1], y[::-1].copy()[::-1]),
    "Fortran": lambda X, y, folder: (np.asfortranarray(X), y),
    "double": lambda X, y, folder: (X.astype(np.float64), y),  # plain nets refuse it, estimators cast
    "list of y": lambda X, y, folder: (X, list(y)),
    "strings": lambda X, y, folder: (X, LABELS[y]),
    "gaps": lambda X, y, folder: (X, y * 3 - 1),
    "sparse": lambda X, y, folder: (_sparse(X), y),
    "frame": lambda X, y, folder: (_frame(X), pd.Series(y, name="target")),
    "flat y": lambda X, y, folder: (X, y.reshape(-1)),
    "y of doubles": lambda X, y, folder: (X, y.astype(np.float64)),
    "y of bytes": lambda X, y, folder: (X, y.astype(np.uint8)),
    "y of booleans": lambda X, y, folder: (X, y.astype(bool)),
}
SETS = {
    "data set": (Samples, Samples),
    "augmented": (Augmented, Augmented),
    "skorch's": (SkorchDataset, Samples),
    "skorch's, transformed": (Transformed, PlainTransformed),
    "tensor set": (_tensor_set, Samples),
    "part": (lambda X, y: _part(_tensor_set(X, y)), lambda X, y: _part(Samples(X, y))),
}
# what only an estimator takes, or only for some tasks
OF_ESTIMATORS = ("strings", "gaps", "frame", "list of y", "flat y", "y of doubles", "y of bytes", "y of booleans")
_OF_CLASSES = ("strings", "gaps")
_OF_VECTORS = ("sparse", "frame")


def kinds(task: Any, name: str, is_estimator: bool) -> list[str]:
    """Return the kinds of container in which the data of a task may come."""
    if name in ("two inputs",):
        return ["array", "data set", "skorch's"]
    found = [*ARRAYS, *SETS]
    if not is_estimator:
        found = [kind for kind in found if kind not in OF_ESTIMATORS]
    if not task.has_classes:
        found = [kind for kind in found if kind not in _OF_CLASSES]
    if name not in ("classes", "number", "numbers", "labels", "probabilities", "log-probabilities", "binary", "shares"):
        found = [kind for kind in found if kind not in _OF_VECTORS]
    if name != "number":
        found = [kind for kind in found if kind != "flat y"]
    if name not in ("number", "numbers", "labels"):
        found = [kind for kind in found if kind != "y of doubles"]
    if not task.has_classes and name not in ("binary", "labels"):
        found = [kind for kind in found if kind != "y of bytes"]
    if name not in ("binary", "labels"):
        found = [kind for kind in found if kind != "y of booleans"]
    if name in ("bytes", "words"):
        found = [kind for kind in found if kind not in ("double", "augmented", "skorch's, transformed")]
    return found


def give(kind: str, X: Any, y: Any, folder: Any) -> Given:
    """Put X and y into a container."""
    if kind in SETS:
        theirs, ours = SETS[kind]
        dataset = theirs(X, y)
        targets = y if kind != "part" else np.r_[y[-1:], y[:-1]]
        return Given(dataset, targets, ours(X, y))
    given = (X, y) if isinstance(X, Mapping) else ARRAYS[kind](X, y, folder)
    plain = np.where(X > 0, X, 0) if kind == "sparse" else X
    return Given(*given, Samples(plain, y))


# -- how samples become a batch -----------------------------------------------------------------------------


def wrapped_collate(samples):
    """Collate as torch does, in a function that is not torch's."""
    return default_collate(samples)


def augmenting_collate(samples):
    """Add numbers from the streams of torch and NumPy to the batch."""
    X, y = default_collate(samples)
    return X + 0.1 * torch.randn(X.shape) + float(np.random.uniform()), y  # noqa: NPY002


def reversing_collate(samples):
    """Reverse the batch, as no sensible function would."""
    return default_collate(samples[::-1])


def sorting_collate(samples):
    """Sort the batch by the first feature, as those do who pack sequences by length."""
    return default_collate(sorted(samples, key=lambda sample: float(torch.as_tensor(sample[0]).flatten()[0])))


def shuffling_collate(samples):
    """Shuffle the batch."""
    return default_collate([samples[i] for i in torch.randperm(len(samples)).tolist()])


for _collate in (reversing_collate, sorting_collate, shuffling_collate):
    _collate.takes_numbers = True

COLLATES = {
    "torch's": default_collate,
    "wrapped": wrapped_collate,
    "augmenting": augmenting_collate,
    "reversing": reversing_collate,
    "sorting": sorting_collate,
    "shuffling": shuffling_collate,
}
REORDERING = ("reversing", "sorting", "shuffling")
