"""What is to be predicted: the target column, and whether that is classification or regression."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from actscore_sk.estimators.table_columns import are_whole, as_numbers, as_text
from actscore_sk.estimators.tables import standardise
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

TASKS = ("auto", "classification", "regression")
# Whole numbers with more values than this are amounts, not classes.
MAX_CLASSES = 20


@dataclass(frozen=True)
class Target:
    """The target column, ready for training.

    Attributes
    ----------
    task : {"classification", "regression"}
        What the net learns.
    reason : str
        Why, in words for the user.
    known : ndarray of bool, (n_rows,)
        Rows of the table that have a target; only these are trained on.
    values : ndarray, (n_known,)
        Class numbers from 0, as int64, or standardised numbers, as float32.
    n_outputs : int
        Outputs that the net needs: one a class, or one.
    """

    task: str
    reason: str
    known: np.ndarray
    values: np.ndarray
    n_outputs: int


def find_column(frame: "pd.DataFrame", name: str) -> int:
    """Give the position of the column with a name, or say which names are close.

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
    # Case is the commonest mistake, and a difference of every letter to the comparison.
    folded = {column.casefold(): column for column in columns}
    close = [folded[match] for match in get_close_matches(name.casefold(), folded)]
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"there are {_listing(columns)}"
    raise CommandError(f"no column {name!r}; {hint}")


def read_target(column: "pd.Series", task: str) -> Target:
    """Decide the task from the values of the target, unless the user did, and encode them.

    Parameters
    ----------
    column : Series
        The target of all rows; missing or infinite means that a row has none.
    task : {"auto", "classification", "regression"}
        ``"auto"`` takes text, booleans, categories and whole numbers with few values for classes.

    Returns
    -------
    target : Target

    Raises
    ------
    CommandError
        If nothing can be learnt: no value, one value, classes of one row each, or numbers that are none.
    """
    # An infinite target has no finite loss; it counts as missing.
    numbers = as_numbers(column)
    known = (column if numbers is None else numbers).notna().to_numpy()
    if not known.any():
        raise CommandError(f"the target {column.name!r} is missing in all {len(column):,} rows")
    chosen, reason = _choose_task(column[known], numbers, task)
    text = as_text(column[known])
    if text.nunique() == 1:
        raise CommandError(f"the target {column.name!r} is always {text.iloc[0]!r}: nothing to learn")
    if chosen == "classification":
        classes, codes = np.unique(text.to_numpy(str), return_inverse=True)
        if len(classes) == len(codes):
            raise CommandError(f"no class of {column.name!r} has two rows: no target for classification")
        return Target(chosen, reason, known, codes.astype(np.int64), len(classes))
    amounts = standardise(_amounts(column[known]).to_numpy())
    return Target(chosen, reason, known, amounts.astype(np.float32), 1)


def _choose_task(column: "pd.Series", numbers: "pd.Series | None", task: str) -> tuple[str, str]:
    """Give the task and the reason, from the known values.

    Parameters
    ----------
    column : Series
        The target of the rows that have one.
    numbers : Series of float64, or None
        The same as numbers, also of rows without target; None if it holds none.
    task : {"auto", "classification", "regression"}
        What the user asked for.

    Returns
    -------
    task, reason : str
    """
    if task != "auto":
        return task, "as --task says"
    n_distinct = as_text(column).nunique()
    if numbers is None:
        return "classification", f"{n_distinct:,} different values that are not numbers; --task overrides"
    if not are_whole(numbers):
        return "regression", "numbers with fractions; --task overrides"
    # Two values are always classes; otherwise a class has two rows or more, on average.
    few = n_distinct <= max(2, min(MAX_CLASSES, len(column) // 2))
    return "classification" if few else "regression", f"{n_distinct:,} different whole values; --task overrides"


def _amounts(column: "pd.Series") -> "pd.Series":
    """Give the numbers of a column, also if they are stored as text or as true and false.

    Parameters
    ----------
    column : Series
        The target of the rows that have one, of any type.

    Returns
    -------
    numbers : Series of float64

    Raises
    ------
    CommandError
        Naming the first value that is no number.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    numbers = as_numbers(column)
    if numbers is not None:
        return numbers
    text = as_text(column).replace({"True": "1", "False": "0"})
    numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise CommandError(f"regression needs numbers; the target {column.name!r} has {text[wrong].iloc[0]!r}")
    return numbers


def _listing(names: list[str], most: int = 8) -> str:
    """Name the columns of a table, the first of them only if there are many."""
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
