"""How a table of text is written: its separator, decimal sign, encoding and first lines, detected or named."""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from actscore_sk.commands.text_records import COMMENT, MAY_HAVE_COMMENTS, lines_of, read_records
from actscore_sk.exceptions import CommandError

SAMPLE = 1 << 18  # bytes that separator and decimal sign are found in
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
DECIMALS = (".", ",")
# Any byte is a letter in the last one; the one before is what Windows writes in western countries.
ENCODINGS = ("utf-8", "cp1252", "latin-1")
DECIMAL_COMMA = re.compile(r"[+-]?\d+(\.\d{3})*,\d+")
GROUPED_BY_COMMA = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
IS_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?%?")
DECIMAL_POINT = re.compile(r"[+-]?\d+(,\d{3})*\.\d+")


@dataclass(frozen=True)
class ReadOptions:
    """How the user wants a table to be read; None is to be detected.

    Attributes
    ----------
    missing : tuple of str
        Texts that count as missing, beside empty cells.
    separator : str or None
        Between two cells.
    decimal : {".", ","} or None
        Before the digits of a fraction.
    encoding : str or None
        Of the file, under a name that Python knows.
    """

    missing: tuple[str, ...] = ()
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None


DEFAULTS = ReadOptions()


@dataclass(frozen=True)
class Dialect:
    """How a file is read.

    Attributes
    ----------
    separator, decimal, encoding : str
        As in `ReadOptions`.
    n_comments : int
        Lines above the head that begin with ``#``.
    comments : tuple of int
        Numbers of the lines of comment below the head among all records, from 0 on.
    """

    separator: str
    decimal: str
    encoding: str
    n_comments: int
    comments: tuple[int, ...] = ()

    @property
    def left_out(self) -> int | list[int]:
        """Lines of comment, as pandas takes them."""
        return [*range(self.n_comments), *self.comments] if self.comments else self.n_comments

    def describe(self) -> str:
        """Say how the file is read, in one line.

        Examples
        --------
        >>> Dialect(";", ",", "utf-8", 2).describe()
        "read with: --sep ';' --decimal ',' --encoding utf-8, 2 lines of comment left out"
        """
        n_lines = self.n_comments + len(self.comments)
        lines = f", {n_lines} line{'s' * (n_lines > 1)} of comment left out" * bool(n_lines)
        separator = "tab" if self.separator == "\t" else repr(self.separator)
        return f"read with: --sep {separator} --decimal {self.decimal!r} --encoding {self.encoding}{lines}"


def find_dialect(content: bytes, options: ReadOptions, usual: str) -> Dialect:
    """Find out how a file is written, unless the user says it.

    Parameters
    ----------
    content : bytes
        The whole file.
    options : ReadOptions
        Of the user.
    usual : str
        Separator that the name of the file promises; taken where others fit as well.

    Returns
    -------
    dialect : Dialect

    Raises
    ------
    CommandError
        If the encoding is none, or not that of the file.

    Examples
    --------
    >>> find_dialect(b"# from 1998\\nname;cm\\nrose;1,5\\n", ReadOptions(), ",")
    Dialect(separator=';', decimal=',', encoding='utf-8', n_comments=1, comments=())
    """
    encoding = options.encoding or _find_encoding(content)
    try:
        # the sample may end within a letter
        text = codecs.getincrementaldecoder(encoding)().decode(content[:SAMPLE])
    except (LookupError, UnicodeError) as error:
        raise CommandError(f"cannot read the file with --encoding {encoding}: {error}") from error
    if "\0" in text:
        raise CommandError("the file has NUL letters, at which many programs end a cell; take them out")
    lines = lines_of(text)
    comments = list(takewhile(lambda line: line.startswith(COMMENT), lines))
    whole = lines[:-1] if len(content) > SAMPLE else lines
    separator = options.separator or _find_separator(whole[len(comments) :] or whole, usual)
    n_comments = len(comments)
    if comments and _is_head(comments[-1], whole[n_comments:], separator):
        n_comments -= 1
    decimal = options.decimal or _find_decimal(whole[n_comments + 1 :], separator)
    if separator == decimal:
        raise CommandError(f"{separator!r} cannot separate cells and be the decimal sign; set --sep or --decimal")
    below = _comments_below(content, encoding, separator, n_comments)
    return Dialect(separator, decimal, encoding, n_comments, below)


