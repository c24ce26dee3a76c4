"""Which columns of a table are learnt from, and which are kept beside the scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actscore_sk.commands.column_names import find_column
from actscore_sk.exceptions import CommandError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ColumnRoles:
    """Positions of the columns.

    Attributes
    ----------
    features : list of int
        Columns to learn from.
    kept : list of int
        Columns to write beside the scores.
    program : str
        Python expression of the features of a ``table``.
    """

    features: list[int]
    kept: list[int]
    program: str


def choose_columns(
    frame: "pd.DataFrame",
    target: str,
    *,
    features: Sequence[str] = (),
    drop: Sequence[str] = (),
    ids: Sequence[str] = (),
    keep: Sequence[str] | None = None,
) -> ColumnRoles:
    """Find the columns that the user names.

    Parameters
    ----------
    frame : DataFrame
        The table.
    target : str
        Column to predict; never a feature.
    features : sequence of str
        Columns to learn from; if empty, all but those below.
    drop, ids : sequence of str
        No features; those of ``ids`` are kept.
    keep : sequence of str or None
        Also kept; empty means all.

    Returns
    -------
    roles : ColumnRoles

    Raises
    ------
    CommandError
        If there is no such column, or one is named for two uses that exclude each other.

    Examples
    --------
    >>> import pandas as pd
    >>> roles = choose_columns(pd.DataFrame(columns=["key", "cm", "y"]), "y", ids=["key"])
    >>> roles.features, roles.kept, roles.program
    ([1], [0], "table.drop(columns=['y', 'key'])")
    """
    left_out = list(dict.fromkeys([*drop, *ids]))
    for option, names in (("--features", features), ("--drop", drop), ("--id", ids)):
        if target in names:
            raise CommandError(f"the target {target!r} is named by {option}, too")
    if both := [name for name in features if name in left_out]:
        raise CommandError(f"{both[0]!r} is named by --features, and by --drop or --id")
    excluded = {find_column(frame, name) for name in (target, *left_out)}
    kept = [find_column(frame, name) for name in dict.fromkeys([*ids, *(keep or ())])]
    if keep is not None and not keep:
        kept += [place for place in range(frame.shape[1]) if place not in kept and frame.columns[place] != target]
    if features:
        named = list(dict.fromkeys(features))
        return ColumnRoles([find_column(frame, name) for name in named], kept, f"table[{named!r}]")
    columns = [target, *left_out] if left_out else target
    places = [place for place in range(frame.shape[1]) if place not in excluded]
    if not places:
        raise CommandError(f"no column to learn from: the table has {', '.join(map(repr, frame.columns))} alone")
    return ColumnRoles(places, kept, f"table.drop(columns={columns!r})")


def add_kept(table: "pd.DataFrame", kept: "pd.DataFrame") -> "pd.DataFrame":
    """Put columns of the data at the end of the scores; one with the name of a score gets ``data.`` in front.

    Parameters
    ----------
    table : DataFrame
        Scores of all rows.
    kept : DataFrame
        Columns of the same rows.
    """
    table = table.copy()
    for place in range(kept.shape[1]):
        name = str(kept.columns[place])
        while name in table:
            name = f"data.{name}"
        table[name] = kept.iloc[:, place].array
    return table
