"""The samples of a fit, or of two, for the decision which of their labels are wrong."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from actscore_sk.estimators.refit import FirstFit, ends_with_window, merged_first_fits, most_held_out, prepare_second
from actscore_sk.label_issues.fitted import FittedLabelIssues, JudgedSamples


class JudgedFit(FittedLabelIssues):
    """Mix-in of an estimator that learns classes and records them; it comes before the base of the estimators.

    Where `refit` asks for it, a first fit finds the weights of the epochs and judges what it holds out, and all
    attributes are of a second one, on all rows.
    """

    refit_: bool
    _first_fit = None
    _most_held_out = 0

    def _trainings(self, data):
        """Yield the training of one net, or of a first one and then of the one to keep."""
        if not data.goes_on:
            self._first_fit, self._most_held_out, self._interrupted = None, 0, False
            if data.method == "fit":
                stores = self.store_probabilities
                self._most_held_out = most_held_out(self.refit, self.estimator, stores_probabilities=stores)
        yield from super()._trainings(data)
        if self._interrupted:
            return  # Ctrl-C ends a fit, and not one of its trainings
        if not data.goes_on and 0 < np.count_nonzero(self._recorder.validation_mask_) < self._most_held_out:
            self._first_fit = FirstFit.of(self._recorder, has_probabilities=self.store_probabilities)
            if not isinstance(self.store_trajectories, bool):
                self._recorder._current_record().trajectories.remove()  # the file is to be that of the second fit
            yield from super()._trainings(data)

    def _clone_net(self, X, targets, weights):
        net = super()._clone_net(X, targets, weights)
        return net if self._first_fit is None else prepare_second(net)

    def _new_recorder(self):
        recorder = super()._new_recorder()
        if self._first_fit is not None:
            recorder.follow(self._recorder)
        elif self._most_held_out and ends_with_window(self.estimator):
            recorder.end_with_window(self._most_held_out)
        return recorder

    def _check_eval_set(self, eval_set):
        X = eval_set[0] if isinstance(eval_set, (tuple, list)) and len(eval_set) else None
        self._eval_index = X.index if hasattr(X, "iloc") else None
        return super()._check_eval_set(eval_set)

    def _show(self):
        super()._show()
        self.refit_ = merged_first_fits(self._first_fits()) is not None
        self._forget_judged()

    def _first_fits(self):
        return [each._first_fit for each in self._repeats or (self,)]

    def _judged_samples(self, on):
        check_is_fitted(self, "estimator_")
        evidence = self._recorder.label_evidence(on)
        if on == "eval":
            held_out = np.ones(len(evidence.labels), dtype=bool)
            return JudgedSamples(evidence, held_out, self.eval_action_scores_, self._eval_index)
        if self._given is not None:  # labels of samples without a visit, too
            evidence = evidence._replace(labels=np.asarray(self._to_targets(self._given)))
        held_out, seen = merged_first_fits(self._first_fits()) or FirstFit(self.validation_mask_, None)
        return JudgedSamples(evidence, held_out, self.action_scores_, self._index, seen)
