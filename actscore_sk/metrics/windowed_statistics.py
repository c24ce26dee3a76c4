"""Statistics over a window of epochs: each epoch has a weight, which is known when it closes."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from actscore_sk.metrics.epoch_window import epoch_step
from actscore_sk.metrics.statistics import Rows, Statistic, add_at, like


class WindowedSum(Statistic):
    """Sum over epochs, each weighted by `epoch_weights`, while the best epoch is not known yet.

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
