"""Arrays on disk, of which no more is read than the rows of a batch: those of h5py and zarr."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np


class DiskRows:
    """An array whose rows are read when they are asked for.

    Parameters
    ----------
    read : callable
        Takes positions (n,) of int64, ascending and each once; returns the rows as an ndarray.
    shape : tuple of int
        Of the array.
    dtype : dtype
        In which rows are returned.

    Examples
    --------
    >>> rows = DiskRows(lambda index: index[:, None] * 10, (5, 1), np.dtype("float32"))
    >>> rows[[3, 0, 3]].ravel(), rows[-2:].ravel(), rows[1]
    (array([30.,  0., 30.], dtype=float32), array([30., 40.], dtype=float32), array([10.], dtype=float32))
    """

    def __init__(self, read: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...], dtype: Any) -> None:
        self.read, self.shape, self.dtype = read, shape, np.dtype(dtype)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that all rows would take in memory."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, (int, np.integer)):
            return self[[index]][0]
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self)))
        rows = np.asarray(index, dtype=np.int64)
        rows = np.where(rows < 0, rows + len(self), rows)
        places, inverse = np.unique(rows, return_inverse=True)
        if not len(places):
            return np.empty((0, *self.shape[1:]), self.dtype)
        if places[0] < 0 or places[-1] >= len(self):
            raise IndexError(f"rows {places[0]} to {places[-1]} of an array of {len(self)}")
        found = self.read(places)
        if found.shape[1:] != self.shape[1:]:
            raise ValueError(f"a row of X has the shape {found.shape[1:]}, the first one {self.shape[1:]}; pad them")
        return found[inverse].astype(self.dtype, copy=False)

    def astype(self, dtype: Any) -> "DiskRows":
        """Return the same rows in another dtype."""
        return DiskRows(self.read, self.shape, dtype)


class ArrayReader:
    """Reads rows of an array of h5py or zarr; another process than the first opens the file of h5py anew.

    Parameters
    ----------
    array : h5py.Dataset or zarr.Array
        Left as it is.
    """

    def __init__(self, array: Any) -> None:
        self._array, self._process = array, os.getpid()
        # the class of the file, its name, and that of the array in it
        self._place = (type(array.file), array.file.filename, array.name) if hasattr(array, "file") else None

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        if self._place is not None and self._process != os.getpid():  # a file that is shared by processes reads wrongly
            open_file, path, name = self._place
            self._array, self._process = open_file(path, "r")[name], os.getpid()
        array = self._array
        if rows[-1] - rows[0] + 1 == len(rows):
            return array[int(rows[0]) : int(rows[-1]) + 1]
        return array.oindex[rows] if hasattr(array, "oindex") else array[rows]

    def __getstate__(self) -> dict[str, Any]:
        if self._place is None:
            return self.__dict__
        return self.__dict__ | {"_array": None, "_process": None}


def open_array(array: Any) -> DiskRows:
    """Return an array of h5py or zarr as one whose rows may be asked for in any order."""
    return DiskRows(ArrayReader(array), tuple(array.shape), array.dtype)
