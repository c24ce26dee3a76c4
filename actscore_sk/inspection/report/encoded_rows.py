"""Rows as JSON inside a page: exact numbers, truth values, positions in a list of texts, without a `<` in them."""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from actscore_sk.inspection.report.cells import LARGEST_EXACT, exact_number
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

LONGEST_CELL = 20_000  # characters; a single cell must not fill the page
FEWEST_ROWS = 200  # that a page should have: columns are left out of a wide table before these
ROOM_TO_SPARE = 0.95


class EncodedRows(NamedTuple):
    """Rows and columns for which there was room.

    Parameters
    ----------
    text : str
        JSON without ``<``: nothing in it can end the element that holds it.
    n_rows, n_columns : int
        How many of the table it has, from the first on.
    n_cut : int
        Cells that had more than 20,000 characters.
    """

    text: str
    n_rows: int
    n_columns: int
    n_cut: int


def encode_rows(table: "pd.DataFrame", extras: dict[str, Any], *, max_bytes: int, n_fixed: int = 1) -> EncodedRows:
    """Encode as many rows and columns as there is room for.

    Parameters
    ----------
    table : DataFrame
        Names of columns may repeat.
    extras : dict
        Further entries of the JSON object.
    max_bytes : int
        Size of the text in UTF-8, > 0.
    n_fixed : int
        First columns, which are kept in any case.

    Returns
    -------
    encoded : EncodedRows
        All columns if 200 rows of them fit, else the first ones; then as many rows as fit, at least 1.

    Examples
    --------
    >>> import pandas as pd
    >>> encode_rows(pd.DataFrame({"a": ["<b>"]}), {}, max_bytes=1000).text
    '{"n_rows":1,"columns":[{"name":"a","kind":"text","values":[0],"levels":["\\\\u003cb>"]}]}'
    """
    n_columns, n_rows = _count_fitting(table, max_bytes - len(_as_json(extras).encode(errors="replace")), n_fixed)
    cut = [_cut_cells(table.iloc[:, place]) for place in range(n_columns)]
    n_cut = sum(n for _, n in cut)
    while True:
        columns = [
            encode_column(str(name), column.iloc[:n_rows])
            for name, (column, _) in zip(table.columns, cut, strict=False)
        ]
        text = _as_json({**extras, "n_rows": n_rows, "columns": columns})
        size = len(text.encode(errors="replace"))
        if size <= max_bytes or n_rows <= 1:
            return EncodedRows(text, n_rows, n_columns, n_cut)
        # Rows differ in length: a little fewer than the ratio says, until they fit.
        n_rows = max(1, int(ROOM_TO_SPARE * n_rows * max_bytes / size))


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
        ``name``, ``kind`` ("number", "truth" or "text") and ``values``; for texts also ``levels``, sorted.

    Examples
    --------
    >>> import pandas as pd
    >>> encode_column("score", pd.Series([1.23456789, float("nan")]))
    {'name': 'score', 'kind': 'number', 'values': [1.23456789, None]}
    >>> encode_column("label", pd.Series(["b", "a", "b"]))
    {'name': 'label', 'kind': 'text', 'values': [1, 0, 1], 'levels': ['a', 'b']}
    """
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    types = pandas.api.types
    if types.is_bool_dtype(column):
        truths = [None if pandas.isna(value) else bool(value) for value in column]
        return {"name": name, "kind": "truth", "values": truths}
    if types.is_numeric_dtype(column) and not types.is_complex_dtype(column):
        return {"name": name, "kind": "number", "values": _numbers(column)}
    texts = column.map(str, na_action="ignore").astype(object)
    codes, levels = pandas.factorize(texts, sort=True)
    return {"name": name, "kind": "text", "values": codes.tolist(), "levels": [str(level) for level in levels]}


def _numbers(column: "pd.Series") -> list[Any]:
    """Return numbers as JSON has them, missing ones as None."""
    if column.dtype in ("float64", "int64") and column.abs().max() <= LARGEST_EXACT:
        values = column.to_numpy().tolist()  # a column at once: pages have millions of cells
        return [None if value != value else value for value in values]
    # a float32 that became a float64 would have digits that nobody wrote
    narrow = {"float16": np.float16, "float32": np.float32}.get(str(column.dtype).lower(), lambda value: value)
    known = column.astype(object).where(column.notna(), None)
    return [None if value is None else exact_number(narrow(value)) for value in known]


def _count_fitting(table: "pd.DataFrame", max_bytes: int, n_fixed: int) -> tuple[int, int]:
    """Count the first columns of which 200 rows fit, and the rows of these that are worth trying."""
    room, used = ROOM_TO_SPARE * max_bytes, 0
    for place, name in enumerate(table.columns):
        column = _cut_cells(table.iloc[:FEWEST_ROWS, place])[0]
        size = len(_as_json(encode_column(str(name), column)).encode(errors="replace"))
        if used + size > room and place >= n_fixed:
            break
        used += size
    else:
        place = table.shape[1]
    # texts that repeat take less room in more rows, but hardly a third
    return place, min(len(table), max(FEWEST_ROWS, int(3 * FEWEST_ROWS * max_bytes / max(used, 1))))


def _cut_cells(column: "pd.Series") -> tuple["pd.Series", int]:
    """Shorten texts that are too long for a page, and count them."""
    if column.dtype.kind in "biufcmM":
        return column, 0
    texts = column.map(str, na_action="ignore").astype(object)
    is_long = np.array([isinstance(text, str) and len(text) > LONGEST_CELL for text in texts], dtype=bool)
    if not is_long.any():
        return column, 0
    return texts.where(~is_long, texts.str.slice(0, LONGEST_CELL - 1) + "…"), int(is_long.sum())


def _as_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", r"\u003c")
