"""What a column of a table holds: numbers (dates and durations too) or text."""

from typing import TYPE_CHECKING

import numpy as np

from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# Objects that are numbers to us: decimals of Parquet, and integers beyond 64 bits.
NUMBER_OBJECTS = {"decimal", "integer", "floating", "mixed-integer-float"}
# CSV has no dates, only text: these, and no other way of writing one, are taken for dates.
ISO_DATE = r"\d{4}-\d{2}-\d{2}"


def as_numbers(column: "pd.Series") -> "pd.Series | None":
    """Give the values of a column of numbers, dates or durations, or None if it holds something else.

    Parameters
    ----------
    column : Series
        Any column; booleans, categories and text are no numbers, but dates written as text are.

    Returns
    -------
    numbers : Series of float64, or None
        Dates count seconds from the first one, durations count seconds. Missing and infinite are NaN.
    """
    types = import_optional("pandas.api.types", extra="cli", purpose="read tables")
    if types.is_bool_dtype(column) or isinstance(column.dtype, types.CategoricalDtype):
        return None
    if types.is_timedelta64_dtype(column):
        return column.dt.total_seconds()
    dates = column if types.is_datetime64_any_dtype(column) else _as_dates(column)
    if dates is not None:
        return (dates - dates.min()).dt.total_seconds()
    if types.infer_dtype(column, skipna=True) in NUMBER_OBJECTS or types.is_numeric_dtype(column):
        return column.astype("Float64").astype("float64").replace([np.inf, -np.inf], np.nan)
    return None


def as_text(column: "pd.Series") -> "pd.Series":
    """Give the values of a column as text, for use as categories; missing is None.

    Parameters
    ----------
    column : Series
        Any column, also of lists or bytes, which could not be categories themselves.

    Returns
    -------
    text : Series of object

    Examples
    --------
    >>> import pandas as pd
    >>> as_text(pd.Series([True, None, False])).tolist()
    ['True', None, 'False']
    """
    return column.astype(object).map(str, na_action="ignore").astype(object).where(column.notna(), None)


def are_whole(numbers: "pd.Series") -> bool:
    """Tell whether all known numbers are integers, whatever type they are stored in.

    Examples
    --------
    >>> import pandas as pd
    >>> are_whole(pd.Series([1.0, None, 3.0])), are_whole(pd.Series([0.5, 1.0]))
    (True, False)
    """
    known = numbers.dropna()
    return bool((known == np.floor(known)).all())


def _as_dates(column: "pd.Series") -> "pd.Series | None":
    """Give the dates that a column of text or of date objects holds, or None if one value is no date.

    Parameters
    ----------
    column : Series
        Any column. Text of digits alone is no date, though pandas would read a year in it.

    Returns
    -------
    dates : Series of datetimes in UTC, or None
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    if pd.api.types.is_numeric_dtype(column) or column.isna().all():
        return None
    if not as_text(column).dropna().str.match(ISO_DATE).all():
        return None
    try:
        return pd.to_datetime(column, format="ISO8601", utc=True)
    except ValueError:
        return None
