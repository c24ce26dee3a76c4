"""Metrics of training dynamics: measurements at a visit, statistics that remember them, and the table of both.

Each metric is defined by one NumPy function: values (n_epochs, n_samples) in, scores (n_samples,) out.
"""

from typing import TYPE_CHECKING

from actscore_sk.utils.lazy import lazy_names

__all__ = [
    "action_score",
    "aum",
    "confidence",
    "correctness",
    "el2n",
    "epoch_weights",
    "forgetting",
    "get_metric",
    "get_metric_names",
    "variability",
]

if TYPE_CHECKING:
    from actscore_sk.metrics.definitions import (
        action_score,
        aum,
        confidence,
        correctness,
        el2n,
        forgetting,
        variability,
    )
    from actscore_sk.metrics.epoch_window import epoch_weights
    from actscore_sk.metrics.registry import get_metric, get_metric_names
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "actscore_sk.metrics.definitions": [
                "action_score",
                "aum",
                "confidence",
                "correctness",
                "el2n",
                "forgetting",
                "variability",
            ],
            "actscore_sk.metrics.epoch_window": ["epoch_weights"],
            "actscore_sk.metrics.registry": ["get_metric", "get_metric_names"],
        },
    )
