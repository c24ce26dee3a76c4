"""Tables of text: how they are read, encoded, and read again by a printed program."""

import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actscore_sk.commands.contents import COMPRESSIONS, STANDARD, pack, read_content
from actscore_sk.commands.dialects import Dialect, ReadOptions, find_dialect
from actscore_sk.commands.spreadsheet_cells import escape_cells
from actscore_sk.commands.text_records import read_records
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# Nullable types, so that whole numbers with holes stay whole; a row too long is an error and not an index.
# pandas itself takes "None", "NA" and "null" for missing, which may well be labels.
CSV_OPTIONS = {"index_col": False, "low_memory": False, "dtype_backend": "numpy_nullable", "keep_default_na": False}
MAY_HAVE_CODES = re.compile(rb"(?:^|[^0-9.:/-])\0?0\0?\d")  # the zero bytes are those of UTF-16
ROWS_AT_ONCE = 2**16  # encoded
# By the sign before a fraction: what is no part of a number, and an amount written with thousands or percent.
NO_PART = {".": "[,%]", ",": "[.%]"}
# Digits, with or without thousands, a fraction, a percent sign.
AMOUNT = {
    point: re.compile(rf"[+-]?(\d+|[1-9]\d{{0,2}}([{group}]\d{{3}})+)([{point}]\d+)?(%?)")
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
    takes_na : bool
        True if texts can be named that count as missing.
    written : dict of int to Series
        By position, columns of whole numbers of which some are written with zeros in front, such as 00501: their texts.
    """

    frame: "pd.DataFrame"
    read: str
    repairs: tuple[str, ...] = ()
    how: str = ""
    takes_na: bool = False
    written: "Mapping[int, pd.Series]" = field(default_factory=dict)


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
    if not content.strip():
        raise CommandError("there is nothing in it")
    dialect = find_dialect(content, options, separator)
    where = {"sep": dialect.separator, "encoding": dialect.encoding, "skiprows": dialect.left_out}
    missing = {"keep_default_na": False, "na_values": ["", *options.missing]}
    further = where | {"decimal": dialect.decimal} | CSV_OPTIONS | missing
    if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):
        further["float_precision"] = "round_trip"  # later releases read every digit, and warn of this option
    frame = _parse(content, further)
    written = _texts_of_codes(content, frame, where)
    # pandas renames a second "label" to "label.1": a copy of the target would pass for a feature.
    head = {"header": None, "nrows": 1, "dtype": str, "keep_default_na": False, "na_values": [""]}
    header = pd.read_csv(io.BytesIO(content), **where, **head).iloc[0]
    frame.columns = list(header.where(header.notna(), frame.columns))
    if frame.shape[1] > 1 and frame.iloc[:, -1].isna().any():
        _check_lengths(content, dialect, frame.shape[1])
    repairs, marked = _read_amounts(frame, dialect.decimal)
    how = dialect.describe() + "".join(f", {name!r} with thousands or percent signs" for name in marked)
    return ReadTable(frame, f"pd.read_csv({_stream(path)}, {keywords(further)})", tuple(repairs), how, True, written)


def _parse(content: bytes, options: dict[str, Any]) -> "pd.DataFrame":
    """Read text with pandas, and say in the words of `_check_lengths` what is wrong with it."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(io.BytesIO(content), **options)
        except pd.errors.ParserWarning as error:  # the first row decides how many cells pandas expects
            raise CommandError("the rows have more cells than the head; name all columns in its line") from error
        except pd.errors.ParserError as error:
            raise CommandError(str(error).removeprefix("Error tokenizing data. C error: ")) from error


def _texts_of_codes(content: bytes, frame: "pd.DataFrame", where: dict[str, Any]) -> "dict[int, pd.Series]":
    """Return the texts of columns of whole numbers with zeros in front: as numbers, 00501 and 501 would be one code."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    whole = [place for place in range(frame.shape[1]) if pd.api.types.is_integer_dtype(frame.iloc[:, place])]
    if not whole or not MAY_HAVE_CODES.search(content):
        return {}
    options = {"header": None, "usecols": whole, "dtype": "string", "keep_default_na": False}
    texts = pd.read_csv(io.BytesIO(content), **where, **options).iloc[1:].reset_index(drop=True)
    found = {place: texts.iloc[:, number].str.strip() for number, place in enumerate(whole)}
    codes = {place: column for place, column in found.items() if column.str.match(r"[+-]?0\d").any()}
    return {
        place: column.mask(frame.iloc[:, place].isna()).rename(frame.columns[place]) for place, column in codes.items()
    }


def _check_lengths(content: bytes, dialect: Dialect, n_columns: int) -> None:
    """Refuse rows with less cells than the head, which pandas fills up with missing values."""
    n_lines = 0

    def counted() -> Iterator[str]:
        nonlocal n_lines
        for line in io.StringIO(content.decode(dialect.encoding), newline=""):
            n_lines += 1
            if n_lines > dialect.n_comments:
                yield line

    for row in read_records(counted(), dialect.separator):
        is_empty = isinstance(row, str) or (len(row) < 2 and not "".join(row).strip())
        if not is_empty and len(row) < n_columns:
            raise CommandError(f"Expected {n_columns} fields in line {n_lines}, saw {len(row)}")


def _read_amounts(frame: "pd.DataFrame", decimal: str) -> tuple[list[str], list[str]]:
    """Turn columns such as 1,234.50 or 12% into numbers; return lines of Python for it, and names with marks."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    lines, marked = [], []
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if not pd.api.types.is_string_dtype(column) or list(frame.columns).count(name) > 1:
            continue
        if not are_amounts(column.dropna().unique(), decimal):
            continue
        code = f"table[{name!r}].str.replace({NO_PART[decimal]!r}, '', regex=True)"
        plain = column.str.replace(NO_PART[decimal], "", regex=True)
        if decimal == ",":
            code, plain = f"{code}.str.replace(',', '.')", plain.str.replace(",", ".")
        frame.isetitem(place, pd.to_numeric(plain))
        lines.append(f"table[{name!r}] = pd.to_numeric({code})")
        if column.str.contains(NO_PART[decimal]).any():  # others are whole numbers too large for 64 bits
            marked.append(name)
    return lines, marked


def are_amounts(texts: Iterable[str], decimal: str) -> bool:
    """Return True for numbers with or without thousands, either all or none of them in percent.

    Examples
    --------
    >>> are_amounts(["1,234.5", "7"], "."), are_amounts(["12%", "7"], "."), are_amounts(["1,5 %"], ",")
    (True, False, False)
    """
    found = [AMOUNT[decimal].fullmatch(text) for text in texts]
    # a column in which some have a percent sign has two units
    return bool(found) and all(found) and len({match[4] for match in found if match}) == 1


def plain_amount(text: str, decimal: str) -> str:
    """Write an amount as Python does.

    Examples
    --------
    >>> plain_amount("1.234,5", ","), plain_amount("12%", ".")
    ('1234.5', '12')
    """
    return re.sub(NO_PART[decimal], "", text).replace(decimal, ".")


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
