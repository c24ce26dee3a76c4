"""Addresses inside a page that choose rows."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode


def view_of(equals: Mapping[str, str], *, suspects: bool = False) -> str:
    """Return the fragment of an address that shows rows with these values.

    Parameters
    ----------
    equals : dict of str to str
        Texts of columns, by name.
    suspects : bool
        Only the rows whose labels are to be looked at.

    Returns
    -------
    fragment : str
        Begins with ``#``.

    Examples
    --------
    >>> view_of({"target": "a&b"}, suspects=True)
    '#suspects=1&is.target=a%26b'
    """
    entries = ({"suspects": "1"} if suspects else {}) | {f"is.{name}": text for name, text in equals.items()}
    return f"#{urlencode(entries, quote_via=quote)}"
