"""A scorer from what a user passes: an estimator, a net, a learner in stages, or nothing."""

from collections.abc import Callable
from typing import Any

from sklearn.base import clone, is_classifier
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor

from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.estimators.learners import kind_of
from actscore_sk.estimators.regressor import ActionScoreRegressor
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
