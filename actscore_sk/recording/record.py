"""What a recorder has recorded, as arrays."""

from typing import Any

import numpy as np

from actscore_sk.losses.ragged_scores import RaggedScores
from actscore_sk.metrics.epoch_window import epoch_weights
from actscore_sk.recording.detail_state import DetailLedger
from actscore_sk.recording.sample_state import Ledger


class Record:
    """Results of a recorder, up to date at any time in training; they are copies, but for arrays that lie in files."""

    reduction: str
    ledger_: Ledger
    detail_ledger_: DetailLedger
    eval_ledger_: Ledger
    trajectories_store_: Any
    block_: Any
    work_: list[float]

    @property
    def sample_metrics_(self) -> dict[str, np.ndarray]:
        """Score of each sample under each metric, (n_samples,) float64."""
        scores = self._flushed().results()
        if self.reduction == "interpolated":
            scores["action_score"] = self.ledger_.filled()
        elif self.reduction == "auto":
            scores["action_score"] = self.ledger_.windowed()
        elif self.reduction == "mean":
            visits = self.n_visits_
            scores["action_score"] = scores["action_score"] / np.maximum(visits, 1)
        return scores

    @property
    def component_scores_(self) -> dict[str, np.ndarray]:
        """Score of each sample under each part of the loss, (n_samples,) float64, higher = harder."""
        self._flushed()
        return self.detail_ledger_.components()

    @property
    def unit_scores_(self) -> np.ndarray | RaggedScores:
        """Scores of units: (n_samples, ...) float32, or ragged; higher = harder."""
        self._flushed()
        units = self.detail_ledger_.units()
        if None not in units:
            raise AttributeError("no losses of units were recorded; set store_units, and let the criterion have some")
        return units[None]

    @property
    def unit_component_scores_(self) -> dict[str, np.ndarray | RaggedScores]:
        """Scores of units under each part of the loss."""
        self._flushed()
        return {name: scores for name, scores in self.detail_ledger_.units().items() if name is not None}

    @property
    def gradient_work_(self) -> np.ndarray:
        """Share of the training samples that each epoch trained on, (n_epochs,) float64."""
        self._flushed()
        return np.array(self.work_)

    @property
    def action_scores_(self) -> np.ndarray:
        """Action score of each sample, (n_samples,) float64, higher = harder."""
        return self.sample_metrics_["action_score"]

    @property
    def n_visits_(self) -> np.ndarray:
        """Number of visits of each sample, (n_samples,) int32."""
        return self._flushed().visits()

    @property
    def n_epochs_(self) -> int:
        """Number of epochs recorded."""
        return self._flushed().epoch - 1

    @property
    def trajectories_(self) -> np.ndarray:
        """Losses (n_epochs, n_samples) float32."""
        self._flushed()
        if self.trajectories_store_ is None:
            raise AttributeError("no trajectories were stored; set store_trajectories=True, or to a path")
        return self.trajectories_store_.array()

    @property
    def epoch_weights_(self) -> np.ndarray:
        """How much each epoch counts in the score, (n_epochs,) float64."""
        window = self._flushed().window
        if window is None:
            raise AttributeError('epochs have weights only with reduction="auto"')
        return epoch_weights(window.held_out_losses)

    @property
    def eval_action_scores_(self) -> np.ndarray:
        """Action score of each sample of `eval_set`, (n_eval_samples,) float64."""
        if "eval_ledger_" not in vars(self):
            raise AttributeError("no eval_set was scored; pass one")
        if self.reduction == "auto":
            return self.eval_ledger_.windowed()
        total = self.eval_ledger_.results()["action_score"]
        return total / np.maximum(self.eval_ledger_.visits(), 1) if self.reduction == "mean" else total

    def _flushed(self) -> Ledger:
        if "ledger_" not in vars(self):
            raise AttributeError("no scores yet: the net that this recorder belongs to has not been trained")
        if "block_" in vars(self):
            self.block_.flush()
        return self.ledger_
