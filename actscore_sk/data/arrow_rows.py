"""Tables of Arrow as X: data sets of Hugging Face, whose rows are read when asked for, and Parquet, which is copied.

Parquet is read in order only. Its columns are therefore written once, part by part, into a temporary file.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from actscore_sk.data.disk_rows import DiskRows
from actscore_sk.utils.memory import temporary_array
from actscore_sk.utils.optional import import_optional

LABELS = ("label", "labels")  # columns of targets, as Hugging Face names them; never a part of X
_ROWS_AT_ONCE = 2**16


class ColumnReader:
    """Reads rows of columns of a Hugging Face data set.

    Parameters
    ----------
    table : datasets.Dataset
        Left as it is.
    names : sequence of str
        Columns of numbers, or one of lists.
    """

    def __init__(self, table: Any, names: Sequence[str]) -> None:
        self._table, self._names = table.with_format("arrow", columns=list(names)), names

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return _stacked(self._table[rows], self._names)


def open_hugging_face(table: Any) -> Any:
    """Return the columns of a data set of Hugging Face, but those of labels, read row by row.

    Parameters
    ----------
    table : datasets.Dataset
        With columns of numbers, or of lists of one length.

    Returns
    -------
    X : DiskRows or dict of str to DiskRows
        An array (n_rows, n_columns) if all columns hold numbers, else each column by its name.
    """
    found = {}
    for key, names in _groups(table.with_format("arrow")[:1].schema).items():
        reader = ColumnReader(table, names)
        first = reader(np.array([0]))
        found[key] = DiskRows(reader, (len(table), *first.shape[1:]), first.dtype)
    return found.get(None, found)


def open_arrow(table: Any) -> Any:
    """Copy the columns of Arrow or Parquet, but those of labels, into temporary files.

    Parameters
    ----------
    table : pyarrow.Table, pyarrow.dataset.Dataset or pyarrow.parquet.ParquetFile
        As of `open_hugging_face`.

    Returns
    -------
    X : ndarray or dict of str to ndarray
        As of `open_hugging_face`; mapped files, which are deleted with the arrays.
    """
    X, start = {}, 0
    for batch in _batches(table):
        for key, names in _groups(batch.schema).items():
            values = _stacked(batch, names)
            if key not in X:
                X[key] = temporary_array((n_rows_of(table), *values.shape[1:]), values.dtype)
            X[key][start : start + len(values)] = values
        start += batch.num_rows
    return X.get(None, X)


def labels_in(table: Any) -> np.ndarray | None:
    """Return the column of labels (n_rows,) of any of these tables; None if it has none.

    Examples
    --------
    >>> import pyarrow
    >>> labels_in(pyarrow.table({"cm": [1.0, 2.0], "label": [1, 0]}))
    array([1, 0])
    """
    if hasattr(table, "with_format"):
        names = [name for name in LABELS if name in table.column_names]
        return np.asarray(table.with_format(None)[names[0]][:]) if names else None
    parts = [[batch.column(name) for name in LABELS if name in batch.schema.names][:1] for batch in _batches(table)]
    return np.concatenate([part[0].to_numpy(zero_copy_only=False) for part in parts]) if parts and parts[0] else None


def _batches(table: Any) -> Iterator[Any]:
    """Iterate over the rows of a table, a data set or a file, part by part."""
    if hasattr(table, "iter_batches"):
        return table.iter_batches(_ROWS_AT_ONCE)
    if hasattr(table, "count_rows"):
        return table.to_batches(batch_size=_ROWS_AT_ONCE)
    return iter(table.to_batches(max_chunksize=_ROWS_AT_ONCE))


def n_rows_of(table: Any) -> int:
    """Return the number of rows of a table, a data set or a file."""
    if hasattr(table, "iter_batches"):
        return table.metadata.num_rows
    return table.count_rows() if hasattr(table, "count_rows") else table.num_rows


def _groups(schema: Any) -> dict[str | None, list[str]]:
    """Return which columns belong together: all of them if they hold numbers, else each is for itself.

    Raises
    ------
    ValueError
        If there is none, or one holds anything else.
    """
    pa = import_optional("pyarrow", extra="cli", purpose="read Arrow tables")
    names, is_list = [name for name in schema.names if name not in LABELS], False
    if not names:
        raise ValueError(f"X has no columns beside {' and '.join(schema.names)}")
    for name in names:
        kind, depth = _inner(schema.field(name).type)
        is_list = is_list or depth > 0
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise ValueError(
                f"column {name!r} of X holds {kind}, but a net takes numbers, or lists of numbers; encode it or leave "
                "it out, or pass a torch Dataset whose __getitem__ returns (Xi, yi)"
            )
    return {name: [name] for name in names} if is_list else {None: names}


def _inner(kind: Any) -> tuple[Any, int]:
    """Return the type inside of lists, and how many there are around it."""
    kind = getattr(kind, "storage_type", kind)  # arrays of Hugging Face
    if not hasattr(kind, "value_type") or hasattr(kind, "index_type"):
        return kind, 0
    inner, depth = _inner(kind.value_type)
    return inner, depth + 1


def _stacked(table: Any, names: Sequence[str]) -> np.ndarray:
    """Return columns of numbers side by side (n_rows, n_columns), or the lists of the only one as an array."""
    found = [_values(table[name], name) for name in names]
    return np.column_stack(found) if found[0].ndim == 1 else found[0]


def _values(column: Any, name: str) -> np.ndarray:
    """Return numbers, or lists of one length of them, as an array.

    Raises
    ------
    ValueError
        If lists have different lengths, or a value is missing.
    """
    lengths_of = import_optional("pyarrow.compute", extra="cli", purpose="read Arrow tables").list_value_length
    column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    shape = [len(column)]
    while True:
        column = getattr(column, "storage", column)
        if column.null_count:
            raise ValueError(f"column {name!r} of X has missing values; fill them in, or leave their rows out")
        if not hasattr(column, "flatten") or not hasattr(column.type, "value_type"):
            return column.to_numpy(zero_copy_only=False).reshape(shape)
        lengths = np.unique(lengths_of(column).to_numpy(zero_copy_only=False))
        if len(lengths) > 1:
            raise ValueError(f"column {name!r} of X holds lists of different lengths; pad them to one length")
        shape.append(int(lengths[0]) if len(lengths) else 0)
        column = column.flatten()
