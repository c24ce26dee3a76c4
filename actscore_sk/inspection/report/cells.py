"""Values of a table as a page writes them: exact numbers, texts in one line."""

from typing import Any

import numpy as np

LONGEST_TEXT = 200  # characters of a text outside the rows
LARGEST_EXACT = 2**53  # beyond, a browser's numbers skip some integers


def exact_number(value: Any) -> float | int | str | None:
    """Return a number in a type that JSON has, without rounding.

    Parameters
    ----------
    value : number or None
        Of Python or NumPy.

    Returns
    -------
    number : float, int, str or None
        Infinity, and integers that a browser cannot hold, as text. A float32 has the digits that tell it from others.

    Examples
    --------
    >>> [exact_number(value) for value in (7, np.float32(0.1), float("inf"), None, 2**60)]
    [7, 0.1, 'Infinity', None, '1152921504606846976']
    """
    if value is None:
        return None
    if isinstance(value, int | np.integer):
        return int(value) if abs(int(value)) <= LARGEST_EXACT else str(value)
    # str of a float32 is short; its float64 has digits that nobody wrote
    number = float(str(value)) if isinstance(value, np.floating) else float(value)
    if np.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return int(number) if number.is_integer() and abs(number) <= LARGEST_EXACT else number


def as_text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """Write a value in one line.

    Parameters
    ----------
    value : object
        Truth values become "yes" and "no", anything else is written by ``str``.
    longest : int
        Most characters; a longer text ends in "…".

    Returns
    -------
    text : str
        Each run of white space is one space.

    Examples
    --------
    >>> as_text(True), as_text("two\\nlines")
    ('yes', 'two lines')
    """
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    text = " ".join(str(value).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
