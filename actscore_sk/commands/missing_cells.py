"""Which cells of a table count as missing, and which do not though they look like it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from actscore_sk.estimators.table_columns import content_kind
from actscore_sk.utils.optional import import_optional

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
    return f"missing: {cells}: {int(frame.isna().sum().sum()):,} of {frame.size:,} cells"


def texts_that_look_missing(frame: "pd.DataFrame", target: int) -> list[str]:
    """Name the texts that stand for missing values in many tables, where they decide what a column is.

    Parameters
    ----------
    frame : DataFrame
        As it was read.
    target : int
        Position of the target, where such a text is a class.

    Returns
    -------
    lines : list of str
        A line per column of numbers that is read as categories because of a few texts, and one for the target.

    Examples
    --------
    >>> import pandas as pd
    >>> texts_that_look_missing(pd.DataFrame({"cm": ["1", "2", "?"], "y": ["a", "a", "None"]}), 1)
    ["'cm' has numbers and '?' (1 cell), so it holds categories; --na '?' makes them missing",
     "the target 'y' has 'None' (1 cell), a class like others; --na 'None' makes them missing"]
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    lines = []
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        if not pd.api.types.is_string_dtype(column) or content_kind(column) != "category":
            continue
        counts = column.value_counts()
        texts = counts[pd.to_numeric(pd.Series(counts.index, dtype=object), errors="coerce").isna().to_numpy()]
        if position == target:
            texts = texts[[text.strip().casefold() in LOOKS_MISSING for text in texts.index]]
            outcome = "a class like others"
        elif len(texts) > MOST_TEXTS or texts.sum() >= counts.sum() / 2:
            continue
        else:
            outcome = "so it holds categories"
        if len(texts):
            which = " and ".join(f"{text!r} ({n:,} cell{'s' * int(n > 1)})" for text, n in texts.items())
            who = f"the target {name!r} has" if position == target else f"{name!r} has numbers and"
            remedy = f"--na {' '.join(map(repr, texts.index))} makes them missing"
            lines.append(f"{who} {which}, {outcome}; {remedy}")
    return lines
