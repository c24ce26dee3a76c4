"""Train a learner that learns in stages, and record what it says of all samples after each of them.

Samples come in up to three parts: those that it is trained on, those of X that it does not see, and an `eval_set`. It
learns in one of two ways: `fit` makes all stages, which are asked one by one afterwards; or each `partial_fit` is one.
"""

from contextlib import closing
from inspect import signature
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import is_classifier
from torch import Tensor

from actscore_sk.data.containers import take_rows
from actscore_sk.estimators.learners import Kind
from actscore_sk.estimators.objectives import Answer
from actscore_sk.estimators.passes import Patience, n_passes, parameters_set, params_of_passes
from actscore_sk.estimators.pipeline_steps import fit_steps, last_step, through_steps
from actscore_sk.estimators.stage_recorder import Part, StageRecorder
from actscore_sk.estimators.stages import Stages

_N_COMPARED = 32  # samples whose probabilities are looked at after training


class Samples(NamedTuple):
    """Samples to train on and to score, in the order of X.

    Parameters
    ----------
    X : array-like (n_samples, n_features)
        As the user passed it.
    labels : ndarray (n_samples, ...)
        What the learner is to predict.
    targets : ndarray (n_samples, ...)
        Codes of classes, or numbers.
    weights : ndarray (n_samples,) or None
        Weights of the samples.
    classes : ndarray or None
        All labels of a classifier, sorted.
    """

    X: Any
    labels: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    classes: np.ndarray | None

    @property
    def codes(self) -> np.ndarray | None:
        """Codes of the classes, if there are any."""
        return None if self.classes is None else self.targets

    def take(self, rows: np.ndarray) -> "Samples":
        """Return some of them."""
        weights = None if self.weights is None else self.weights[rows]
        everything = len(rows) == len(self.targets)  # in order
        X = self.X if everything else take_rows(self.X, rows)
        return Samples(X, self.labels[rows], self.targets[rows], weights, self.classes)


class StagedTraining:
    """A learner, how it learns, and where its losses go.

    Parameters
    ----------
    kind : Kind
        How it learns.
    estimator : estimator
        The learner, or a Pipeline that ends in it; trained in place.
    answer : Answer
        How its scores become losses.
    recorder : StageRecorder
        Gets them.
    """

    def __init__(self, kind: Kind, estimator: Any, answer: Answer, recorder: StageRecorder) -> None:
        self.kind, self.estimator, self.answer, self.recorder = kind, estimator, answer, recorder
        self.learner = last_step(estimator)

    def run(self, samples: Samples, eval_set: tuple | None, fit_params: dict, *, method: str, goes_on: bool) -> None:
        """Train, and record every stage.

        Parameters
        ----------
        samples : Samples
            All of X.
        eval_set : tuple (X, targets) or None
            Other samples, scored only.
        fit_params : dict
            For `fit` or `partial_fit` of the learner.
        method : {"fit", "partial_fit"}
            `partial_fit` makes one pass.
        goes_on : bool
            The steps of the Pipeline are fitted already, and so are the stages that are recorded.
        """
        seen, unseen = (samples.take(np.flatnonzero(each)) for each in (~self.recorder.unseen, self.recorder.unseen))
        X = through_steps(self.estimator, seen.X) if goes_on else fit_steps(self.estimator, seen.X, seen.labels)
        seen = seen._replace(X=X)
        if len(unseen.targets):
            unseen = unseen._replace(X=through_steps(self.estimator, unseen.X))
        parts = self._parts(seen, unseen, eval_set)
        if self.kind.stages is None:
            most = 1 if method == "partial_fit" else self.recorder.n_planned or n_passes(self.learner)
            stages = self._passes(seen, parts, fit_params, most)
        else:
            stages = self._stages(seen, unseen, parts, fit_params)
        with closing(stages):
            self._record(stages, parts, unseen)

    def _parts(self, seen: Samples, unseen: Samples, eval_set: tuple | None) -> list[Part]:
        """Return the samples that are scored, as the learner takes them; the first part is trained on."""
        rows = [torch.from_numpy(np.flatnonzero(each)) for each in (~self.recorder.unseen, self.recorder.unseen)]
        weights = None if seen.weights is None else torch.from_numpy(seen.weights)
        parts = [Part(seen.X, rows[0], _tensor(seen.targets), weights)]
        if len(rows[1]):
            parts.append(Part(unseen.X, rows[1], _tensor(unseen.targets)))
        if eval_set is not None:
            X, targets = through_steps(self.estimator, eval_set[0]), _tensor(eval_set[1])
            parts.append(Part(X, torch.arange(len(targets)), targets, is_eval=True))
        return parts

    def _record(self, stages: Stages, parts: list[Part], unseen: Samples) -> None:
        scores: list[np.ndarray] = []
        patience, is_judged = Patience(self.learner), getattr(self.learner, "early_stopping", False)
        for scores in stages:
            self.recorder.add(parts, scores, self.answer.reader)
            if self.kind.stages is None:
                loss = self.recorder.history_[-1, "train_loss"]
                if patience.is_over(-self.learner.score(unseen.X, unseen.labels) if is_judged else loss):
                    break
        if scores and not self._stops_early(len(self.recorder.held_out)):
            check_last_stage(self.learner, self.answer, parts[0].X, scores[0])

    def _stops_early(self, n_samples: int) -> bool:
        return self.kind.early_fraction(self.learner, n_samples) is not None

    def _stages(self, seen: Samples, unseen: Samples, parts: list[Part], fit_params: dict[str, Any]) -> Stages:
        """Fit the learner, and yield what it says of each part after each stage that is not recorded yet."""
        keywords, forced = _keywords(self.learner, "fit", seen), {}
        if len(unseen.targets) and self._stops_early(len(self.recorder.held_out)):
            keywords |= self.kind.held_out_args(self.learner, unseen)
            forced = self.kind.early_params
        with parameters_set(self.learner, forced):
            self.learner.fit(seen.X, seen.labels, **keywords, **fit_params)
        if seen.classes is not None and len(self.learner.classes_) != len(seen.classes):
            raise ValueError(
                f"{type(self.learner).__name__} was trained on {len(self.learner.classes_)} of {len(seen.classes)} "
                "classes; give it samples of each, with weights above 0"
            )
        stages = self.kind.stages(self.learner, [part.X for part in parts], is_classifier=seen.classes is not None)  # type: ignore[misc]
        yield from islice(stages, self.recorder.n_epochs_, None)

    def _passes(self, seen: Samples, parts: list[Part], fit_params: dict[str, Any], n: int) -> Stages:
        """Call `partial_fit` of the learner n times, and yield what it says of each part after each call."""
        keywords = _keywords(self.learner, "partial_fit", seen)
        params = params_of_passes(self.learner, seen.labels, seen.classes, self.recorder.random)
        with parameters_set(self.learner, params):
            for _ in range(n):
                self.learner.partial_fit(seen.X, seen.labels, **keywords, **fit_params)
                yield [np.asarray(getattr(self.learner, self.answer.method)(part.X)) for part in parts]


