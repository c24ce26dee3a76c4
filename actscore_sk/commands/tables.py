"""Read and write tables by the suffix of their file, and never leave a half-written one."""

import re
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from actscore_sk.commands import typed_tables as typed
from actscore_sk.commands.contents import STANDARD
from actscore_sk.commands.dialects import DEFAULTS, ReadOptions
from actscore_sk.commands.nested_cells import flatten
from actscore_sk.commands.spreadsheet_cells import unescape_cells
from actscore_sk.commands.text_tables import ReadTable, encode_csv, read_csv
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

# What pandas, pyarrow and the decompressors raise for a file that is not what its suffix says.
UNREADABLE = (OSError, ValueError, EOFError, NotImplementedError, Warning, zlib.error, KeyError, zipfile.BadZipFile)

# Many programs end a cell at NUL.
NOT_IN_TEXT = re.compile("\0")
# Control characters, and longer texts.
NOT_IN_EXCEL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]|.{32768}", re.DOTALL)


@dataclass(frozen=True)
class TableFormat:
    """One row of the table of formats: functions that read and encode a table.

    Attributes
    ----------
    read : callable
        ``read(path, options)`` returns a `ReadTable`.
    encode : callable
        ``encode(frame)`` returns the bytes of the file.
    library : str or None
        That is needed beside pandas.
    most_rows : int or None
        That a file can hold.
    illegal : pattern or None
        Texts that a file cannot hold.
    nests : bool
        A cell may hold a list or an object.
    """

    read: Callable[[Path, ReadOptions], ReadTable]
    encode: "Callable[[pd.DataFrame], bytes]"
    library: str | None = None
    most_rows: int | None = None
    illegal: re.Pattern[str] | None = None
    nests: bool = False


def _text(separator: str, compression: str | None = None) -> TableFormat:
    encode = partial(encode_csv, separator=separator, compression=compression)
    library = "pyarrow" if compression else None
    return TableFormat(partial(read_csv, separator=separator), encode, library, illegal=NOT_IN_TEXT)


def _json(*, lines: bool) -> TableFormat:
    return TableFormat(partial(typed.read_json, lines=lines), partial(typed.encode_json, lines=lines), nests=True)


PARQUET = TableFormat(typed.read_parquet, typed.encode_parquet, "pyarrow")
FEATHER = TableFormat(typed.read_feather, typed.encode_feather, "pyarrow")
# The separators of text, where a file could be read with more than one.
TEXT = {f".{name}{end}": separator for name, separator in (("csv", ","), ("tsv", "\t")) for end in ("", ".gz", ".zst")}
FORMATS = {suffix: _text(separator, suffix[4:] or None) for suffix, separator in TEXT.items()} | {
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".feather": FEATHER,
    ".arrow": FEATHER,
    ".xlsx": TableFormat(typed.read_excel, typed.encode_excel, "openpyxl", 2**20 - 1, NOT_IN_EXCEL),
    ".json": _json(lines=False),
    ".jsonl": _json(lines=True),
    ".ndjson": _json(lines=True),
}
ESCAPED = (*TEXT, ".xlsx")


def table_suffix(path: Path) -> str:
    """Return the suffix that decides the format of a file, in lower case; that of ``-`` is ``.csv``.

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
    if path == STANDARD:
        return ".csv"
    raise CommandError(f"unknown kind of table {str(path)!r}; expected one of {', '.join(FORMATS)}")


def open_table(path: Path, options: ReadOptions = DEFAULTS) -> ReadTable:
    """Read a table with at least one row.

    Parameters
    ----------
    path : Path
        File with one of the suffixes of ``FORMATS``, or ``-`` for standard input.
    options : ReadOptions
        Of the user.

    Returns
    -------
    table : ReadTable
        Columns keep their names, also when two are the same; the index counts the rows from 0.

    Raises
    ------
    CommandError
        If there is no such file, or it cannot be read, or it has no rows.
    """
    suffix = table_suffix(path)
    if path != STANDARD:
        if not path.exists():
            link = "; it is a link that leads nowhere" if path.is_symlink() else ""
            raise CommandError(f"no such file: {str(path)!r}{link}")
        if not path.stat().st_size:
            raise CommandError(f"{str(path)!r} is empty")
    try:
        table = FORMATS[suffix].read(path, options)
    except (*UNREADABLE, CommandError) as error:
        raise CommandError(f"cannot read {str(path)!r} as {suffix}: {error}") from error
    if table.frame.empty:
        raise CommandError(f"{str(path)!r} has no rows{f'; {table.how}' if suffix == '.xlsx' else ''}")
    return table


def read_table(path: Path, options: ReadOptions = DEFAULTS) -> "pd.DataFrame":
    """Return the rows alone of `open_table`; whole numbers with zeros in front are text."""
    table = open_table(path, options)
    for place, texts in table.written.items():
        table.frame.isetitem(place, texts)
    return table.frame


def read_scores(path: Path) -> "pd.DataFrame":
    """Read a table that `write_table` wrote; parameters and errors as of `open_table`."""
    frame = read_table(path)
    return unescape_cells(frame) if table_suffix(path) in ESCAPED else frame


def write_table(path: Path, frame: "pd.DataFrame") -> None:
    """Write a table in the format of its suffix, wholly or not at all.

    Parameters
    ----------
    path : Path
        Its suffix is one of ``FORMATS``; ``-`` is standard output.
    frame : DataFrame
        The index is not written.

    Raises
    ------
    OSError
        If the system refuses; an older file is left as it was.
    """
    kind = FORMATS[table_suffix(path)]
    content = kind.encode(frame if kind.nests else flatten(frame))
    if path != STANDARD:
        write_atomically(path, content)
    elif sys.__stdout__ is not None:  # sys.stdout is where lines for the user go; checked by `check_output`
        sys.__stdout__.buffer.write(content)
        sys.__stdout__.flush()
