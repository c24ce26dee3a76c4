"""Scores that a user passes: an array of them, or something fitted that has some."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from actscore_sk.data.containers import n_samples_of
from actscore_sk.estimators.inputs import is_text
from actscore_sk.recording.score_attributes import warn_of_exposure
from actscore_sk.scoring.fitted_scorer import comparable_scores, fitted_with
from actscore_sk.tracker import ActionScoreTracker
from actscore_sk.utils.indexes import are_shuffled_positions, check_order, index_of

SCORES = ("action_scores_", "fit it first, or pass an array of scores")


def is_array(values: Any) -> bool:
    """Return True if values are numbers, and not something that has some.

    Examples
    --------
    >>> is_array([1.0, 2.0]), is_array(ActionScoreTracker(2))
    (True, False)
    """
    return values is None or hasattr(values, "__array__") or isinstance(values, (Sequence, int, float))


def scores_in(values: Any) -> Any:
    """Return the action scores of something fitted; numbers are returned as they are.

    Parameters
    ----------
    values : array-like, estimator or ActionScoreTracker
        Scores, or what has them.

    Raises
    ------
    NotFittedError
        If it is no array, and has no scores.

    Examples
    --------
    >>> scores_in([1.0, 2.0])
    [1.0, 2.0]
    """
    return values if is_array(values) else fitted_with(values, *SCORES).action_scores_


def as_numbers(values: Any, name: str) -> np.ndarray:
    """Return scores as float64; text is refused.

    Examples
    --------
    >>> as_numbers(["a", "b"], "scores")
    Traceback (most recent call last):
    ...
    ValueError: scores holds text such as 'a'; expected numbers: are scores and labels swapped?
    """
    if is_text(values):
        first = str(np.asarray(values, dtype=object).reshape(-1)[0])
        raise ValueError(f"{name} holds text such as {first!r}; expected numbers: are scores and labels swapped?")
    return np.asarray(values, dtype=np.float64)


def scores_instead(estimator: Any, action_scores: Any) -> Any:
    """Return the scores that make it unnecessary to fit a scorer.

    Parameters
    ----------
    estimator : estimator, NeuralNet, ActionScoreTracker or None
        As in `make_scorer`.
    action_scores : array-like or None
        Scores that the user passed.

    Returns
    -------
    action_scores : array-like or None
        Those passed, else those of a tracker, see `comparable_scores`; None if a scorer has to be fitted.

    Raises
    ------
    NotFittedError
        If a tracker has recorded nothing.
    """
    if action_scores is None and isinstance(estimator, ActionScoreTracker):
        hint = "call its update and its end_epoch in the training loop first"
        tracker = fitted_with(estimator, "action_scores_", hint)
        warn_of_exposure(tracker.reduction, tracker.n_visits_[~tracker.validation_mask_])
        return comparable_scores(tracker)
    return action_scores


def check_given_scores(action_scores: Any, X: Any) -> np.ndarray:
    """Validate scores that the user passes.

    Parameters
    ----------
    action_scores : array-like of shape (n_samples,), or fitted estimator
        Higher = harder; those of an estimator or a tracker are made comparable, see `comparable_scores`.
    X : any kind
        Samples that they belong to.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        A copy.

    Raises
    ------
    NotFittedError
        If an estimator has no scores yet.
    ValueError
        If the scores are not one finite number per sample, or have the index of X in another order.
    """
    n_samples = n_samples_of(X)
    check_order({"X": X, "action_scores": action_scores})
    if index_of(X) is None and are_shuffled_positions(index_of(action_scores)):
        raise ValueError(
            "action_scores has positions of samples as its index, in another order, as if it was sorted; pass "
            "action_scores.sort_index(), or action_scores.to_numpy() if it is in the order of X"
        )
    given = action_scores if is_array(action_scores) else comparable_scores(fitted_with(action_scores, *SCORES))
    scores = np.array(as_numbers(given, "action_scores"))
    if scores.shape != (n_samples,):
        raise ValueError(
            f"action_scores has shape {scores.shape}, but X has {n_samples} samples; pass one score per sample, in "
            "the order of X"
        )
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        raise ValueError(
            f"action_scores holds {len(wrong)} values that are NaN or infinite, the first at {wrong[:5].tolist()}; "
            "leave these samples out, or set a score for them"
        )
    return scores
