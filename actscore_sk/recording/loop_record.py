"""All that a training loop has recorded: batches are checked, held, and added to one record; epochs are closed."""

from typing import Any

import numpy as np
import torch

from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.recording.class_shares import HeldOutEntropy
from actscore_sk.recording.loop_batch import LoopBatch
from actscore_sk.recording.loop_buffer import LoopBuffer
from actscore_sk.recording.loop_intake import LoopIntake
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.score_record import ScoreRecord
from actscore_sk.utils.interrupts import uninterrupted

_plain_tensors = torch.inference_mode(False)  # loops validate in it: what is allocated there cannot be written later
_STATE = {"record", "n_classes", "n_trained", "class_entropy"}


class LoopRecord:
    """A `ScoreRecord`, and what a loop is in the middle of.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    n_classes : int or None
        Number of classes; None: the columns of the first logits.
    settings : RecordSettings
        How visits become scores.

    Attributes
    ----------
    record : ScoreRecord or None
        None before the first batch; it lacks the batches that wait, see `current`.
    n_trained : list of int
        Visits that trained something in each epoch, the running one last.

    Examples
    --------
    >>> loop = LoopRecord(3, None, RecordSettings())
    >>> loop.update([0, 2], [0.5, 1.5])
    >>> loop.end_epoch()
    >>> loop.current().sample_metrics()["action_score"], loop.n_trained
    (array([0.5, nan, 1.5]), [2, 0])
    """

    def __init__(self, n_samples: int, n_classes: int | None, settings: RecordSettings) -> None:
        self.n_samples, self.settings = n_samples, settings
        self.record: ScoreRecord | None = None
        self.n_trained = [0]
        self._intake, self._buffer = LoopIntake(n_samples, n_classes), LoopBuffer(self._add)
        self._entropy = HeldOutEntropy()

    @property
    def n_classes(self) -> int | None:
        """Number of classes; None as long as it is not known."""
        return self._intake.n_classes

    # -- in the loop ------------------------------------------------------------------------------------------

    def update(self, index: Any, losses: Any, logits: Any = None, targets: Any = None, held_out: bool = False) -> None:
        """Add one batch; see `ActionScoreTracker.update`."""
        is_first = self.record is None
        record = self._new_record() if is_first else self.record
        batch = self._intake.check(record.state, index, losses, logits, targets, held_out)  # type: ignore[union-attr]
        if batch is None:
            return
        self.record = record
        self._buffer.add(batch)
        if is_first:
            self._begin()
        self.n_trained[-1] += 0 if held_out else batch.rows.shape[0]

    def _begin(self) -> None:
        # The first batch does not wait, so that state of a size that is refused is an error before the net changes.
        try:
            self._buffer.flush()
        except BaseException:
            self.record = None
            raise

    def _add(self, batch: LoopBatch) -> None:
        record: ScoreRecord = self.record  # type: ignore[assignment]
        has_classes = batch.logits is not None and batch.targets is not None
        if batch.held_out and has_classes and record.n_epochs == 0 and record.settings.has_window:
            self._entropy.note(batch.losses, batch.logits, batch.targets)  # type: ignore[arg-type]
        self._intake.record(record, batch)

    def _new_record(self, n_kept: int = 0) -> ScoreRecord:
        return ScoreRecord(self.n_samples, self.settings, n_kept=n_kept)

    @_plain_tensors
    def end_epoch(self, held_out_loss: float | None = None) -> None:
        """Close the epoch; see `ActionScoreTracker.end_epoch`."""
        self._buffer.flush()
        record = self.record
        if record is None or not record.state.epoch_has_visits:
            n_closed = 0 if record is None else record.n_epochs
            raise ValueError(f"epoch {n_closed + 1} ends without an update; call update with each batch before")
        self._intake.suspects.settle()
        known = record.mean_held_out_loss() if held_out_loss is None else float(held_out_loss)
        if REDUCTIONS[self.settings.reduction].needs_held_out and np.isnan(known):
            why = "none came" if held_out_loss is None else "held_out_loss is NaN"
            raise ValueError(
                f'reduction="{self.settings.reduction}" goes by the loss of held-out samples, and {why} in epoch '
                f"{record.n_epochs + 1}; call update with held_out=True for some, or end_epoch(held_out_loss=...)"
            )
        if record.n_epochs == 0 and record.settings.has_window and held_out_loss is None:
            record.state.set_class_entropy(self._entropy.compute(record.targets))
        with uninterrupted():  # as many rows of trajectories as epochs
            record.end_epoch(known)
            self.n_trained.append(0)

    # -- results ------------------------------------------------------------------------------------------------

    def current(self) -> ScoreRecord:
        """Return the record with all batches so far; raise AttributeError if there is none."""
        if self.record is None:
            raise AttributeError("no scores yet: call update with each batch of training")
        self._buffer.flush()
        return self.record

    def settled(self) -> ScoreRecord | None:
        """Return the record with all batches so far, or None; raise for whatever was noted and is wrong."""
        self._buffer.flush()
        self._intake.suspects.settle()
        if self.record is not None:
            self.record.state.check_finite()
        return self.record

    # -- to go on elsewhere -------------------------------------------------------------------------------------

    @_plain_tensors
    def merge(self, other: "LoopRecord") -> None:
        """Add the visits that another loop has seen in the same epochs; see `ActionScoreTracker.merge`."""
        if other is self:
            raise ValueError("a tracker cannot be merged with itself: each visit would count twice; pass another one")
        theirs = other.settled()
        if theirs is None:
            raise ValueError("the other tracker has seen no batch; merge trackers after their epochs")
        record = self.settled() or self._new_record()
        record.merge(theirs)
        self.record = record
        self.n_trained = [mine + there for mine, there in zip(self.n_trained, other.n_trained, strict=True)]
        for name in ("n_classes", "has_classes"):
            setattr(self._intake, name, getattr(self._intake, name) or getattr(other._intake, name))

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors, which are not copied, and plain values."""
        record = self.settled()
        return {
            "record": None if record is None else record.state_dict(),
            "n_classes": self.n_classes,
            "n_trained": [*self.n_trained],
            "class_entropy": None if record is None else record.settings.class_entropy,
        }

    @_plain_tensors
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same settings; see `ActionScoreTracker.load_state_dict`."""
        if not set(state) >= _STATE:
            raise ValueError(f"state has {sorted(state)}; expected the state_dict() of an ActionScoreTracker")
        record = None
        if state["record"] is not None:
            record = self._new_record(n_kept=state["record"]["n_epochs"])
            record.load_state_dict(state["record"])
            record.state.set_class_entropy(state["class_entropy"])
            if record.trajectories is not None and len(record.trajectories) != record.n_epochs:
                place = self.settings.store_trajectories
                raise ValueError(f"{place} lacks rows of the {record.n_epochs} epochs of the state")
        self.record, self.n_trained = record, [*state["n_trained"]]
        has_classes = None if record is None or record.state.visits is None else record.state.n_classes is not None
        self._intake = LoopIntake(self.n_samples, state["n_classes"], has_classes)
        self._buffer, self._entropy = LoopBuffer(self._add), HeldOutEntropy()
