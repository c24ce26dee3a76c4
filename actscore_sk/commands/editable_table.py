"""Tables whose cells are changed one by one, while all the others stay as they were written."""

import csv
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actscore_sk.commands.contents import COMPRESSIONS, pack, read_content
from actscore_sk.commands.dialects import DEFAULTS, find_dialect
from actscore_sk.commands.joined_rows import same_label
from actscore_sk.commands.tables import FORMATS, TEXT, UNREADABLE, read_table, table_suffix
from actscore_sk.exceptions import CommandError


class TextCells:
    """A table of text: no cell is read as a number and written back as another text.

    Parameters
    ----------
    path : Path
        A file with one of the suffixes of ``TEXT``.

    Raises
    ------
    CommandError
        If it cannot be read, or a row has another number of cells than the head.
    """

    def __init__(self, path: Path) -> None:
        self.suffix = table_suffix(path)
        try:
            content = read_content(path)
            self.dialect = find_dialect(content, DEFAULTS, TEXT[self.suffix])
            text = content.decode(self.dialect.encoding)
            self.comments = text.splitlines(keepends=True)[: self.dialect.n_comments]
            # as pandas does, rows without any cell are no rows
            lines = [line for line in self._rows_of(text[sum(map(len, self.comments)) :]) if line]
        except (*UNREADABLE, csv.Error) as error:
            raise CommandError(f"cannot read {str(path)!r} as {self.suffix}: {error}") from error
        if len(lines) < 2:
            raise CommandError(f"{str(path)!r} has no rows")
        self.names, self.rows = lines[0], lines[1:]
        self.end = "\r\n" if "\r\n" in text[: text.find("\n") + 1] else "\n"
        for number, row in enumerate(self.rows):
            if len(row) != len(self.names):
                raise CommandError(f"row {number} of {str(path)!r} has {len(row)} cells, the head {len(self.names)}")

    def _rows_of(self, text: str) -> Any:
        return csv.reader(io.StringIO(text, newline=""), delimiter=self.dialect.separator, strict=True)

    def column(self, place: int) -> list[str]:
        """Return the texts of a column, (n_rows,)."""
        return [row[place] for row in self.rows]

    def encode(self, place: int, changes: Mapping[int, str], dropped: set[int]) -> bytes:
        """Return the file with other cells in one column, and without some rows.

        Parameters
        ----------
        place : int
            Position of the column.
        changes : dict of int to str
            New text by row.
        dropped : set of int
            Rows to leave out.
        """
        lines = [self.names]
        for number, row in enumerate(self.rows):
            if number in changes:
                row = [*row[:place], changes[number], *row[place + 1 :]]
            if number not in dropped:
                lines.append(row)
        text = "".join([*self.comments, *(_line(line, self.dialect.separator) + self.end for line in lines)])
        try:
            content = text.encode(self.dialect.encoding)
        except UnicodeEncodeError as error:
            raise CommandError(f"a new label has letters that the encoding of the table lacks: {error}") from error
        compression = COMPRESSIONS.get(f".{self.suffix.rpartition('.')[2]}")
        return pack(content, compression) if compression else content


class TypedCells:
    """A table whose file knows the types of its columns, such as Parquet.

    Parameters
    ----------
    path : Path
        Any file that `read_table` reads.
    """

    def __init__(self, path: Path) -> None:
        self.frame, self.suffix = read_table(path), table_suffix(path)
        self.names, self.rows = [str(name) for name in self.frame.columns], self.frame.index

    def column(self, place: int) -> list[str]:
        """Return the texts of a column, (n_rows,)."""
        return self.frame.iloc[:, place].map(str).tolist()

    def encode(self, place: int, changes: Mapping[int, str], dropped: set[int]) -> bytes:
        """Return the file with other cells in one column, and without some rows; parameters as in `TextCells`.

        Raises
        ------
        CommandError
            If a new label is no value of the type of the column.
        """
        column = self.frame.iloc[:, place]
        known = {str(value): value for value in column.dropna().unique()}
        values = column.to_list()
        for number, text in changes.items():
            values[number] = known.get(text, text)
        try:
            typed = type(column)(values, index=column.index, dtype=column.dtype, name=column.name)
        except (TypeError, ValueError) as error:
            raise CommandError(
                f"a new label is no {column.dtype}, the type of the column {column.name!r}: {error}"
            ) from error
        frame = self.frame.copy()
        frame.isetitem(place, typed)
        return FORMATS[self.suffix].encode(frame.iloc[[i for i in range(len(frame)) if i not in dropped]])


def open_cells(path: Path) -> TextCells | TypedCells:
    """Open a table to change cells of it.

    Parameters
    ----------
    path : Path
        A table that `actscore score` reads.

    Raises
    ------
    CommandError
        If it is none.
    """
    if not path.exists():
        raise CommandError(f"no such file: {str(path)!r}")
    return TextCells(path) if table_suffix(path) in TEXT else TypedCells(path)


def spellings(column: list[str]) -> dict[str, str]:
    """Return the most frequent spelling of each label.

    Examples
    --------
    >>> spellings(["007", "007", "7", "8"])
    {'7.0': '007', '8.0': '8'}
    """
    found: dict[str, str] = {}
    for text, _ in Counter(column).most_common():
        found.setdefault(same_label(text), text)
    return found


def _line(cells: list[str], separator: str) -> str:
    """Write the cells of a row; one empty cell alone is quoted, since an empty line is no row.

    >>> _line(["a,b", ""], ","), _line([""], ",")
    ('"a,b",', '""')
    """
    needs_quotes = [any(letter in cell for letter in (separator, '"', "\r", "\n")) for cell in cells]
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    line = separator.join(q if needed else c for c, q, needed in zip(cells, quoted, needs_quotes, strict=True))
    return line or '""'