def _comments_below(content: bytes, encoding: str, separator: str, n_above: int) -> tuple[int, ...]:
    """Return the numbers of the lines of comment below the head."""
    if not MAY_HAVE_COMMENTS.search(content):
        return ()
    try:
        lines = lines_of(content.decode(encoding))[n_above:]
        records = enumerate(read_records(lines, separator), start=n_above)
        return tuple(number for number, record in records if isinstance(record, str))
    except (UnicodeDecodeError, csv.Error):
        return ()  # who reads the rows finds it, too, and can say where


def _find_encoding(content: bytes) -> str:
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return encoding
    if b"\0" in content[:SAMPLE]:
        raise CommandError("the file has NUL bytes: no text, or text of an encoding that --encoding has to name")
    for encoding in ENCODINGS:
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise AssertionError("latin-1 reads any byte")


def rows_of(lines: list[str], separator: str) -> Iterator[list[str]]:
    """Split lines into the cells of rows; a row may have several lines, and a line without a cell is none.

    Examples
    --------
    >>> list(rows_of(['a;"b\\n', 'c"\\n', "\\n"], ";"))
    [['a', 'b\\nc']]
    """
    try:
        yield from (row for row in csv.reader(lines, delimiter=separator) if "".join(row).strip() or len(row) > 1)
    except csv.Error:
        return


def _find_separator(lines: list[str], usual: str) -> str:
    """Choose the separator that gives all rows the same number of cells, the most of them; else the usual one."""
    found = {}
    lines = lines[:1] + [line for line in lines[1:] if not line.startswith(COMMENT)]
    for separator in (usual, *(other for other in SEPARATORS if other != usual)):
        sizes = [len(row) for row in rows_of(lines, separator)]
        if len(sizes) > 1 and sizes[0] > 1:
            found[separator] = (len(set(sizes)) == 1, sizes[0])
    regular = {separator: n_cells for separator, (is_regular, n_cells) in found.items() if is_regular}
    if regular:
        return max(regular, key=regular.__getitem__)
    return usual if usual in found or not found else max(found, key=lambda separator: found[separator][1])


def _is_head(line: str, following: list[str], separator: str) -> bool:
    """Return True for a comment with as many cells as the first row, two or more, such as "#id,name".

    >>> _is_head("#id,name", ["a,b"], ","), _is_head("# x,y", ["1,2"], ","), _is_head("# by me, today", ["x,y"], ",")
    (True, True, False)
    """
    rows = list(islice(rows_of([line, *following], separator), 2))
    if len(rows) < 2 or not len(rows[0]) == len(rows[1]) > 1:
        return False
    # below words a space begins a sentence; below numbers it is what NumPy writes
    return not line.startswith(f"{COMMENT} ") or any(IS_NUMBER.fullmatch(cell.strip()) for cell in rows[1])


def _find_decimal(lines: list[str], separator: str) -> str:
    """Choose the comma where cells have one before a fraction, and none has a point there."""
    if separator == ",":
        return "."
    commas = groups = 0
    for row in rows_of(lines, separator):
        for cell in map(str.strip, row):
            if DECIMAL_POINT.fullmatch(cell):
                return "."
            commas += bool(DECIMAL_COMMA.fullmatch(cell))
            groups += bool(GROUPED_BY_COMMA.fullmatch(cell))
    # 1,234 alone may be both; programs that write semicolons write decimal commas
    return "," if commas > groups or (commas and separator == ";") else "."
