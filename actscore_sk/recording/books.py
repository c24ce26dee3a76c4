"""The books balance: recorded losses, put together as the criterion reduces them, give the loss trained on.

A score that leaves a part of the loss out looks like any other score. The one thing that shows it is the loss that the
net is trained on: it is computed by the net, independently of the recorded losses, and both must agree to rounding.
"""

import warnings
from math import isfinite

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.losses.weighting import batch_losses
from actscore_sk.metrics.measurements import precise_dtype

# Two ways to add the same losses up differ by rounding; a term that is left out differs by more than this.
TOLERANCE, HALF_PRECISION_TOLERANCE = 1e-3, 2e-2
HALF_PRECISION = torch.float16, torch.bfloat16
REMEDY = (
    "return the whole loss of each sample from one criterion: as a pair (loss, dict) of its parts, or with "
    "actscore_sk.losses.MultiOutputLoss for several outputs"
)


class Books:
    """Two totals, kept on the device: losses trained on, and the same put together from recorded losses.

    The first batch of a training is compared before the update, the totals at the end of each epoch. Elsewhere the host
    does not wait for either.

    Examples
    --------
    >>> books = Books()
    >>> books.add([torch.tensor(0.5)], torch.tensor([0.5]))
    >>> books.close(epoch=1)

    A term beside the criterion's loss is missed at once:

    >>> Books().add([torch.tensor(0.5)], torch.tensor(0.4))
    Traceback (most recent call last):
    actscore_sk.exceptions.SampleLossError: the net is trained on a loss of 0.5 in the first batch, ...
    """

    def __init__(self) -> None:
        self._trained: list[Tensor | float] = []
        self._recorded: list[Tensor | float] = []
        self._is_first, self._has_warned = True, False
        self._tolerance = TOLERANCE

    def add(self, trained: list, recorded: Tensor | None) -> None:
        """Add losses of one or several batches.

        Parameters
        ----------
        trained : list of Tensor, float or None
            Loss that each batch was trained on: all scalars, or all numbers, or all None = not known; then nothing is
            added.
        recorded : Tensor or None
            Their sum, put together from recorded losses, a scalar. None = not known.

        Raises
        ------
        SampleLossError
            If the first batch of a training does not agree.
        """
        first = trained[0]
        if recorded is None or first is None:
            return
        if isinstance(first, Tensor) and first.dtype in HALF_PRECISION:
            self._tolerance = HALF_PRECISION_TOLERANCE
        self._trained.append(_total(trained))
        self._recorded.append(recorded.item() if recorded.is_cpu else recorded.detach())  # on a CPU nobody waits
        if self._is_first:
            self._check_first()

    def add_block(self, sample_loss: SampleLoss, units: Tensor, inputs: tuple, sizes: list[int], trained: list) -> None:
        """Add batches whose units were evaluated together; class weights that scores leave out are multiplied back in.

        Parameters
        ----------
        sample_loss : SampleLoss
            View of the criterion.
        units : Tensor of shape (n_samples, ...)
            Recorded losses of units of all batches, one batch behind the other.
        inputs : tuple
            Arguments of the criterion for these samples.
        sizes : list of int
            Number of samples of each batch.
        trained : list of Tensor, float or None
            As in `add`.
        """
        if trained[0] is None or not sample_loss.has_reduction:
            return
        if sample_loss.has_class_weights and not sample_loss.score_class_weights:
            units = sample_loss.units(inputs, len(units), scored=False)
        self.add(trained, batch_losses(sample_loss, units, inputs, sizes).sum())

    def _check_first(self) -> None:
        """Compare the first batch, for which the host waits once per training."""
        trained, recorded = float(self._trained[-1]), float(self._recorded[-1])  # the host waits, once per training
        self._is_first = not isfinite(trained)  # a batch of ignored targets has no loss to compare
        if not agrees(trained, recorded, self._tolerance):
            raise SampleLossError(
                f"the net is trained on a loss of {trained:.6g} in the first batch, but the losses of its samples come "
                f"to {recorded:.6g}: {abs(trained - recorded) / max(abs(trained), 1e-12):.0%} of it are not recorded; "
                f"{REMEDY}"
            )

    def close(self, epoch: int) -> None:
        """Compare the totals of an epoch, and begin new ones; warn once per training if they do not agree.

        Parameters
        ----------
        epoch : int
            Number of the epoch, for the warning.
        """
        if self._trained and not self._has_warned:
            trained, recorded = float(_total(self._trained)), float(_total(self._recorded))  # the host waits
            if not agrees(trained, recorded, self._tolerance):
                self._has_warned = True
                warnings.warn(
                    f"in epoch {epoch} the net was trained on losses of {trained:.6g} in all, but the recorded losses "
                    f"come to {recorded:.6g}, so that scores from this epoch on leave a part out; {REMEDY}",
                    UserWarning,
                )
        self._trained, self._recorded = [], []


def _total(losses: list) -> Tensor | float:
    """Return the sum of numbers, or of scalars on their device, in double precision."""
    if not isinstance(losses[0], Tensor):
        return sum(losses)
    return torch.stack(losses).detach().sum(dtype=precise_dtype(losses[0].device))


def agrees(trained: float, recorded: float, tolerance: float = TOLERANCE) -> bool:
    """Return True if two losses are equal to rounding, or one of them is NaN or infinite.

    Parameters
    ----------
    trained, recorded : float
        The losses.
    tolerance : float
        Largest difference, as a share of the larger loss.

    Examples
    --------
    >>> agrees(1.0, 1.00001), agrees(1.0, 1.1)
    (True, False)
    """
    if not (abs(trained) < float("inf") and abs(recorded) < float("inf")):
        return True  # a loss that is no number has an error of its own
    return abs(trained - recorded) <= tolerance * max(abs(trained), abs(recorded)) + 1e-7
