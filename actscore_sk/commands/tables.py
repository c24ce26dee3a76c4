"""Read and write tables by the suffix of their file, and never leave a half-written one."""

import gzip
import os
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actscore_sk.exceptions import CommandError
from actscore_sk.utils.files import write_atomically
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# What pandas, pyarrow and the decompressors raise for a file that is not what its suffix says.
UNREADABLE = (OSError, ValueError, EOFError, NotImplementedError, Warning, zlib.error)


# Nullable types, so that whole numbers with holes stay whole; a row too long is an error and not an index.
CSV_OPTIONS = {"index_col": False, "low_memory": False, "dtype_backend": "numpy_nullable"}
PARQUET_OPTIONS = {"engine": "pyarrow", "dtype_backend": "numpy_nullable"}


def _read_csv(path: Path, separator: str) -> "pd.DataFrame":
    """Read text; columns keep the names of the header, also when two are the same."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(path, sep=separator, **CSV_OPTIONS)
    # pandas renames a second "label" to "label.1": a copy of the target would pass for a feature.
    header = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str).iloc[0]
    frame.columns = list(header.where(header.notna(), frame.columns))
    return frame


def _read_parquet(path: Path) -> "pd.DataFrame":
    """Read columns; an index stored by pandas names rows and is left out."""
    import_optional("pyarrow", extra="cli", purpose="read and write Parquet")
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    return pd.read_parquet(path, **PARQUET_OPTIONS).rename(columns=str).reset_index(drop=True)


def _csv_program(path: Path, separator: str) -> str:
    """Write the Python expression that reads a file of text."""
    return f"pd.read_csv({str(path)!r}, sep={separator!r}, {_keywords(CSV_OPTIONS)})"


def _parquet_program(path: Path) -> str:
    """Write the Python expression that reads a Parquet file."""
    return f"pd.read_parquet({str(path)!r}, {_keywords(PARQUET_OPTIONS)}).rename(columns=str)"


def _keywords(options: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def _encode_csv(frame: "pd.DataFrame", separator: str) -> bytes:
    """Encode the table as UTF-8 text; a missing value is an empty field."""
    return frame.to_csv(index=False, sep=separator, lineterminator="\n").encode()


def _encode_gzipped_csv(frame: "pd.DataFrame") -> bytes:
    """Encode the table as compressed text, without a time stamp: the same table is the same file."""
    return gzip.compress(_encode_csv(frame, ","), mtime=0)


def _encode_parquet(frame: "pd.DataFrame") -> bytes:
    """Encode the table as a Parquet file."""
    import_optional("pyarrow", extra="cli", purpose="read and write Parquet")
    return frame.to_parquet(engine="pyarrow", index=False)


@dataclass(frozen=True)
class TableFormat:
    """One row of the table of formats: functions that read and encode a table.

    Attributes
    ----------
    read : callable
        ``read(path)`` returns a DataFrame whose rows are numbered 0, 1, 2, ...
    encode : callable
        ``encode(frame)`` returns the bytes of the file.
    write_program : callable
        ``write_program(path)`` returns the Python expression that reads the file.
    """

    read: "Callable[[Path], pd.DataFrame]"
    encode: "Callable[[pd.DataFrame], bytes]"
    write_program: Callable[[Path], str]


_read_comma, _write_comma = partial(_read_csv, separator=","), partial(_csv_program, separator=",")
PARQUET = TableFormat(_read_parquet, _encode_parquet, _parquet_program)
FORMATS = {
    ".csv": TableFormat(_read_comma, partial(_encode_csv, separator=","), _write_comma),
    ".csv.gz": TableFormat(_read_comma, _encode_gzipped_csv, _write_comma),
    ".tsv": TableFormat(
        partial(_read_csv, separator="\t"), partial(_encode_csv, separator="\t"), partial(_csv_program, separator="\t")
    ),
    ".parquet": PARQUET,
    ".pq": PARQUET,
}


def table_suffix(path: Path) -> str:
    """Return the suffix that decides the format of a file, in lower case.

    Raises
    ------
    CommandError
        If no format has the suffix of this file.

    Examples
    --------
    >>> table_suffix(Path("run.2/Train.CSV.gz"))
    '.csv.gz'
    """
    name = path.name.lower()
    for suffix in FORMATS:
        if name.endswith(suffix):
            return suffix
    raise CommandError(f"unknown kind of table {str(path)!r}; expected one of {', '.join(FORMATS)}")


def read_table(path: Path) -> "pd.DataFrame":
    """Read a table with at least one row.

    Parameters
    ----------
    path : Path
        File with one of the suffixes of ``FORMATS``.

    Returns
    -------
    frame : DataFrame
        Columns keep their names, also when two are the same; the index counts the rows from 0.

    Raises
    ------
    CommandError
        If there is no such file, or it cannot be read, or it has no rows.
    """
    suffix = table_suffix(path)
    if not path.exists():
        raise CommandError(f"no such file: {str(path)!r}")
    if not path.stat().st_size:
        raise CommandError(f"{str(path)!r} is empty")
    try:
        frame = FORMATS[suffix].read(path)
    except UNREADABLE as error:
        raise CommandError(f"cannot read {str(path)!r} as {suffix}: {error}") from error
    if frame.empty:
        raise CommandError(f"{str(path)!r} has no rows")
    return frame


def check_output(path: Path, *, source: Path) -> None:
    """Refuse an output that could not be written, before any time is spent on its content.

    Parameters
    ----------
    path : Path
        File to write later.
    source : Path
        File that is read, which the output must not replace.

    Raises
    ------
    CommandError
        If the suffix is unknown, the directory is not there or not writable, or ``path`` is ``source``.
    """
    if FORMATS[table_suffix(path)] is PARQUET:
        import_optional("pyarrow", extra="cli", purpose="read and write Parquet")
    # a training can take hours; a place that refuses the file is better known before it
    check_directory(path, source=source)


def check_directory(path: Path, *, source: Path) -> None:
    """Refuse a place that no file can be written to.

    Parameters
    ----------
    path, source : Path
        As in `check_output`.

    Raises
    ------
    CommandError
        If the directory is not there or not writable, or ``path`` is ``source``.
    """
    if path.exists() and source.exists() and path.samefile(source):
        raise CommandError(f"the output {str(path)!r} is the input; choose another name")
    if path.is_dir():
        raise CommandError(f"the output {str(path)!r} is a directory")
    if not path.parent.is_dir():
        raise CommandError(f"no such directory for the output: {str(path.parent)!r}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise CommandError(f"the directory of the output is not writable: {str(path.parent)!r}")


def write_table(path: Path, frame: "pd.DataFrame") -> None:
    """Write a table in the format of its suffix, wholly or not at all.

    Parameters
    ----------
    path : Path
        Its suffix is one of ``FORMATS``.
    frame : DataFrame
        The index is not written.

    Raises
    ------
    OSError
        If the system refuses; an older file is left as it was.
    """
    write_atomically(path, FORMATS[table_suffix(path)].encode(frame))
