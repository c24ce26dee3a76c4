"""Train a learner that learns in stages, and record what it says of all samples after each of them.

Samples come in up to three parts: those that it is trained on, those of X that it does not see, and an `eval_set`. It
learns in one of two ways: `fit` makes all stages, which are asked one by one afterwards; or each `partial_fit` is one.
"""

from contextlib import closing
from inspect import signature
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actscore_sk.estimators.learners import Kind
from actscore_sk.estimators.objectives import Answer
from actscore_sk.estimators.passes import Patience, n_passes, parameters_set, params_of_passes
from actscore_sk.estimators.pipeline_steps import fit_steps, last_step, through_steps
from actscore_sk.estimators.stage_check import check_last_stage
from actscore_sk.estimators.stage_recorder import StageRecorder
from actscore_sk.estimators.stage_samples import Part, StageSamples
from actscore_sk.estimators.stages import Stages


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

    def run(
        self, samples: StageSamples, eval_set: tuple | None, fit_params: dict, *, method: str, goes_on: bool
    ) -> None:
        """Train, and record every stage.

        Parameters
        ----------
        samples : StageSamples
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

    def _parts(self, seen: StageSamples, unseen: StageSamples, eval_set: tuple | None) -> list[Part]:
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

    def _record(self, stages: Stages, parts: list[Part], unseen: StageSamples) -> None:
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

    def _stages(
        self, seen: StageSamples, unseen: StageSamples, parts: list[Part], fit_params: dict[str, Any]
    ) -> Stages:
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

    def _passes(self, seen: StageSamples, parts: list[Part], fit_params: dict[str, Any], n: int) -> Stages:
        """Call `partial_fit` of the learner n times, and yield what it says of each part after each call."""
        keywords = _keywords(self.learner, "partial_fit", seen)
        params = params_of_passes(self.learner, seen.labels, seen.classes, self.recorder.random)
        with parameters_set(self.learner, params):
            for _ in range(n):
                self.learner.partial_fit(seen.X, seen.labels, **keywords, **fit_params)
                yield [np.asarray(getattr(self.learner, self.answer.method)(part.X)) for part in parts]


def _tensor(targets: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(targets))


def _keywords(learner: Any, method: str, samples: StageSamples) -> dict[str, Any]:
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
