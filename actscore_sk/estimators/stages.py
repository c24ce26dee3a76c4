"""Stages of learners that are fitted in one call: what each says of some samples after every stage, one at a time.

Each function yields a list per stage, with the scores of each part of the samples. Scores of a stage are made from
those of the stage before, so that all of them cost one pass over the trees, and only those of one stage are kept.
"""

import sys
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

Stages = Generator[list[np.ndarray], None, None]
# The first that a learner has; predictions of labels tell no probability.
_CLASSIFIER_METHODS = "staged_decision_function", "staged_predict_proba"


def staged_method(learner: Any, *, is_classifier: bool) -> str | None:
    """Return the name of the method that yields what a learner says after each stage; None if it has none.

    Examples
    --------
    >>> from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor
    >>> staged_method(AdaBoostClassifier(), is_classifier=True)
    'staged_decision_function'
    >>> staged_method(AdaBoostRegressor(), is_classifier=False)
    'staged_predict'
    """
    names = _CLASSIFIER_METHODS if is_classifier else ("staged_predict",)
    return next((name for name in names if hasattr(learner, name)), None)


def sklearn_stages(learner: Any, parts: Sequence[Any], *, is_classifier: bool) -> Stages:
    """Yield what a fitted learner with a ``staged_...`` method says.

    Parameters
    ----------
    learner : estimator
        Fitted.
    parts : sequence of array-like (n_samples, n_features)
        Samples.
    is_classifier : bool
        Class scores are wanted, and not predictions.

    Yields
    ------
    scores : list of ndarray (n_samples, ...)
        One for each part.
    """
    method = getattr(learner, staged_method(learner, is_classifier=is_classifier))  # type: ignore[arg-type]
    for scores in zip(*map(method, parts), strict=True):
        yield [*scores]


def xgboost_stages(learner: Any, parts: Sequence[Any], *, is_classifier: bool) -> Stages:
    """Yield the margins of a fitted estimator of xgboost; see `sklearn_stages`."""
    matrix_of = sys.modules["xgboost"].DMatrix  # it is loaded, since the learner is of it
    booster = learner.get_booster()
    options = {name: getattr(learner, name) for name in ("missing", "feature_types", "enable_categorical")}
    matrices = [matrix_of(X, nthread=learner.n_jobs, **options) for X in parts]
    for stage in range(booster.num_boosted_rounds()):
        margins = [booster.predict(X, output_margin=True, iteration_range=(stage, stage + 1)) for X in matrices]
        yield margins
        for X, margin in zip(matrices, margins, strict=True):
            X.set_base_margin(margin)  # the next trees are added to it, in the order and precision of xgboost itself


def lightgbm_stages(learner: Any, parts: Sequence[Any], *, is_classifier: bool) -> Stages:
    """Yield the raw scores of a fitted estimator of lightgbm; see `sklearn_stages`."""
    booster, scores = learner.booster_, [np.zeros(1)] * len(parts)
    for stage in range(booster.current_iteration()):
        one = {"start_iteration": stage, "num_iteration": 1, "raw_score": True}
        scores = [score + booster.predict(X, **one) for score, X in zip(scores, parts, strict=True)]
        yield scores


def catboost_stages(learner: Any, parts: Sequence[Any], *, is_classifier: bool) -> Stages:
    """Yield the raw scores of a fitted estimator of catboost; see `sklearn_stages`."""
    for scores in zip(*(learner.staged_predict(X, prediction_type="RawFormulaVal") for X in parts), strict=True):
        yield [*scores]
