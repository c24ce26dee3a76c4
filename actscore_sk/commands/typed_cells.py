"""Tables whose file knows types: cells of one column are changed, and all else stays as the file has it."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actscore_sk.commands.contents import read_content
from actscore_sk.commands.dialects import ReadOptions
from actscore_sk.commands.joined_rows import same_label
from actscore_sk.commands.tables import read_table, table_suffix
from actscore_sk.commands.typed_tables import json_lines, json_list, read_records
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional

TRUTHS = {"true": True, "false": False}
FIRST_ROW = 2  # of a sheet, below the head


@dataclass(frozen=True)
class Correction:
    """What is to be changed in a table.

    Attributes
    ----------
    path : Path
        Of the table.
    name : str
        Of the column.
    place : int
        Its position.
    changes : dict of int to str
        New text by row.
    dropped : set of int
        Rows to leave out.
    known : dict of str to int
        A row that has a text already: its value has the type of the column.
    """

    path: Path
    name: str
    place: int
    changes: Mapping[int, str]
    dropped: set[int]
    known: Mapping[str, int]

    def value(self, text: str, values: list) -> Any:
        """Return a text as a value like the others of the column, (n_rows,).

        Raises
        ------
        ValueError
            If it can be none.
        """
        if text in self.known:
            return values[self.known[text]]
        like = next((value for value in values if value is not None), "")
        if isinstance(like, bool):
            return TRUTHS[text.casefold()]
        if isinstance(like, (int, float)):
            return int(text) if isinstance(like, int) else float(text)
        if not isinstance(like, str):
            raise ValueError(f"{text!r} is no {type(like).__name__}")
        return text


def _edit_arrow(table: Any, fix: Correction) -> Any:
    pa = import_optional("pyarrow", extra="cli", purpose="read and write columns")
    place = [str(name) for name in table.column_names].index(fix.name)
    field = table.schema.field(place)
    is_coded = pa.types.is_dictionary(field.type)
    plain = field.type.value_type if is_coded else field.type
    values = table.column(place).to_pylist()
    for row, text in fix.changes.items():
        values[row] = values[fix.known[text]] if text in fix.known else pa.scalar(text).cast(plain).as_py()
    column = pa.array(values, plain)
    table = table.set_column(place, field, column.dictionary_encode().cast(field.type) if is_coded else column)
    return table.take([row for row in range(len(table)) if row not in fix.dropped]) if fix.dropped else table


def _edit_parquet(fix: Correction) -> bytes:
    parquet, sink = import_optional("pyarrow.parquet", extra="cli", purpose="read and write Parquet"), io.BytesIO()
    parquet.write_table(_edit_arrow(parquet.ParquetFile(fix.path).read(), fix), sink)
    return sink.getvalue()


def _edit_feather(fix: Correction) -> bytes:
    feather, sink = import_optional("pyarrow.feather", extra="cli", purpose="read and write Feather"), io.BytesIO()
    feather.write_feather(_edit_arrow(feather.read_table(fix.path), fix), sink)
    return sink.getvalue()


def _edit_excel(fix: Correction) -> bytes:
    """Change the first sheet; the others, and the look of all, stay."""
    openpyxl = import_optional("openpyxl", extra="cli", purpose="read and write Excel")
    book, sink = openpyxl.load_workbook(io.BytesIO(read_content(fix.path))), io.BytesIO()
    sheet = book.worksheets[0]
    column = [cell for (cell,) in sheet.iter_rows(FIRST_ROW, None, fix.place + 1, fix.place + 1)]
    if any(column[row].data_type == "f" for row in fix.changes):
        raise CommandError(f"labels in {fix.name!r} are formulas; correct what they are computed from")
    if fix.dropped and any(cell.data_type == "f" for each in book.worksheets for row in each.rows for cell in row):
        raise CommandError(
            f"{str(fix.path)!r} has formulas, which would be about other cells where rows are dropped; drop them in a "
            "spreadsheet, or save the table as CSV"
        )
    values = [cell.value for cell in column]
    for row, text in fix.changes.items():
        column[row].value = fix.value(text, values)
        if isinstance(column[row].value, str):
            column[row].data_type = "s"  # a label that begins with = is no formula
    for row in sorted(fix.dropped, reverse=True):
        sheet.delete_rows(FIRST_ROW + row)
    book.save(sink)
    return sink.getvalue()


def _edit_json(fix: Correction, *, lines: bool) -> bytes:
    records = read_records(fix.path, lines=lines)
    values = [record.get(fix.name) for record in records]
    for row, text in fix.changes.items():
        records[row][fix.name] = fix.value(text, values)
    texts = [json.dumps(record, ensure_ascii=False) for row, record in enumerate(records) if row not in fix.dropped]
    return json_lines(texts) if lines else json_list(texts)


EDITORS: dict[str, Callable[[Correction], bytes]] = {
    ".parquet": _edit_parquet,
    ".pq": _edit_parquet,
    ".feather": _edit_feather,
    ".arrow": _edit_feather,
    ".xlsx": _edit_excel,
    ".json": lambda fix: _edit_json(fix, lines=False),
    ".jsonl": lambda fix: _edit_json(fix, lines=True),
    ".ndjson": lambda fix: _edit_json(fix, lines=True),
}


class TypedCells:
    """A table whose file knows the types of its columns, such as Parquet.

    Parameters
    ----------
    path : Path
        Any file that `read_table` reads.
    options : ReadOptions
        Of the user; without any that is about text.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path, self.frame = path, read_table(path, options)
        self.names, self.rows = [str(name) for name in self.frame.columns], self.frame.index

    def column(self, place: int) -> list[str]:
        """Return the texts of a column, (n_rows,)."""
        return self.frame.iloc[:, place].map(str).tolist()

    def labels(self, place: int) -> list[str]:
        """Return the labels in a column, (n_rows,), equal where `same_label` is."""
        return list(map(same_label, self.column(place)))

    def encode(self, place: int, changes: Mapping[int, str], dropped: set[int]) -> bytes:
        """Return the file with other cells in one column, and without some rows; parameters as in `TextCells`.

        Raises
        ------
        CommandError
            If a new label is no value of the type of the column.
        """
        texts = self.column(place)
        known = {text: row for row, text in reversed(list(enumerate(texts)))}
        fix = Correction(self.path, self.names[place], place, changes, dropped, known)
        try:
            return EDITORS[table_suffix(self.path)](fix)
        except CommandError:
            raise
        except (TypeError, ValueError, KeyError, NotImplementedError) as error:
            kind = self.frame.iloc[:, place].dtype
            raise CommandError(f"a new label is no {kind}, the type of the column {fix.name!r}: {error}") from error
