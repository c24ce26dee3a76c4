"""Losses of the epochs before a net begins to learn its training samples by heart."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


def epoch_weights(held_out_losses: npt.ArrayLike, class_entropy: float | None = None) -> npt.NDArray[np.float64]:
    """Weight of each epoch in a score that stops where the net begins to memorise.

    With s the epoch in which the mean loss of held-out samples is smallest, epochs up to s + 1 have the weight 1, later
    ones less and less, and those from 1.5 s + 4 on none::

        w_t = min(1, max(0, (1.5 s + 4 - t) / (0.5 s + 3)))

    A net learns what samples have in common first, and wrong labels one by one later (Arpit et al., 2017); the held-out
    loss rises when it does. The two constants were chosen on seven tables with labels made wrong, and tested on others:
    ``benchmarks/results/window.md``.

    Parameters
    ----------
    held_out_losses : array-like of shape (n_epochs,)
        Mean loss over held-out samples in each epoch; NaN = not known, and no minimum.
    class_entropy : float, optional
        Entropy of the shares of the classes, in nats: the loss of a net that has learnt nothing.

    Returns
    -------
    weights : ndarray of float64 (n_epochs,)
        In [0, 1], never ascending; all 1 if no held-out loss is known.

    References
    ----------
    D. Arpit et al., "A Closer Look at Memorization in Deep Networks", ICML 2017.

    Examples
    --------
    >>> epoch_weights([0.9, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1])
    array([1.  , 1.  , 1.  , 0.75, 0.5 , 0.25, 0.  , 0.  ])
    """
    losses = np.asarray(held_out_losses, dtype=np.float64)
    if np.isnan(losses).all():
        return np.ones(len(losses))
    best = int(np.nanargmin(losses)) + 1
    return np.array([_late_weight(best, epoch) for epoch in range(1, len(losses) + 1)])


class EpochStep(NamedTuple):
    """How a running weighted sum takes in the latest epoch; see `epoch_step`.

    Parameters
    ----------
    is_best : bool
        The epoch has the smallest held-out loss so far, so that the sum starts anew from that of early weights.
    early : float
        Weight of the epoch in the sum of early weights.
    factor : float
        Factor that turns the sum of early weights into the weighted sum, where `is_best`.
    late : float
        Weight of the epoch in the weighted sum, where not `is_best`.
    """

    is_best: bool
    early: float
    factor: float
    late: float


def epoch_step(held_out_losses: Sequence[float], class_entropy: float | None = None) -> EpochStep:
    """Return how a running sum takes in the last of the epochs, such that it follows `epoch_weights`.

    Parameters
    ----------
    held_out_losses : sequence of float
        Mean loss over held-out samples in each epoch so far.
    class_entropy : float or None
        As in `epoch_weights`.

    Returns
    -------
    step : EpochStep
        For the last epoch.
    """
    *before, last = held_out_losses
    earlier = np.array(before, dtype=np.float64)
    is_best = bool(np.isnan(earlier).all() or last < np.nanmin(earlier))
    best = len(before) + 1 if is_best else int(np.nanargmin(earlier)) + 1
    return EpochStep(is_best, early=1.0, factor=1.0, late=_late_weight(best, len(before) + 1))


def _late_weight(best: int, epoch: int) -> float:
    return min(1.0, max(0.0, (1.5 * best + 4 - epoch) / (0.5 * best + 3)))
