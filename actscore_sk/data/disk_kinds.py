"""Which things are arrays or tables on disk, and how they are opened; none of their libraries is imported here."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from actscore_sk.data.arrow_rows import labels_in, n_rows_of, open_arrow, open_hugging_face
from actscore_sk.data.disk_rows import open_array


class _Kind(NamedTuple):
    """Operations on one kind of data."""

    library: str
    attribute: str  # that tells it from other things of the library
    n_rows: Callable[[Any], int]
    labels: Callable[[Any], np.ndarray | None]
    open: Callable[[Any], Any]


_KINDS = (
    _Kind("h5py", "chunks", len, lambda array: None, open_array),
    _Kind("zarr", "chunks", lambda array: array.shape[0], lambda array: None, open_array),
    _Kind("datasets", "with_format", len, labels_in, open_hugging_face),
    _Kind("pyarrow", "to_batches", n_rows_of, labels_in, open_arrow),
    _Kind("pyarrow", "iter_batches", n_rows_of, labels_in, open_arrow),
)


def _kind_of(data: Any) -> _Kind | None:
    libraries = {each.__module__.partition(".")[0] for each in type(data).__mro__}
    found = [kind for kind in _KINDS if kind.library in libraries and hasattr(data, kind.attribute)]
    return found[0] if found else None


def is_on_disk(data: Any) -> bool:
    """Return True for arrays of h5py and zarr, data sets of Hugging Face, tables of Arrow and Parquet.

    Examples
    --------
    >>> import pyarrow
    >>> is_on_disk(pyarrow.table({"cm": [1, 2]})), is_on_disk(np.zeros(2))
    (True, False)
    """
    return _kind_of(data) is not None


def n_rows_on_disk(data: Any) -> int:
    """Return the number of rows of what `is_on_disk`."""
    return _kind_of(data).n_rows(data)  # type: ignore[union-attr]


def labels_on_disk(data: Any) -> np.ndarray | None:
    """Return the labels (n_rows,) that a table holds beside X; None if it holds none, or is no table."""
    kind = _kind_of(data)
    return None if kind is None else kind.labels(data)


def opened(data: Any) -> Any:
    """Return what is on disk in a form that gives its rows in any order; anything else as it is.

    Parameters
    ----------
    data : object
        Of any kind.

    Returns
    -------
    rows : DiskRows, memmap, dict of these, or `data`
        A dict for a table with columns of lists.
    """
    kind = _kind_of(data)
    return data if kind is None else kind.open(data)
