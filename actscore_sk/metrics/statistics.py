"""How visits are remembered: a few numbers per sample, updated block by block on the device of the net.

A block may hold several visits of one sample, in visit order. No statistic loops over samples or waits for the
device. Here are sums and means; `deviation`, `forgetting_events`, and those that need whole epochs, `epoch_statistics`
and `windowed_statistics`, have files of their own.
"""

import copy
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from actscore_sk.metrics.measurements import precise_dtype

Rows = Tensor | slice  # positions, which may repeat; or rows one after the other, each once


class Statistic(ABC):
    """State of all samples under one rule, in float64 (float32 on "mps").

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Where the state is stored; blocks must come from the same device.
    storage : Tensor, optional
        Memory for the state, (n_samples, n_columns), or (n_samples, ...) for a statistic of one column: columns of a
        table that several statistics share, so that a visit touches one place in memory, or an array in a file. It
        comes filled with zeros. None: new memory.

    Examples
    --------
    >>> mean = Mean(3, torch.device("cpu"))
    >>> seen = torch.zeros(2, dtype=torch.int64)
    >>> mean.update(torch.tensor([2, 0]), torch.tensor([1.0, 5.0]), seen, epoch=1)
    >>> mean.compute(torch.tensor([1, 0, 1]))
    tensor([5., nan, 1.], dtype=torch.float64)
    """

    n_columns: ClassVar[int] = 1  # of `storage`
    is_row_wise: ClassVar[bool] = True  # False if there is more state than `storage`
    needs_seen: ClassVar[bool] = False  # True if `update` reads `seen`, which costs a gather

    def __init__(self, n_samples: int, device: torch.device, *, storage: Tensor | None = None) -> None:
        if storage is None:
            shape = (n_samples,) if self.n_columns == 1 else (n_samples, self.n_columns)
            storage = torch.zeros(shape, dtype=precise_dtype(device), device=device)
        self.storage = storage

    def on(self, storage: Tensor) -> Self:
        """Return the same rule with other memory: rows that were copied out of a table, or a part of it.

        Parameters
        ----------
        storage : Tensor
            Columns as in the constructor, of any number of samples. Its values are the state; only of statistics that
            are `is_row_wise`.

        Examples
        --------
        >>> total = Sum(3, torch.device("cpu"))
        >>> total.on(total.storage[1:]).update(slice(0, 1), torch.tensor([2.0]), torch.zeros(1), epoch=1)
        >>> total.total
        tensor([0., 2., 0.], dtype=torch.float64)
        """
        twin = copy.copy(self)
        twin.storage = storage
        return twin

    @abstractmethod
    def update(self, rows: Rows, values: Tensor, seen: Tensor, epoch: int) -> None:
        """Add one block of visits.

        Parameters
        ----------
        rows : Tensor of shape (n_visits,), or slice
            Position of each visited sample in X, int64, in visit order; may repeat. A slice of step 1: these rows, each
            once, which needs no copy of their state.
        values : Tensor of shape (n_visits, ...)
            Values that were measured.
        seen : Tensor of shape (n_visits,)
            Number of visits the sample had before this block; the same for all its visits in the block.
        epoch : int
            The running epoch, from 1.
        """

    def end_epoch(self, epoch: int, held_out_loss: float) -> None:  # noqa: B027 - most statistics need no epochs
        """Close an epoch; the default does nothing.

        Parameters
        ----------
        epoch : int
            Its number, from 1.
        held_out_loss : float
            Mean loss of the held-out samples in it; NaN = not known.
        """

    @abstractmethod
    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the score of each sample (n_samples, ...) as a new tensor, NaN where `n_visits` is 0.

        Parameters
        ----------
        n_visits : Tensor of shape (n_samples,)
            Number of visits of each sample so far, integer.
        """

    def merge(self, other: Any, n_visits: Tensor, n_other_visits: Tensor) -> None:
        """Add the visits of the same samples, in the same epochs, that another statistic of the same kind has seen.

        Parameters
        ----------
        other : Statistic
            It is left as it is.
        n_visits, n_other_visits : Tensor of shape (n_samples,)
            Number of visits that this statistic and the other one have seen, on the device of this one.
        """
        self.storage += other.storage.to(self.storage.device)

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs to go on: tensors, which are not copied, and plain numbers."""
        return {name: _plain(value) for name, value in vars(self).items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state; its tensors are copied to the device of this statistic."""
        for name, value in state.items():
            mine = getattr(self, name)
            if isinstance(mine, Tensor):
                mine.copy_(value)
            elif isinstance(mine, Statistic):
                mine.load_state_dict(value)
            else:
                setattr(self, name, _plain(value))

    @property
    def nbytes(self) -> int:
        """Bytes of state, the same at every epoch."""
        return sum(part.nbytes for part in vars(self).values() if isinstance(part, Tensor))


class Sum(Statistic):
    """Sum of the values; `total` is the running sum (n_samples, ...), 0 for a sample without a visit."""

    @property
    def total(self) -> Tensor:
        """The running sum itself, which goes on: read it, and copy what is kept."""
        return self.storage

    def update(self, rows: Rows, values: Tensor, seen: Tensor, epoch: int) -> None:
        """Add one block; see `Statistic.update`."""
        add_at(self.storage, rows, values)

    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the sums; costs one tensor more, so that `total` can go on. Read `total` to avoid it."""
        return self.total.masked_fill(like(n_visits, self.total) == 0, torch.nan)


class Mean(Sum):
    """Mean of the values."""

    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the means; 0 / 0 is the NaN of a sample without a visit."""
        return self.total / like(n_visits, self.total)


class EarlyMean(Statistic):
    """Mean of the values in the first `n_epochs` epochs; NaN for a sample that none of these visited.

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Where the state is stored.
    storage : Tensor of shape (n_samples, 2), optional
        As in `Statistic`; the columns are the sum and its number of visits.
    n_epochs : int
        Number of epochs that count.
    """

    n_columns = 2

    def __init__(self, n_samples: int, device: torch.device, *, storage: Tensor | None = None, n_epochs: int) -> None:
        super().__init__(n_samples, device, storage=storage)
        self.n_epochs = n_epochs

    def update(self, rows: Rows, values: Tensor, seen: Tensor, epoch: int) -> None:
        """Add one block of an early epoch; later ones cost nothing."""
        if epoch <= self.n_epochs:
            add_at(self.storage[:, 0], rows, values)
            add_at(self.storage[:, 1], rows, torch.ones_like(values))

    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the means over the early visits."""
        return self.storage[:, 0] / self.storage[:, 1]


def add_at(storage: Tensor, rows: Rows, values: Tensor) -> None:
    """Add values (n_visits, ...) to the rows of `storage` (n_samples, ...); of a row that repeats, all are added."""
    values = values.to(storage.dtype)  # before they are added, so that both ways round alike
    if isinstance(rows, slice):
        storage[rows] += values
    else:
        # CUDA adds duplicates in any order: runs agree to the rounding of float64, not to the bit.
        storage.index_add_(0, rows, values)


def like(counts: Tensor, values: Tensor) -> Tensor:
    """Return counts (n_samples,) with as many dimensions as `values` (n_samples, ...), to be broadcast against it."""
    return counts.reshape(-1, *[1] * (values.ndim - 1))


def _plain(value: Any) -> Any:
    return value.state_dict() if isinstance(value, Statistic) else list(value) if isinstance(value, list) else value
