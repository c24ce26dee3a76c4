"""Passes of learners that learn by `partial_fit`: a stage is one call on all samples."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, compute_class_weight


@contextmanager
def parameters_set(learner: Any, params: dict[str, Any]) -> Iterator[None]:
    """Set parameters of a learner for a block.

    Examples
    --------
    >>> from sklearn.linear_model import SGDClassifier
    >>> learner = SGDClassifier()
    >>> with parameters_set(learner, {"early_stopping": True}):
    ...     learner.early_stopping
    True
    >>> learner.early_stopping
    False
    """
    if not params:  # a fitted learner of catboost takes none
        yield
        return
    before = {name: value for name, value in learner.get_params(deep=False).items() if name in params}
    learner.set_params(**params)
    try:
        yield
    finally:
        learner.set_params(**before)


def params_of_passes(learner: Any, y: np.ndarray, classes: np.ndarray | None, random: Any) -> dict[str, Any]:
    """Return the parameters that a learner needs while its `partial_fit` is called again and again.

    With a number as `random_state` each call would shuffle alike; its early stopping is made by `Patience`; balanced
    weights of classes are computed here, since one call need not see all classes.

    Parameters
    ----------
    learner : estimator
        Left as it is.
    y : ndarray (n_samples,)
        Labels, or numbers.
    classes : ndarray or None
        All labels.
    random : RandomState or None
        Of all passes; None keeps the learner's own.

    Returns
    -------
    params : dict
        Those that differ from its own.
    """
    mine, params = learner.get_params(deep=False), {}
    if random is not None and "random_state" in mine:
        params["random_state"] = random
    if mine.get("early_stopping"):
        params["early_stopping"] = False
    if isinstance(mine.get("class_weight"), str) and classes is not None:
        weights = compute_class_weight(mine["class_weight"], classes=classes, y=y)
        params["class_weight"] = dict(zip(classes.tolist(), weights, strict=True))
    return params


def random_of(learner: Any) -> np.random.RandomState | None:
    """Return the generator of all passes of a learner; None if it draws from NumPy's global one."""
    seed = getattr(learner, "random_state", None)
    return None if seed is None else check_random_state(seed)


def n_passes(learner: Any) -> int:
    """Return how many passes a learner makes at most: its `max_iter`, or one.

    Examples
    --------
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> n_passes(SGDClassifier(max_iter=7)), n_passes(GaussianNB())
    (7, 1)
    """
    return int(getattr(learner, "max_iter", None) or 1)


class Patience:
    """The rule by which scikit-learn's stochastic learners stop, applied to passes.

    A pass is of no use if the mean loss is not smaller by `tol` than the smallest one so far; with
    ``early_stopping=True`` if the score of held-out samples is not higher by `tol` than the highest. After
    `n_iter_no_change` such passes in a row training ends.

    Parameters
    ----------
    learner : estimator
        With `tol` (None: it never stops) and `n_iter_no_change`; others never stop.

    Examples
    --------
    >>> from sklearn.linear_model import SGDClassifier
    >>> patience = Patience(SGDClassifier(tol=0.1, n_iter_no_change=2))
    >>> [patience.is_over(loss) for loss in (1.0, 0.5, 0.45, 0.44)]
    [False, False, False, True]
    """

    def __init__(self, learner: Any) -> None:
        tol, self.limit = getattr(learner, "tol", None), getattr(learner, "n_iter_no_change", None)
        self.tol = -math.inf if tol is None or self.limit is None else float(tol)
        self.best, self.n_idle = math.inf, 0

    def is_over(self, value: float) -> bool:
        """Take in a pass by its loss, or by a score with its sign changed; return True if it was the last one."""
        self.n_idle = self.n_idle + 1 if value > self.best - self.tol else 0
        self.best = min(self.best, value)
        return self.tol > -math.inf and self.n_idle >= self.limit  # type: ignore[operator]
