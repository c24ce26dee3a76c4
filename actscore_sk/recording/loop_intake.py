"""What a training loop passes for one batch: checked, and recorded on one device."""

from typing import Any

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.recording.bad_samples import check_losses
from actscore_sk.recording.first_rows import N_NAMED, Suspects
from actscore_sk.recording.loop_batch import LoopBatch, as_logits, as_losses, as_positions
from actscore_sk.recording.sample_state import SampleState
from actscore_sk.recording.score_record import ScoreRecord

_OUT_OF_RANGE = {
    "index": "index holds {rows}, but there are {n} samples, at positions 0 to {last}; count positions in all data",
    "targets": "targets holds {rows}, but there are {n} classes, from 0 to {last}; leave other samples out",
}
_HELD_OUT_AND_TRAINED = (
    "the samples at positions {rows} came with held_out=True and without; a sample is held out of training or it is not"
)


class LoopIntake:
    """Checks the batches of one loop.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    n_classes : int or None
        Number of classes; None: the columns of the first logits.
    has_classes : bool or None
        True if class scores came with earlier batches; None: there were none.

    Attributes
    ----------
    suspects : Suspects
        What could not be looked at without waiting for the device.
    """

    def __init__(self, n_samples: int, n_classes: int | None, has_classes: bool | None = None) -> None:
        self.n_samples, self.n_classes, self.has_classes = n_samples, n_classes, has_classes
        self.suspects = Suspects()

    def check(
        self, state: SampleState, index: Any, losses: Any, logits: Any, targets: Any, held_out: bool
    ) -> LoopBatch | None:
        """Check one batch before anything is recorded.

        Parameters
        ----------
        state : SampleState
            Where it will be recorded.
        index, losses, logits, targets, held_out
            As in `ActionScoreTracker.update`.

        Returns
        -------
        batch : LoopBatch or None
            With logits if they are needed; None if there is no visit in it.
        """
        if getattr(held_out, "ndim", 0) or isinstance(held_out, (list, tuple)):
            raise ValueError("held_out has a value per sample; expected one for the batch: call update for each part")
        if isinstance(held_out, str):
            raise ValueError(f"held_out={held_out!r}; expected True or False")
        values = as_losses(losses)
        n_visits = values.shape[0]
        rows = as_positions("index", index, n_visits)
        labels = None if targets is None else as_positions("targets", targets, n_visits)
        scores = self._class_scores(state, logits, labels, n_visits) if state.needs_classes else None
        if not n_visits:
            return None
        n_classes = self.n_classes if scores is None else scores.shape[1]
        # On the CPU looking costs nothing; `record` looks at what is on a device.
        if rows.is_cpu:
            self._check_range("index", rows, self.n_samples)
        if labels is not None and labels.is_cpu and n_classes is not None:
            self._check_range("targets", labels, n_classes)
        check_losses(rows, values, state.epoch)
        self.n_classes, self.has_classes = n_classes, scores is not None
        if held_out and scores is None and state.reduction.needs_held_out and state.epoch == 1 and labels is not None:
            scores = _scores_to_compare(logits, n_visits)
        return LoopBatch(rows, values, scores, labels, bool(held_out))

    def _class_scores(self, state: SampleState, logits: Any, labels: Tensor | None, n_visits: int) -> Tensor | None:
        """Return class scores, or None if every metric can do without."""
        if logits is not None and labels is not None and self.has_classes is not False:
            return as_logits(logits, n_visits, self.n_classes)
        names = ", ".join(state.readers_of_classes)
        missing = [name for name, given in (("logits", logits), ("targets", labels)) if given is None]
        if not missing:
            raise SampleLossError(f"logits came now, but not with earlier batches; pass them always, for {names}")
        if self.n_classes is not None or not state.works_without_classes:
            raise SampleLossError(
                f"{names} need class scores and labels of every visit, but there are no {' and no '.join(missing)}; "
                "pass logits and targets to update, or leave out the metrics and store_probabilities"
            )
        return None

    @staticmethod
    def _check_range(name: str, positions: Tensor, n: int) -> None:
        low, high = positions.aminmax()
        if low.item() < 0 or high.item() >= n:
            wrong = positions[(positions < 0) | (positions >= n)]
            raise ValueError(_OUT_OF_RANGE[name].format(rows=wrong[:N_NAMED].tolist(), n=n, last=n - 1))

    def _in_range(self, name: str, positions: Tensor | None, n: int | None) -> Tensor | None:
        """Return positions, those out of range noted and moved into it: a device would end the process for them."""
        if positions is None or n is None or positions.is_cpu:
            return positions
        sentence = _OUT_OF_RANGE[name].format(rows="{rows}", n=n, last=n - 1)
        self.suspects.note(sentence, positions, (positions < 0) | (positions >= n))
        return positions.clamp(0, n - 1)

    def record(self, record: ScoreRecord, batch: LoopBatch) -> None:
        """Record a batch, on the device of the state; that moves away from the CPU when losses come from elsewhere."""
        visits = record.state.visits
        if visits is not None and visits.is_cpu and not batch.losses.is_cpu:
            record.to(batch.losses.device)
        device = batch.losses.device if visits is None else record.state.visits.device  # type: ignore[union-attr]
        rows = self._in_range("index", batch.rows, self.n_samples)
        targets = self._in_range("targets", batch.targets, self.n_classes)
        scores = batch.logits if record.state.needs_classes else None
        parts = (None if part is None else _moved(part, device) for part in (rows, batch.losses, scores, targets))
        rows, losses, logits, targets = parts
        self._check_split(record, rows, batch.held_out)  # type: ignore[arg-type]
        record.describe(rows, targets=targets, held_out=batch.held_out)  # type: ignore[arg-type]
        record.update(rows, losses, logits, None if logits is None else targets)  # type: ignore[arg-type]

    def _check_split(self, record: ScoreRecord, rows: Tensor, held_out: bool) -> None:
        mask, visits = record.held_out, record.state.visits
        if not held_out and mask is not None:
            self.suspects.note(_HELD_OUT_AND_TRAINED, rows, mask[rows])
        elif held_out and visits is not None:
            is_fine = visits[rows] == 0 if mask is None else (visits[rows] == 0) | mask[rows]
            self.suspects.note(_HELD_OUT_AND_TRAINED, rows, ~is_fine)


def _moved(values: Tensor, device: torch.device) -> Tensor:
    # A copy to the host is not waited for with non_blocking, and would be read before it is there.
    return values if values.device == device else values.to(device, non_blocking=device.type != "cpu")


def _scores_to_compare(logits: Any, n_visits: int) -> Tensor | None:
    """Return class scores that nothing needs, but `HeldOutEntropy` can use; None if they are not plainly that."""
    is_plain = isinstance(logits, Tensor) and logits.is_floating_point() and logits.ndim == 2
    return logits.detach() if is_plain and len(logits) == n_visits and logits.shape[1] > 1 else None
