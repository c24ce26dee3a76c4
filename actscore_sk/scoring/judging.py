"""Scorers that judge labels: how one is made, and what one has decided."""

import warnings
from functools import partial
from typing import Any

from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.scoring.scorer import final_scorer, make_scorer

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
    if not names:
        raise TypeError(
            f"{type(scorer).__name__} cannot judge labels: it has no parameter {_SWITCH}; pass an "
            "ActionScoreClassifier, a net of skorch's NeuralNetClassifier, or None"
        )
    return scorer.set_params(**dict.fromkeys(names, True))


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
