"""A statistic with a count of visits of its own."""

import torch
from torch import Tensor

from actscore_sk.metrics.statistics import Statistic


class Counted:
    """A statistic with a count of visits of its own, which not every visit of a sample need reach.

    A criterion may report a part of the loss, or units, in some steps only; the count in `SampleState` would then be
    too high for them.

    Parameters
    ----------
    statistic : Statistic
        Of values (n_samples, ...).

    Attributes
    ----------
    n_visits : Tensor of int32 (n_samples,)
        Number of visits that reached the statistic.

    Examples
    --------
    >>> from actscore_sk.metrics.statistics import Mean
    >>> counted = Counted(Mean(2, torch.device("cpu")))
    >>> counted.add(torch.tensor([1, 1]), torch.tensor([2.0, 3.0]), epoch=1)
    >>> counted.compute()
    tensor([   nan, 2.5000], dtype=torch.float64)
    """

    def __init__(self, statistic: Statistic) -> None:
        self.statistic = statistic
        storage = statistic.storage
        self.n_visits = torch.zeros(len(storage), dtype=torch.int32, device=storage.device)

    def add(self, rows: Tensor, values: Tensor, epoch: int) -> None:
        """Add the values of visits.

        Parameters
        ----------
        rows : Tensor of int64 (n_visits,)
            Positions of the samples; may repeat.
        values : Tensor of shape (n_visits, ...)
            On the device of the statistic.
        epoch : int
            Number of the running epoch, from 1 on.
        """
        self.statistic.update(rows, values, rows, epoch)
        self.n_visits.index_add_(0, rows, torch.ones_like(rows, dtype=torch.int32))

    def end_epoch(self, epoch: int, held_out_loss: float) -> None:
        """Close the epoch; see `Statistic.end_epoch`."""
        self.statistic.end_epoch(epoch, held_out_loss)

    def compute(self) -> Tensor:
        """Return the scores (n_samples, ...), NaN = never visited; a new tensor."""
        return self.statistic.compute(self.n_visits)
