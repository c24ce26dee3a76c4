"""Where a training may end, and by which losses its epochs are weighted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from actscore_sk.metrics.epoch_window import epoch_weights

PATIENCE = 2  # a training ends only at twice the end of its window: a smaller loss may still come


@dataclass(frozen=True)
class EpochPlan:
    """Plan of a training that is one of two: a first with samples held out, and a second on all samples.

    Parameters
    ----------
    held_out_losses : sequence of float or None
        Of the first fit, by epoch: the second one weights its epochs by them, and ends with the last that counts. None:
        there was no other fit.
    ends_below : float
        The first fit may end after its window if it holds fewer samples out; 0 = it never does.

    Examples
    --------
    >>> losses = [1.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]
    >>> EpochPlan().is_complete(losses, n_held_out=10)                          # train for as long as the net does
    False
    >>> [EpochPlan(losses).is_complete([0.0] * n, n_held_out=0) for n in (5, 6)]
    [False, True]
    """

    held_out_losses: Sequence[float] | None = None
    ends_below: float = 0

    def loss_of(self, epoch: int) -> float | None:
        """Return the loss that an epoch, from 1 on, is weighted by; None if that is the training's own."""
        if self.held_out_losses is None:
            return None
        return self.held_out_losses[epoch - 1] if epoch <= len(self.held_out_losses) else float("nan")

    def is_complete(self, losses: Sequence[float], n_held_out: int) -> bool:
        """Return True if no later epoch counts, given the held-out losses of the epochs so far."""
        if self.held_out_losses is not None:
            # Exactly there: a training that goes on later does so for as long as its net does.
            return len(losses) == int(np.flatnonzero(epoch_weights(self.held_out_losses))[-1]) + 1
        if not 0 < n_held_out < self.ends_below or np.isnan(losses).all():
            return False
        best = int(np.nanargmin(losses)) + 1
        return len(losses) >= PATIENCE * (1.5 * best + 4)


NO_PLAN = EpochPlan()
