"""The samples of a fit, or of several, for the decision which of their labels are wrong."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from actscore_sk.estimators.cross_fit import MOST_NETS, HeldOutRows, rows_by_net
from actscore_sk.estimators.learners import kind_of
from actscore_sk.estimators.refit import FirstFit, ends_with_window, merged_first_fits, most_held_out, prepare_second
from actscore_sk.label_issues.fitted import FittedLabelIssues, JudgedSamples


class JudgedFit(FittedLabelIssues):
    """Mix-in of an estimator that learns classes and records them; it comes before the base of the estimators.

    With ``refit="auto"``, nets that can be trained at once hold other rows out each, and all attributes are means over
    them. Otherwise, where `refit` asks for it, a first fit finds the weights of the epochs and judges what it holds
    out, and all attributes are of a second one, on all rows.
    """

    refit_: bool
    _first_fit = None
    _held_out_rows = None  # by one of several nets
    _is_silent = False  # one of several nets, of which the first prints its log
    _most_held_out = 0

    def _fit_once(self, data):
        rows = self._rows_by_net(data)
        if rows is None:
            super()._fit_once(data)
        else:
            self._fit_repeats(data, rows)

    def _fit_repeats(self, data, rows=None):
        dealt = self._rows_by_net(data, min(MOST_NETS, self.n_repeats)) if rows is None else None
        if dealt is not None:
            rows = [dealt[number % len(dealt)] for number in range(self.n_repeats)]
        super()._fit_repeats(data, rows)

    def _rows_by_net(self, data, most_nets=MOST_NETS):
        """Return the rows that each of several nets is to hold out; None if one net decides, or a second fit helps."""
        most = most_held_out(self.refit, self.estimator, stores_probabilities=self.store_probabilities)
        is_asked = data.method == "fit" and not data.goes_on and self.refit == "auto" and self.train_sampler is None
        if not is_asked or not most or not isinstance(self.store_trajectories, bool) or kind_of(self.estimator):
            return None
        net = self._clone_net(data.X, data.targets, data.weights)
        return rows_by_net(net, data, most, len(self.classes_), most_nets)

    @property
    def _n_nets(self):
        is_dealt = self._repeats and self._repeats[0]._held_out_rows is not None
        return len(self._repeats) if is_dealt and self.n_repeats == 1 else self.n_repeats

    def _new_repeats(self, rows=None):
        repeats = super()._new_repeats(rows)
        for number, (each, own) in enumerate(zip(repeats, rows or [], strict=False)):
            each.refit, each._held_out_rows, each._is_silent = False, own, number > 0
        return repeats

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
        if self._held_out_rows is not None:
            net.set_params(train_split=HeldOutRows(self._held_out_rows))
            if self.estimator is None:
                # it takes much of the time of a small table, and nobody asked for it
                net.set_params(callbacks__valid_acc=None)
        if self._is_silent:
            net.set_params(verbose=0)
        return net if self._first_fit is None else prepare_second(net)

    def _new_recorder(self):
        recorder = super()._new_recorder()
        if self._first_fit is not None:
            recorder.follow(self._recorder)
        elif (self._most_held_out or self._held_out_rows is not None) and ends_with_window(self.estimator):
            recorder.end_with_window(self._most_held_out or np.inf)
        return recorder

    def _check_eval_set(self, eval_set):
        X = eval_set[0] if isinstance(eval_set, (tuple, list)) and len(eval_set) else None
        self._eval_index = X.index if hasattr(X, "iloc") else None
        return super()._check_eval_set(eval_set)

    def _show(self):
        super()._show()
        nets = self._repeats or (self,)
        self.refit_ = any(each._first_fit is not None or each._held_out_rows is not None for each in nets)
        self._forget_judged()

    def _first_fits(self):
        return [each._judged_of_fit() for each in self._repeats or (self,)]

    def _judged_of_fit(self):
        """Return what is known of held-out rows that are not those of the fit that is shown."""
        return self._first_fit if self._held_out_rows is None else FirstFit.of(self._recorder, has_probabilities=True)

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