def _tensor(targets: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(targets))


def _keywords(learner: Any, method: str, samples: Samples) -> dict[str, Any]:
    """Return weights and classes as keywords of a method of the learner.

    Raises
    ------
    ValueError
        If there are weights, and it takes none.
    """
    taken = signature(getattr(learner, method)).parameters
    keywords: dict[str, Any] = {}
    if samples.weights is not None:
        if "sample_weight" not in taken:
            raise ValueError(f"{method} of {type(learner).__name__} takes no sample_weight; leave it out")
        keywords["sample_weight"] = samples.weights
    if method == "partial_fit" and "classes" in taken and samples.classes is not None:
        keywords["classes"] = samples.classes
    return keywords


def check_last_stage(learner: Any, answer: Answer, X: Any, raw: np.ndarray) -> None:
    """Compare the scores of the last stage with the learner's own predictions: they must be of one model.

    Parameters
    ----------
    learner : estimator
        Fitted.
    answer : Answer
        How its scores were read.
    X : array-like (n_samples, n_features)
        Samples; a few of them are looked at.
    raw : ndarray (n_samples, ...)
        Their scores.

    Raises
    ------
    ValueError
        If they differ: this version of the library, or this objective, does not work as the scores were read.
    """
    few = np.arange(min(_N_COMPARED, len(raw)))
    outputs = answer.reader.outputs(torch.from_numpy(np.asarray(raw[few], dtype=np.float64))).numpy()
    if not is_classifier(learner):
        found, expected = outputs, np.asarray(learner.predict(take_rows(X, few)))
    elif answer.reader.is_cross_entropy:
        with np.errstate(invalid="ignore"):  # 0 / 0, by learners that divide shares by their sum
            found, expected = softmax(outputs, axis=1), np.asarray(learner.predict_proba(take_rows(X, few)))
            expected = expected / expected.sum(axis=1, keepdims=True)
        told = np.ptp(expected, axis=1) > 0  # shares against the rest that are all too small for a number become equal
        found, expected = found[told], expected[told]
    else:
        return
    if len(expected) and not np.allclose(
        found.reshape(expected.shape), expected, rtol=1e-3, atol=1e-5 * (1 + np.abs(expected).max())
    ):
        raise ValueError(
            f"the scores of {type(learner).__name__} after its last stage do not give its predictions, so that losses "
            "made of them would be wrong; train it with its default objective"
        )
