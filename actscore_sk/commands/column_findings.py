"""What is suspicious about the columns and rows of a table, before anything is learnt from it."""

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.commands.targets import Target
from actscore_sk.estimators.table_columns import are_whole, content_kind, read_column
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 40  # rows; in fewer, chance does all of this
MOST = 100_000  # rows that are looked at for columns, evenly spaced
NEARLY_ALL = 0.99
AS_GOOD_AS_EQUAL = 0.9995  # correlation of ranks
FEWEST_COLUMNS, MOST_COPIES = 4, 0.2
DIGITS = 2  # of standardised features, in which near-duplicates agree
BLOCK = 2**14  # rows that are hashed at once


def find_in_columns(features: "pd.DataFrame", target: Target) -> list[str]:
    """Name columns that are like an id, nearly constant, or give the target away, and classes that look alike.

    Parameters
    ----------
    features : DataFrame
        Columns to learn from, of the rows with a target.
    target : Target
        Of the same rows.

    Returns
    -------
    lines : list of str
    """
    lines = find_in_classes(target.classes)
    if len(features) < FEWEST:
        return lines
    chosen = np.linspace(0, len(features) - 1, min(len(features), MOST)).astype(np.int64)
    features, values = features.iloc[chosen], target.values[chosen]
    for name, column in features.items():
        kind = content_kind(column)
        numbers = None if kind == "category" else read_column(column, kind)
        share, common = _most_common(column)
        if share == 1:
            continue  # not learnt from
        if share >= NEARLY_ALL:
            lines.append(f"{name!r} is {common} in {share:.1%} of the rows")
        elif kind == "number" and numbers is not None and _is_like_id(numbers):
            lines.append(f"{name!r} is like an id (whole numbers that only rise or fall); --id or --drop leaves it out")
        elif _gives_away(column, numbers, values, target.n_classes):
            lines.append(f"{name!r} gives the target away; if it is not known before, --drop leaves it out")
    return lines


def find_in_classes(classes: Iterable[Any]) -> list[str]:
    """Count texts that are different classes, although a reader hardly tells them apart.

    Parameters
    ----------
    classes : iterable
        Distinct values of the target.

    Returns
    -------
    lines : list of str

    Examples
    --------
    >>> find_in_classes(["Rose", "rose ", "tulip"])
    ["1 class is written in several ways, which count as different classes; the first: 'Rose', 'rose '"]
    """
    alike: dict[str, list[str]] = {}
    for text in (each for each in classes if isinstance(each, str)):
        alike.setdefault(" ".join(unicodedata.normalize("NFKC", text).casefold().split()), []).append(text)
    several = [texts for texts in alike.values() if len(texts) > 1]
    if not several:
        return []
    count = "1 class is" if len(several) == 1 else f"{len(several):,} classes are"
    first = ", ".join(map(repr, several[0]))
    return [f"{count} written in several ways, which count as different classes; the first: {first}"]


def find_in_rows(X: np.ndarray, target: Target) -> list[str]:
    """Count rows with equal features and other classes, and rows that are nearly equal.

    Parameters
    ----------
    X : ndarray of float32, (n_known, n_features)
        Standardised features.
    target : Target
        Of the same rows.

    Returns
    -------
    lines : list of str
    """
    lines = []
    exact = _groups(X)
    if target.n_classes:
        contradicting = _are_mixed(target.values, exact)
        if contradicting.any():
            rows = np.flatnonzero(target.known)[contradicting]
            lines.append(
                f"{len(rows):,} rows have the features of another row, not its class; the first: row {rows[0]}"
            )
    n_near = int(_are_mixed(exact, _groups(X, DIGITS)).sum())
    # where few columns are filled densely, a neighbour is no copy
    if X.shape[1] >= FEWEST_COLUMNS and 0 < n_near < MOST_COPIES * len(X):
        lines.append(f"{n_near:,} rows are nearly equal to another one: copies may be on both sides of the validation")
    return lines


def _groups(X: np.ndarray, digits: int | None = None) -> np.ndarray:
    """Number the distinct rows, rounded or not; the hash of a row has 64 bits."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    found = np.empty(len(X), np.uint64)
    for start in range(0, len(X), BLOCK):  # a whole copy would double the memory of a large table
        rows = slice(start, start + BLOCK)
        block = np.asarray(X[rows]) if digits is None else np.round(X[rows], digits) + 0.0
        found[rows] = pd.util.hash_pandas_object(pd.DataFrame(block), index=False).to_numpy()
    return found


def _are_mixed(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return True for the rows (n_rows,) of groups that hold more than one value."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    codes, distinct = pd.factorize(groups)
    first = np.empty(len(distinct), values.dtype)
    first[codes] = values  # one of each group, whichever
    is_mixed = np.zeros(len(distinct), bool)
    is_mixed[codes[values != first[codes]]] = True
    return is_mixed[codes]


def _most_common(column: "pd.Series") -> tuple[float, str]:
    """Return the share and the text of the most common value."""
    counts = column.map(str).value_counts()
    common = counts.index[0]
    return counts.iloc[0] / len(column), "missing" if common in ("<NA>", "nan", "NaT") else repr(common)


def _is_like_id(numbers: np.ndarray) -> bool:
    steps = np.diff(numbers)
    return are_whole(numbers) and bool((steps > 0).all() or (steps < 0).all())


def _gives_away(column: "pd.Series", numbers: np.ndarray | None, values: np.ndarray, n_classes: int) -> bool:
    """Return True if the target follows from this column alone.

    Classes do if each value that repeats has one of them, or if the sorted numbers have as many runs as there are
    classes; numbers do if they have the order of the column.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    target = pd.Series(values)
    known = np.ones(len(values), bool) if numbers is None else ~np.isnan(numbers)
    if known.mean() < NEARLY_ALL:
        return False
    if not n_classes:
        if numbers is None:
            return False
        return bool(abs(pd.Series(numbers).corr(target, method="spearman")) > AS_GOOD_AS_EQUAL)
    if numbers is not None:
        order = np.argsort(numbers[known], kind="stable")
        sorted_classes, sorted_numbers = values[known][order], numbers[known][order]
        changes = np.diff(sorted_classes) != 0
        if changes.sum() == n_classes - 1 and (np.diff(sorted_numbers)[changes] > 0).all():
            return True
    codes = pd.Series(column.map(str).to_numpy())
    if codes.nunique() > len(codes) / 5:
        return False
    return bool((target.groupby(codes).transform("nunique") == 1).mean() == 1)
