"""Which cells of a table count as missing, and which do not though they look like it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.estimators.table_columns import content_kind, read_column
from actscore_sk.utils.optional import import_optional
from actscore_sk.utils.reprs import count_of

if TYPE_CHECKING:
    import pandas as pd

# Texts that other programs write for a missing value; here they are what they say.
LOOKS_MISSING = {"na", "n/a", "#n/a", "nan", "null", "none", "nil", "nd", "unknown", "missing", "?", "-", "--", "."}
MOST_TEXTS = 3  # texts beside numbers; with more, the column is one of text


def describe_missing(frame: "pd.DataFrame", named: Sequence[str]) -> str:
    """Say which cells count as missing, and how many there are.

    Parameters
    ----------
    frame : DataFrame
        As it was read.
    named : sequence of str
        Texts that count as missing, beside empty cells.

    Returns
    -------
    line : str

    Examples
    --------
    >>> import pandas as pd
    >>> describe_missing(pd.DataFrame({"a": [1, None], "b": ["x", "NA"]}), ["?"])
    "missing: empty cells and '?': 1 of 4 cells"
    """
    cells = " and ".join(["empty cells", *map(repr, named)])
    line = f"missing: {cells}: {int(frame.isna().sum().sum()):,} of {frame.size:,} cells"
    n_infinite = sum(int(np.isinf(column.dropna().to_numpy(np.float64)).sum()) for _, column in _floats(frame))
    return f"{line}, and {count_of(n_infinite, 'infinite number')}" if n_infinite else line


def _floats(frame: "pd.DataFrame") -> Any:
    return frame.select_dtypes(include="floating").items()


def texts_that_look_missing(frame: "pd.DataFrame", target: int, *, takes_na: bool) -> list[str]:
    """Name the texts that stand for missing values in many tables, where they decide what a column is.

    Parameters
    ----------
    frame : DataFrame
        As it was read.
    target : int
        Position of the target, where such a text is a class.
    takes_na : bool
        True for a kind of file that is read with ``--na``.

    Returns
    -------
    lines : list of str
        A line per column of numbers that is read as categories because of a few texts, and one for the target.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cm": ["1", "2", "?"], "y": ["a", "a", "None"]})
    >>> texts_that_look_missing(frame, 1, takes_na=True)
    ["column 'cm': 2 of 3 cells are numbers, the others are '?', so it holds categories: add --na '?'",
     "the target 'y' has 'None' (1 cell), a class like others: --na 'None' makes them missing"]
    """
    lines = []
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        if position == target:
            counts = _count_texts(column)
            texts = counts[[text.strip().casefold() in LOOKS_MISSING for text in counts.index]]
            if len(texts):
                which = " and ".join(f"{text!r} ({n:,} cell{'s' * int(n > 1)})" for text, n in texts.items())
                option = f": --na {_listed(texts.index, ' ')} makes them missing" if takes_na else ""
                lines.append(f"the target {name!r} has {which}, a class like others{option}")
        elif found := describe_texts_among_numbers(column, takes_na=takes_na, outcome=", so it holds categories"):
            lines.append(f"column {name!r}: {found}")
    return lines


def describe_texts_among_numbers(column: "pd.Series", *, takes_na: bool, outcome: str = "") -> str:
    """Say which few texts stand among the numbers of a column, and what to do; nothing of any other column.

    Parameters
    ----------
    column : Series
        As it was read. Numbers may have thousands, a decimal comma or a percent sign.
    takes_na : bool
        True for a kind of file that is read with ``--na``.
    outcome : str
        What follows from the texts.

    Returns
    -------
    description : str

    Examples
    --------
    >>> import pandas as pd
    >>> describe_texts_among_numbers(pd.Series(["1,5", "2", "nan"]), takes_na=False)
    "2 of 3 cells are numbers, the others are 'nan': make them missing in the file"
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    counts = _count_texts(column)
    plain = pd.Series(counts.index, dtype=object).str.replace("[,%]", "", regex=True)
    texts = counts[pd.to_numeric(plain, errors="coerce").isna().to_numpy()]
    n_known, n_texts = int(counts.sum()), int(texts.sum())
    if not 0 < len(texts) <= MOST_TEXTS or n_texts >= n_known / 2:
        return ""
    remedy = f"add --na {_listed(texts.index, ' ')}" if takes_na else "make them missing in the file"
    numbers = f"{n_known - n_texts:,} of {n_known:,} cells are numbers"
    return f"{numbers}, the others are {_listed(texts.index, ' and ')}{outcome}: {remedy}"


def _count_texts(column: "pd.Series") -> "pd.Series":
    """Count the texts of a column that holds categories; there are none in any other."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    texts: Any = read_column(column, "category") if content_kind(column) == "category" else []
    return pd.Series(texts, dtype=object).value_counts()


def _listed(texts: Iterable[str], between: str) -> str:
    return between.join(map(repr, texts))
