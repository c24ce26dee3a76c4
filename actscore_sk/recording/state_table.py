"""Statistics of all metrics as one table, a row per sample, so that a visit touches one place in memory.

On the CPU, where the time of an update is that of finding rows in memory, rows are read once and written once for all
statistics together. Elsewhere each statistic updates its own columns, which needs no answer from the device.
"""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actscore_sk.metrics.measurements import precise_dtype
from actscore_sk.metrics.statistics import Rows, Statistic
from actscore_sk.recording.recipes import Recipe, n_columns_of

_PART = 2**15  # rows whose results are computed together, while they are in the cache


class StateTable:
    """Statistics of `n_samples` samples, and how often each was visited.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    device : torch.device
        Where the state is stored.
    recipes : mapping of str to callable
        By name, what makes a statistic; see `recipe_of`.

    Attributes
    ----------
    statistics : dict of str to Statistic
        Their state is in columns of the table, but for what they keep besides.
    visits : Tensor of int32 (n_samples,)
        Number of visits of each sample.

    Examples
    --------
    >>> from actscore_sk.metrics.statistics import Mean, Sum
    >>> table = StateTable(3, torch.device("cpu"), {"total": Sum, "mean": Mean})
    >>> for rows in ([2, 0], [2, 2]):
    ...     table.update(torch.tensor(rows), dict.fromkeys(("total", "mean"), torch.tensor([4.0, 1.0])), epoch=1)
    >>> table.results(["total", "mean"])
    {'total': array([ 1., nan,  9.]), 'mean': array([ 1., nan,  3.])}
    """

    def __init__(self, n_samples: int, device: torch.device, recipes: Mapping[str, Recipe]) -> None:
        widths = [n_columns_of(recipe) for recipe in recipes.values()]
        self._table = torch.zeros(n_samples, sum(widths), dtype=precise_dtype(device), device=device)
        self._columns = {
            name: end - 1 if width == 1 else slice(end - width, end)
            for name, width, end in zip(recipes, widths, accumulate(widths), strict=True)
        }
        self.statistics: dict[str, Statistic] = {
            name: recipe(n_samples, device, storage=self._columns_of(self._table, name))
            for name, recipe in recipes.items()
        }
        self._blank = self._table[:1].clone()
        self.visits = torch.zeros(n_samples, dtype=torch.int32, device=device)
        self._shared = [name for name, statistic in self.statistics.items() if statistic.is_row_wise]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Let the statistics of a copy share its table again: a pickle keeps tensors apart."""
        vars(self).update(state)
        for name, statistic in self.statistics.items():
            if statistic.is_row_wise:
                statistic.storage = self._columns_of(self._table, name)

    def _columns_of(self, table: Tensor, name: str) -> Tensor:
        return table[:, self._columns[name]]

    @property
    def nbytes(self) -> int:
        """Bytes of state, the same at every epoch."""
        return self.visits.nbytes + sum(statistic.nbytes for statistic in self.statistics.values())

    def update(self, rows: Rows, values: Mapping[str, Tensor], epoch: int) -> None:
        """Add a block of visits.

        Parameters
        ----------
        rows : Tensor of int64 (n_visits,), or slice
            Positions of the samples, which may repeat; see `Statistic.update`.
        values : mapping of str to Tensor (n_visits, ...)
            What was measured for each statistic.
        epoch : int
            Number of the running epoch, from 1 on.
        """
        seen, is_distinct = self._count(rows)
        gathered = self._shared if is_distinct and isinstance(rows, Tensor) else []
        if gathered:
            self._update_block(rows, values, seen, epoch)  # type: ignore[arg-type]
        for name, statistic in self.statistics.items():
            if name not in gathered:
                statistic.update(rows, values[name], seen, epoch)

    def _update_block(self, rows: Tensor, values: Mapping[str, Tensor], seen: Tensor, epoch: int) -> None:
        """Update the shared statistics of distinct rows on the CPU: read them once, and write them once."""
        # Rows that nobody has visited need not be read. NumPy moves a row as one item, torch number by number.
        block = (
            torch.from_numpy(self._table.numpy().take(rows.numpy(), axis=0))
            if bool(seen.any())
            else self._blank.repeat(len(rows), 1)
        )
        for name in self._shared:
            statistic = self.statistics[name].on(self._columns_of(block, name))
            statistic.update(slice(0, len(rows)), values[name], seen, epoch)
        _items(self._table)[rows.numpy()] = _items(block)

    def _count(self, rows: Rows) -> tuple[Tensor, bool]:
        """Count the visits; return how many there were before them, and True if rows are known not to repeat."""
        if isinstance(rows, slice):
            seen = self.visits[rows].clone()
            self.visits[rows] += 1
            return seen, True
        seen = self.visits.index_select(0, rows)
        if rows.is_cpu and len(self._shared) > 1:  # elsewhere the host would wait for the answer
            # No row comes twice if each visit finds its own number where all have written theirs.
            numbers = torch.arange(len(rows), dtype=self.visits.dtype)
            self.visits.scatter_(0, rows, numbers)
            if torch.equal(self.visits.index_select(0, rows), numbers):
                self.visits.scatter_(0, rows, seen + 1)
                return seen, True
            self.visits.scatter_(0, rows, seen)
        self.visits.index_add_(0, rows, torch.ones_like(rows, dtype=self.visits.dtype))
        return seen, False

    def results(self, names: list[str]) -> dict[str, np.ndarray]:
        """Return the score of each sample under the statistics of these names, (n_samples,) float64; copies."""
        found = {name: np.empty(len(self.visits)) for name in names}
        for name in names:
            if not self.statistics[name].is_row_wise:
                found[name][:] = self.statistics[name].compute(self.visits).cpu().numpy()
        for start in range(0, len(self.visits), _PART):
            part = slice(start, start + _PART)
            table, visits = self._table[part], self.visits[part]
            for name in names:
                if self.statistics[name].is_row_wise:
                    scores = self.statistics[name].on(self._columns_of(table, name)).compute(visits)
                    found[name][part] = scores.cpu().numpy()
        return found


def as_run(rows: Tensor) -> Rows:
    """Return positions that follow one another as a slice; any others, and those on a device, as they are.

    Examples
    --------
    >>> as_run(torch.tensor([4, 5, 6])), as_run(torch.tensor([4, 6, 6]))
    (slice(4, 7, None), tensor([4, 6, 6]))
    """
    if not rows.is_cpu or not len(rows):
        return rows
    first, last = int(rows[0]), int(rows[-1])
    is_run = last - first == len(rows) - 1 and torch.equal(rows, torch.arange(first, last + 1))
    return slice(first, last + 1) if is_run else rows


def _items(table: Tensor) -> np.ndarray:
    """Return each row of a table as one item (n_rows,), which NumPy moves as a whole."""
    array = table.numpy()
    return array.view(np.dtype((np.void, array.shape[1] * array.itemsize)))[:, 0]
