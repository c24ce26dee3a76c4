"""Find a column of a table by the name that the user wrote."""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from actscore_sk.exceptions import CommandError

if TYPE_CHECKING:
    import pandas as pd


def find_column(frame: "pd.DataFrame", name: str) -> int:
    """Return the position of the column with a name, or say which names are close.

    Parameters
    ----------
    frame : DataFrame
        Names may repeat.
    name : str
        As the user wrote it.

    Returns
    -------
    position : int

    Raises
    ------
    CommandError
        If there is no such column, or more than one.
    """
    columns = list(frame.columns)
    if columns.count(name) == 1:
        return columns.index(name)
    if name in columns:
        raise CommandError(f"{columns.count(name)} columns are called {name!r}; rename all but one")
    if len(columns) == 1 and name in columns[0]:
        raise CommandError(f"no column {name!r}; the table has one, {columns[0]!r}: set --sep")
    # Case is the commonest mistake, and a difference of every letter to the comparison.
    by_lower_case = {column.casefold(): column for column in columns}
    close = [by_lower_case[match] for match in get_close_matches(name.casefold(), by_lower_case)]
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"there are {_listing(columns)}"
    raise CommandError(f"no column {name!r}; {hint}")


def _listing(names: list[str], most: int = 8) -> str:
    """Name the columns of a table, the first of them only if there are many."""
    first = ", ".join(map(repr, names[:most]))
    return first if len(names) <= most else f"{first} and {len(names) - most} more"
