"""Cells that a spreadsheet would run: an apostrophe in front makes text of them, until they are read again."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# The page of `actscore report` escapes by the same rule: numbers are no formulas.
RUNS = r"'*[=+\-@\t\r]"
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]Infinity"
ESCAPED = re.compile(f"'{RUNS}")
FORMULA = re.compile(rf"(?!(?:{NUMBER})\Z){RUNS}")


def escaped(text: str) -> str:
    """Put an apostrophe in front of a text that a spreadsheet would run.

    Parameters
    ----------
    text : str
        Content of a cell.

    Returns
    -------
    text : str
        `unescaped` gives back what came in, whatever it is.

    Examples
    --------
    >>> escaped("=1+1"), escaped("-3.5"), escaped("'=1+1"), escaped("'tis")
    ("'=1+1", '-3.5', "''=1+1", "'tis")
    """
    return f"'{text}" if FORMULA.match(text) else text


def unescaped(text: str) -> str:
    """Take away the apostrophe that keeps a spreadsheet from running a cell.

    Examples
    --------
    >>> unescaped("'=1+1"), unescaped("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if ESCAPED.match(text) else text


def escape_cells(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Escape all texts of a table, and the names of its columns.

    Parameters
    ----------
    frame : DataFrame
        To be written for programs that may be a spreadsheet.
    """
    return _change(frame, FORMULA, escaped)


def unescape_cells(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Undo `escape_cells`."""
    return _change(frame, ESCAPED, unescaped)


def _change(frame: "pd.DataFrame", pattern: re.Pattern, change: Callable[[str], str]) -> "pd.DataFrame":
    """Change the cells that match; columns without any are taken as they are."""
    types = import_optional("pandas.api.types", extra="cli", purpose="read tables")
    frame = frame.set_axis([change(name) if isinstance(name, str) else name for name in frame.columns], axis=1)
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column):
            continue
        # labels repeat: each of them is looked at once
        texts = [value for value in column.map(str).unique() if pattern.match(value)]
        if texts:
            changed = {text: change(text) for text in texts}
            cells = [changed.get(cell, cell) if isinstance(cell, str) else cell for cell in column]
            frame.isetitem(place, type(column)(cells, index=column.index, dtype=object))
    return frame
