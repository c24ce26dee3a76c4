"""A statistic with a count of visits of its own."""

import torch
from torch import Tensor

from actscore_sk.metrics.statistics import Statistic


class Counted:
    """A statistic and the number of visits it has seen, which not every visit of a sample need reach.

    Parameters
    ----------
    statistic : Statistic
        Of values (n_samples, ...).

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
        """Add values (n_visits, ...) of visits to samples at rows (n_visits,), which may repeat."""
        self.statistic.update(rows, values, rows, epoch)
        self.n_visits.index_add_(0, rows, torch.ones_like(rows, dtype=torch.int32))

    def end_epoch(self, epoch: int, held_out_loss: float) -> None:
        """Close the epoch; see `Statistic.end_epoch`."""
        self.statistic.end_epoch(epoch, held_out_loss)

    def compute(self) -> Tensor:
        """Return the scores (n_samples, ...), NaN = never visited; a new tensor."""
        return self.statistic.compute(self.n_visits)
