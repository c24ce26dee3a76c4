"""Which epochs count: not those before a net has learnt much, nor those in which it memorises."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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


class EpochStep(NamedTuple):
    """How two running sums take in an epoch; see `epoch_step`.

    Parameters
    ----------
    is_best : bool
        The epoch has the smallest held-out loss so far: `weighted` becomes equal to `learning`.
    shrink : float
        Factor for the sum `learning` before the epoch is added, where `is_best`.
    early : float
        Weight of the epoch in `learning`.
    late : float
        Weight of the epoch in `weighted`, where not `is_best`.
    """

    is_best: bool
    shrink: float
    early: float
    late: float


def epoch_step(held_out_losses: Sequence[float], class_entropy: float | None = None) -> EpochStep:
    """Return how running sums take in the latest epoch, so that one of them is weighted by `epoch_weights`.

    Two sums are kept, and nothing per epoch. Weights up to the best epoch are powers of the share that was learnt by
    then, divided by that of the best epoch: with each new minimum all of them shrink by one factor, and so does their
    sum, `learning`, which becomes `weighted`. Afterwards weights depend on the number of the best epoch only, and
    `weighted` takes them as they come, while `learning` goes on for the case of another minimum.

    Parameters
    ----------
    held_out_losses : sequence of float
        Mean loss over held-out samples in each epoch so far, the latest one included; NaN = not known.
    class_entropy : float or None
        As in `epoch_weights`.

    Returns
    -------
    step : EpochStep
        For the latest epoch.

    Examples
    --------
    >>> epoch_step([0.9, 0.5, 0.6])
    EpochStep(is_best=False, shrink=1.0, early=1.0, late=1.0)
    """
    *earlier, latest = held_out_losses
    known = [(loss, epoch) for epoch, loss in enumerate(earlier, start=1) if not math.isnan(loss)]
    if not known or latest < min(known)[0]:
        before = min(known)[0] if known else math.nan
        # Nothing known: all epochs count alike, until one is known.
        return EpochStep(True, shrink=weight_before(latest, before, class_entropy), early=1.0, late=1.0)
    best, epoch = min(known)
    early = weight_before(best, latest, class_entropy)
    return EpochStep(False, shrink=1.0, early=early, late=weight_after(epoch, len(earlier) + 1))
