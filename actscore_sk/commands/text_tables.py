"""Tables of text: how they are read, encoded, and read again by a printed program."""

import csv
import io
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actscore_sk.commands.contents import COMPRESSIONS, STANDARD, pack, read_content
from actscore_sk.commands.dialects import Dialect, ReadOptions, find_dialect
from actscore_sk.commands.spreadsheet_cells import escape_cells
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# Nullable types, so that whole numbers with holes stay whole; a row too long is an error and not an index.
# pandas itself takes "None", "NA" and "null" for missing, which may well be labels.
CSV_OPTIONS = {"index_col": False, "low_memory": False, "dtype_backend": "numpy_nullable", "keep_default_na": False}
ROWS_AT_ONCE = 2**16  # encoded
# By the sign before a fraction: what is no part of a number, and an amount written with thousands or percent.
NO_PART = {".": "[,%]", ",": "[.%]"}
# Digits, with or without thousands, a fraction, a percent sign.
AMOUNT = {
    point: re.compile(rf"[+-]?(\d+|[1-9]\d{{0,2}}([{group}]\d{{3}})+)([{point}]\d+)?(%?)")
    for point, group in (".,", ",.")
    for point, group in (".,", ",.")
}


@dataclass(frozen=True)
class ReadTable:
    """A table, and how it was read.

    Attributes
    ----------
    frame : DataFrame
        Rows are numbered 0, 1, 2, ...
    read : str
        Python expression that reads the file.
    repairs : tuple of str
        Lines of Python that then change a ``table``.
    how : str
        The same for the user; empty if the file has nothing to choose.
    """

    frame: "pd.DataFrame"
    read: str
    repairs: tuple[str, ...] = ()
    how: str = ""


def read_csv(path: Path, options: ReadOptions, *, separator: str) -> ReadTable:
    """Read text; columns keep the names of the header, also when two are the same.

    Parameters
    ----------
    path : Path
        File, or ``-``.
    options : ReadOptions
        Of the user.
    separator : str
        Between two cells, if others would fit as well.

    Returns
    -------
    table : ReadTable
        Only empty cells, and the texts that the user names, are missing.

    Raises
    ------
    CommandError
        If a row has less cells than the head.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    content = read_content(path)
    dialect = find_dialect(content, options, separator)
    where = {"sep": dialect.separator, "encoding": dialect.encoding, "skiprows": dialect.n_comments}
    missing = {"keep_default_na": False, "na_values": ["", *options.missing]}
    further = where | {"decimal": dialect.decimal} | CSV_OPTIONS | missing
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(io.BytesIO(content), **further)
    # pandas renames a second "label" to "label.1": a copy of the target would pass for a feature.
    head = {"header": None, "nrows": 1, "dtype": str, "keep_default_na": False, "na_values": [""]}
    header = pd.read_csv(io.BytesIO(content), **where, **head).iloc[0]
    frame.columns = list(header.where(header.notna(), frame.columns))
    if frame.shape[1] > 1 and frame.iloc[:, -1].isna().any():
        _check_lengths(content, dialect, frame.shape[1])
    repairs = _read_amounts(frame, dialect.decimal)
    how = dialect.describe() + "".join(f", {name!r} with thousands or percent signs" for name in repairs)
    return ReadTable(frame, f"pd.read_csv({_stream(path)}, {keywords(further)})", tuple(repairs.values()), how)


def _check_lengths(content: bytes, dialect: Dialect, n_columns: int) -> None:
    """Refuse rows with less cells than the head, which pandas fills up with missing values."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        lines = io.StringIO(content.decode(dialect.encoding), newline="")
        for _ in range(dialect.n_comments):
            next(lines)
        reader = csv.reader(lines, delimiter=dialect.separator)
        for row in reader:
            is_empty = len(row) < 2 and not "".join(row).strip()
            if len(row) < n_columns and not is_empty:
                number = reader.line_num + dialect.n_comments
                raise CommandError(f"Expected {n_columns} fields in line {number}, saw {len(row)}")
    finally:
        csv.field_size_limit(limit)


def _read_amounts(frame: "pd.DataFrame", decimal: str) -> dict[str, str]:
    """Turn columns such as 1,234.50 or 12% into numbers; return by column the line of Python that does the same."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    lines = {}
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if not pd.api.types.is_string_dtype(column) or list(frame.columns).count(name) > 1:
            continue
        found = [AMOUNT[decimal].fullmatch(text) for text in column.dropna().unique()]
        # a column in which some have a percent sign has two units
        if not found or not all(found) or len({match[4] for match in found if match}) > 1:
            continue
        code = f"table[{name!r}].str.replace({NO_PART[decimal]!r}, '', regex=True)"
        plain = column.str.replace(NO_PART[decimal], "", regex=True)
        if decimal == ",":
            code, plain = f"{code}.str.replace(',', '.')", plain.str.replace(",", ".")
        frame.isetitem(place, pd.to_numeric(plain))
        lines[name] = f"table[{name!r}] = pd.to_numeric({code})"
    return lines


def _stream(path: Path) -> str:
    """Write the expression of a file that pandas reads."""
    if path == STANDARD:
        return "sys.stdin.buffer"
    if path.suffix.lower() == ".zst":
        return f"pyarrow.input_stream({str(path)!r}, compression='zstd')"
    return repr(str(path))


def keywords(options: dict[str, Any]) -> str:
    """Write arguments as Python code.

    Examples
    --------
    >>> keywords({"sep": ";", "header": None})
    "sep=';', header=None"
    """
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def encode_csv(frame: "pd.DataFrame", separator: str, compression: str | None = None) -> bytes:
    """Encode the table as UTF-8 text that a spreadsheet may open; a missing value is an empty field.

    Parameters
    ----------
    frame : DataFrame
        The index is left out.
    separator : str
        Between two cells.
    compression : str or None
        A key of ``COMPRESSIONS``.

    Returns
    -------
    content : bytes
        `spreadsheet_cells.unescape_cells` gives back the texts.
    """
    frame = escape_cells(frame)
    content = _encode_rows(frame, separator, "\n")
    if b"\r" in content:  # some programs end a row there: a cell is quoted for a letter that ends rows
        content = _encode_rows(frame, separator, "\r\n")
    return content if compression is None else pack(content, COMPRESSIONS[compression])


def _encode_rows(frame: "pd.DataFrame", separator: str, end: str) -> bytes:
    """Encode some rows at a time: pandas collects text in four bytes per letter."""
    options: dict[str, Any] = {"index": False, "sep": separator, "lineterminator": end}
    starts = range(0, max(len(frame), 1), ROWS_AT_ONCE)
    parts = (frame.iloc[start : start + ROWS_AT_ONCE].to_csv(header=not start, **options) for start in starts)
    return b"".join(part.encode() for part in parts)
