"""The table of metrics: a measurement at a visit, the statistic that remembers it, the definition of the result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy.typing as npt

from actscore_sk.metrics import definitions, measurements
from actscore_sk.metrics.deviation import Std
from actscore_sk.metrics.forgetting_events import Forgetting
from actscore_sk.metrics.measurements import Measurement
from actscore_sk.metrics.statistics import EarlyMean, Mean, Statistic, Sum


@dataclass(frozen=True)
class Metric:
    """One row of the table.

    Parameters
    ----------
    name : str
        Name in ``metrics=(...)``.
    measurement : callable
        Value of a visit of a net with classes.
    statistic : type of Statistic
        State of the metric; made from ``(n_samples, device, **settings)``.
    definition : callable
        The same metric from whole trajectories, in NumPy.
    higher_is_harder : bool
        Direction of the score.
    needs_classes : bool
        True if `measurement` reads logits and labels besides the loss.
    regression_measurement : callable, optional
        Value of a visit of a net without classes; None if the metric has no such sense.
    settings : dict
        Passed to `statistic`.

    Examples
    --------
    >>> metric = get_metric("aum")
    >>> metric([[4.0, -1.0], [2.0, -3.0]])
    array([ 3., -2.])
    >>> metric.higher_is_harder
    False
    """

    name: str
    measurement: Measurement
    statistic: type[Statistic]
    definition: Callable[[npt.ArrayLike], definitions.Scores]
    higher_is_harder: bool
    needs_classes: bool = True
    regression_measurement: Measurement | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def __call__(self, values: npt.ArrayLike) -> definitions.Scores:
        """Apply the definition to values (n_epochs, n_samples), NaN = not visited; returns (n_samples,)."""
        return self.definition(values)


_ROWS = (
    Metric(
        "action_score",
        measurements.loss,
        Sum,
        definitions.action_score,
        higher_is_harder=True,
        needs_classes=False,
        regression_measurement=measurements.loss,
    ),
    Metric("aum", measurements.margin, Mean, definitions.aum, higher_is_harder=False),
    Metric("forgetting", measurements.correct, Forgetting, definitions.forgetting, higher_is_harder=True),
    Metric(
        "el2n",
        measurements.error,
        EarlyMean,
        definitions.el2n,
        higher_is_harder=True,
        settings={"n_epochs": definitions.EL2N_EPOCHS},
    ),
    Metric("confidence", measurements.probability, Mean, definitions.confidence, higher_is_harder=False),
    Metric(
        "variability",
        measurements.probability,
        Std,
        definitions.variability,
        higher_is_harder=True,
        regression_measurement=measurements.loss,
    ),
    Metric("correctness", measurements.correct, Mean, definitions.correctness, higher_is_harder=False),
)

METRICS: dict[str, Metric] = {row.name: row for row in _ROWS}


def get_metric(name: str) -> Metric:
    """Look a metric up by name.

    Parameters
    ----------
    name : str
        One of `get_metric_names`.

    Returns
    -------
    metric : Metric
        The row of the table.

    Raises
    ------
    ValueError
        If there is no such metric; the message lists the valid names and the closest one.

    Examples
    --------
    >>> get_metric("correctness")([[1, 0], [1, 1]])
    array([1. , 0.5])
    """
    if name in METRICS:
        return METRICS[name]
    close = get_close_matches(str(name).lower(), METRICS, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ValueError(f"unknown metric {name!r}; {hint}valid names: {', '.join(get_metric_names())}")


def get_metric_names() -> tuple[str, ...]:
    """Return the names of all metrics, sorted.

    >>> get_metric_names()[:3]
    ('action_score', 'aum', 'confidence')
    """
    return tuple(sorted(METRICS))


def check_metrics(metrics: Sequence[str]) -> None:
    """Check names of metrics that a user passes.

    Parameters
    ----------
    metrics : sequence of str
        Each one of `get_metric_names`.

    Raises
    ------
    ValueError
        If it is one string, or has an unknown name.

    Examples
    --------
    >>> check_metrics(("aum", "el2n"))
    """
    if isinstance(metrics, str):
        raise ValueError(f"metrics={metrics!r}; expected a sequence of names, such as ({metrics!r},)")
    for name in metrics:
        get_metric(name)
