"""Read and write tables by the suffix of their file, and never leave a half-written one."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from actscore_sk.commands.spreadsheet_cells import unescape_cells
from actscore_sk.commands.text_tables import (
    DEFAULTS,
    ReadOptions,
    csv_program,
    encode_csv,
    encode_gzipped_csv,
    keywords,
    read_csv,
)
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.files import write_atomically
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# What pandas, pyarrow and the decompressors raise for a file that is not what its suffix says.
UNREADABLE = (OSError, ValueError, EOFError, NotImplementedError, Warning, zlib.error)


PARQUET_OPTIONS = {"engine": "pyarrow", "dtype_backend": "numpy_nullable"}


def _read_parquet(path: Path, options: ReadOptions) -> "pd.DataFrame":
    """Read columns; an index stored by pandas names rows and is left out."""
    import_optional("pyarrow", extra="cli", purpose="read and write Parquet")
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    return pd.read_parquet(path, **PARQUET_OPTIONS).rename(columns=str).reset_index(drop=True)


def _parquet_program(path: Path, options: ReadOptions) -> str:
    """Write the Python expression that reads a Parquet file."""
    return f"pd.read_parquet({str(path)!r}, {keywords(PARQUET_OPTIONS)}).rename(columns=str)"


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
        ``read(path, options)`` returns a DataFrame whose rows are numbered 0, 1, 2, ...
    encode : callable
        ``encode(frame)`` returns the bytes of the file.
    write_program : callable
        ``write_program(path, options)`` returns the Python expression that reads the file.
    """

    read: "Callable[[Path, ReadOptions], pd.DataFrame]"
    encode: "Callable[[pd.DataFrame], bytes]"
    write_program: Callable[[Path, ReadOptions], str]


def _text(separator: str, encode: "Callable[[pd.DataFrame], bytes]") -> TableFormat:
    return TableFormat(partial(read_csv, separator=separator), encode, partial(csv_program, separator=separator))


PARQUET = TableFormat(_read_parquet, _encode_parquet, _parquet_program)
FORMATS = {
    ".csv": _text(",", partial(encode_csv, separator=",")),
    ".csv.gz": _text(",", encode_gzipped_csv),
    ".tsv": _text("\t", partial(encode_csv, separator="\t")),
    ".parquet": PARQUET,
    ".pq": PARQUET,
}
TEXT = (".csv", ".csv.gz", ".tsv")


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


def read_table(path: Path, options: ReadOptions = DEFAULTS) -> "pd.DataFrame":
    """Read a table with at least one row.

    Parameters
    ----------
    path : Path
        File with one of the suffixes of ``FORMATS``.
    options : ReadOptions
        Of the user.

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
        frame = FORMATS[suffix].read(path, options)
    except UNREADABLE as error:
        raise CommandError(f"cannot read {str(path)!r} as {suffix}: {error}") from error
    if frame.empty:
        raise CommandError(f"{str(path)!r} has no rows")
    return frame


def read_scores(path: Path) -> "pd.DataFrame":
    """Read a table that `write_table` wrote; parameters and errors as of `read_table`."""
    frame = read_table(path)
    return unescape_cells(frame) if table_suffix(path) in TEXT else frame


def read_program(path: Path, options: ReadOptions = DEFAULTS) -> str:
    """Write the Python expression that reads a table; parameters as in `read_table`."""
    return FORMATS[table_suffix(path)].write_program(path, options)


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
