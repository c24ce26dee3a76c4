"""The table of metrics: a kernel measures a visit, a fold remembers it, a definition says what comes out."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial

import numpy.typing as npt
import torch

from actscore_sk.metrics import definitions, measurements
from actscore_sk.metrics.measurements import Kernel
from actscore_sk.metrics.statistics import Fold, Mean, MeanOfFirst, Std, Sum, Transitions


@dataclass(frozen=True)
class Metric:
    """One row of the table.

    Parameters
    ----------
    name : str
        Name in ``metrics=(...)``.
    kernel : callable
        What is measured at a visit of a net with classes.
    fold : callable
        Makes the state from ``(n_samples, device)``.
    definition : callable
        The same metric from whole trajectories, in NumPy.
    higher_is_harder : bool
        Direction of the score.
    needs_classes : bool
        Whether `kernel` reads logits and labels besides the loss.
    regression_kernel : callable, optional
        What is measured at a visit of a net without classes; None if the metric has no such sense.

    Examples
    --------
    >>> metric = get_metric("aum")
    >>> metric([[4.0, -1.0], [2.0, -3.0]])
    array([ 3., -2.])
    >>> metric.higher_is_harder
    False
    """

    name: str
    kernel: Kernel
    fold: Callable[[int, torch.device], Fold]
    definition: Callable[[npt.ArrayLike], definitions.Scores]
    higher_is_harder: bool
    needs_classes: bool = True
    regression_kernel: Kernel | None = None

    def __call__(self, values: npt.ArrayLike) -> definitions.Scores:
        """Apply the definition to values (n_epochs, n_samples), NaN = not visited; gives (n_samples,)."""
        return self.definition(values)


_ROWS = (
    Metric(
        "action_score",
        measurements.loss,
        Sum,
        definitions.action_score,
        higher_is_harder=True,
        needs_classes=False,
        regression_kernel=measurements.loss,
    ),
    Metric("aum", measurements.margin, Mean, definitions.aum, higher_is_harder=False),
    Metric("forgetting", measurements.correct, Transitions, definitions.forgetting, higher_is_harder=True),
    Metric(
        "el2n",
        measurements.error,
        partial(MeanOfFirst, k=definitions.EL2N_EPOCHS),
        definitions.el2n,
        higher_is_harder=True,
    ),
    Metric("confidence", measurements.probability, Mean, definitions.confidence, higher_is_harder=False),
    Metric(
        "variability",
        measurements.probability,
        Std,
        definitions.variability,
        higher_is_harder=True,
        regression_kernel=measurements.loss,
    ),
    Metric("correctness", measurements.correct, Mean, definitions.correctness, higher_is_harder=False),
)

METRICS = {row.name: row for row in _ROWS}


def get_metric(name: str) -> Metric:
    """Look a metric up by name.

    Raises
    ------
    ValueError
        If there is no such metric, with the names there are.

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
    """Give the names of all metrics, sorted.

    >>> get_metric_names()[:3]
    ('action_score', 'aum', 'confidence')
    """
    return tuple(sorted(METRICS))
