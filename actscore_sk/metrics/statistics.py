"""How visits are remembered: a few numbers a sample, updated block by block on the device of the net.

A block may hold several visits of one sample, in visit order. No fold loops over samples or waits for the
device.
"""

from abc import ABC, abstractmethod

import torch

from actscore_sk.metrics.measurements import precise_dtype


class Fold(ABC):
    """State of all samples under one rule, in float64 (float32 on "mps").

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Where the state lives; blocks must come from the same device.

    Examples
    --------
    >>> fold = Mean(3, torch.device("cpu"))
    >>> seen = torch.zeros(2, dtype=torch.int64)
    >>> fold.update(torch.tensor([2, 0]), torch.tensor([1.0, 5.0]), seen, epoch=1)
    >>> fold.compute(torch.tensor([1, 0, 1]))
    tensor([5., nan, 1.], dtype=torch.float64)
    """

    needs_seen = False  # whether `update` reads `seen`, which costs a gather

    @abstractmethod
    def __init__(self, n_samples: int, device: torch.device) -> None: ...

    @abstractmethod
    def update(self, index: torch.Tensor, values: torch.Tensor, seen: torch.Tensor, epoch: int) -> None:
        """Add one block of visits.

        Parameters
        ----------
        index : torch.Tensor of shape (n_visits,)
            Position of each visited sample in X, int64, in visit order; may repeat.
        values : torch.Tensor of shape (n_visits,)
            What the kernel measured.
        seen : torch.Tensor of shape (n_visits,)
            Number of visits the sample had before this block; the same for all its visits in the block.
        epoch : int
            The running epoch, from 1.
        """

    @abstractmethod
    def compute(self, n_visits: torch.Tensor) -> torch.Tensor:
        """Give the score of each sample (n_samples,) as a new tensor, NaN where `n_visits` is 0.

        Parameters
        ----------
        n_visits : torch.Tensor of shape (n_samples,)
            Number of visits of each sample so far, integer.
        """

    @property
    def nbytes(self) -> int:
        """Bytes of state, the same at every epoch."""
        return sum(part.nbytes for part in vars(self).values() if isinstance(part, torch.Tensor))


class Sum(Fold):
    """Sum of the values; `total` is the running sum (n_samples,), 0 for a sample without a visit."""

    def __init__(self, n_samples: int, device: torch.device) -> None:
        self.total = torch.zeros(n_samples, dtype=precise_dtype(device), device=device)

    def update(self, index: torch.Tensor, values: torch.Tensor, seen: torch.Tensor, epoch: int) -> None:
        """Add one block; see `Fold.update`."""
        # CUDA adds duplicates in any order: runs agree to the rounding of float64, not to the bit.
        self.total.index_add_(0, index, values.to(self.total.dtype))

    def compute(self, n_visits: torch.Tensor) -> torch.Tensor:
        """Give the sums; costs one tensor more, so that `total` can go on. Read `total` to avoid it."""
        return self.total.masked_fill(n_visits == 0, torch.nan)


class Mean(Sum):
    """Mean of the values."""

    def compute(self, n_visits: torch.Tensor) -> torch.Tensor:
        """Give the means; 0 / 0 is the NaN of a sample without a visit."""
        return self.total / n_visits


class MeanOfFirst(Sum):
    """Mean of the values in the first `k` epochs; NaN for a sample that none of these visited.

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Where the state lives.
    k : int
        Number of epochs that count.
    """

    def __init__(self, n_samples: int, device: torch.device, *, k: int) -> None:
        super().__init__(n_samples, device)
        self.k = k
        self.count = torch.zeros(n_samples, dtype=torch.int64, device=device)

    def update(self, index: torch.Tensor, values: torch.Tensor, seen: torch.Tensor, epoch: int) -> None:
        """Add one block of an early epoch; later ones cost nothing."""
        if epoch <= self.k:
            super().update(index, values, seen, epoch)
            self.count.index_add_(0, index, torch.ones_like(index))

    def compute(self, n_visits: torch.Tensor) -> torch.Tensor:
        """Give the means over the fold's own count of visits."""
        return self.total / self.count


class Std(Fold):
    """Population standard deviation (ddof 0), from sums of x − shift and (x − shift)².

    The shift is a value of the sample's first block, its smallest if there are several, so that a mean much
    larger than the spread does not cancel the digits away.
    """

    needs_seen = True

    def __init__(self, n_samples: int, device: torch.device) -> None:
        dtype = precise_dtype(device)
        self._shift = torch.full((n_samples,), torch.inf, dtype=dtype, device=device)
        self._sums = torch.zeros(2, n_samples, dtype=dtype, device=device)

    def update(self, index: torch.Tensor, values: torch.Tensor, seen: torch.Tensor, epoch: int) -> None:
        """Add one block; see `Fold.update`."""
        values = values.to(self._shift.dtype)
        # The minimum is one result for any number of first visits in the block; later blocks offer infinity.
        self._shift.scatter_reduce_(0, index, values.masked_fill(seen > 0, torch.inf), "amin")
        shifted = values - self._shift[index]
        self._sums.index_add_(1, index, torch.stack((shifted, shifted.square())))

    def compute(self, n_visits: torch.Tensor) -> torch.Tensor:
        """Give the deviations; exactly 0 for a sample whose value never changed."""
        mean, mean_square = self._sums / n_visits
        # Never below 0: one visit lies at the shift itself, so the variance is at least mean² / n_visits.
        return (mean_square - mean.square()).sqrt()


class Transitions(Fold):
    """Number of changes from right to wrong in visit order; the number of visits for a sample never right."""

    def __init__(self, n_samples: int, device: torch.device) -> None:
        self._events = torch.zeros(n_samples, dtype=precise_dtype(device), device=device)
        self._right = torch.zeros(n_samples, dtype=torch.bool, device=device)
        self._place = torch.zeros(n_samples, dtype=torch.int32, device=device)

    def update(self, index: torch.Tensor, values: torch.Tensor, seen: torch.Tensor, epoch: int) -> None:
        """Add one block of values 1 (right) and 0 (wrong); one with several visits of a sample is sorted first."""
        if index.is_cpu and self._are_distinct(index):
            right = values > 0
            lost = self._right[index] & ~right
            self._events.index_add_(0, index, lost.to(self._events.dtype))
            self._right[index] = right
        else:  # elsewhere the answer would make the host wait, and sorting is cheap
            self._update_in_order(index, values)

    def _are_distinct(self, index: torch.Tensor) -> bool:
        """Whether no sample comes twice: each finds its own place where all have written theirs."""
        places = torch.arange(len(index), dtype=torch.int32)
        self._place[index] = places
        return torch.equal(self._place[index], places)

    def _update_in_order(self, index: torch.Tensor, values: torch.Tensor) -> None:
        index, order = index.sort(stable=True)
        right = values[order] > 0
        before = self._right[index]
        before[1:] = torch.where(index[1:] == index[:-1], right[:-1], before[1:])
        self._events.index_add_(0, index, (before & ~right).to(self._events.dtype))
        # Every visit writes the last value of its sample: the result does not depend on who writes last.
        last = torch.searchsorted(index, index, right=True) - 1
        self._right[index] = right[last]

    def compute(self, n_visits: torch.Tensor) -> torch.Tensor:
        """Give the counts; a sample once right either still is or has an event."""
        learnt = self._right | (self._events > 0)
        events = torch.where(learnt, self._events, n_visits.to(self._events.dtype))
        return events.masked_fill_(n_visits == 0, torch.nan)
