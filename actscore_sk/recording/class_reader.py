"""Class scores and labels of a block of visits, read from the criterion's arguments, for the metrics that need them."""

from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.class_outputs import Reader, read_class_outputs
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.sample_state import SampleState


class ClassReader:
    """Reads blocks of visits; the first one decides how.

    Parameters
    ----------
    state : SampleState
        Has the metrics that need classes.

    Examples
    --------
    >>> import torch
    >>> from actscore_sk.recording.record_settings import RecordSettings
    >>> criterion = SampleLoss(torch.nn.CrossEntropyLoss())
    >>> reader = ClassReader(SampleState(3, RecordSettings(metrics=("aum",))))
    >>> reader.read((torch.tensor([[2.0, 0.0]]), torch.tensor([1])), criterion)
    (tensor([[2., 0.]]), tensor([1]))
    """

    def __init__(self, state: SampleState) -> None:
        self._state = state
        self._read: Reader | None = None

    def read(self, inputs: tuple | None, sample_loss: SampleLoss) -> tuple[Tensor | None, Tensor | None]:
        """Return class scores and labels; None for a net without classes.

        Parameters
        ----------
        inputs : tuple or None
            Arguments of the criterion; None if it was called more than once.
        sample_loss : SampleLoss
            View of the criterion.

        Raises
        ------
        SampleLossError
            If a metric needs classes, and the first block shows none.
        """
        if self._read is None:
            self._read = self._find_reader(inputs, sample_loss)
        return self._read(*inputs[:2]) if inputs is not None else (None, None)

    def _find_reader(self, inputs: tuple | None, sample_loss: SampleLoss) -> Reader:
        names = ", ".join(self._state.readers_of_classes)
        try:
            if inputs is None:
                raise SampleLossError(f"{names} need one call of the criterion per step, but get_loss makes several")
            return read_class_outputs(sample_loss.criterion, inputs, names)
        except SampleLossError:
            if not self._state.works_without_classes:
                raise
            return _no_classes  # type: ignore[return-value]


def _no_classes(scores: Tensor, targets: Tensor) -> tuple[None, None]:
    return None, None
