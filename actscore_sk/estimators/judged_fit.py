"""The samples of a fit, for the decision which of their labels are wrong."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from actscore_sk.label_issues.fitted import FittedLabelIssues, JudgedSamples


class JudgedFit(FittedLabelIssues):
    """Mix-in of an estimator that learns classes and records them; it comes before the base of the estimators."""

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
        return JudgedSamples(evidence, self.validation_mask_, self.action_scores_, self._index)
