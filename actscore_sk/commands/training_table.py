"""The table that ``actscore score`` trains on, whole in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.commands.targets import Target
from actscore_sk.commands.text_tables import ReadTable
from actscore_sk.estimators.tables import TablePreprocessor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Encoded:
    """What is made of the columns to learn from.

    Attributes
    ----------
    preprocessor : TablePreprocessor
        Fitted.
    X : ndarray of float32 (n_known, n_features)
        Of the rows with a target.
    looked_at : DataFrame
        The columns of the rows that are looked at for findings.
    target : Target
        Of the rows that are looked at.
    """

    preprocessor: TablePreprocessor
    X: np.ndarray
    looked_at: "pd.DataFrame"
    target: Target


@dataclass(frozen=True)
class WholeTable:
    """A table in memory, with what a `StreamedTable` has as well.

    Parameters
    ----------
    opened : ReadTable
        As it was read.
    """

    opened: ReadTable
    modules = ()

    @property
    def head(self) -> "pd.DataFrame":
        """Some rows, with all columns."""
        return self.opened.frame

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.opened.frame)

    @property
    def how(self) -> str:
        """How the table was read, for the user."""
        return self.opened.how

    @property
    def takes_na(self) -> bool:
        """True if ``--na`` can name texts that count as missing."""
        return self.opened.takes_na

    @property
    def written(self) -> "Mapping[int, pd.Series]":
        """By position, the texts of columns that are read as numbers, and are codes such as 00501."""
        return self.opened.written

    def columns(self, places: Sequence[int]) -> "pd.DataFrame":
        """Return all rows of some columns."""
        return self.opened.frame.iloc[:, list(places)]

    def as_written(self, places: Sequence[int]) -> "pd.DataFrame":
        """Return all rows of some columns, codes as text."""
        frame = self.columns(places).copy(deep=False)
        for number, place in enumerate(places):
            if place in self.written:
                frame.isetitem(number, self.written[place])
        return frame

    def take(self, rows: Any, places: Sequence[int]) -> "pd.DataFrame":
        """Return rows of the columns to learn from; the index has their numbers."""
        return named_apart(self.columns(places)).loc[rows]

    def encode(self, places: Sequence[int], target: Target) -> Encoded:
        """Make numbers of the columns to learn from.

        Raises
        ------
        ValueError
            If none of them tells one row from another.
        """
        features = named_apart(self.columns(places))
        known = features if target.known.all() else features[target.known]
        preprocessor = TablePreprocessor()
        return Encoded(preprocessor, preprocessor.fit_transform(known), known, target)

    def program(self, name: str, features: str, y: Sequence[str], *, as_written: bool = False) -> list[str]:
        """Return the lines of Python that make the same ``X`` and ``y``.

        Parameters
        ----------
        name : str
            Of the target.
        features : str
            Expression of the columns to learn from of a ``table``.
        y : sequence of str
            Lines that make ``y`` of a ``table``, and leave out rows.
        as_written : bool
            If True, the target is read as text.
        """
        read = f"{self.opened.read[:-1]}, dtype={{{name!r}: 'string'}})" if as_written else self.opened.read
        lines = [f"table = {read}", *self.opened.repairs, *y]
        return [*lines, f"X = TablePreprocessor().fit_transform({features})"]


def named_apart(features: "pd.DataFrame") -> "pd.DataFrame":
    """Return the columns, each under a name of its own: in a CSV file two may have one name."""
    names = [str(name) for name in features.columns]
    if len(set(names)) == len(names):
        return features
    repeated = [names[:i].count(name) for i, name in enumerate(names)]
    return features.set_axis([f"{name}.{n}" if n else name for name, n in zip(names, repeated, strict=True)], axis=1)
