"""The record of an `eval_set`: samples that a net is run over after each epoch, and never trained on."""

from typing import Any

import torch
from torch import Tensor

from actscore_sk.recording.class_reader import ClassReader
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.score_record import ScoreRecord
from actscore_sk.recording.session import RecordingSession
from actscore_sk.recording.visit import Visit
from actscore_sk.recording.visit_buffer import VisitBuffer, most_held


class EvalRecording:
    """Records other samples than those of X, through one or more trainings of a net.

    Attributes
    ----------
    record : ScoreRecord or None
        None before the first training with an `eval_set`.
    dataset : Dataset or None
        The samples; None between trainings, as `buffer` is, so that a pickle holds no data.
    buffer : VisitBuffer or None
        Takes their visits.
    """

    def __init__(self) -> None:
        self.record: ScoreRecord | None = None
        self.dataset: Any = None
        self.buffer: VisitBuffer | None = None
        self._classes: ClassReader | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"dataset": None, "buffer": None}

    def begin(
        self,
        eval_set: Any,
        session: RecordingSession,
        settings: RecordSettings,
        classes: ClassReader,
        *,
        capacity: int,
        is_held_out: bool,
    ) -> None:
        """Allocate for the samples; keep the scores of an earlier training if it has as many.

        Parameters
        ----------
        eval_set : tuple (X, y) or Dataset
            The samples.
        session : RecordingSession
            Has split its data.
        settings : RecordSettings
            Of the record of X, of which the score, the probabilities and the window are taken over.
        classes : ClassReader
            Of the record of X: both read the same criterion.
        capacity : int
            Of the buffer.
        is_held_out : bool
            True if no part of X is held out: the mean loss of these samples then places the window of ``"auto"``.
        """
        X, y = eval_set if isinstance(eval_set, (tuple, list)) else (eval_set, None)
        self.dataset = session.net.get_dataset(*session.prepared(X, y))
        n_samples = len(self.dataset)
        if self.record is None or self.record.n_samples != n_samples:
            asked = "reduction", "store_probabilities", "class_entropy", "has_held_out"
            self.record = ScoreRecord(n_samples, RecordSettings(**{name: getattr(settings, name) for name in asked}))
            if is_held_out:
                self.record.held_out = torch.ones(n_samples, dtype=torch.bool)
        self._classes = classes
        self.buffer = VisitBuffer(
            self._record_block,
            keep_inputs=settings.store_probabilities,
            capacity=capacity,
            max_rows=most_held(self.dataset, session.net.device),
            may_skip=session.ranks is not None,
        )

    def flush(self) -> None:
        """Evaluate the visits that wait."""
        if self.buffer is not None:
            self.buffer.flush()

    def _record_block(self, rows: Tensor, losses: Tensor, inputs: tuple | None, visit: Visit) -> None:
        record: ScoreRecord = self.record  # type: ignore[assignment]
        logits, labels = None, None
        if record.settings.store_probabilities:
            logits, labels = self._classes.read(inputs, visit.sample_loss)  # type: ignore[union-attr]
        record.update(rows, losses, logits, labels)
