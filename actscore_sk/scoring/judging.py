"""Scorers that judge labels: how one is made, and what one has decided."""

import warnings
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.label_issues.refused import OF_NUMBERS
from actscore_sk.scoring.fitted_scorer import final_scorer
from actscore_sk.scoring.new_scorer import make_scorer
from actscore_sk.tracker import ActionScoreTracker

_SWITCH = "store_probabilities"


def make_judge(estimator: Any, random_state: Any) -> Any:
    """Clone a scorer, or make one as `make_scorer` does, and let it judge labels.

    Parameters
    ----------
    estimator : estimator, NeuralNet or None
        As in `make_scorer`. Every parameter `store_probabilities` in it is set to True.
    random_state : int, RandomState instance or None
        As in `make_scorer`.

    Returns
    -------
    scorer : estimator
        Not fitted.

    Raises
    ------
    TypeError
        If nothing in it can judge labels.

    Examples
    --------
    >>> make_judge(None, random_state=0)
    ActionScoreClassifier(random_state=0, store_probabilities=True)
    """
    scorer = make_scorer(estimator, random_state, partial(ActionScoreClassifier, store_probabilities=True))
    names = [name for name in scorer.get_params(deep=True) if name.split("__")[-1] == _SWITCH]
    if isinstance(estimator, ActionScoreTracker) and not estimator.store_probabilities:
        raise TypeError("ActionScoreTracker cannot judge labels: it was made without store_probabilities=True")
    if not names and is_regressor(scorer):
        raise TypeError(f"{type(scorer).__name__} cannot judge labels; there are {OF_NUMBERS}")
    if not names:
        raise TypeError(
            f"{type(scorer).__name__} cannot judge labels: it has no parameter {_SWITCH}; pass an "
            "ActionScoreClassifier, a net of skorch's NeuralNetClassifier, or None"
        )
    return scorer.set_params(**dict.fromkeys(names, True))


def judge_among(estimator: Any, scorer: Any) -> Any:
    """Return who has judged the labels: the fitted scorer, or a tracker that was passed in its place."""
    return estimator if isinstance(estimator, ActionScoreTracker) else scorer


def judges_labels(scorer: Any) -> bool:
    """Return True if a fitted scorer, or the part of it that has the scores, has judged labels."""
    return scorer is not None and bool(getattr(final_scorer(scorer), _SWITCH, False))


def decision_of(scorer: Any, name: str) -> Any:
    """Return what a fitted scorer has decided about labels.

    Parameters
    ----------
    scorer : estimator
        Fitted, and one that judges labels.
    name : str
        Fitted attribute, such as "is_label_issue_".

    Returns
    -------
    decision : ndarray or None
        None if nothing can be decided.

    Warns
    -----
    UserWarning
        If nothing can be decided, with the reason: nothing was held out, or the net learnt nothing.
    """
    try:
        return getattr(final_scorer(scorer), name)
    except AttributeError as refusal:
        warnings.warn(f"all labels are taken as right: {refusal}", UserWarning)
        return None


def suggested_codes(judge: Any, labels: np.ndarray) -> np.ndarray | None:
    """Return the class that each sample should have, as a position in the sorted labels.

    Parameters
    ----------
    judge : estimator or ActionScoreTracker
        Has judged these labels; a tracker knows them as class numbers.
    labels : ndarray (n_samples,)
        Given labels.

    Returns
    -------
    codes : ndarray of int64 (n_samples,) or None
        -1 = a class that no label has; None if nothing can be decided, with a warning.

    Raises
    ------
    ValueError
        If a tracker has recorded other labels.
    """
    classes, given = np.unique(labels, return_inverse=True)
    suggested = decision_of(judge, "suggested_labels_")
    if suggested is not None and isinstance(judge, ActionScoreTracker):
        recorded = judge.label_evidence().labels
        is_known = recorded >= 0
        if not np.array_equal(labels[is_known], recorded[is_known]):
            wrong = np.flatnonzero(is_known & (given != recorded))
            if len(wrong):
                raise ValueError(
                    f"the tracker has recorded other labels than y, first for the samples at positions "
                    f"{wrong[:5].tolist()}; pass y in the order of positions, with its classes in the order of logits"
                )
            classes = np.arange(len(classes))
    if suggested is None:
        return None
    codes = np.searchsorted(classes, suggested).clip(max=len(classes) - 1)
    return np.where(classes[codes] == suggested, codes, -1)
