"""Which epochs count: not those before a net has learnt much, nor those in which it memorises."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from actscore_sk.metrics.measurements import precise_dtype

POWER = 16
SLACK = 0.05  # nats above the class entropy in which a loss, being an average over few samples, may still mean learning


def epoch_weights(held_out_losses: npt.ArrayLike, class_entropy: float | None = None) -> npt.NDArray[np.float64]:
    """Weight of each epoch in a score taken over the epochs that say most about the labels.

    With V_t the mean loss of held-out samples in epoch t, s the epoch in which it is smallest, and H the loss of a net
    that knows the class shares only::

        w_t = (max(0, H + 0.05 − V_t) / (H + 0.05 − V_s)) ** 16      t <= s
        w_t = min(1, max(0, (1.5 s + 4 − t) / (0.5 s + 3)))          t > s

    Early epochs say little where a net is regularised: their weight is what has been learnt by then, as a share of what
    is learnt at best. Later a net learns wrong labels one by one (Arpit et al., 2017), and the held-out loss rises: the
    weight falls to 0, which it reaches at epoch 1.5 s + 4. Without a class entropy, and where no loss comes below
    H + 0.05, the first line is 1.

    The power was chosen between 2 and 32 by how well a margin over the window ranks wrong labels, on small tables and
    on CIFAR-10N; 8 to 32 differ by less than 0.005 in average precision.

    Parameters
    ----------
    held_out_losses : array-like of shape (n_epochs,)
        Mean loss over held-out samples in each epoch, in nats; NaN = not known: no minimum, and weight 0 before it.
    class_entropy : float, optional
        H, in nats; see `class_entropy`.

    Returns
    -------
    weights : ndarray of float64 (n_epochs,)
        In [0, 1], 1 at s, never ascending after it; all 1 if no held-out loss is known.

    References
    ----------
    D. Arpit et al., "A Closer Look at Memorization in Deep Networks", ICML 2017. The constants of the second line were
    chosen on seven tables with labels made wrong, and tried on others: ``benchmarks/results/window.md``.

    Examples
    --------
    >>> epoch_weights([0.9, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1])
    array([1.  , 1.  , 1.  , 0.75, 0.5 , 0.25, 0.  , 0.  ])
    >>> epoch_weights([0.7, 0.4, 0.35, 0.36], class_entropy=0.7).round(2)
    array([0.  , 0.12, 1.  , 1.  ])
    """
    losses = np.asarray(held_out_losses, dtype=np.float64)
    if np.isnan(losses).all():
        return np.ones(len(losses))
    best = int(np.nanargmin(losses))
    before = [weight_before(float(losses[best]), float(loss), class_entropy) for loss in losses]
    after = [weight_after(best + 1, epoch) for epoch in range(1, len(losses) + 1)]
    return np.where(np.arange(len(losses)) <= best, before, after)


def class_entropy(targets: npt.ArrayLike) -> float:
    """Entropy of the class shares: the mean loss of a net that knows these only, in [0, log(n_classes)] nats.

    Parameters
    ----------
    targets : array-like of shape (n_samples,)
        Class of each sample, of any type that sorts.

    Examples
    --------
    >>> class_entropy(["cat", "dog", "cat", "dog"]) == np.log(2)
    np.True_
    """
    shares = np.unique(np.asarray(targets), return_counts=True)[1] / len(np.asarray(targets))
    return float(-(shares * np.log(shares)).sum())


def weight_before(best: float, loss: float, entropy: float | None) -> float:
    """Weight of an epoch with a held-out loss, if the smallest one comes later and is `best`; see `epoch_weights`."""
    if entropy is None or not best < entropy + SLACK:
        return 1.0
    share = (entropy + SLACK - loss) / (entropy + SLACK - best)
    return share**POWER if share > 0 else 0.0  # NaN is not above 0


def weight_after(best: int, epoch: int) -> float:
    """Weight of an epoch if epoch number `best` had the smallest held-out loss; see `epoch_weights`."""
    return min(1.0, max(0.0, (1.5 * best + 4 - epoch) / (0.5 * best + 3)))


class WindowedSum:
    """Sum over epochs, weighted by `epoch_weights`, of an array per epoch, while the best epoch is not known yet.

    Two arrays are kept, and none per epoch. Weights before the best epoch are powers of what was learnt, divided by
    that of the best epoch: with each new minimum all of them shrink by one factor, and so does their sum, `_learning`,
    which becomes `total`. Afterwards weights depend on the number of the best epoch only, and `total` takes them as
    they come, while `_learning` goes on for the case of another minimum.

    Parameters
    ----------
    shape : int or tuple of int
        Of an epoch's values: ``n_samples``, or ``(n_samples, n_classes)``.
    device : torch.device
        Where the state lives.
    class_entropy : float, optional
        See `epoch_weights`.
    dtype : torch.dtype, optional
        Of the two arrays; float64 where the device has it.

    Examples
    --------
    >>> window = WindowedSum(1, torch.device("cpu"))
    >>> for held_out, loss in [(0.9, 4.0), (0.5, 2.0), (0.6, 1.0), (0.7, 1.0)]:
    ...     window.update(torch.tensor([loss]), held_out)
    >>> window.total, window.held_out_losses
    (tensor([7.7500], dtype=torch.float64), [0.9, 0.5, 0.6, 0.7])
    """

    def __init__(
        self,
        shape: int | tuple[int, ...],
        device: torch.device,
        class_entropy: float | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.total = torch.zeros(shape, dtype=dtype or precise_dtype(device), device=device)
        self.held_out_losses: list[float] = []
        self.class_entropy = class_entropy
        self._learning = torch.zeros_like(self.total)

    def update(self, values: Tensor, held_out_loss: float) -> None:
        """Add an epoch: its values, NaN = not visited, and the mean held-out loss, NaN = not known."""
        values = values.nan_to_num(nan=0.0)
        best, epoch = self._best(), len(self.held_out_losses) + 1
        self.held_out_losses.append(held_out_loss)
        before = math.nan if best is None else self.held_out_losses[best]
        if best is None or held_out_loss < before:
            # Nothing known: all epochs count alike, until one is known.
            self._learning.mul_(weight_before(held_out_loss, before, self.class_entropy)).add_(values)
            self.total.copy_(self._learning)
        else:
            self._learning.add_(values, alpha=weight_before(before, held_out_loss, self.class_entropy))
            self.total.add_(values, alpha=weight_after(best + 1, epoch))

    def _best(self) -> int | None:
        """Position of the smallest known loss, if there is one."""
        known = [(loss, epoch) for epoch, loss in enumerate(self.held_out_losses) if not math.isnan(loss)]
        return min(known)[1] if known else None

    @property
    def nbytes(self) -> int:
        """Bytes of state."""
        return self.total.nbytes + self._learning.nbytes
