"""Scores as fitted attributes of an estimator, and as a table."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from actscore_sk.data.containers import target_columns
from actscore_sk.estimators.inputs import warn_of_no_visits
from actscore_sk.recording.score_attributes import warn_of_exposure
from actscore_sk.utils.optional import import_optional

# attributes that only some settings have
_SOMETIMES = "trajectories_", "epoch_weights_", "eval_action_scores_", "unit_scores_", "unit_component_scores_"


class FittedScores:
    """Mix-in of the estimators: sets the results of `_recorder` as fitted attributes, and shows them as a table."""

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
        self.history_ = self.estimator_.history
        self.component_scores_ = recorder.component_scores_
        for name in _SOMETIMES:
            self.__dict__.pop(name, None)
            found = getattr(recorder, name, None)
            if found is not None and len(found):
                setattr(self, name, found)

    def to_frame(self):
        """Return the scores as a pandas DataFrame, one row per sample in the order of X.

        Returns
        -------
        frame : DataFrame
            Columns ``index`` (position in X), ``target``, one for each metric, ``component_...`` for each part of the
            loss, ``n_visits``, ``is_validation``. Has the index of X if X was a DataFrame.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        check_is_fitted(self, "estimator_")
        pandas = import_optional("pandas", extra="cli", purpose="build a DataFrame")
        given = {} if self._given is None else target_columns("target", self._given)
        columns = {"index": np.arange(len(self.action_scores_)), **given, **self.sample_metrics_}
        columns |= {f"component_{name}": scores for name, scores in self.component_scores_.items()}
        columns |= {"n_visits": self.n_visits_, "is_validation": self.validation_mask_}
        index = self._index if isinstance(self._index, pandas.Index) else None
        return pandas.DataFrame(columns, index=index)
