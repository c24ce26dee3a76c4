"""Rows as JSON inside a page: columns of numbers, or of positions in a list of texts, without a `<` in them."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 6  # significant ones of a number
LONGEST_TEXT = 200  # characters of a cell
MOST_CHOICES = 60  # values of a column that a menu offers
LARGEST_EXACT = 2**53  # beyond, a browser's numbers skip some integers


def encode_rows(table: "pd.DataFrame", extras: dict[str, Any], *, max_bytes: int) -> tuple[str, int]:
    """Encode as many rows as there is room for, from the first on.

    Parameters
    ----------
    table : DataFrame
        Names of columns may repeat.
    extras : dict
        Further entries of the JSON object.
    max_bytes : int
        Size of the text in UTF-8, > 0.

    Returns
    -------
    text : str
        JSON without ``<``, so that nothing in it can end the element that holds it.
    n_rows : int
        How many rows it has; at least 1, even if that is too large.

    Examples
    --------
    >>> import pandas as pd
    >>> encode_rows(pd.DataFrame({"a": ["<b>"]}), {}, max_bytes=1000)[0]
    '{"n_rows":1,"columns":[{"name":"a","values":[0],"levels":["\\\\u003cb>"],"choices":false}]}'
    """
    n_rows = len(table)
    while True:
        part = table.iloc[:n_rows]
        columns = [encode_column(str(name), part.iloc[:, i]) for i, name in enumerate(table.columns)]
        text = json.dumps(
            {**extras, "n_rows": n_rows, "columns": columns}, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).replace("<", r"\u003c")
        size = len(text.encode(errors="replace"))
        if size <= max_bytes or n_rows <= 1:
            return text, n_rows
        # Rows differ in length: a little fewer than the ratio says, until they fit.
        n_rows = max(1, int(0.95 * n_rows * max_bytes / size))


def encode_column(name: str, column: "pd.Series") -> dict[str, Any]:
    """Encode one column: numbers as numbers, anything else as positions in the list of its different texts.

    Parameters
    ----------
    name : str
        Shown as its head.
    column : Series
        Missing values become None, or position -1.

    Returns
    -------
    encoded : dict
        ``name`` and ``values``; for texts also ``levels``, sorted, and ``choices``, True if a menu should offer them.

    Examples
    --------
    >>> import pandas as pd
    >>> encode_column("score", pd.Series([1.23456789, np.nan]))
    {'name': 'score', 'values': [1.23457, None]}
    >>> encode_column("label", pd.Series(["b", "a", "b"]))
    {'name': 'label', 'values': [1, 0, 1], 'levels': ['a', 'b'], 'choices': True}
    """
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    types = pandas.api.types
    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column) and not types.is_complex_dtype(column):
        known = column.astype(object).where(column.notna(), None)
        return {"name": name, "values": [shorten_number(value) for value in known]}
    texts = column.map(as_text, na_action="ignore").astype(object)
    codes, levels = pandas.factorize(texts, sort=True)
    return {
        "name": name,
        "values": codes.tolist(),
        "levels": [str(level) for level in levels],
        "choices": 1 < len(levels) <= MOST_CHOICES,
    }


def shorten_number(value: Any) -> float | int | str | None:
    """Round a number to six significant digits, in a type that JSON has.

    Parameters
    ----------
    value : number or None
        Integers are not rounded.

    Returns
    -------
    number : float, int, str or None
        Infinity, and integers that a browser cannot hold, as text.

    Examples
    --------
    >>> [shorten_number(value) for value in (7, 0.1234567, float("inf"), None, 2**60)]
    [7, 0.123457, 'Infinity', None, '1152921504606846976']
    """
    if value is None:
        return None
    if isinstance(value, int | np.integer):
        return int(value) if abs(int(value)) <= LARGEST_EXACT else str(value)
    number = float(value)
    if np.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number.is_integer() and abs(number) <= LARGEST_EXACT:
        return int(number)
    return float(f"{number:.{DIGITS}g}")


def as_text(value: Any) -> str:
    """Write a value in one line of at most 200 characters.

    Parameters
    ----------
    value : object
        Truth values become "yes" and "no", anything else is written by ``str``.

    Returns
    -------
    text : str
        Each run of white space is one space; a longer text ends in "…".

    Examples
    --------
    >>> as_text(True), as_text("two\\nlines")
    ('yes', 'two lines')
    """
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
