"""The record of a learner that learns in stages, with the attributes that a recorder of a net has."""

from dataclasses import replace

import numpy as np
import torch
from skorch.history import History
from torch import Tensor

from actscore_sk.estimators.stage_losses import StageReader
from actscore_sk.estimators.stage_samples import Part
from actscore_sk.recording.label_state import LabelEvidence
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.score_attributes import ScoreAttributes
from actscore_sk.recording.score_record import ScoreRecord


class StageRecorder(ScoreAttributes):
    """Scores of the samples of X, and of an `eval_set`, after each stage; see `ActionScoreRecorder`.

    Parameters
    ----------
    settings : RecordSettings
        How visits become scores.
    unseen : ndarray of bool (n_samples,)
        Samples of X that the learner does not get.
    kept_back : ndarray of int64
        Positions of others that it does not train on.
    random : RandomState or None
        Of the passes of a learner that learns by `partial_fit`.
    class_weights : ndarray of float64 (n_classes,) or None
        Factors of the losses, by class.
    first : StageRecorder or None
        That of a fit of the same samples that held some out: its losses of these weight the stages here.

    Attributes
    ----------
    held_out : ndarray of bool (n_samples,)
        Samples of X that the learner does not train on.
    history_ : History
        For each stage ``train_loss``, ``valid_loss`` and ``eval_loss``: mean losses of the samples there are; those of
        training by their weights.
    """

    def __init__(
        self,
        settings: RecordSettings,
        unseen: np.ndarray,
        kept_back: np.ndarray,
        random: np.random.RandomState | None = None,
        class_weights: np.ndarray | None = None,
        first: "StageRecorder | None" = None,
    ) -> None:
        self.settings, self.unseen, self.random = settings, unseen, random
        self.held_out = unseen.copy()
        self.held_out[kept_back] = True
        self.record = ScoreRecord(len(unseen), settings)
        self.eval_record: ScoreRecord | None = None
        self._planned = None if first is None else [*first.record.held_out_losses]
        self.history_ = History()
        self._weights = None if class_weights is None else torch.from_numpy(class_weights)
        if self.held_out.any():
            self.record.describe(torch.from_numpy(np.flatnonzero(self.held_out)), held_out=True)

    def expect_eval(self, n_samples: int | None) -> None:
        """Make place for an `eval_set`; scores of the one before are kept if it has as many samples."""
        if n_samples is None:
            self.eval_record = None
        elif self.eval_record is None or self.eval_record.n_samples != n_samples:
            self.eval_record = ScoreRecord(n_samples, replace(self.settings, store_trajectories=False))

    def add(self, parts: list[Part], scores: list[np.ndarray], reader: StageReader) -> None:
        """Take in one stage.

        Parameters
        ----------
        parts : list of Part
            All samples to score.
        scores : list of ndarray (n_samples, ...)
            What the learner says of each part.
        reader : StageReader
            Makes losses of it.
        """
        self.history_.new_epoch()
        self.history_.record("epoch", len(self.history_))
        for part, raw in zip(parts, scores, strict=True):
            losses, outputs = reader.read(raw, part.targets)
            losses = losses if self._weights is None else losses * self._weights[part.targets]
            record = self.eval_record if part.is_eval else self.record
            is_class = self.record.state.needs_classes and not part.targets.is_floating_point()
            record.update(part.rows, losses, *((outputs, part.targets) if is_class else ()))  # type: ignore[union-attr]
            self._note_means(part, losses)
        planned = self._planned
        known = len(self.history_) <= len(planned or ())
        self.record.end_epoch(planned[len(self.history_) - 1] if planned and known else np.nan if planned else None)
        if self.eval_record is not None:
            self.eval_record.end_epoch(self.record.held_out_losses[-1])

    def _note_means(self, part: Part, losses: Tensor) -> None:
        """Add mean losses to the history; that of training is weighted, as the learner weighs it."""
        is_valid = torch.zeros(len(losses), dtype=torch.bool)
        if not part.is_eval:
            is_valid = torch.from_numpy(self.held_out)[part.rows]
        weights = torch.ones(len(losses), dtype=torch.float64) if part.weights is None else part.weights
        for name, chosen in (("eval_loss" if part.is_eval else "train_loss", ~is_valid), ("valid_loss", is_valid)):
            if chosen.any():
                self.history_.record(name, float((losses * weights)[chosen].sum() / weights[chosen].sum()))

    @property
    def n_planned(self) -> int:
        """Number of stages of the first of two fits; 0 if there is one."""
        return len(self._planned or ())

    def _current_record(self) -> ScoreRecord:
        return self.record

    @property
    def validation_mask_(self) -> np.ndarray:
        """Samples that the learner did not train on, (n_samples,) bool."""
        return self.held_out.copy()

    @property
    def eval_action_scores_(self) -> np.ndarray:
        """Action score of each sample of `eval_set`, (n_eval_samples,) float64."""
        return self._current_eval_record().sample_metrics()["action_score"]

    def _current_eval_record(self) -> ScoreRecord:
        if self.eval_record is None:
            raise AttributeError("no eval_set was scored; pass one")
        return self.eval_record

    def label_evidence(self, on: str = "train") -> LabelEvidence:
        """Return class probabilities, margins and labels; see `ActionScoreRecorder`."""
        return (self.record if on == "train" else self._current_eval_record()).label_evidence()
