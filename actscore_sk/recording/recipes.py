"""Which statistic a metric gets under a reduction, and which measurement it reads."""

from collections.abc import Callable
from functools import partial
from typing import Any

from actscore_sk.exceptions import SampleLossError
from actscore_sk.metrics.measurements import Measurement
from actscore_sk.metrics.reductions import Reduction
from actscore_sk.metrics.registry import Metric
from actscore_sk.metrics.statistics import Statistic
from actscore_sk.metrics.windowed_statistics import WindowedMean, WindowedSum

Recipe = Callable[..., Statistic]


def recipe_of(reduction: Reduction, metric: Metric, class_entropy: float | None) -> Recipe:
    """Return a function that makes the statistic of a metric from (n_samples, device, storage=...).

    Examples
    --------
    >>> from actscore_sk.metrics.reductions import REDUCTIONS
    >>> from actscore_sk.metrics.registry import get_metric
    >>> n_columns_of(recipe_of(REDUCTIONS["auto"], get_metric("aum"), class_entropy=0.7))
    2
    """
    is_score = metric.name == "action_score"
    kind = reduction.score if is_score else reduction.statistic_of(metric.statistic)
    settings = {"class_entropy": class_entropy} if kind in (WindowedSum, WindowedMean) else metric.settings
    return partial(kind, **settings)


def n_columns_of(recipe: Any) -> int:
    """Return the number of columns of the statistic that a recipe makes."""
    return getattr(recipe, "func", recipe).n_columns


def measurement_of(metric: Metric, *, has_classes: bool) -> Measurement:
    """Return the measurement of a metric for visits with or without class scores.

    Raises
    ------
    SampleLossError
        If the metric needs classes and there are none.
    """
    measure = metric.measurement if has_classes or not metric.needs_classes else metric.regression_measurement
    if measure is None:
        raise SampleLossError(
            f"{metric.name} needs the class scores and the label of every visit, but only losses were given; leave the "
            "metric out, or give both"
        )
    return measure
