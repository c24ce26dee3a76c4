"""A small table of a page, all of whose rows are in the HTML."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Table(NamedTuple):
    """Texts in rows.

    Parameters
    ----------
    heads : list of str
        Names of the columns.
    kinds : list of {"number", "text"}
        Numbers are aligned to the right.
    rows : list of (bool, tuple of str)
        Marked rows are set in bold.
    """

    heads: list[str]
    kinds: list[str]
    rows: list[tuple[bool, tuple[str, ...]]]


def make_table(frame: "pd.DataFrame", marked: Iterable[bool] | None = None) -> Table:
    """Return a frame of texts as a table of a page.

    Parameters
    ----------
    frame : DataFrame of str
        Cells as they are to be read.
    marked : iterable of bool (n_rows,), optional
        Rows that stand out.

    Returns
    -------
    table : Table
        A column is of numbers if each of its texts begins like one.

    Examples
    --------
    >>> import pandas as pd
    >>> make_table(pd.DataFrame({"group": ["a"], "P": ["0.5 [0.4, 0.6]"]})).kinds
    ['text', 'number']
    """
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    kinds = ["number" if all(map(_looks_like_a_number, column)) else "text" for column in columns]
    marks = [False] * len(frame) if marked is None else list(marked)
    texts = [tuple(map(str, row)) for row in frame.itertuples(index=False, name=None)]
    return Table([str(name) for name in frame.columns], kinds, list(zip(marks, texts, strict=True)))


def _looks_like_a_number(text: Any) -> bool:
    return not str(text) or str(text)[0] in "0123456789-<+"
