"""What one training step showed of the samples in its batch, and who wants to know."""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

from actscore_sk.losses.details import LossDetails
from actscore_sk.losses.sample_loss import SampleLoss


class Visit:
    """One batch that passed through the loss.

    Attributes
    ----------
    rows : tensor of int64 (n_samples,)
        Positions in X, on the CPU.
    inputs : tuple or None
        What the criterion was called with, without gradient; None if it was called more than once, or with anything
        but tensors of one row a sample.
    details : LossDetails or None
        Losses of samples, parts and units; None if they can be had from `inputs` at any time.
    sample_loss : SampleLoss
        View of the criterion.
    size : int
        Numbers in the net's output, held back as long as the visit is.
    """

    __slots__ = ("_versions", "details", "inputs", "rows", "sample_loss", "size")

    def __init__(
        self, rows: Tensor, inputs: tuple | None, details: LossDetails | None, sample_loss: SampleLoss
    ) -> None:
        self.rows, self.details, self.sample_loss = rows, details, sample_loss
        self.inputs, self.size = inputs, 1
        if inputs is not None:  # the graph behind the output must not stay alive
            self.inputs = tuple([part.detach() if part.requires_grad else part for part in inputs])
            self.size = inputs[0].numel()
        self._versions = self._count_changes()

    @property
    def kind(self) -> tuple:
        """Equal for visits that can be evaluated together."""
        shapes = [(part.shape[1:], part.dtype) for part in self.inputs or ()]
        return self.sample_loss, self.details is None, shapes

    def was_changed(self) -> bool:
        """Whether somebody wrote into what the criterion was called with since."""
        return self._count_changes() != self._versions

    def _count_changes(self) -> list[int]:
        try:
            return [tensor._version for tensor in self.inputs or ()]
        except RuntimeError:  # made in inference mode, where changes are not counted
            return []


Consumer = Callable[[Visit], None]


class Recorder(Protocol):
    """What a net in training calls; `ActionScoreRecorder` is one."""

    def begin(self, tap: Any) -> None:
        """Allocate: the splits of X are known."""

    def wants(self, training: bool) -> bool:
        """Whether the visits of the training pass, or of the validation pass, are to be recorded."""

    def consume(self, visit: Visit) -> None:
        """Record a visit."""

    def end_epoch(self, tap: Any) -> None:
        """Close the epoch: all its batches were seen."""

    def end(self) -> None:
        """Close the record: training is over, or was interrupted."""
