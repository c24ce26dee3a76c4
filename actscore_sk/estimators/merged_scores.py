"""Scores of several trainings on the same samples as those of one: means over the repeats."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from actscore_sk.estimators.means import mean_of, mean_of_rows
from actscore_sk.recording.label_state import LabelEvidence
from actscore_sk.storage import open_trajectories


class MergedScores:
    """Shows the recorders of several trainings as one recorder.

    Everything is a mean over the repeats that have a value; NaN = none has.

    Parameters
    ----------
    recorders : sequence of ActionScoreRecorder
        One per repeat, of the same samples.
    store_trajectories : bool, str or path-like
        Where the mean of their trajectories is stored.
    n_kept : int
        Number of rows of the mean that a file holds already, from before these recorders went on.
    is_writer : bool
        False: another process has written the file.

    Attributes
    ----------
    repeat_scores_ : ndarray of float64 (n_repeats, n_samples)
        Action scores of each.
    trajectories_ : ndarray of float32 (n_epochs, n_samples)
        Only with `store_trajectories`.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> of_two = [SimpleNamespace(action_scores_=np.array(scores)) for scores in ([1.0, np.nan], [3.0, 4.0])]
    >>> MergedScores(of_two).action_scores_
    array([2., 4.])
    """

    def __init__(
        self, recorders: Sequence[Any], store_trajectories: Any = False, n_kept: int = 0, *, is_writer: bool = True
    ) -> None:
        self._recorders = [*recorders]
        self._trajectories: Any = None
        if store_trajectories is not False:
            self._merge_trajectories(store_trajectories, n_kept, is_writer)

    def _merge_trajectories(self, store: Any, n_kept: int, is_writer: bool) -> None:
        """Write the mean rows; those of a file are read one by one, and the first `n_kept` are there already."""
        each = [recorder.trajectories_ for recorder in self._recorders]
        self._trajectories = open_trajectories(store, each[0].shape[1], n_kept=n_kept, is_writer=is_writer)
        for epoch in range(len(self._trajectories), max(map(len, each))):
            self._trajectories.append(mean_of(rows[epoch] for rows in each if epoch < len(rows)))

    def _each(self, name: str) -> list[Any]:
        return [getattr(recorder, name) for recorder in self._recorders]

    @property
    def repeat_scores_(self) -> np.ndarray:
        """Action scores of each repeat, (n_repeats, n_samples) float64."""
        return np.stack(self._each("action_scores_"))

    @property
    def action_scores_(self) -> np.ndarray:
        """Mean action scores, (n_samples,) float64."""
        return mean_of(self._each("action_scores_"))

    @property
    def sample_metrics_(self) -> dict[str, np.ndarray]:
        """Mean scores under each metric, (n_samples,) float64."""
        return mean_of(self._each("sample_metrics_"))

    @property
    def component_scores_(self) -> dict[str, np.ndarray]:
        """Mean scores of parts of the loss, (n_samples,) float64."""
        return mean_of(self._each("component_scores_"))

    @property
    def unit_scores_(self) -> Any:
        """Mean scores of units."""
        return mean_of(self._each("unit_scores_"))

    @property
    def unit_component_scores_(self) -> dict[str, Any]:
        """Mean scores of parts of units."""
        return mean_of(self._each("unit_component_scores_"))

    @property
    def eval_action_scores_(self) -> np.ndarray:
        """Mean scores of the `eval_set`, (n_eval_samples,) float64."""
        return mean_of(self._each("eval_action_scores_"))

    @property
    def n_visits_(self) -> np.ndarray:
        """Visits of each sample by one net, (n_samples,) int32: the mean, rounded up, where the nets differ."""
        return np.ceil(np.mean(self._each("n_visits_"), axis=0)).astype(np.int32)

    @property
    def validation_mask_(self) -> np.ndarray:
        """Samples that no net was trained on, (n_samples,) bool."""
        return np.logical_and.reduce(self._each("validation_mask_"))

    @property
    def n_epochs_(self) -> int:
        """Epochs of the net that was trained longest."""
        return max(self._each("n_epochs_"))

    @property
    def gradient_work_(self) -> np.ndarray:
        """Mean share of the training samples that each epoch trained on, (n_epochs,) float64."""
        return mean_of_rows(self._each("gradient_work_"))

    @property
    def epoch_weights_(self) -> np.ndarray:
        """Mean weight of each epoch, (n_epochs,) float64."""
        return mean_of_rows(self._each("epoch_weights_"))

    @property
    def trajectories_(self) -> np.ndarray:
        """Mean losses of each epoch, (n_epochs, n_samples) float32."""
        if self._trajectories is None:
            raise AttributeError("no trajectories were stored; set store_trajectories=True, or to a path")
        return self._trajectories.array()

    def label_evidence(self, on: str = "train") -> LabelEvidence:
        """Return mean probabilities and margins, and the labels; see `ActionScoreRecorder.label_evidence`."""
        each = [recorder.label_evidence(on) for recorder in self._recorders]
        probabilities, margins, labels = zip(*each, strict=True)
        return LabelEvidence(mean_of(probabilities), mean_of(margins), np.maximum.reduce(labels))
