"""Tables whose cells are changed one by one, while all the others stay as they were written."""

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from actscore_sk.commands.contents import COMPRESSIONS, pack, read_content
from actscore_sk.commands.dialects import ReadOptions, find_dialect
from actscore_sk.commands.joined_rows import same_label
from actscore_sk.commands.tables import TEXT, UNREADABLE, table_suffix
from actscore_sk.commands.text_records import lines_of, read_records
from actscore_sk.commands.text_tables import are_amounts, plain_amount
from actscore_sk.commands.typed_cells import TypedCells
from actscore_sk.exceptions import CommandError


class TextCells:
    """A table of text: no cell is read as a number and written back as another text.

    Parameters
    ----------
    path : Path
        A file with one of the suffixes of ``TEXT``.
    options : ReadOptions
        Of the user.

    Raises
    ------
    CommandError
        If it cannot be read, or a row has another number of cells than the head.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.suffix = table_suffix(path)
        try:
            content = read_content(path)
            self.dialect = find_dialect(content, options, TEXT[self.suffix])
            lines = lines_of(content.decode(self.dialect.encoding))
            self.comments, below = lines[: self.dialect.n_comments], lines[self.dialect.n_comments :]
            # as for pandas, lines without any cell are no rows
            records = list(filter(_is_record, read_records(below, self.dialect.separator, strict=True)))
        except (*UNREADABLE, csv.Error) as error:
            raise CommandError(f"cannot read {str(path)!r} as {self.suffix}: {error}") from error
        rows = [record for record in records if isinstance(record, list)]
        if len(rows) < 2:
            raise CommandError(f"{str(path)!r} has no rows")
        self.names, self.rows, self.records = rows[0], rows[1:], records[1:]
        self.end = next((end for end in ("\r\n", "\r") if below[0].endswith(end)), "\n")
        for number, row in enumerate(self.rows):
            if len(row) != len(self.names):
                raise CommandError(f"row {number} of {str(path)!r} has {len(row)} cells, the head {len(self.names)}")

    def column(self, place: int) -> list[str]:
        """Return the texts of a column, (n_rows,)."""
        return [row[place] for row in self.rows]

    def labels(self, place: int) -> list[str]:
        """Return the labels in a column, (n_rows,), equal where `same_label` is: 1,5 and 1.5 with a decimal comma."""
        texts, decimal = self.column(place), self.dialect.decimal
        if are_amounts({text for text in texts if text}, decimal):
            texts = [plain_amount(text, decimal) for text in texts]
        return list(map(same_label, texts))

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
        lines = [*self.comments, self._line(self.names)]
        number = -1
        for record in self.records:
            if isinstance(record, str):
                lines.append(record)
                continue
            number += 1
            changed = [*record[:place], changes.get(number, record[place]), *record[place + 1 :]]
            if number not in dropped:
                lines.append(self._line(changed))
        text = "".join(lines)
        try:
            content = text.encode(self.dialect.encoding)
        except UnicodeEncodeError as error:
            raise CommandError(f"a new label has letters that the encoding of the table lacks: {error}") from error
        compression = COMPRESSIONS.get(f".{self.suffix.rpartition('.')[2]}")
        return pack(content, compression) if compression else content

    def _line(self, cells: list[str]) -> str:
        return _line(cells, self.dialect.separator) + self.end


def open_cells(path: Path, options: ReadOptions) -> TextCells | TypedCells:
    """Open a table to change cells of it.

    Parameters
    ----------
    path : Path
        A table that `actscore score` reads.
    options : ReadOptions
        Of the user.

    Raises
    ------
    CommandError
        If it is none.
    """
    if not path.exists():
        raise CommandError(f"no such file: {str(path)!r}")
    return TextCells(path, options) if table_suffix(path) in TEXT else TypedCells(path, options)


def spellings(column: list[str], labels: list[str]) -> dict[str, str]:
    """Return the most frequent spelling of each label.

    Examples
    --------
    >>> spellings(["007", "007", "7", "8"], ["7.0", "7.0", "7.0", "8.0"])
    {'7.0': '007', '8.0': '8'}
    """
    found: dict[str, str] = {}
    for (text, label), _ in Counter(zip(column, labels, strict=True)).most_common():
        found.setdefault(label, text)
    return found


def _is_record(record: list[str] | str) -> bool:
    """Return False for a line without a cell."""
    return isinstance(record, str) or len(record) > 1 or bool("".join(record).strip())


def _line(cells: list[str], separator: str) -> str:
    """Write the cells of a row; one empty cell alone is quoted, since an empty line is no row.

    >>> _line(["a,b", ""], ","), _line([""], ",")
    ('"a,b",', '""')
    """
    needs_quotes = [any(letter in cell for letter in (separator, '"', "\r", "\n")) for cell in cells]
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    line = separator.join(q if needed else c for c, q, needed in zip(cells, quoted, needs_quotes, strict=True))
    return line or '""'
