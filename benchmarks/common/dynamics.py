"""Every metric of one fit, as difficulty: higher = harder."""

from typing import Any

import numpy as np
from skorch import NeuralNetClassifier

from actscore_sk import ActionScoreClassifier
from actscore_sk.metrics import get_metric, get_metric_names

LAST_LOSS = "last epoch's loss"


def fit_all(net: NeuralNetClassifier, X: np.ndarray, y: np.ndarray, seed: int, **options: Any) -> ActionScoreClassifier:
    """Train once, with all metrics and all trajectories."""
    scorer = ActionScoreClassifier(
        net, metrics=get_metric_names(), store_trajectories=True, random_state=seed, **options
    )
    return scorer.fit(X, y)


def difficulties(scorer: ActionScoreClassifier) -> dict[str, np.ndarray]:
    """Return each metric (n_samples,), turned so that higher = harder, and the last epoch's loss."""
    found = {
        name: scores if get_metric(name).higher_is_harder else -scores
        for name, scores in scorer.sample_metrics_.items()
    }
    return found | {LAST_LOSS: scorer.trajectories_[-1]}
