"""Sample difficulty from one training run, for scikit-learn and skorch."""

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.dynamics.definitions import (
    action_score,
    aum,
    confidence,
    correctness,
    el2n,
    forgetting,
    variability,
)
from actscore_sk.dynamics.registry import get_metric, get_metric_names
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.estimators.regressor import ActionScoreRegressor
from actscore_sk.exceptions import (
    ActionScoreError,
    IndexTrackingError,
    NonFiniteLossError,
    SampleLossError,
)

__version__ = "0.1.0"

__all__ = [
    "ActionScoreClassifier",
    "ActionScoreError",
    "ActionScoreEstimator",
    "ActionScoreRecorder",
    "ActionScoreRegressor",
    "IndexTrackingError",
    "NonFiniteLossError",
    "SampleLossError",
    "action_score",
    "aum",
    "confidence",
    "correctness",
    "el2n",
    "forgetting",
    "get_metric",
    "get_metric_names",
    "variability",
]
