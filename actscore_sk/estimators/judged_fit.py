"""The samples of a fit, or of two, for the decision which of their labels are wrong."""

from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_is_fitted

from actscore_sk.estimators.refit import FirstFit, ends_with_window, most_held_out, prepare_second
from actscore_sk.label_issues.fitted import FittedLabelIssues, JudgedSamples


class JudgedFit(FittedLabelIssues):
    """Mix-in of an estimator that learns classes and records them; it comes before the base of the estimators.

    Where `refit` asks for it, a first fit finds the weights of the epochs and judges what it holds out, and all
    attributes are of a second one, on all rows.
    """

    def _fit(self, X, y, sample_weight, eval_set, fit_params, *, method, goes_on, classes=None):
        options = {"method": method, "goes_on": goes_on, "classes": classes}
        if goes_on:
            return super()._fit(X, y, sample_weight, eval_set, fit_params, **options)
        self._first_fit, self._most_held_out = None, 0
        if method == "fit":
            self._most_held_out = most_held_out(
                self.refit, self.estimator, stores_probabilities=self.store_probabilities
            )
        super()._fit(X, y, sample_weight, eval_set, {**fit_params}, **options)
        self.refit_ = bool(0 < np.count_nonzero(self.validation_mask_) < self._most_held_out)
        if self.refit_:
            held_out, self._leader = self.validation_mask_, self._recorder
            evidence = self._leader.label_evidence() if self.store_probabilities else None
            self._first_fit = FirstFit(held_out, None if evidence is None else evidence.probabilities[held_out])
            if not isinstance(self.store_trajectories, bool):  # the file is to be that of the second fit
                del self.trajectories_
                Path(self.store_trajectories).unlink()
            try:
                super()._fit(X, y, sample_weight, eval_set, fit_params, **options)
            finally:
                del self._leader
        return self

    def _clone_net(self, X, targets, weights):
        net = super()._clone_net(X, targets, weights)
        return net if self._first_fit is None else prepare_second(net)

    def _new_recorder(self):
        recorder = super()._new_recorder()
        if self._first_fit is not None:
            recorder.follow(self._leader)
        elif self._most_held_out and ends_with_window(self.estimator):
            recorder.end_with_window(self._most_held_out)
        return recorder

    def _check_eval_set(self, eval_set):
        X = eval_set[0] if isinstance(eval_set, (tuple, list)) and len(eval_set) else None
        self._eval_index = X.index if hasattr(X, "iloc") else None
        return super()._check_eval_set(eval_set)

    def _publish(self, X):
        super()._publish(X)
        self._forget_judged()

    def _judged_samples(self, on):
        check_is_fitted(self, "estimator_")
        evidence = self._recorder.label_evidence(on)
        if on == "eval":
            held_out = np.ones(len(evidence.labels), dtype=bool)
            return JudgedSamples(evidence, held_out, self.eval_action_scores_, self._eval_index)
        if self._given is not None:  # labels of samples without a visit, too
            evidence = evidence._replace(labels=np.asarray(self._to_targets(self._given)))
        if self._first_fit is None:
            return JudgedSamples(evidence, self.validation_mask_, self.action_scores_, self._index)
        held_out, seen = self._first_fit
        return JudgedSamples(evidence, held_out, self.action_scores_, self._index, seen)
