"""Are samples those of before? Told by digests of a data set, which cost little and keep nothing of it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch.utils.data import Dataset, Subset

from actscore_sk.data.containers import n_samples_of, take_rows
from actscore_sk.data.disk_rows import DiskRows
from actscore_sk.data.own_targets import targets_in
from actscore_sk.data.parts import parts_of

_BYTES = 2**22  # of X to look at, in double precision: some milliseconds, and no copy of a large X
_BLOCK_BYTES = 2**19
_FEWEST_ROWS, _MOST_ROWS = 8, 4096
_PLAIN = (str, bytes, int, float, complex, type(None), date, timedelta, PurePath)


@dataclass(frozen=True)
class SampleIdentity:
    """What tells the samples of one data set from those of another.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    digests : dict of str to str
        Digest of each part that could be read ("X", "targets", "index"); a part that is not there is not compared.

    Examples
    --------
    >>> X, y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])
    >>> identify(X, y).differing(identify(X.astype("float32"), y))
    []
    >>> identify(X, y).differing(identify(X[::-1], y))
    ['X']
    """

    n_samples: int
    digests: dict[str, str] = field(default_factory=dict)

    def differing(self, other: "SampleIdentity") -> list[str]:
        """Names of the parts that differ, of those that both know."""
        return [name for name in self.digests if self.digests[name] != other.digests.get(name, self.digests[name])]

    def check_same(self, other: "SampleIdentity") -> None:
        """Raise ValueError if `other` has other samples than this one, as many as they may be.

        Raises
        ------
        ValueError
            Naming what differs, and what to do.
        """
        differing = self.differing(other)
        if self.n_samples != other.n_samples:
            reason = f"X has {other.n_samples} samples, but the scores so far are those of {self.n_samples}"
        elif differing:
            reason = (
                f"X has {other.n_samples} samples as before, but they are others, or in another order: "
                f"{' and '.join(differing)} differ, and the scores so far belong to those before"
            )
        else:
            return
        raise ValueError(
            f"{reason}; to go on, pass the same samples in the same order (augment them in the data set or in "
            "collate_fn), and to start anew, call fit (with warm_start=False)"
        )


def identify(X: Any, y: Any = None, index: Any = None) -> SampleIdentity:
    """Read what tells these samples from others: all targets and labels of rows, and evenly spread rows of X.

    Parameters
    ----------
    X : array-like, sparse, tensor, dict or tuple of arrays, DataFrame or Dataset
        Samples. Of a data set that is not made of arrays none is read, since that may cost, or draw random numbers.
    y : array-like or None
        Targets, if they are not in X.
    index : sequence or None
        Labels of the rows.

    Returns
    -------
    identity : SampleIdentity
        Equal for equal samples, whatever their dtype.
    """
    parts: dict[str, Any] = {"X": X, "targets": y, "index": index}
    if isinstance(X, Dataset):
        parts |= _parts_of(X)
        parts["targets"] = parts["targets"] if y is None else y
    digests = {name: _digest(part, is_whole=name != "X") for name, part in parts.items() if part is not None}
    return SampleIdentity(n_samples_of(X), {name: digest for name, digest in digests.items() if digest is not None})


def _parts_of(dataset: Dataset) -> dict[str, Any]:
    """Return what can be read of a data set without asking it for a sample."""
    if isinstance(dataset, Subset):
        rows = np.asarray(dataset.indices, dtype=np.int64).reshape(-1)
        parts = _parts_of(dataset.dataset)
        return {name: None if part is None else take_rows(part, rows) for name, part in parts.items()}
    tensors = getattr(dataset, "tensors", None)
    X = tuple(tensors[:-1]) if tensors else getattr(dataset, "X", None)
    return {"X": X, "targets": targets_in(dataset)}


def _digest(data: Any, *, is_whole: bool) -> str | None:
    """Digest of evenly spread rows, or of all if they are one number each; None for what has no rows of values."""
    hasher = hashlib.blake2b(digest_size=16)
    try:
        _update(hasher, data, is_whole=is_whole)
    except (TypeError, ValueError, AttributeError):  # objects of the user's own, or a lazily read X
        return None
    return hasher.hexdigest()


def _update(hasher: Any, data: Any, *, is_whole: bool) -> None:
    parts = parts_of(data)
    if parts is not None:
        for name, part in parts.items():
            hasher.update(name.encode() if isinstance(name, str) else b"")
            _update(hasher, part, is_whole=is_whole)
    elif isinstance(data, DiskRows):
        raise TypeError("to read rows may cost")
    else:
        data = data if hasattr(data, "shape") else np.asarray(data)
        hasher.update(str(tuple(data.shape[1:])).encode())
        for rows in _spread_rows(data, is_whole=is_whole):
            if isinstance(rows, slice) or isinstance(data, (np.ndarray, torch.Tensor)):
                picked = data[rows]
            else:  # this looks for the kind of a table first, which takes longer than to pick rows of an array
                picked = take_rows(data, rows)
            _update_array(hasher, _as_array(picked))


def _spread_rows(data: Any, *, is_whole: bool) -> Iterator[slice | np.ndarray]:
    """Iterate over positions of the rows to look at, some at a time: little is copied at once."""
    n_samples, row_bytes = data.shape[0], 8 * max(1, int(np.prod(data.shape[1:])))
    at_once = max(1, _BLOCK_BYTES // row_bytes)
    if is_whole and len(data.shape) == 1:
        yield from (slice(start, start + at_once) for start in range(0, n_samples, at_once))
        return
    n_rows = min(n_samples, int(np.clip(_BYTES // row_bytes, _FEWEST_ROWS, _MOST_ROWS)))
    rows = np.linspace(0, max(n_samples - 1, 0), n_rows).astype(np.int64)
    yield from (rows[start : start + at_once] for start in range(0, n_rows, at_once))


def _as_array(data: Any) -> np.ndarray:
    if isinstance(data, torch.Tensor):
        return data.detach().cpu().to(torch.float64).numpy()
    return data.toarray() if sparse.issparse(data) else np.asarray(data)


def _update_array(hasher: Any, array: np.ndarray) -> None:
    if array.dtype.kind in "biuf":
        # in single precision, since the same X may come in both; + 0 makes no difference of -0
        numbers = array.astype(np.float32)
        hasher.update(np.ascontiguousarray(np.add(numbers, 0, out=numbers)))
    else:
        objects = array.reshape(-1).tolist()
        if not all(isinstance(value, _PLAIN) for value in objects):
            raise TypeError("objects say nothing of what they hold")
        hasher.update("\0".join([*map(str, objects), ""]).encode())
