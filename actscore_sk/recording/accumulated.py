"""Numbers that are added up over epochs, one or an array of them a row."""

import torch
from torch import Tensor

from actscore_sk.metrics.interpolated_sum import FilledSum


class Sums:
    """Sum and mean over visits.

    Parameters
    ----------
    total : tensor (n_rows, ...)
        Where to add up; it is filled with NaN, which stays for a row that is never visited. A NaN that is added stays,
        too: a pixel without a target has no score.

    Examples
    --------
    >>> sums = Sums(torch.empty(2))
    >>> sums.add(torch.tensor([1, 1]), torch.tensor([2.0, 3.0]))
    >>> sums.total, sums.mean()
    (tensor([nan, 5.]), tensor([   nan, 2.5000]))
    """

    def __init__(self, total: Tensor) -> None:
        self.total = total.fill_(torch.nan)
        self.counts = torch.zeros(len(total), dtype=torch.int32, device=total.device)
        self._has_unseen = True

    def add(self, rows: Tensor, values: Tensor) -> None:
        """Add values (n_visits, ...) to rows (n_visits,), which may repeat."""
        if self._has_unseen:
            before = self.total[rows]
            unseen = (self.counts[rows] == 0).reshape(-1, *[1] * (before.ndim - 1))
            self.total[rows] = torch.where(unseen, 0, before)
        self.total.index_add_(0, rows, values.to(self.total.dtype))
        self.counts.index_add_(0, rows, torch.ones_like(rows, dtype=torch.int32))

    def end_epoch(self, epoch: int) -> None:
        """Close the epoch; the one time that the host waits."""
        self._has_unseen = bool((self.counts == 0).any())

    def mean(self) -> Tensor:
        """Mean over visits (n_rows, ...); a new tensor."""
        return self.total / self.counts.reshape(-1, *[1] * (self.total.ndim - 1))

    def compute(self, reduction: str, epoch: int) -> Tensor:
        """Give what `reduction` asks for after `epoch` epochs, (n_rows, ...); not a copy."""
        return self.mean() if reduction == "mean" else self.total


class Filled:
    """Sum over all epochs, those without a visit filled in; see `FilledSum`.

    Parameters
    ----------
    total : tensor (n_rows, ...)
        Holds one epoch.
    """

    def __init__(self, total: Tensor) -> None:
        self._epoch_part = Sums(total)
        self._filled = FilledSum(total.numel(), total.device)

    def add(self, rows: Tensor, values: Tensor) -> None:
        """Add values (n_visits, ...) to rows (n_visits,), which may repeat."""
        self._epoch_part.add(rows, values)

    def end_epoch(self, epoch: int) -> None:
        """Close the epoch."""
        self._filled.update(self._epoch_part.mean().flatten(), epoch)
        self._epoch_part = Sums(self._epoch_part.total)

    def compute(self, reduction: str, epoch: int) -> Tensor:
        """Give the sum after `epoch` epochs, (n_rows, ...)."""
        return self._filled.compute(epoch).reshape(self._epoch_part.total.shape)


Accumulated = Sums | Filled
