"""Scores as fitted attributes of an estimator, and as a table."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from actscore_sk.estimators.inputs import warn_of_no_visits
from actscore_sk.estimators.learnt import learnt
from actscore_sk.estimators.means import spread_of
from actscore_sk.recording.score_attributes import warn_of_exposure
from actscore_sk.recording.score_table import score_table, target_columns
from actscore_sk.utils.typing import Counts, Floats, Mask, Singles, UnitScores

if TYPE_CHECKING:
    import pandas as pd

# attributes that only some settings have
_SOMETIMES = "trajectories_", "epoch_weights_", "eval_action_scores_", "unit_scores_", "unit_component_scores_"
_HIDDEN = "_recorder", "_repeats", "_first_fit", "_judged", "_adapter", "_identity", "_given", "_index"
_SEVERAL = "n_repeats=2 or more keeps it"
_UNITS = "ActionScoreEstimator keeps it with store_units=True, for a criterion that has losses of units"


class FittedScores:
    """Mix-in of the estimators: sets the results of `_recorder` as fitted attributes, and shows them as a table."""

    estimator_: Any
    action_scores_: Floats = learnt()
    sample_metrics_: dict[str, Floats] = learnt()
    component_scores_: dict[str, Floats] = learnt()
    n_visits_: Counts = learnt()
    n_epochs_: int = learnt()
    validation_mask_: Mask = learnt()
    gradient_work_: Floats = learnt()
    history_: Any = learnt()
    trajectories_: Singles = learnt("store_trajectories=True, or a path, keeps it")
    epoch_weights_: Floats = learnt('reduction="auto", or store_probabilities=True with samples held out, keeps it')
    eval_action_scores_: Floats = learnt("fit(X, y, eval_set=(X_eval, y_eval)) keeps it")
    unit_scores_: UnitScores = learnt(_UNITS)
    unit_component_scores_: dict[str, UnitScores] = learnt(_UNITS)
    estimators_: list[Any] = learnt(_SEVERAL)
    repeat_seeds_: Any = learnt(_SEVERAL)
    _recorder: Any
    _repeats: Any
    _given: Any
    _index: Any

    def _forget(self):
        """Forget what was learnt."""
        for name in [name for name in vars(self) if name in _HIDDEN or (name[-1] == "_" and name[0] != "_")]:
            del vars(self)[name]

    @contextmanager
    def _settled(self, goes_on):
        """Let nothing be stale if a fit fails: show how far one net has come that goes on, or forget all."""
        if not goes_on:
            self._forget()
        try:
            yield
        except BaseException:
            if goes_on and not self._repeats:
                self._show()
            else:
                self._forget()
            raise

    def _publish(self, X):
        """Set the fitted attributes to the results of the recorder; warn of scores that mislead."""
        warn_of_no_visits(self._recorder.n_visits_)
        warn_of_exposure(self.reduction, self._recorder.n_visits_[~self._recorder.validation_mask_])
        self._show()

    def _show(self):
        """Set the fitted attributes to the results of the recorder."""
        recorder = self._recorder
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
