"""Tables whose file knows types or missing values: Parquet, Feather, Excel, JSON."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actscore_sk.commands.contents import read_content
from actscore_sk.commands.dialects import ReadOptions
from actscore_sk.commands.nested_cells import as_json
from actscore_sk.commands.spreadsheet_cells import escape_cells
from actscore_sk.commands.text_tables import ReadTable, keywords
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

MOST_DIGITS = 10**15
NULLABLE = {"dtype_backend": "numpy_nullable"}


def read_parquet(path: Path, options: ReadOptions) -> ReadTable:
    """Read columns; an index stored by pandas names rows and is left out. Parameters as of `tables.open_table`."""
    import_optional("pyarrow", extra="cli", purpose="read and write Parquet")
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    refuse_options(path, options)
    arguments = {"engine": "pyarrow"} | NULLABLE
    schema = import_optional("pyarrow.parquet", extra="cli", purpose="read Parquet").read_schema(path)
    if twice := [name for name, n_times in Counter(schema.names).items() if n_times > 1]:
        raise CommandError(f"two columns are called {twice[0]!r}; rename all but one")
    return _as_table(pd.read_parquet(path, **arguments), f"pd.read_parquet({str(path)!r}, {keywords(arguments)})")


def _as_table(frame: "pd.DataFrame", read: str) -> ReadTable:
    """Name the columns by texts, and leave out an index, which names rows."""
    names = [str(name) for name in frame.index.names if name is not None]
    how = f"left out, since pandas stored it as names of rows: {', '.join(map(repr, names))}" if names else ""
    if frame.columns.nlevels > 1:
        frame.columns, read = frame.columns.map(str), f"{read}.pipe(lambda t: t.set_axis(t.columns.map(str), axis=1))"
    return ReadTable(frame.rename(columns=str).reset_index(drop=True), f"{read}.rename(columns=str)", how=how)


def encode_parquet(frame: "pd.DataFrame") -> bytes:
    """Encode the table as a Parquet file."""
    return _of_one_type(frame).to_parquet(engine="pyarrow", index=False)


def _of_one_type(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Make text of the columns that hold values of several types, such as numbers and texts."""
    pa = import_optional("pyarrow", extra="cli", purpose="write columns")
    frame = frame.copy(deep=False)
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if column.dtype != object:
            continue
        try:
            pa.array(column, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            frame.isetitem(place, column.map(str, na_action="ignore"))
    return frame


def read_feather(path: Path, options: ReadOptions) -> ReadTable:
    """Read a file of Arrow's columns; parameters as of `tables.open_table`."""
    import_optional("pyarrow", extra="cli", purpose="read and write Feather")
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    refuse_options(path, options)
    return _as_table(pd.read_feather(path, **NULLABLE), f"pd.read_feather({str(path)!r}, {keywords(NULLABLE)})")


def encode_feather(frame: "pd.DataFrame") -> bytes:
    """Encode the table as a Feather file."""
    sink = io.BytesIO()
    _of_one_type(frame).reset_index(drop=True).to_feather(sink)
    return sink.getvalue()


def read_excel(path: Path, options: ReadOptions) -> ReadTable:
    """Read the first sheet; parameters as of `tables.open_table`."""
    import_optional("openpyxl", extra="cli", purpose="read and write Excel")
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    refuse_options(path, options, missing=())
    arguments = {"keep_default_na": False, "na_values": ["", *options.missing]} | NULLABLE
    with pd.ExcelFile(path, engine="openpyxl") as book:
        frame, sheets = pd.read_excel(book, **arguments).rename(columns=str), book.sheet_names
    others = f", not {', '.join(map(repr, sheets[1:]))}" if sheets[1:] else ""
    read = f"pd.read_excel({str(path)!r}, {keywords(arguments)}).rename(columns=str)"
    return ReadTable(frame, read, how=f"read from sheet {sheets[0]!r}{others}", takes_na=True)


def encode_excel(frame: "pd.DataFrame") -> bytes:
    """Encode the table as the only sheet of a book; texts are escaped as in CSV.

    A spreadsheet knows no time zones, and whole numbers up to 15 digits: others are text.
    """
    import_optional("openpyxl", extra="cli", purpose="read and write Excel")
    types = import_optional("pandas.api.types", extra="cli", purpose="write tables")
    sink, frame = io.BytesIO(), frame.copy(deep=False)
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if getattr(column.dtype, "tz", None) is not None:
            frame.isetitem(place, column.map(lambda time: time.isoformat(), na_action="ignore").astype(object))
        elif types.is_integer_dtype(column) and (column.dropna().abs() > MOST_DIGITS).any():
            frame.isetitem(place, column.map(str, na_action="ignore").astype(object))
    escape_cells(frame).to_excel(sink, index=False, engine="openpyxl")
    return sink.getvalue()


def read_json(path: Path, options: ReadOptions, *, lines: bool) -> ReadTable:
    """Read a list of objects, or an object per line; parameters as of `tables.open_table`."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    refuse_options(path, options)
    records = read_records(path, lines=lines)
    file = f"open({str(path)!r}, encoding='utf-8-sig')"
    read = f"[json.loads(line) for line in {file} if line.strip()]" if lines else f"json.load({file})"
    return ReadTable(pd.DataFrame(records).convert_dtypes(), f"pd.DataFrame({read}).convert_dtypes()")


def read_records(path: Path, *, lines: bool) -> list[dict[str, Any]]:
    """Read the objects of a file of JSON.

    Parameters
    ----------
    path : Path
        Of the file.
    lines : bool
        It has an object per line, and no list of them.

    Raises
    ------
    CommandError
        If it has anything else.
    """
    text = read_content(path).decode("utf-8-sig")
    # pandas' own reader takes some numbers, and some names of columns, for dates
    records = list(_each_line(text)) if lines else json.loads(text)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise CommandError("expected a list of objects, or an object per line in .jsonl and .ndjson")
    if "\\ud" in text.lower():  # half of a letter is possible in JSON only
        json.dumps(records, ensure_ascii=False).encode()
    return records


def _each_line(text: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if line.strip():
                yield json.loads(line)
        except json.JSONDecodeError as error:
            raise CommandError(f"{error.msg} in line {number}, letter {error.colno}") from error


def encode_json(frame: "pd.DataFrame", *, lines: bool) -> bytes:
    """Encode the table as a list of objects, or as an object per line; missing is null."""
    texts = [as_json(record) for record in records_of(frame)]
    return json_lines(texts) if lines else json_list(texts)


def json_lines(texts: list[str]) -> bytes:
    """Put objects below each other."""
    return "\n".join([*texts, ""]).encode()


def json_list(texts: list[str]) -> bytes:
    """Put objects into a list, a line for each."""
    return "\n".join(["[", ",\n".join(texts), "]\n"]).encode()


def records_of(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return the rows of a table as dicts; missing is None.

    Examples
    --------
    >>> import pandas as pd
    >>> records_of(pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
    [{'a': 1, 'b': 'x'}, {'a': 2, 'b': None}]
    """
    values = [column.astype(object).where(column.notna(), None).tolist() for _, column in frame.items()]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*values, strict=True)]


def refuse_options(path: Path, options: ReadOptions, missing: tuple[str, ...] | None = None) -> None:
    """Refuse options that this kind of file has no place for."""
    given: dict[str, object] = {
        "--sep": options.separator,
        "--decimal": options.decimal,
        "--encoding": options.encoding,
    }
    given["--na"] = options.missing if missing is None else missing
    if named := [name for name, value in given.items() if value]:
        raise CommandError(f"{' and '.join(named)}: for tables of text, not for {str(path)!r}")
