"""A fitted scorer: which part of it has the scores, and scores that can be compared."""

from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.exceptions import NotFittedError

from actscore_sk.metrics.reductions import REDUCTIONS


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
