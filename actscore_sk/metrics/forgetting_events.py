"""Changes from right to wrong, counted in one number per sample."""

from typing import Any

import torch
from torch import Tensor

from actscore_sk.metrics.statistics import Rows, Statistic, add_at


class Forgetting(Statistic):
    """Number of changes from right to wrong in visit order; the number of visits for a sample never right.

    One number holds both the count and the last answer: the number of changes, from wrong as the answer before the
    first visit. It is odd while the sample is right, and every second change is an event.
    """

    def update(self, rows: Rows, values: Tensor, seen: Tensor, epoch: int) -> None:
        """Add one block of values 1 (right) and 0 (wrong); see `Statistic.update`."""
        right = values > 0
        if not isinstance(rows, slice):
            # Sorted by sample, the answer before each visit is the one above it, or the stored one at the first.
            rows, order = rows.sort(stable=True)
            right = right[order]
        was_right = is_odd(self.storage[rows])
        if not isinstance(rows, slice):
            was_right[1:] = torch.where(rows[1:] == rows[:-1], right[:-1], was_right[1:])
        add_at(self.storage, rows, right != was_right)

    def compute(self, n_visits: Tensor) -> Tensor:
        """Return the counts; a sample once right either still is or has an event."""
        events = torch.where(self.storage > 0, (self.storage / 2).floor(), n_visits.to(self.storage.dtype))
        return events.masked_fill_(n_visits == 0, torch.nan)

    def merge(self, other: Any, n_visits: Tensor, n_other_visits: Tensor) -> None:
        """Add another's events. Of a sample that both have seen, the other's visits count as the later ones."""
        there = other.storage.to(self.storage.device)
        answers = torch.where(n_other_visits > 0, is_odd(there), is_odd(self.storage))
        self.storage.copy_(2 * ((self.storage / 2).floor() + (there / 2).floor()) + answers)


def is_odd(counts: Tensor) -> Tensor:
    """Return True for odd numbers among whole ones of any dtype; the remainder of floats takes six times as long."""
    return (counts.to(torch.int32) & 1).bool()
