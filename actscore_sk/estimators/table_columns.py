"""How one column of a table is read: as numbers (dates and durations too) or as text."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# Objects that count as numbers: decimals of Parquet, and integers beyond 64 bits.
NUMBER_OBJECTS = {"decimal", "integer", "floating", "mixed-integer-float"}
# CSV has no dates, only text: these, and no other way of writing one, are taken for dates.
ISO_DATE = r"\d{4}-\d{2}-\d{2}"
# The difference of two larger numbers might be infinite.
LARGEST = 8e307


def content_kind(column: "pd.Series") -> str:
    """Return the kind of the values that a column of a DataFrame holds.

    Parameters
    ----------
    column : Series
        Any column. Text of digits alone is no number, and no date though pandas would read a year in it.

    Returns
    -------
    kind : {"number", "date", "duration", "category"}
        Booleans, categories and text are "category", but text that holds ISO dates only is "date".

    Examples
    --------
    >>> import pandas as pd
    >>> content_kind(pd.Series(["2024-01-31", None])), content_kind(pd.Series(["2024", None]))
    ('date', 'category')
    """
    types = import_optional("pandas.api.types", extra="cli", purpose="read tables")
    if types.is_bool_dtype(column) or isinstance(column.dtype, types.CategoricalDtype):
        return "category"
    if types.is_timedelta64_dtype(column):
        return "duration"
    if types.is_datetime64_any_dtype(column):
        return "date"
    if types.infer_dtype(column, skipna=True) in NUMBER_OBJECTS or types.is_numeric_dtype(column):
        return "number"
    return "date" if _holds_iso_dates(column) else "category"


def read_column(column: Any, kind: str) -> np.ndarray:
    """Return the values of a column as floats or as text.

    Parameters
    ----------
    column : Series, or ndarray of numbers (n_rows,)
        One column of a table.
    kind : {"number", "date", "duration", "category"}
        How it is read.

    Returns
    -------
    values : ndarray (n_rows,)
        float64, at most ``LARGEST``, with NaN for missing and infinite; durations in seconds, dates in seconds since
        1970. Or, for "category", objects: text, with None for missing.

    Raises
    ------
    ValueError
        If a value is none of the kind.

    Examples
    --------
    >>> import pandas as pd
    >>> read_column(pd.Series([True, None, False]), "category").tolist()
    ['True', None, 'False']
    >>> read_column(pd.Series(["1970-01-02", None]), "date").tolist()
    [86400.0, nan]
    """
    try:
        values = _READERS[kind](column)
    except (ValueError, TypeError) as error:
        name = getattr(column, "name", None)
        raise ValueError(f"the column {name!r} held values of the kind {kind!r} before, but now: {error}") from error
    if kind == "category":
        return values
    return np.where(np.isfinite(values), values.clip(-LARGEST, LARGEST), np.nan)


def are_whole(numbers: np.ndarray) -> bool:
    """Return True if all known numbers are integers, whatever type they are stored in.

    Parameters
    ----------
    numbers : ndarray of float64 (n,)
        NaN where unknown.

    Returns
    -------
    are_whole : bool

    Examples
    --------
    >>> are_whole(np.array([1.0, np.nan, 3.0])), are_whole(np.array([0.5, 1.0]))
    (True, False)
    """
    return bool(((numbers == np.floor(numbers)) | np.isnan(numbers)).all())


def _holds_iso_dates(column: "pd.Series") -> bool:
    """Return True if each known value is an ISO date; a column without any holds no dates."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    values = pd.Series([text for text in set(_read_text(column)) if text is not None], dtype=object)
    if values.empty or not values.str.match(ISO_DATE).all():
        return False
    return bool(pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce").notna().all())


def _read_numbers(column: Any) -> np.ndarray:
    if isinstance(column, np.ndarray):
        return column.astype(np.float64)
    # The nullable type is the one that takes decimals, huge integers and all ways to write a missing value.
    return column.astype("Float64").to_numpy(np.float64, na_value=np.nan)


def _read_dates(column: "pd.Series") -> np.ndarray:
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    dates = pd.to_datetime(column, format="ISO8601", utc=True)
    return _read_durations(dates - pd.Timestamp(0, tz="UTC"))


def _read_durations(column: "pd.Series") -> np.ndarray:
    return column.dt.total_seconds().to_numpy(np.float64)


def _read_text(column: "pd.Series") -> np.ndarray:
    """Return the values as text; each distinct value is converted once."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    try:
        codes, distinct = pd.factorize(column)
    except TypeError:  # lists and dicts have no hash
        return column.map(str, na_action="ignore").astype(object).where(column.notna(), None).to_numpy(object)
    return np.array([*map(str, distinct), None], dtype=object)[codes]


_READERS: dict[str, Callable[[Any], np.ndarray]] = {
    "number": _read_numbers,
    "date": _read_dates,
    "duration": _read_durations,
    "category": _read_text,
}
