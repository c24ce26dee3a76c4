"""Scores of samples that were not visited in every epoch, filled in between."""

import torch
from torch import Tensor

from actscore_sk.metrics.measurements import precise_dtype


class FilledSum:
    """Sum over all epochs of the loss of each sample, epochs without a visit filled in.

    Between two visits the loss is taken to run in a straight line; before the first it is that of the first, after
    the last that of the last. The sum is exact where losses do run straight in between, whatever the visits were. One
    epoch with several visits has their mean.

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Where the state lives: 16 bytes a sample.

    Attributes
    ----------
    latest : tensor of float32 (n_samples,)
        Loss in the last epoch that visited the sample; NaN = never visited.

    Examples
    --------
    >>> filled = FilledSum(2, torch.device("cpu"))
    >>> for epoch, row in enumerate([[4.0, 1.0], [torch.nan, torch.nan], [2.0, torch.nan]], start=1):
    ...     filled.update(torch.tensor(row), epoch)
    >>> filled.compute(3)                                    # 4 + 3 + 2, and 1 + 1 + 1
    tensor([9., 3.], dtype=torch.float64)
    """

    def __init__(self, n_samples: int, device: torch.device) -> None:
        self._total = torch.zeros(n_samples, dtype=precise_dtype(device), device=device)
        self._epoch = torch.zeros(n_samples, dtype=torch.int32, device=device)
        self.latest = torch.full((n_samples,), torch.nan, device=device)

    def update(self, row: Tensor, epoch: int) -> None:
        """Add an epoch.

        Parameters
        ----------
        row : tensor (n_samples,)
            Mean loss of each sample over its visits in the epoch; NaN = not visited.
        epoch : int
            Its number, from 1 on, ascending.
        """
        is_visited = ~row.isnan()
        values = row.to(self._total.dtype)
        before = torch.where(self.latest.isnan(), values, self.latest.to(values.dtype))
        gap = (epoch - 1) - self._epoch
        self._total += torch.where(is_visited, values + gap * (values + before) / 2, 0.0)
        self._epoch.masked_fill_(is_visited, epoch)
        self.latest = torch.where(is_visited, row.to(self.latest.dtype), self.latest)

    def compute(self, n_epochs: int) -> Tensor:
        """Sum over epochs 1..n_epochs, (n_samples,) float64, NaN = never visited; higher = harder."""
        return self._total + (n_epochs - self._epoch) * self.latest.to(self._total.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of state."""
        return self._total.nbytes + self._epoch.nbytes + self.latest.nbytes
