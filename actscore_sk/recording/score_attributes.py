"""Fitted attributes of whatever keeps a `ScoreRecord`."""

import warnings

import numpy as np

from actscore_sk.losses.ragged_scores import RaggedScores
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.recording.score_record import ScoreRecord


class ScoreAttributes:
    """Mix-in that shows a record as fitted attributes, up to date at any time; see `ActionScoreClassifier`.

    A subclass defines `_current_record`. All arrays are copies, but for those in files. The tracker, the recorder and
    the estimators share it, so that an attribute is defined and documented once.
    """

    def _current_record(self) -> ScoreRecord:
        """Return the record with all visits so far; raise AttributeError if there is none."""
        raise NotImplementedError

    @property
    def action_scores_(self) -> np.ndarray:
        """Action score of each sample, (n_samples,) float64, higher = harder, NaN = never visited.

        In the unit of the loss; a total over epochs, or a mean, as `reduction` says.
        """
        return self.sample_metrics_["action_score"]

    @property
    def sample_metrics_(self) -> dict[str, np.ndarray]:
        """Score of each sample under each metric, (n_samples,) float64, NaN = never visited.

        The direction of a metric is ``get_metric(name).higher_is_harder``.
        """
        return self._current_record().sample_metrics()

    @property
    def n_visits_(self) -> np.ndarray:
        """Number of visits of each sample, (n_samples,) int32; 0 for a sample that has no score."""
        return self._current_record().n_visits()

    @property
    def n_epochs_(self) -> int:
        """Number of epochs recorded; an epoch that was interrupted counts if any sample was visited in it."""
        return self._current_record().n_epochs

    @property
    def component_scores_(self) -> dict[str, np.ndarray]:
        """Score of each sample under each part of the loss, (n_samples,) float64, higher = harder.

        Empty if the criterion reports no parts. A criterion may weight its parts, so they need not add up to the action
        score.
        """
        return self._current_record().component_scores()

    @property
    def unit_scores_(self) -> np.ndarray | RaggedScores:
        """Scores of units: (n_samples, ...) float32, or ragged; higher = harder.

        Raises
        ------
        AttributeError
            If no losses of units were recorded.
        """
        units = self._current_record().unit_scores()
        if None not in units:
            raise AttributeError("no losses of units were recorded; set store_units, and let the criterion have some")
        return units[None]

    @property
    def unit_component_scores_(self) -> dict[str, np.ndarray | RaggedScores]:
        """Scores of units under each part of the loss, in the form of `unit_scores_`; higher = harder."""
        units = self._current_record().unit_scores()
        return {name: scores for name, scores in units.items() if name is not None}

    @property
    def gradient_work_(self) -> np.ndarray:
        """Share of the training samples that each epoch trained on, (n_epochs,) float64; 1 = all of them once."""
        return np.array(self._current_record().trained_shares)

    @property
    def trajectories_(self) -> np.ndarray:
        """Losses of each epoch, (n_epochs, n_samples) float32, NaN = not visited.

        Raises
        ------
        AttributeError
            If `store_trajectories` was not set.
        """
        record = self._current_record()
        if record.trajectories is None:
            raise AttributeError("no trajectories were stored; set store_trajectories=True, or to a path")
        return record.trajectories.array()

    @property
    def epoch_weights_(self) -> np.ndarray:
        """Weight of each epoch in what is taken over a window, (n_epochs,) float64; see `epoch_weights`.

        Raises
        ------
        AttributeError
            If nothing is taken over a window: all epochs count alike then.
        """
        record = self._current_record()
        if not record.settings.has_window:
            raise AttributeError(
                'epochs have weights only with reduction="auto", or where probabilities are stored and samples held out'
            )
        return record.epoch_weights()


def warn_of_exposure(reduction: str, n_visits: np.ndarray) -> None:
    """Warn if samples were visited unequally often, and scores under the reduction compare that.

    Parameters
    ----------
    reduction : str
        Name in `REDUCTIONS`.
    n_visits : ndarray of int (n_samples,)
        Number of visits of each sample that was trained on.

    Examples
    --------
    >>> warn_of_exposure("mean", np.array([1, 2]))                              # a mean does not compare visits
    >>> warn_of_exposure("sum", np.array([2, 2]))                               # visited equally often
    """
    if REDUCTIONS[reduction].compares_exposure and len(n_visits) and n_visits.min() < n_visits.max():
        warnings.warn(
            f"samples were visited {n_visits.min()} to {n_visits.max()} times, so sums of losses compare how often a "
            'sample was seen as much as how hard it is; set reduction="interpolated" or "mean"',
            UserWarning,
        )
