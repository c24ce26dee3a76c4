"""A Parquet file that is larger than memory, as the table that ``actscore score`` trains on.

What columns hold is learnt from evenly spaced rows. Then all rows are encoded, part by part, into a temporary file,
from which batches can be read in any order: Parquet itself does not allow it.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from actscore_sk.commands.targets import Target
from actscore_sk.commands.text_tables import keywords
from actscore_sk.commands.training_table import Encoded
from actscore_sk.commands.typed_tables import NULLABLE
from actscore_sk.estimators.tables import TablePreprocessor
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.memory import free_memory, temporary_array
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".parquet", ".pq")
READINGS = ("auto", "whole", "streamed")
SHARE = 0.5  # of the free memory that a table may take
# That a column takes per row while a table is read and encoded: numbers, and texts with their 33 features.
BYTES = {True: 50, False: 200}
N_SAMPLED = 200_000
ROWS_AT_ONCE = 2**16
PROGRAM = """\
def parts():
    start = 0
    for batch in pq.ParquetFile({path!r}).iter_batches({at_once}):
        part = batch.to_pandas().rename(columns=str).reset_index(drop=True)
        part.index += start
        start += len(part)
        if part.index.isin(table.index).any():
            yield features_of(part[part.index.isin(table.index)])

def features_of(table):
    return {features}

chosen = table.index[np.linspace(0, len(table) - 1, min(len(table), {n_sampled})).astype(np.int64)]
preprocessor = TablePreprocessor().fit(pd.concat([part[part.index.isin(chosen)] for part in parts()]))
shape = len(table), len(preprocessor.get_feature_names_out())
with tempfile.TemporaryFile() as file:  # deleted with X
    X, start = np.memmap(file, np.float32, 'w+', shape=shape), 0
for part in parts():
    X[start : start + len(part)] = preprocessor.transform(part)
    start += len(part)"""


def is_streamed(path: Path, suffix: str, reading: str) -> bool:
    """Decide whether a table is read in parts.

    Parameters
    ----------
    path : Path
        Of the table.
    suffix : str
        Its kind.
    reading : {"auto", "whole", "streamed"}
        "auto" streams Parquet that would take more than half of the free memory.

    Raises
    ------
    CommandError
        If the user asks for it, and the file is not Parquet.
    """
    if reading == "streamed" and suffix not in SUFFIXES:
        raise CommandError(f"--read streamed: for {' and '.join(SUFFIXES)}, not for {str(path)!r}; write the table so")
    if reading != "auto" or suffix not in SUFFIXES or not path.is_file():
        return reading == "streamed"
    pa = import_optional("pyarrow", extra="cli", purpose="read and write Parquet")
    try:
        file = _open(path)
    except (OSError, pa.ArrowException):  # the reader of whole tables says what is wrong
        return False
    free, types = free_memory(), pa.types
    numeric = [types.is_primitive(field.type) or types.is_decimal(field.type) for field in file.schema_arrow]
    return free is not None and file.metadata.num_rows * sum(BYTES[each] for each in numeric) > SHARE * free


def _open(path: Path) -> Any:
    return import_optional("pyarrow.parquet", extra="cli", purpose="read and write Parquet").ParquetFile(path)


class StreamedTable:
    """The table in the file, of which no more than a part is in memory.

    Parameters
    ----------
    path : Path
        Of the file.

    Attributes
    ----------
    head : DataFrame
        Some rows, with all columns: none before `encode`, then those that are looked at.
    n_rows : int
        Number of rows.
    how : str
        How the table is read, for the user.

    Raises
    ------
    CommandError
        If it has no rows, or two columns with one name.
    """

    takes_na = False
    written: ClassVar[dict] = {}  # the file knows the types
    modules = ("tempfile", "numpy as np", "pyarrow.parquet as pq")

    def __init__(self, path: Path) -> None:
        self._path, file = path, _open(path)
        self.n_rows, self.head = file.metadata.num_rows, _frame(file.schema_arrow.empty_table())
        if not self.n_rows:
            raise CommandError(f"{str(path)!r} has no rows")
        if not self.head.columns.is_unique:
            raise CommandError(f"two columns of {str(path)!r} have one name; --read whole tells them apart")
        self.how = (
            f"read in parts of {ROWS_AT_ONCE:,} rows; what columns hold is learnt from {N_SAMPLED:,} rows at most, "
            "evenly spaced; --read whole learns it from all"
        )

    def columns(self, places: Sequence[int]) -> "pd.DataFrame":
        """Return all rows of some columns, in memory: the target, and what is written beside scores."""
        pd = import_optional("pandas", extra="cli", purpose="read tables")
        names = [self.head.columns[place] for place in places]
        frame = pd.read_parquet(self._path, **self._options(names)).rename(columns=str)
        return frame[names].reset_index(drop=True)

    as_written = columns

    def take(self, rows: Any, places: Sequence[int]) -> "pd.DataFrame":
        """Return rows of the columns to learn from, in the order of the rows; the index has their numbers."""
        pd = import_optional("pandas", extra="cli", purpose="read tables")
        found = [part[part.index.isin(rows)] for part in self._parts(places)]
        return pd.concat(found).loc[rows]

    def encode(self, places: Sequence[int], target: Target) -> Encoded:
        """Make numbers of the columns to learn from, in a temporary file.

        Raises
        ------
        ValueError
            If none of them tells one row from another.
        OSError
            If the disk has no place for them.
        """
        rows = np.flatnonzero(target.known)
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), N_SAMPLED)).astype(np.int64)
        self.head = self.take(rows[chosen], range(self.head.shape[1]))
        looked_at = self.head.iloc[:, list(places)]
        preprocessor = TablePreprocessor().fit(looked_at)
        shape = len(rows), len(preprocessor.get_feature_names_out())
        X, start = temporary_array(shape, np.float32), 0
        for part in self._parts(places):
            known = part[target.known[part.index]]
            if len(known):
                X[start : start + len(known)] = preprocessor.transform(known)
            start += len(known)
        return Encoded(preprocessor, X, looked_at, dataclasses.replace(target, values=target.values[chosen]))

    def program(self, name: str, features: str, y: Sequence[str], *, as_written: bool = False) -> list[str]:
        """Return the lines of Python that make the same ``X`` and ``y``; parameters as of `WholeTable`."""
        read = f"pd.read_parquet({str(self._path)!r}, {keywords(self._options([name]))}).rename(columns=str)"
        made = PROGRAM.format(path=str(self._path), at_once=ROWS_AT_ONCE, features=features, n_sampled=N_SAMPLED)
        return [f"table = {read}.reset_index(drop=True)", *y, "", *made.splitlines()]

    def _options(self, names: list[str]) -> dict[str, Any]:
        return {"columns": names, "engine": "pyarrow"} | NULLABLE

    def _parts(self, places: Sequence[int]) -> "Iterator[pd.DataFrame]":
        """Iterate over the rows of some columns; the index has their numbers."""
        start, names = 0, [self.head.columns[place] for place in places]
        for batch in _open(self._path).iter_batches(ROWS_AT_ONCE):
            part = _frame(batch)[names]
            part.index += start
            start += len(part)
            yield part


def _frame(batch: Any) -> "pd.DataFrame":
    return batch.to_pandas().rename(columns=str).reset_index(drop=True)
