"""Scorers: how one is made, which part of a fitted one has the scores, and scores that can be compared."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor

from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.estimators.learners import kind_of
from actscore_sk.estimators.regressor import ActionScoreRegressor
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.scoring.fit_params import check_keeps_samples
from actscore_sk.tracker import ActionScoreTracker
from actscore_sk.utils.random_states import fill_random_states


def make_scorer(estimator: Any, random_state: Any, default: Callable[[], Any] = ActionScoreClassifier) -> Any:
    """Clone a scorer, or make one from a net or from nothing.

    Parameters
    ----------
    estimator : estimator, NeuralNet, ActionScoreTracker or None
        A scorer has `action_scores_` after `fit`, or is a Pipeline that ends in one, or a search over one. A net, or a
        learner that learns in stages, is wrapped by the estimator of its kind. A tracker has its scores, see
        `scores_instead`: as None.
    random_state : int, RandomState instance or None
        Passed to every `random_state` in it that is None.
    default : callable
        Makes the scorer for None; a class, say.

    Returns
    -------
    scorer : estimator
        Not fitted.

    Raises
    ------
    TypeError
        If `estimator` is no estimator.
    ValueError
        If `estimator` is a Pipeline that changes the samples.

    Examples
    --------
    >>> make_scorer(None, random_state=0)
    ActionScoreClassifier(random_state=0)
    """
    if estimator is None or isinstance(estimator, ActionScoreTracker):
        scorer = default()
    elif isinstance(estimator, NeuralNet):
        kinds = (NeuralNetClassifier, ActionScoreClassifier), (NeuralNetRegressor, ActionScoreRegressor)
        wrapper = next((wrapper for kind, wrapper in kinds if isinstance(estimator, kind)), ActionScoreEstimator)
        scorer = wrapper(clone(estimator))
    elif kind_of(estimator) is not None:
        scorer = (ActionScoreClassifier if is_classifier(estimator) else ActionScoreRegressor)(clone(estimator))
    elif isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise TypeError(
            f"a scorer must be an estimator with action_scores_, a skorch net or None, got {estimator!r}; pass an "
            "instance, such as ActionScoreClassifier(net)"
        )
    else:
        check_keeps_samples(estimator)
        scorer = clone(estimator)
    return fill_random_states(scorer, random_state)


def path_to(estimator: Any, name: str) -> list[Any]:
    """Follow a fitted estimator inwards to the one that has an attribute.

    A search leads to its best estimator, a Pipeline to its last step, `ResampledClassifier` to its sampler.

    Parameters
    ----------
    estimator : object
        Fitted estimator, recorder, sampler, Pipeline or search.
    name : str
        Attribute that is wanted.

    Returns
    -------
    path : list of object
        `estimator` first. The last one has the attribute, or nothing inside it.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> pipeline = make_pipeline(make_pipeline(LinearRegression())).fit([[0.0], [1.0]], [0.0, 2.0])
    >>> [type(step).__name__ for step in path_to(pipeline, "coef_")]
    ['Pipeline', 'Pipeline', 'LinearRegression']
    """
    path = [estimator]
    while not hasattr(path[-1], name):
        inner = _inner(path[-1])
        if inner is None:
            break
        path.append(inner)
    return path


def _inner(outer: Any) -> Any:
    if hasattr(outer, "best_estimator_"):
        return outer.best_estimator_
    if hasattr(outer, "steps"):
        return outer.steps[-1][1]
    return getattr(outer, "sampler_", None)


def fitted_with(estimator: Any, name: str, hint: str) -> Any:
    """Return the estimator inside a fitted one that has an attribute.

    Parameters
    ----------
    estimator, name
        As in `path_to`.
    hint : str
        Advice that ends the error message.

    Returns
    -------
    found : object
        The last one of the path.

    Raises
    ------
    NotFittedError
        If nothing has it.
    """
    found = path_to(estimator, name)[-1]
    if not hasattr(found, name):
        owner = f"the class {estimator.__name__}" if isinstance(estimator, type) else type(estimator).__name__
        raise NotFittedError(f"{owner} has no {name}; {hint}")
    return found


def final_scorer(scorer: Any) -> Any:
    """Return the part of a fitted scorer that has `action_scores_`.

    Parameters
    ----------
    scorer : estimator
        Fitted; a Pipeline or a search too.

    Raises
    ------
    TypeError
        If nothing inside it has scores.
    """
    found = path_to(scorer, "action_scores_")[-1]
    if not hasattr(found, "action_scores_"):
        raise TypeError(
            f"{type(found).__name__} has no action_scores_ after fit; score with ActionScoreClassifier, "
            "ActionScoreRegressor or ActionScoreEstimator, or pass action_scores"
        )
    return found


def comparable_scores(scorer: Any) -> np.ndarray:
    """Return the scores of a fitted scorer on one scale.

    The loss of samples that the net holds out of training stays higher than if it had trained on them. If some but not
    all samples are held out, each of these gets the score of the same rank among the trained samples. Where a sum
    compares how often samples were visited, it is divided by that.

    Parameters
    ----------
    scorer : estimator
        Fitted; a Pipeline or a search too.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        Higher = harder.

    Raises
    ------
    ValueError
        If a sample was never visited.
    """
    inner = final_scorer(scorer)
    scores = np.array(inner.action_scores_, dtype=np.float64)
    unscored = np.flatnonzero(np.isnan(scores))
    if len(unscored):
        raise ValueError(
            f"{len(unscored)} of {len(scores)} samples were never visited in training and have no score, the first at "
            f"{unscored[:5].tolist()}; let the scorer's net see all of X (no drop_last, no sampler that leaves samples "
            "out), or pass action_scores"
        )
    held_out = getattr(inner, "validation_mask_", np.zeros(len(scores), dtype=bool))
    reduction, visits = REDUCTIONS.get(getattr(inner, "reduction", "")), getattr(inner, "n_visits_", None)
    if reduction is not None and reduction.compares_exposure and visits is not None and len(set(visits[~held_out])) > 1:
        scores = scores / visits  # a sum would choose those that were seen more often
    if held_out.any() and not held_out.all():
        share = (rankdata(scores[held_out]) - 0.5) / held_out.sum()
        scores[held_out] = np.quantile(scores[~held_out], share)
    return scores
