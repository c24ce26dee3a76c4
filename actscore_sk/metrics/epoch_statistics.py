"""Statistics of whole epochs: the last loss, sums with gaps filled in, sums over a window of epochs."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from actscore_sk.metrics.epoch_window import epoch_step
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


class WindowedSum(Statistic):
    """Sum over epochs, each weighted as `EpochWindow` says, while the best epoch is not known yet.

    At each new minimum of the held-out loss, the epochs up to it get other weights than before. All of them shrink by
    one factor, so that one sum more is kept for that; see `epoch_step`.

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Where the state is stored.
    storage : Tensor of shape (n_samples, 2) or (n_samples, 2, ...), optional
        As in `Statistic`; the columns are the weighted sum, and that of early weights.
    class_entropy : float or None
        As in `epoch_weights`.

    Examples
    --------
    >>> window, row = WindowedSum(1, torch.device("cpu")), torch.tensor([0])
    >>> for epoch, (held_out, loss) in enumerate([(0.9, 4.0), (0.5, 2.0), (0.6, 1.0), (0.7, 1.0)], start=1):
    ...     window.update(row, torch.tensor([loss]), row, epoch)
    ...     window.end_epoch(epoch, held_out)
    >>> window.compute(torch.tensor([4])), window.held_out_losses
    (tensor([7.7500], dtype=torch.float64), [0.9, 0.5, 0.6, 0.7])
    """

    n_columns: ClassVar[int] = 2
    is_row_wise: ClassVar[bool] = False

    def __init__(
        self,
        n_samples: int,
        device: torch.device,
        *,
        storage: Tensor | None = None,
        class_entropy: float | None = None,
    ) -> None:
        super().__init__(n_samples, device, storage=storage)
        self.epoch_sum = torch.zeros_like(self.storage[:, 0], dtype=torch.float32)
        self.class_entropy = class_entropy
        self.held_out_losses: list[float] = []

    def update(self, rows: Rows, values: Tensor, seen: Tensor, epoch: int) -> None:
        """Add one block to the running epoch; see `Statistic.update`."""
        add_at(self.epoch_sum, rows, values)

    def end_epoch(self, epoch: int, held_out_loss: float) -> None:
        """Close the epoch, whose weight is known now; several visits in it add up."""
        weighted, learning = self.storage[:, 0], self.storage[:, 1]
        self.held_out_losses.append(held_out_loss)
        step = epoch_step(self.held_out_losses, self.class_entropy)
        learning.mul_(step.shrink).add_(self.epoch_sum, alpha=step.early)
        if step.is_best:
            weighted.copy_(learning)
        else:
            weighted.add_(self.epoch_sum, alpha=step.late)
        self.epoch_sum.zero_()

    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the weighted sums over closed epochs, (n_samples, ...), NaN = never visited."""
        total = self.storage[:, 0]
        return total.masked_fill(like(n_visits, total) == 0, torch.nan)

    def merge(self, other: Any, n_visits: Tensor, n_other_visits: Tensor) -> None:
        """Add another's visits in the same epochs; both know the same held-out losses. See `Statistic.merge`."""
        super().merge(other, n_visits, n_other_visits)
        self.epoch_sum += other.epoch_sum.to(self.epoch_sum.device)


class WindowedMean(Statistic):
    """Mean over the visits in a window of epochs, each weighted as its epoch; see `WindowedSum` for parameters."""

    n_columns: ClassVar[int] = 2
    is_row_wise: ClassVar[bool] = False

    def __init__(
        self,
        n_samples: int,
        device: torch.device,
        *,
        storage: Tensor | None = None,
        class_entropy: float | None = None,
    ) -> None:
        self.values = WindowedSum(n_samples, device, storage=storage, class_entropy=class_entropy)
        self.weights = WindowedSum(n_samples, device, class_entropy=class_entropy)

    @property
    def class_entropy(self) -> float | None:
        """As in `epoch_weights`; may be set until the first epoch is closed."""
        return self.values.class_entropy

    @class_entropy.setter
    def class_entropy(self, class_entropy: float | None) -> None:
        self.values.class_entropy = self.weights.class_entropy = class_entropy

    def update(self, rows: Rows, values: Tensor, seen: Tensor, epoch: int) -> None:
        """Add one block to the running epoch; see `Statistic.update`."""
        self.values.update(rows, values, seen, epoch)
        self.weights.update(rows, torch.ones(len(values), device=values.device), seen, epoch)

    def end_epoch(self, epoch: int, held_out_loss: float) -> None:
        """Close the epoch, whose weight is known now."""
        self.values.end_epoch(epoch, held_out_loss)
        self.weights.end_epoch(epoch, held_out_loss)

    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the weighted means, (n_samples, ...), NaN where no visit has weight."""
        total = self.values.compute(n_visits)
        return total / like(self.weights.compute(n_visits), total)

    def merge(self, other: Any, n_visits: Tensor, n_other_visits: Tensor) -> None:
        """Add another's visits; see `WindowedSum.merge`."""
        self.values.merge(other.values, n_visits, n_other_visits)
        self.weights.merge(other.weights, n_visits, n_other_visits)

    @property
    def nbytes(self) -> int:
        """Bytes of state, the same at every epoch."""
        return self.values.nbytes + self.weights.nbytes
