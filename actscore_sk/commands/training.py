"""The training behind ``actscore score``: a small net, or boosted trees."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from actscore_sk.commands.progress import EpochWatch, one_thread
from actscore_sk.commands.screen import show_progress
from actscore_sk.commands.targets import Target
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.default_net import default_net
from actscore_sk.estimators.refit import MAX_HELD_OUT
from actscore_sk.estimators.regressor import ActionScoreRegressor

LEARNERS = ("net", "boosting")
BOOSTING = {"classification": HistGradientBoostingClassifier, "regression": HistGradientBoostingRegressor}
# Trees of the default size learn wrong labels one by one: benchmarks/results/mislabels_learners.md.
SMALL_TREES = {"max_leaf_nodes": 6, "learning_rate": 0.05, "early_stopping": False}
N_ROUNDS = 100
ESTIMATORS: dict[str, Callable[..., Any]] = {
    "classification": partial(ActionScoreClassifier, store_probabilities=True),
    "regression": ActionScoreRegressor,
}


def fit_scorer(
    X: np.ndarray,
    target: Target,
    *,
    learner: str,
    metrics: tuple[str, ...],
    epochs: int | None,
    seed: int,
    quiet: bool = False,
) -> Any:
    """Train the library's default net, with a bar on the screen, or boosted trees on the rows with a target.

    Parameters
    ----------
    X : ndarray of float32, (n_known, n_features)
        Features.
    target : Target
        Of the same rows, in the same order.
    learner : {"net", "boosting"}
        What is trained.
    metrics : tuple of str
        Recorded in the one training.
    epochs : int or None
        None: as many as the default net takes for so many rows, or 100 trees.
    seed : int
        Decides the net's first weights and the order of the batches.

    quiet : bool
        If True, no progress is shown.

    Returns
    -------
    estimator : ActionScoreClassifier or ActionScoreRegressor
        Fitted; its scores are aligned with the rows of ``X``.
    """
    if learner == "boosting":
        trees = BOOSTING[target.task](max_iter=epochs or N_ROUNDS, **SMALL_TREES)
        return ESTIMATORS[target.task](trees, metrics=metrics, random_state=seed).fit(X, target.values)
    is_judged = target.task == "classification"
    net = default_net(X, target.values, None, kind=target.task, n_classes=target.n_classes, holds_out=is_judged)
    # set on the net and not passed to fit, since `EpochWatch` compares with it
    net.set_params(max_epochs=epochs or net.max_epochs)
    # at most: a fifth is held out, and where that is few rows, each fifth by a net of its own
    n_epochs = net.max_epochs * (5 if is_judged and len(X) < 5 * MAX_HELD_OUT else 1)
    with one_thread(), show_progress("training", n_epochs, quiet=quiet) as advance:
        net.set_params(callbacks=[("epoch_watch", EpochWatch(advance))])
        estimator = ESTIMATORS[target.task](net, metrics=metrics, random_state=seed)
        return estimator.fit(X, target.values)
