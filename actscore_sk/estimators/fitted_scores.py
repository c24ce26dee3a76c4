"""Scores as fitted attributes of an estimator, and as a table."""

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from actscore_sk.data.containers import target_columns
from actscore_sk.estimators.inputs import warn_of_no_visits
from actscore_sk.estimators.merged_scores import spread_of
from actscore_sk.recording.score_attributes import warn_of_exposure
from actscore_sk.recording.score_table import score_table
from actscore_sk.utils.typing import Counts, Floats, Mask, Singles, UnitScores

if TYPE_CHECKING:
    import pandas as pd

# attributes that only some settings have
_SOMETIMES = "trajectories_", "epoch_weights_", "eval_action_scores_", "unit_scores_", "unit_component_scores_"


class FittedScores:
    """Mix-in of the estimators: sets the results of `_recorder` as fitted attributes, and shows them as a table."""

    estimator_: Any
    action_scores_: Floats
    sample_metrics_: dict[str, Floats]
    component_scores_: dict[str, Floats]
    n_visits_: Counts
    n_epochs_: int
    validation_mask_: Mask
    gradient_work_: Floats
    history_: Any
    trajectories_: Singles
    epoch_weights_: Floats
    eval_action_scores_: Floats
    unit_scores_: UnitScores
    unit_component_scores_: dict[str, UnitScores]
    _recorder: Any
    _repeats: Any
    _given: Any
    _index: Any

    def _publish(self, X):
        """Set the fitted attributes to the results of the recorder."""
        recorder = self._recorder
        warn_of_no_visits(recorder.n_visits_)
        warn_of_exposure(self.reduction, recorder.n_visits_[~recorder.validation_mask_])
        self.sample_metrics_ = recorder.sample_metrics_
        self.action_scores_ = self.sample_metrics_["action_score"]
        self.n_visits_, self.n_epochs_ = recorder.n_visits_, recorder.n_epochs_
        self.validation_mask_ = recorder.validation_mask_
        self.gradient_work_ = recorder.gradient_work_
        self.history_ = self._history()
        self.component_scores_ = recorder.component_scores_
        for name in _SOMETIMES:
            self.__dict__.pop(name, None)
            found = getattr(recorder, name, None)
            if found is not None and len(found):
                setattr(self, name, found)

    @property
    def repeat_scores_(self) -> Floats:
        """Action scores by each net, ndarray of float64 (n_repeats, n_samples); higher = harder."""
        return self._recorder.repeat_scores_ if self._repeats else self.action_scores_[None].copy()

    @property
    def action_scores_std_(self) -> Floats:
        """Standard deviation of the action scores over the nets, ndarray of float64 (n_samples,); divisor n_repeats."""
        return spread_of(self.repeat_scores_)

    def _history(self):
        """Return the record of training that the learner has made."""
        return self.estimator_.history

    def to_frame(self) -> "pd.DataFrame":
        """Return the scores as a pandas DataFrame, one row per sample in the order of X.

        Returns
        -------
        frame : DataFrame
            Columns ``index`` (position in X), ``target``, one for each metric, ``component_...`` for each part of the
            loss, ``action_score_std`` with `n_repeats` above 1, ``n_visits``, ``is_validation``. Has the index of X if
            X was a DataFrame.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        check_is_fitted(self, "estimator_")
        frame = score_table(self, {} if self._given is None else target_columns("target", self._given), self._index)
        if self._repeats:
            frame.insert(frame.columns.get_loc("n_visits"), "action_score_std", self.action_scores_std_)
        return frame
