"""One batch that passed through the loss: rows, arguments of the criterion or losses, and what was trained on."""

from torch import Tensor

from actscore_sk.losses.details import LossDetails
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.books import HALF_PRECISION


class Visit:
    """One batch that passed through the loss.

    Parameters
    ----------
    rows : Tensor of int64 (n_samples,)
        Positions in X, on the CPU or on the device of the net; negative for a sample that is trained on and does not
        count, see `TrackedLoader`.
    inputs : tuple or None
        Arguments of the criterion, kept without gradient; None if it was called more than once, or with anything but
        tensors of one row per sample.
    details : LossDetails or None
        Losses of samples, parts and units; None if they can be computed from `inputs` at any time.
    sample_loss : SampleLoss
        View of the criterion.
    trained : Tensor, float or None
        Loss that the net was trained on, a scalar, or a number where nobody has to wait for it; None if the visit
        trains nothing, or the books cannot know.
    expected : Tensor or None
        The same, put together from the recorded losses; None: from `inputs`, later.

    Attributes
    ----------
    n_samples : int
        Number of samples in the batch.
    size : int
        Numbers in the net's output, held back as long as the visit is.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> inputs = torch.ones(2, 1), torch.zeros(2, 1)
    >>> visit = Visit(torch.tensor([7, 3]), inputs, None, SampleLoss(nn.MSELoss()))
    >>> visit.size, visit.was_changed()
    (2, False)
    >>> _ = inputs[0].zero_()
    >>> visit.was_changed()
    True
    """

    __slots__ = ("_versions", "details", "expected", "inputs", "n_samples", "rows", "sample_loss", "size", "trained")

    def __init__(
        self,
        rows: Tensor,
        inputs: tuple | None,
        details: LossDetails | None,
        sample_loss: SampleLoss,
        trained: Tensor | None = None,
        expected: Tensor | None = None,
    ) -> None:
        self.rows, self.details, self.sample_loss = rows, details, sample_loss
        self.n_samples = rows.shape[0]  # len() of a tensor takes several times as long
        if trained is not None:  # half precision stays what it is, since the books compare it less strictly
            if inputs is not None and inputs[0].dtype in HALF_PRECISION:
                trained = trained.to(inputs[0].dtype)  # it may come in single precision, and is no better for it
            is_number = trained.is_cpu and trained.dtype not in HALF_PRECISION
            trained = trained.item() if is_number else trained.detach()  # type: ignore[assignment]
        self.trained, self.expected = trained, expected
        self.inputs, self.size = inputs, 1
        if inputs is not None:  # the graph behind the output must not stay alive
            self.inputs = tuple([part.detach() if part.requires_grad else part for part in inputs])
            self.size = inputs[0].numel()
        self._versions = self._count_changes()

    @property
    def kind(self) -> tuple:
        """Equal for visits that can be evaluated together: one criterion, the same kinds of values, shapes, devices."""
        shapes = [(part.shape[1:], part.dtype) for part in self.inputs or ()]
        return self.sample_loss, self.details is None, type(self.trained), shapes, self.rows.device

    def was_changed(self) -> bool:
        """Return True if somebody wrote into the criterion's arguments since the visit was made.

        torch counts the writes to each tensor, which costs nothing; a copy of the arguments would.
        """
        return self._count_changes() != self._versions

    def _count_changes(self) -> list[int]:
        try:
            return [tensor._version for tensor in self.inputs or ()]
        except RuntimeError:  # made in inference mode, where changes are not counted
            return []
