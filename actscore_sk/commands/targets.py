"""The column to predict, and the task that follows from its values: classification or regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from actscore_sk.commands.missing_cells import describe_texts_among_numbers
from actscore_sk.commands.nested_cells import is_nested
from actscore_sk.estimators.table_columns import are_whole, content_kind, read_column
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
        Class numbers from 0, as int64, or standardised numbers, as float64.
    n_classes : int
        Number of classes; 0 for regression.
    program : tuple of str
        Lines of Python that make the same ``y`` of a ``table``, and leave out its rows without target.
    classes : sequence
        Value of each class; empty for regression.
    """

    task: str
    reason: str
    known: np.ndarray
    values: np.ndarray
    n_classes: int
    program: tuple[str, ...]
    classes: Sequence = ()


def read_target(column: "pd.Series", task: str, *, takes_na: bool = False) -> Target:
    """Decide the task from the values of the target, unless the user did, and encode them.

    Parameters
    ----------
    column : Series
        The target of all rows; missing or infinite means that a row has none.
    task : {"auto", "classification", "regression"}
        ``"auto"`` takes text, booleans, categories and whole numbers with few values for classes.
    takes_na : bool
        True for a kind of file that is read with ``--na``, which an error may advise.

    Returns
    -------
    target : Target

    Raises
    ------
    CommandError
        If nothing can be learnt: no value, one value, classes of one row each, or numbers that are none. Or if a few
        texts make a class of each of many numbers.
    """
    kind = content_kind(column)
    known, rows = _known_rows(column, kind)
    if not known.any():
        raise CommandError(f"the target {column.name!r} is missing in all {len(column):,} rows")
    column = column[known]
    codes, classes, labels = _classes(column)
    if len(classes) == 1:
        raise CommandError(f"the target {column.name!r} is always {str(classes[0])!r}: nothing to learn")
    if kind == "category" and (task == "regression" or (task == "auto" and len(classes) > MAX_CLASSES)):
        _refuse_texts_among_numbers(column, takes_na=takes_na)
    chosen, reason = (task, "as --task says") if task != "auto" else _choose_task(column, kind, len(classes))
    if chosen == "regression":
        amounts, lines = _standardised(column, kind)
        return Target(chosen, reason, known, amounts, 0, (*rows, *lines))
    # a class per row is a name or a key; a net could only memorise it
    if len(classes) == len(codes):
        raise CommandError(f"no class of {column.name!r} has two rows: no target for classification")
    line = f"y, classes = pd.factorize({labels}, sort=True)"
    return Target(chosen, reason, known, codes.astype(np.int64), len(classes), (*rows, line), classes)


def _refuse_texts_among_numbers(column: "pd.Series", *, takes_na: bool) -> None:
    """Refuse a column of numbers that a few texts, such as "NA", turn into one of text."""
    if found := describe_texts_among_numbers(column, takes_na=takes_na):
        raise CommandError(f"target {column.name!r}: {found} (or --task classification, if each value is a class)")


def _known_rows(column: "pd.Series", kind: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Find the rows with a target, and the line that keeps them alone if there are others.

    Parameters
    ----------
    column : Series
        The target of all rows.
    kind : str
        As `content_kind` says.

    Returns
    -------
    known : ndarray of bool, (n_rows,)
    program : tuple of str
        One line or none.
    """
    known = column.notna().to_numpy()
    condition = f"table[{column.name!r}].notna()"
    if kind == "number" and (np.isnan(read_column(column, kind)) & known).any():
        # An infinite target has no finite loss.
        known = ~np.isnan(read_column(column, kind))
        condition = f"table[{column.name!r}].astype('Float64').abs() < float('inf')"
    return known, () if known.all() else (f"table = table[{condition}]",)


def _classes(column: "pd.Series") -> "tuple[np.ndarray, pd.Index, str]":
    """Number the distinct values of a column in their order.

    Parameters
    ----------
    column : Series
        The target of the rows that have one.

    Returns
    -------
    codes : ndarray of int, (n_known,)
    classes : Index
        Sorted values.
    labels : str
        Python expression of the column that was numbered.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    # lists have no hash; 1 and True would be one class
    if column.dtype == object and (any(map(is_nested, column)) or len(set(map(type, column))) > 1):
        return *pd.factorize(column.astype(str), sort=True), f"table[{column.name!r}].astype(str)"
    return *pd.factorize(column, sort=True), f"table[{column.name!r}]"


def _choose_task(column: "pd.Series", kind: str, n_distinct: int) -> tuple[str, str]:
    """Decide between classification and regression.

    Parameters
    ----------
    column : Series
        The target of the rows that have one.
    kind : str
        As `content_kind` says.
    n_distinct : int
        Number of different values.

    Returns
    -------
    task, reason : str
    """
    if kind == "category":
        return "classification", f"{n_distinct:,} different values that are not numbers; --task overrides"
    if not are_whole(read_column(column, kind)):
        return "regression", "numbers with fractions; --task overrides"
    # Two values are always classes; otherwise a class has two rows or more, on average.
    few = n_distinct <= max(2, min(MAX_CLASSES, len(column) // 2))
    return "classification" if few else "regression", f"{n_distinct:,} different whole values; --task overrides"


def _standardised(column: "pd.Series", kind: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Shift and scale the target to mean 0 and variance 1, also if numbers are stored as text or as true and false.

    Parameters
    ----------
    column : Series
        The target of the rows that have one, of any type.
    kind : str
        As `content_kind` says.

    Returns
    -------
    amounts : ndarray of float64, (n_known,)
    program : tuple of str
        Lines that do the same.

    Raises
    ------
    CommandError
        If a value is no number, or numbers are too large.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    source = f"table[{column.name!r}]"
    if kind == "date":
        y = pd.to_datetime(column, format="ISO8601", utc=True)
        source = f"pd.to_datetime({source}, format='ISO8601', utc=True)"
    elif kind == "duration":
        y = column
    else:
        y = _amounts(column)
        source = f"{source}.astype('float64')"
    with np.errstate(all="ignore"):
        spread = y.std()
        amounts = ((y - y.mean()) / spread).to_numpy(np.float64)
    if not spread:
        raise CommandError(
            f"the numbers of the target {column.name!r} differ by less than can be computed with; subtract the smallest"
        )
    if not np.isfinite(amounts).all():
        raise CommandError(f"the target {column.name!r} holds numbers too large to standardise; divide them all by one")
    return amounts, (f"y = {source}", "y = (y - y.mean()) / y.std()")


def _amounts(column: "pd.Series") -> "pd.Series":
    """Convert a column to numbers, or name the first value that is none."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    try:
        y = column.astype("float64")
    except (ValueError, TypeError):
        y = pd.to_numeric(column.astype(str), errors="coerce").astype("float64")
    wrong = ~np.isfinite(y.to_numpy())
    if wrong.any():
        raise CommandError(f"regression needs numbers; the target {column.name!r} has {str(column[wrong].iloc[0])!r}")
    return y
