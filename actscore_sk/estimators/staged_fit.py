"""Mix-in of the estimators that take learners besides nets: train one, and score every sample after each stage."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from sklearn.utils import check_array, check_consistent_length, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch import NeuralNet
from skorch.dataset import ValidSplit
from torch.utils.data import Dataset

from actscore_sk.data.containers import n_samples_of
from actscore_sk.data.parts import is_multi_input
from actscore_sk.estimators.held_out_rows import hold_out, kept_back
from actscore_sk.estimators.learners import FIFTH, KINDS, check_task, kind_of
from actscore_sk.estimators.objectives import class_answer, class_weights_of, number_answer
from actscore_sk.estimators.passes import random_of
from actscore_sk.estimators.pipeline_steps import last_step
from actscore_sk.estimators.stage_recorder import StageRecorder
from actscore_sk.estimators.stage_samples import StageSamples
from actscore_sk.estimators.stage_training import StagedTraining
from actscore_sk.metrics.epoch_window import class_entropy
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.utils.random_states import fill_random_states
from actscore_sk.utils.sklearn_private import available_if

N_PARTS = 5  # the default net holds one of them out


def learns_in_stages(owner):
    """Return True if the learner of an estimator is no net, and learns in stages."""
    return kind_of(owner.estimator) is not None


def tells_probabilities(owner):
    """Return False if the learner of an estimator has no `predict_proba`."""
    return not learns_in_stages(owner) or hasattr(owner.estimator, "predict_proba")


def _decides(owner):
    return learns_in_stages(owner) and hasattr(owner.estimator, "decision_function")


class StagedFit:
    """Mix-in of `ActionScoreClassifier` and `ActionScoreRegressor`; it comes before the base of the estimators.

    A learner is a clone of the user's, trained as it would be alone; what it says of all samples after each stage goes
    into the same record as the losses of a net.
    """

    _first_fit = None  # of two, see `JudgedFit`

    def _checked_X(self, X, *, reset):
        if not learns_in_stages(self):
            return super()._checked_X(X, reset=reset)
        if isinstance(X, Dataset) or is_multi_input(X):
            raise TypeError(
                f"X is a {type(X).__name__}, but {type(last_step(self.estimator)).__name__} takes an array or a table; "
                "pass those, or a net"
            )
        if getattr(X, "ndim", 2) == 1 or n_samples_of(X) == 0:
            check_array(X, dtype=None)  # its message says what to do
        validate_data(self, X, reset=reset, skip_check_array=True)  # what X may hold is for the learner to say
        return X

    def _takes_groups(self):
        return learns_in_stages(self) or super()._takes_groups()

    def _can_go_on(self):
        return not learns_in_stages(self) or kind_of(self.estimator) is KINDS["passes"]

    def _trainings(self, data):
        """Yield the trainings of a net; a learner in stages is trained here, and asks for none."""
        kind = kind_of(self.estimator)
        if kind is not None or isinstance(self.estimator, NeuralNet):
            check_task(self, self.estimator)
        if kind is None:
            if self.validation_fraction is not None and self.estimator is not None:
                raise ValueError("validation_fraction is for learners that are no nets; set train_split of the net")
            yield from super()._trainings(data)
            return
        if self.train_sampler is not None:
            name = type(last_step(self.estimator)).__name__
            raise ValueError(f"train_sampler steers the training of a net, but {name} is none; leave it out")
        estimator = self._clone_learner(data.goes_on)
        samples, answer = self._samples(kind, data), self._answer(kind, last_step(estimator))
        recorder = (
            self._recorder if data.goes_on else self._new_stage_recorder(kind, estimator, answer, samples, data.groups)
        )
        recorder.expect_eval(None if data.eval_set is None else n_samples_of(data.eval_set[0]))
        fit_params = {name.split("__")[-1]: value for name, value in data.fit_params.items()}  # as of a Pipeline
        training = StagedTraining(kind, estimator, answer, recorder)
        training.run(samples, data.eval_set, fit_params, method=data.method, goes_on=data.goes_on)
        self.estimator_, self._recorder, self._adapter, self.train_sampler_ = estimator, recorder, None, None

    def _clone_net(self, X, targets, weights):
        net = super()._clone_net(X, targets, weights)
        if self.estimator is None and self.validation_fraction is not None:
            net.set_params(train_split=ValidSplit(self.validation_fraction, random_state=0))
        return net

    def _begin(self, data):
        training = super()._begin(data)
        if data.groups is not None and self.estimator is None and training.net.train_split is not None:
            fraction = self.validation_fraction
            parts = (
                GroupKFold(N_PARTS) if fraction is None else GroupShuffleSplit(1, test_size=fraction, random_state=0)
            )
            training.net.set_params(train_split=ValidSplit(parts))
        return training

    def _clone_learner(self, goes_on):
        """Return a clone of the user's estimator; to go on, the one of before with the parameters of now."""
        cloned = clone(self.estimator)
        if not goes_on:
            return fill_random_states(cloned, self.random_state)
        now = last_step(cloned).get_params(deep=False)
        now.pop("random_state", None)
        last_step(self.estimator_).set_params(**now)
        return self.estimator_

    def _samples(self, kind, data):
        """Return all samples as a learner of this kind takes them.

        Raises
        ------
        ValueError
            If a class has no weight at all.
        """
        classes, labels = getattr(self, "classes_", None), data.targets
        weights = None if data.weights is None else data.weights.numpy()
        if classes is not None and weights is not None:
            gone = classes[np.bincount(data.targets, weights, minlength=len(classes)) == 0]
            if len(gone):
                raise ValueError(f"all samples of the classes {gone[:5].tolist()} weigh 0; leave them out of X")
        if classes is not None:
            labels, classes = (labels, np.arange(len(classes))) if kind.takes_codes else (self._given, classes)
        return StageSamples(data.X, labels, data.targets, weights, classes)

    def _answer(self, kind, learner):
        if not hasattr(self, "classes_"):
            return number_answer(learner)
        return class_answer(learner, len(self.classes_), has_margins=kind.has_margins)

    def _new_stage_recorder(self, kind, estimator, answer, samples, groups):
        learner, n_samples = last_step(estimator), len(samples.targets)
        judges, fraction = getattr(self, "store_probabilities", False), self.validation_fraction
        if fraction is None:
            fraction = kind.early_fraction(learner, n_samples)
        if fraction is None and (judges or REDUCTIONS[self.reduction].needs_held_out):
            fraction = FIFTH
        first = None if self._first_fit is None else self._recorder
        if first is not None and fraction is not None and kind.early_fraction(learner, n_samples) is not None:
            raise ValueError(
                f"refit=True trains {type(learner).__name__} once more, on all rows, but its early stopping needs "
                "held-out ones; set refit=False"
            )
        check_consistent_length(samples.targets, groups)
        unseen = hold_out(fraction if first is None else None, n_samples, samples.codes, groups)
        seen = np.flatnonzero(~unseen)
        back = seen[kept_back(learner, samples.labels[seen])]
        settings = RecordSettings(
            reduction=self.reduction,
            metrics=self.metrics,
            store_trajectories=self.store_trajectories,
            store_probabilities=judges,
            class_entropy=class_entropy(samples.targets) if answer.reader.is_cross_entropy else None,
            has_held_out=bool(unseen.any() or len(back) or first is not None),
        )
        weights = class_weights_of(learner, samples.labels, samples.classes) if self.score_class_weights else None
        return StageRecorder(settings, unseen, back, random_of(learner), weights, first)

    def _history(self):
        if not learns_in_stages(self):
            return super()._history()
        return (self._repeats[0] if self._repeats else self)._recorder.history_

    # -- using --------------------------------------------------------------------------------------------

    def _ask_net(self, method, X):
        check_is_fitted(self, "estimator_")
        if not isinstance(self._recorder, StageRecorder):
            return super()._ask_net(method, X)
        return getattr(self.estimator_, method)(self._checked_X(X, reset=False))

    def _predict_labels(self, X):
        """Return the labels (n_samples,) that a learner predicts; several learners by their mean."""
        if self._repeats:
            scores = self._ask_nets("predict_proba" if tells_probabilities(self) else "decision_function", X)
            return self.classes_[scores.argmax(axis=1) if scores.ndim > 1 else (scores > 0).astype(np.int64)]
        found = np.asarray(self._ask_net("predict", X)).reshape(-1)
        return self.classes_[found.astype(np.int64)] if kind_of(self.estimator).takes_codes else found

    @available_if(_decides)
    def decision_function(self, X: Any) -> npt.NDArray[Any]:
        """Return the scores by which a learner that is no net decides.

        Parameters
        ----------
        X : array-like or DataFrame
            Samples, of the kind that `fit` was passed.

        Returns
        -------
        scores : ndarray (n_samples,) or (n_samples, n_classes)
            The answer of the learner's own `decision_function`.
        """
        return self._ask_net("decision_function", X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if learns_in_stages(self):
            own = get_tags(self.estimator)
            tags.input_tags, tags.non_deterministic = own.input_tags, own.non_deterministic
            tags.target_tags.multi_output = own.target_tags.multi_output and tags.estimator_type == "regressor"
            for name in ("classifier_tags", "regressor_tags"):
                if getattr(own, name) is not None:
                    setattr(tags, name, getattr(own, name))
            if tags.classifier_tags is not None:
                tags.classifier_tags.multi_label = False
        return tags
