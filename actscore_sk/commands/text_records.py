"""Records of a table of text: the cells of rows, and lines of comment among them."""

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator

COMMENT = "#"
MAY_HAVE_COMMENTS = re.compile(rb"[\r\n]\0?#")  # the zero is that of UTF-16


def lines_of(text: str) -> list[str]:
    """Split text where a table ends its lines, and nowhere else; each line keeps its end.

    Examples
    --------
    >>> lines_of("a\\u2028b\\rc\\r\\n")
    ['a\\u2028b\\r', 'c\\r\\n']
    """
    return list(io.StringIO(text, newline=""))


def read_records(lines: Iterable[str], separator: str, *, strict: bool = False) -> Iterator[list[str] | str]:
    """Read rows, and tell lines of comment from them: these begin with ``#`` and have not as many cells as the head.

    Parameters
    ----------
    lines : iterable of str
        From the head on, with their ends.
    separator : str
        Between two cells.
    strict : bool
        If True, a quotation mark that is not closed is an error.

    Yields
    ------
    record : list of str, or str
        Cells of a row, none of an empty line; or a line of comment.

    Raises
    ------
    csv.Error
        If the text is no table.

    Examples
    --------
    >>> list(read_records(["a,b\\n", "# by hand\\n", "#1,2\\n"], ","))
    [['a', 'b'], '# by hand\\n', ['#1', '2']]
    """
    comments: list[str] = []
    n_columns, is_first = 0, True

    def of_rows() -> Iterator[str]:
        nonlocal is_first
        for line in lines:
            # a quoted cell may go on in a line that begins so
            if is_first and line.startswith(COMMENT) and _is_comment(line, n_columns, separator):
                comments.append(line)
                continue
            is_first = False
            yield line

    limit = csv.field_size_limit(sys.maxsize)
    reader = csv.reader(of_rows(), delimiter=separator, strict=strict)
    try:
        while True:
            is_first = True
            row = next(reader, None)
            yield from comments
            comments.clear()
            if row is None:
                return
            n_columns = n_columns or len(row)
            yield row
    finally:
        csv.field_size_limit(limit)


def _is_comment(line: str, n_columns: int, separator: str) -> bool:
    """Return True for a line that cannot be a row, nor the first line of one."""
    if n_columns < 2 or line.count('"') % 2:
        return False
    return len(next(csv.reader([line], delimiter=separator))) != n_columns
