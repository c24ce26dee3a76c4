"""Standard deviation over visits, without losing digits to a large mean."""

from typing import Any

import torch
from torch import Tensor

from actscore_sk.metrics.statistics import Rows, Statistic, add_at


class Std(Statistic):
    """Population standard deviation (ddof 0), from sums of x − shift and (x − shift)².

    The shift is a value of the sample's first block, its smallest if there are several, so that a mean much
    larger than the spread does not cancel the digits away. The columns are the shift and the two sums.
    """

    n_columns = 3
    needs_seen = True

    def __init__(self, n_samples: int, device: torch.device, *, storage: Tensor | None = None) -> None:
        super().__init__(n_samples, device, storage=storage)
        self.storage[:, 0] = torch.inf

    def update(self, rows: Rows, values: Tensor, seen: Tensor, epoch: int) -> None:
        """Add one block; see `Statistic.update`."""
        values, shift = values.to(self.storage.dtype), self.storage[:, 0]
        # The minimum is one result for any number of first visits in the block; later blocks offer infinity.
        first = values.masked_fill(seen > 0, torch.inf)
        if isinstance(rows, slice):
            torch.minimum(shift[rows], first, out=shift[rows])
        else:
            shift.scatter_reduce_(0, rows, first, "amin")
        shifted = values - shift[rows]
        add_at(self.storage[:, 1], rows, shifted)
        add_at(self.storage[:, 2], rows, shifted.square_())

    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the deviations; exactly 0 for a sample whose value never changed."""
        mean, mean_square = (self.storage[:, 1:] / n_visits[:, None]).unbind(1)
        # Rounding may take it below 0 once two records were merged; else one visit has the shift as its value, and
        # the variance is at least mean² / n_visits.
        return (mean_square - mean.square()).clamp(min=0).sqrt()

    def merge(self, other: Any, n_visits: Tensor, n_other_visits: Tensor) -> None:
        """Add another's visits; see `Statistic.merge`. Both are moved to the smaller of the two shifts."""
        there, here = other.storage.to(self.storage.device), self.storage
        shift = torch.minimum(here[:, 0], there[:, 0])
        total = torch.zeros_like(here[:, 1:])
        for part, count in ((here, n_visits), (there, n_other_visits)):
            gap = torch.where(part[:, 0].isinf(), 0, part[:, 0] - shift)
            total[:, 0] += part[:, 1] + count * gap
            total[:, 1] += part[:, 2] + 2 * gap * part[:, 1] + count * gap.square()
        here[:, 0], here[:, 1:] = shift, total
