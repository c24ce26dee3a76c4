"""What a training loop passes for one batch, checked against what is recorded, on one device."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.recording.loop_batch import Suspects, as_logits, as_losses, as_positions
from actscore_sk.recording.sample_state import SampleState
from actscore_sk.recording.score_record import ScoreRecord

_OUT_OF_RANGE = {
    "index": "index holds {{rows}}, but there are {n} samples, at positions 0 to {last}; count positions in all data",
    "targets": "targets holds {{rows}}, but there are {n} classes, from 0 to {last}; leave other samples out",
}
_HELD_OUT_AND_TRAINED = (
    "the samples at positions {rows} came with held_out=True and without; a sample is held out of training or it is not"
)


class LoopBatch(NamedTuple):
    """Visits that can be recorded, on the device of the state; see `LoopIntake.check`."""

    rows: Tensor
    losses: Tensor
    logits: Tensor | None
    targets: Tensor | None


class LoopIntake:
    """Checks the batches of one loop.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    n_classes : int or None
        Number of classes; None: the columns of the first logits.

    Attributes
    ----------
    suspects : Suspects
        What could not be looked at without waiting for the device.
    n_columns : int or None
        Number of classes; None if it is not known yet.
    """

    def __init__(self, n_samples: int, n_classes: int | None) -> None:
        self.n_samples, self.n_columns = n_samples, n_classes
        self.suspects = Suspects()

    def check(
        self, record: ScoreRecord, index: Any, losses: Any, logits: Any, targets: Any, held_out: bool
    ) -> LoopBatch | None:
        """Check one batch before anything is recorded.

        Parameters
        ----------
        record : ScoreRecord
            It moves to the device of the losses if it is on the CPU and they are not.
        index, losses, logits, targets, held_out
            As in `ActionScoreTracker.update`.

        Returns
        -------
        batch : LoopBatch or None
            With logits if a metric needs them; None if there is no visit in it.
        """
        values = as_losses(losses)
        rows = as_positions("index", index, len(values))
        labels = None if targets is None else as_positions("targets", targets, len(values))
        scores = self._class_scores(record.state, logits, labels, len(values))
        if not len(values):
            return None
        device = _device_of(record, values)
        rows = self._in_range("index", rows, self.n_samples, device)
        n_classes = self.n_columns if scores is None else scores.shape[1]
        if labels is not None:
            labels = (
                _moved(labels, device) if n_classes is None else self._in_range("targets", labels, n_classes, device)
            )
        values = _moved(values, device)
        record.state.check_losses(rows, values)
        self._check_split(record, rows, held_out)
        self.n_columns = n_classes
        return LoopBatch(rows, values, None if scores is None else _moved(scores, device), labels)

    def _class_scores(self, state: SampleState, logits: Any, labels: Tensor | None, n_visits: int) -> Tensor | None:
        """Return class scores if a metric needs them; None if every metric can do without."""
        if not state.needs_classes:
            return None
        names = ", ".join(metric.name for metric in state.metrics if metric.needs_classes)
        missing = [name for name, given in (("logits", logits), ("targets", labels)) if given is None]
        if missing and (self.n_columns is not None or not state.works_without_classes):
            raise SampleLossError(
                f"{names} need class scores and labels of every visit, but there are no {' and no '.join(missing)}; "
                "pass logits and targets to update, or leave the metrics out"
            )
        if not missing and state.visits is not None and not state.has_classes:
            raise SampleLossError(f"logits came now, but not with earlier batches; pass them always, for {names}")
        return None if missing else as_logits(logits, n_visits, self.n_columns)

    def _in_range(self, name: str, positions: Tensor, n: int, device: torch.device) -> Tensor:
        self.suspects.look(_OUT_OF_RANGE[name].format(n=n, last=n - 1), positions, (positions < 0) | (positions >= n))
        # Elsewhere a position out of range would end the process before its error can be raised.
        return _moved(positions if positions.is_cpu else positions.clamp(0, n - 1), device)

    def _check_split(self, record: ScoreRecord, rows: Tensor, held_out: bool) -> None:
        mask, visits = record.held_out, record.state.visits
        if not held_out and mask is not None:
            self.suspects.look(_HELD_OUT_AND_TRAINED, rows, mask[rows])
        elif held_out and visits is not None:
            is_fine = visits[rows] == 0 if mask is None else (visits[rows] == 0) | mask[rows]
            self.suspects.look(_HELD_OUT_AND_TRAINED, rows, ~is_fine)


def _device_of(record: ScoreRecord, values: Tensor) -> torch.device:
    """Return the device of the state, which moves away from the CPU when losses come from elsewhere."""
    if record.state.visits is None:
        return values.device
    if record.state.visits.is_cpu and not values.is_cpu:
        record.to(values.device)
    return record.state.visits.device


def _moved(values: Tensor, device: torch.device) -> Tensor:
    # A copy to the host is not waited for with non_blocking, and would be read before it is there.
    return values if values.device == device else values.to(device, non_blocking=device.type != "cpu")
