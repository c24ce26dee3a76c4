"""Statistics that take a sample's mean over each epoch: the last one, and a sum in which gaps are filled in."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from actscore_sk.metrics.statistics import Rows, Statistic, add_at, like


class EpochStatistic(Statistic):
    """Base of statistics that take the mean over a sample's visits in an epoch when the epoch ends.

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Where the state is stored.
    storage : Tensor of shape (n_samples, ...), optional
        As in `Statistic`.
    """

    is_row_wise: ClassVar[bool] = False

    def __init__(self, n_samples: int, device: torch.device, *, storage: Tensor | None = None) -> None:
        super().__init__(n_samples, device, storage=storage)
        self.epoch_sum = torch.zeros(self.storage.shape, device=device)
        self.epoch_visits = torch.zeros(n_samples, dtype=torch.int32, device=device)
        self.n_epochs = 0

    def update(self, rows: Rows, values: Tensor, seen: Tensor, epoch: int) -> None:
        """Add one block to the running epoch; see `Statistic.update`."""
        add_at(self.epoch_sum, rows, values)
        add_at(self.epoch_visits, rows, torch.ones(len(values), dtype=torch.int32, device=values.device))

    def end_epoch(self, epoch: int, held_out_loss: float) -> None:
        """Close the epoch: hand its means on, and begin the next one."""
        self.n_epochs = epoch
        self._add_epoch(self.epoch_sum / like(self.epoch_visits, self.epoch_sum), epoch, held_out_loss)
        self.epoch_sum.zero_()
        self.epoch_visits.zero_()

    def _add_epoch(self, means: Tensor, epoch: int, held_out_loss: float) -> None:
        """Take the means (n_samples, ...) over the visits of an epoch, NaN = not visited."""
        raise NotImplementedError

    def merge(self, other: Any, n_visits: Tensor, n_other_visits: Tensor) -> None:
        """Take over the samples that only the other one has seen.

        Raises
        ------
        ValueError
            If both have seen the same sample: the order of its visits is lost.
        """
        both = int(((n_visits > 0) & (n_other_visits > 0)).sum())
        if both:
            raise ValueError(
                f"{type(self).__name__} keeps visits in order, and {both} samples were visited by both states to be "
                'merged; let each process visit samples of its own, or use reduction="sum"'
            )
        mine, theirs = vars(self), other.state_dict()
        for name, value in mine.items():
            if isinstance(value, Tensor):
                there = theirs[name].to(value.device)
                value.copy_(torch.where(like(n_other_visits > 0, value), there, value))
        self.n_epochs = max(self.n_epochs, other.n_epochs)


class Latest(EpochStatistic):
    """Mean in the last epoch that visited the sample."""

    def __init__(self, n_samples: int, device: torch.device, *, storage: Tensor | None = None) -> None:
        super().__init__(n_samples, device, storage=storage)
        self.storage.fill_(torch.nan)

    def _add_epoch(self, means: Tensor, epoch: int, held_out_loss: float) -> None:
        self.storage.copy_(torch.where(means.isnan(), self.storage, means.to(self.storage.dtype)))

    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the last means (n_samples, ...), NaN = never visited in a closed epoch."""
        return self.storage.clone()


class InterpolatedSum(EpochStatistic):
    """Sum over all epochs, where epochs that did not visit a sample are filled in.

    Between two visits the value is taken to run in a straight line; before the first it is that of the first, after
    the last that of the last. The sum is exact where values do run straight in between, whatever the visits were. An
    epoch with several visits has their mean.

    Examples
    --------
    >>> total, n_visits = InterpolatedSum(2, torch.device("cpu")), torch.tensor([2, 1])
    >>> for epoch, (rows, losses) in enumerate([([0, 1], [4.0, 1.0]), ([], []), ([0], [2.0])], start=1):
    ...     rows = torch.tensor(rows, dtype=torch.int64)
    ...     total.update(rows, torch.tensor(losses), rows, epoch)
    ...     total.end_epoch(epoch, held_out_loss=float("nan"))
    >>> total.compute(n_visits)                              # 4 + 3 + 2, and 1 + 1 + 1
    tensor([9., 3.], dtype=torch.float64)
    """

    def __init__(self, n_samples: int, device: torch.device, *, storage: Tensor | None = None) -> None:
        super().__init__(n_samples, device, storage=storage)
        self.latest = torch.full(self.storage.shape, torch.nan, device=device)
        self.latest_epoch = torch.zeros(self.storage.shape, dtype=torch.int32, device=device)

    def _add_epoch(self, means: Tensor, epoch: int, held_out_loss: float) -> None:
        is_visited = ~means.isnan()
        values = means.to(self.storage.dtype)
        before = torch.where(self.latest.isnan(), values, self.latest.to(values.dtype))
        gap = (epoch - 1) - self.latest_epoch
        self.storage += torch.where(is_visited, values + gap * (values + before) / 2, 0.0)
        self.latest_epoch.masked_fill_(is_visited, epoch)
        self.latest = torch.where(is_visited, means.to(self.latest.dtype), self.latest)

    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the sums over all closed epochs, (n_samples, ...), NaN = never visited."""
        return self.storage + (self.n_epochs - self.latest_epoch) * self.latest.to(self.storage.dtype)
