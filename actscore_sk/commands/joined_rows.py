"""Scores and the rows that were scored, side by side: which row belongs to which score."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from actscore_sk.commands.column_names import find_column
from actscore_sk.exceptions import CommandError

if TYPE_CHECKING:
    import pandas as pd

POSITIONS = ("row", "index")  # of a sample in the data, as `actscore score` and `to_frame` write them


@dataclass(frozen=True)
class JoinedRows:
    """Scores, the data beside them, and where each row is in the table of the data.

    Attributes
    ----------
    scores : DataFrame
        A row per score.
    data : DataFrame or None
        Its row of the data, under the user's own names.
    positions : ndarray of int, (n_rows,)
        Of the row in the data, or in the scores if there are none.
    """

    scores: "pd.DataFrame"
    data: "pd.DataFrame | None"
    positions: np.ndarray

    def column(self, name: str) -> "pd.Series":
        """Return a column: of the data, if they have one of this name, else of the scores.

        Parameters
        ----------
        name : str
            As the user wrote it.

        Raises
        ------
        CommandError
            If there is no such column, or more than one.
        """
        if self.data is not None and name in list(self.data.columns):
            return self.data.iloc[:, find_column(self.data, name)]
        return self.scores.iloc[:, find_column(self.scores, name)]


def join_rows(scores: "pd.DataFrame", data: "pd.DataFrame | None", key: str | None = None) -> JoinedRows:
    """Find the row of the data that each score belongs to.

    Parameters
    ----------
    scores : DataFrame
        With ``row`` or ``index``, a position from 0 in the data; or as many rows as the data, in the same order.
    data : DataFrame or None
        The rows that were scored.
    key : str, optional
        Column of both that says which rows belong together, instead of positions.

    Returns
    -------
    rows : JoinedRows
        As many as there are scores.

    Raises
    ------
    CommandError
        If a position is no position in the data, a key is missing or repeated, or no column of the data holds the
        targets of the scores: then it is another table.
    """
    names = [name for name in POSITIONS if name in scores]
    if data is None:
        return JoinedRows(scores, None, _positions(scores, names, None))
    places = _positions(scores, names, len(data)) if key is None else _by_key(scores, data, key)
    beside = data.iloc[places].reset_index(drop=True)
    if key is None and "target" in scores:
        _check_targets(scores.iloc[:, find_column(scores, "target")], beside)
    return JoinedRows(scores.reset_index(drop=True), beside, places)


def _positions(scores: "pd.DataFrame", names: list[str], n_rows: int | None) -> np.ndarray:
    """Read the positions of the scores, and refuse what is none."""
    in_order = np.arange(len(scores))
    if not names:
        if n_rows not in (None, len(scores)):
            raise CommandError(
                f"{len(scores)} scores but {n_rows} rows of data, and no column row that says which belong; join by a "
                f"column of your own with --key"
            )
        return in_order
    column = scores.iloc[:, find_column(scores, names[0])]
    try:
        places = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        places = np.full(len(column), np.nan)
    if not np.all(places % 1 == 0):
        if n_rows is None:
            return in_order  # names of rows, where nothing is joined
        bad = column[places % 1 != 0].iloc[0]
        raise CommandError(f"{names[0]} has {str(bad)!r}; expected positions from 0 on, or join with --key COLUMN")
    if n_rows is not None and (places.min() < 0 or places.max() >= n_rows):
        raise CommandError(
            f"scores are of rows {places.min():.0f} to {places.max():.0f}, but the data have {n_rows}; are they of "
            f"another table?"
        )
    return places.astype(np.int64)


def _by_key(scores: "pd.DataFrame", data: "pd.DataFrame", key: str) -> np.ndarray:
    """Return the position in the data of each score, by a column that both have."""
    wanted = scores.iloc[:, find_column(scores, key)].map(str)
    present = data.iloc[:, find_column(data, key)].map(str)
    if present.duplicated().any():
        raise CommandError(f"the key {key!r} has {present[present.duplicated()].iloc[0]!r} more than once in the data")
    places = dict(zip(present, range(len(present)), strict=True))
    if missing := [value for value in wanted if value not in places]:
        raise CommandError(f"the data have no row with {key} = {missing[0]!r}, and {len(missing):,} scores without one")
    return wanted.map(places).to_numpy(dtype=np.int64)


def _check_targets(target: "pd.Series", data: "pd.DataFrame") -> None:
    """Refuse data that have no column with the targets that were learnt."""
    known = target.notna().to_numpy()
    wanted = [same_label(value) for value in target[known]]
    for place in range(data.shape[1]):
        column = data.iloc[:, place][known]
        # the first few decide for nearly all columns
        if list(map(same_label, column.iloc[:20])) == wanted[:20] and list(map(same_label, column)) == wanted:
            return
    raise CommandError(
        "no column of the data holds the targets of these scores in their rows; expected the table that was scored "
        "(a table in another order: join with --key COLUMN)"
    )


def same_label(value: object) -> str:
    """Return a text that is equal for what programs read as the same label: 7 and "7.0", True and "TRUE".

    Examples
    --------
    >>> same_label("007") == same_label(7.0), same_label("TRUE") == same_label(True), same_label("1_0")
    (True, True, '1_0')
    """
    text = str(value)
    if text.casefold() in ("true", "false"):
        return text.casefold()
    try:
        return text if "_" in text or text.strip() != text else repr(float(text))
    except ValueError:
        return text
