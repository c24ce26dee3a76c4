"""Cells that hold lists or objects: text, as JSON writes it, where a table has no place for them."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def plain(value: Any) -> Any:
    """Return numbers and arrays of NumPy as those of Python, anything else as text.

    Examples
    --------
    >>> import numpy as np
    >>> plain(np.float32(0.5)), plain(np.array([1, 2]))
    (0.5, [1, 2])
    """
    return value.tolist() if hasattr(value, "tolist") else str(value)


def is_nested(value: Any) -> bool:
    """Return True for a list, an object or an array."""
    return isinstance(value, (list, tuple, dict, set)) or getattr(value, "ndim", 0) > 0


def as_json(cell: Any) -> str:
    """Write a list or an object as JSON; what is missing inside is null.

    >>> as_json([1.0, float("nan"), "é"])
    '[1.0, null, "é"]'
    """
    text = json.dumps(cell, default=plain, ensure_ascii=False)
    if "NaN" in text:
        known = json.loads(text, parse_constant=lambda name: None if name == "NaN" else float(name))
        text = json.dumps(known, ensure_ascii=False)
    return text


def flatten(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Write lists and objects in cells as text.

    Parameters
    ----------
    frame : DataFrame
        Any.

    Returns
    -------
    frame : DataFrame
        Columns without such cells are taken as they are.

    Examples
    --------
    >>> import pandas as pd
    >>> flatten(pd.DataFrame({"a": [{"b": [1, None]}, None]}))["a"].tolist()
    ['{"b": [1, null]}', None]
    """
    frame = frame.copy(deep=False)
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if column.dtype == object and any(map(is_nested, column)):
            cells = [as_json(cell) if is_nested(cell) else cell for cell in column]
            frame.isetitem(place, type(column)(cells, index=column.index, dtype=object))
    return frame
