"""Tables whose file knows types or missing values: Parquet, Feather, Excel, JSON."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actscore_sk.commands.contents import read_content
from actscore_sk.commands.dialects import ReadOptions
from actscore_sk.commands.spreadsheet_cells import escape_cells
from actscore_sk.commands.text_tables import ReadTable, keywords
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

NULLABLE = {"dtype_backend": "numpy_nullable"}


def read_parquet(path: Path, options: ReadOptions) -> ReadTable:
    """Read columns; an index stored by pandas names rows and is left out. Parameters as of `tables.open_table`."""
    import_optional("pyarrow", extra="cli", purpose="read and write Parquet")
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    refuse_options(path, options)
    arguments = {"engine": "pyarrow"} | NULLABLE
    frame = pd.read_parquet(path, **arguments).rename(columns=str).reset_index(drop=True)
    return ReadTable(frame, f"pd.read_parquet({str(path)!r}, {keywords(arguments)}).rename(columns=str)")


def encode_parquet(frame: "pd.DataFrame") -> bytes:
    """Encode the table as a Parquet file."""
    import_optional("pyarrow", extra="cli", purpose="read and write Parquet")
    return frame.to_parquet(engine="pyarrow", index=False)


def read_feather(path: Path, options: ReadOptions) -> ReadTable:
    """Read a file of Arrow's columns; parameters as of `tables.open_table`."""
    import_optional("pyarrow", extra="cli", purpose="read and write Feather")
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    refuse_options(path, options)
    frame = pd.read_feather(path, **NULLABLE).rename(columns=str).reset_index(drop=True)
    return ReadTable(frame, f"pd.read_feather({str(path)!r}, {keywords(NULLABLE)}).rename(columns=str)")


def encode_feather(frame: "pd.DataFrame") -> bytes:
    """Encode the table as a Feather file."""
    import_optional("pyarrow", extra="cli", purpose="read and write Feather")
    sink = io.BytesIO()
    frame.reset_index(drop=True).to_feather(sink)
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
    """Encode the table as the only sheet of a book; texts are escaped as in CSV."""
    import_optional("openpyxl", extra="cli", purpose="read and write Excel")
    sink = io.BytesIO()
    escape_cells(frame).to_excel(sink, index=False, engine="openpyxl")
    return sink.getvalue()


def read_json(path: Path, options: ReadOptions, *, lines: bool) -> ReadTable:
    """Read a list of objects, or an object per line; parameters as of `tables.open_table`."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    refuse_options(path, options)
    text = read_content(path).decode("utf-8-sig")
    # pandas' own reader takes some numbers, and some names of columns, for dates
    records = [json.loads(line) for line in text.split("\n") if line.strip()] if lines else json.loads(text)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise CommandError("expected a list of objects, or an object per line in .jsonl and .ndjson")
    if "\\ud" in text.lower():  # half of a letter is possible in JSON only
        json.dumps(records, ensure_ascii=False).encode()
    file = f"open({str(path)!r}, encoding='utf-8-sig')"
    read = f"[json.loads(line) for line in {file} if line.strip()]" if lines else f"json.load({file})"
    return ReadTable(pd.DataFrame(records).convert_dtypes(), f"pd.DataFrame({read}).convert_dtypes()")


def encode_json(frame: "pd.DataFrame", *, lines: bool) -> bytes:
    """Encode the table as a list of objects, or as an object per line; missing is null."""
    texts = [json.dumps(record, ensure_ascii=False, default=plain) for record in records_of(frame)]
    return "\n".join([*texts, ""] if lines else ["[", ",\n".join(texts), "]\n"]).encode()


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


def plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, anything else as text."""
    return value.item() if hasattr(value, "item") else str(value)


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
