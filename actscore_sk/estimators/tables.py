"""From the columns of a table to the matrix that a net is trained on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from actscore_sk.estimators.table_columns import are_whole, as_numbers, as_text
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# Whole numbers with so few values are codes more often than amounts (months, grades, yes and no).
MAX_CODES = 10
# Columns that a text column may take: its most frequent values, and one for all others.
MAX_CATEGORIES = 32
# Standard deviations: a net trains on no larger number, or one wild value would drown its row and its batch.
MAX_DEVIATION = 10.0


@dataclass(frozen=True)
class Features:
    """The matrix, and what became of each column of the table.

    Attributes
    ----------
    matrix : ndarray of float32, (n_rows, n_features)
        Finite; numbers are standardised, categories are 0 or 1.
    numeric, categorical : list of str
        Names of the columns, by how they are used.
    ignored : list of str
        Name and reason of the columns that say nothing about a row, e.g. ``"id (no value repeats)"``.
    """

    matrix: np.ndarray
    numeric: list[str]
    categorical: list[str]
    ignored: list[str]


def encode_features(frame: "pd.DataFrame") -> Features:
    """Turn the columns of a table into numbers.

    Numbers have their missing values replaced by the median, with a column that tells where, and are
    standardised. Text, booleans, categories and whole numbers with few values are one-hot encoded; missing
    is a category of its own, and the rare values of a column share one.

    Parameters
    ----------
    frame : DataFrame
        The rows to train on, without the target. Names may repeat.

    Returns
    -------
    features : Features

    Raises
    ------
    CommandError
        If no column is left that could tell one row from another.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    values: list[Any] = []
    kinds: dict[str, list[int]] = {"numeric": [], "categorical": []}
    ignored = []
    for position, name in enumerate(frame.columns):
        kind, column = _encode_column(frame.iloc[:, position])
        if kind in kinds:
            kinds[kind].append(len(values))
            values.append(column.rename(name))
        else:
            ignored.append(f"{name} ({kind})")
    if not values:
        raise CommandError(f"no feature is left beside the target; ignored: {', '.join(ignored) or 'none'}")
    encoder = _column_transformer(kinds["numeric"], kinds["categorical"])
    matrix = encoder.fit_transform(pd.DataFrame(dict(enumerate(values)))).astype(np.float32)
    return Features(
        matrix=np.clip(matrix, -MAX_DEVIATION, MAX_DEVIATION),
        numeric=[values[key].name for key in kinds["numeric"]],
        categorical=[values[key].name for key in kinds["categorical"]],
        ignored=ignored,
    )


def standardise(numbers: np.ndarray) -> np.ndarray:
    """Shift and scale numbers to mean 0 and variance 1, however large they are.

    Parameters
    ----------
    numbers : ndarray of float64, (n,)
        Finite.

    Returns
    -------
    standardised : ndarray of float64, (n,)
        All 0 if the numbers are all the same.

    Examples
    --------
    >>> standardise(np.array([-1e308, 1e308]))
    array([-1.,  1.])
    """
    return StandardScaler().fit_transform(_within_one(numbers)[:, None]).ravel()


def _encode_column(column: "pd.Series") -> "tuple[str, pd.Series]":
    """Give the kind of a column, or the reason to ignore it, and its values as float64 or text.

    Parameters
    ----------
    column : Series
        One column of the rows to train on.

    Returns
    -------
    kind : str
        ``"numeric"``, ``"categorical"``, or why the column says nothing.
    values : Series of float64, or of text
        NaN or None where the column has no value.
    """
    numbers = as_numbers(column)
    values = as_text(column) if numbers is None else numbers
    n_distinct = values.nunique(dropna=False)
    if n_distinct < 2:
        return "always the same", values
    if numbers is None:
        return "no value repeats" if n_distinct == len(values) else "categorical", values
    # In a sorted table the number of a row would give its class away.
    if str(column.name).startswith("Unnamed: ") and numbers.is_monotonic_increasing and are_whole(numbers):
        return "row numbers", values
    if are_whole(numbers) and numbers.nunique() <= min(MAX_CODES, len(numbers) // 2):
        return "categorical", as_text(numbers)
    return "numeric", _within_one(values)


def _within_one(numbers: Any) -> Any:
    """Divide numbers by the largest of them: medians and variances of huge ones would overflow."""
    return numbers / (np.abs(numbers).max() or 1.0)


def _column_transformer(numeric: list[int], categorical: list[int]) -> ColumnTransformer:
    """Build the transformer of columns that are given by position.

    Parameters
    ----------
    numeric, categorical : list of int
        Positions, since names may repeat.

    Returns
    -------
    transformer : ColumnTransformer
        Not fitted; its output is dense.
    """
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    # Dense, since the net takes dense batches; the limit on categories keeps it small.
    categories = OneHotEncoder(max_categories=MAX_CATEGORIES, min_frequency=2, sparse_output=False)
    steps = [("numeric", numbers, numeric), ("categorical", categories, categorical)]
    return ColumnTransformer(steps, sparse_threshold=0.0)
