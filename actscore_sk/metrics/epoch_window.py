"""Losses of the epochs before a net begins to learn its training samples by heart."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from actscore_sk.metrics.measurements import precise_dtype


def epoch_weights(held_out_losses: npt.ArrayLike) -> npt.NDArray[np.float64]:
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
    return np.array([weight_after(best, epoch) for epoch in range(1, len(losses) + 1)])


def weight_after(best: int, epoch: int) -> float:
    """Weight of an epoch if epoch number `best` had the smallest held-out loss; see `epoch_weights`."""
    return min(1.0, max(0.0, (1.5 * best + 4 - epoch) / (0.5 * best + 3)))


class WindowedSum:
    """Sum of losses over epochs, weighted by `epoch_weights`, while the best epoch is not known yet.

    At each new minimum of the held-out loss, all epochs up to it count fully: a sum of all of them is kept for that.

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Where the state lives: 16 bytes a sample.

    Examples
    --------
    >>> window = WindowedSum(1, torch.device("cpu"))
    >>> for held_out, loss in [(0.9, 4.0), (0.5, 2.0), (0.6, 1.0), (0.7, 1.0)]:
    ...     window.update(torch.tensor([loss]), held_out)
    >>> window.total, window.held_out_losses
    (tensor([7.7500], dtype=torch.float64), [0.9, 0.5, 0.6, 0.7])
    """

    def __init__(self, n_samples: int, device: torch.device) -> None:
        self.total = torch.zeros(n_samples, dtype=precise_dtype(device), device=device)
        self.held_out_losses: list[float] = []
        self._all = torch.zeros_like(self.total)

    def update(self, row: Tensor, held_out_loss: float) -> None:
        """Add an epoch: the losses of the samples (n_samples,), NaN = not visited, and the mean held-out loss."""
        losses = row.nan_to_num(nan=0.0)
        before = np.array(self.held_out_losses)
        self.held_out_losses.append(held_out_loss)
        self._all += losses
        if np.isnan(before).all() or held_out_loss < np.nanmin(before):
            self.total.copy_(self._all)
        else:
            self.total += weight_after(int(np.nanargmin(before)) + 1, len(before) + 1) * losses

    @property
    def nbytes(self) -> int:
        """Bytes of state."""
        return self.total.nbytes + self._all.nbytes
