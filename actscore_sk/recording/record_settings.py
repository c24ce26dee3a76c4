"""Parameters of a record, as they are stored with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actscore_sk.metrics.reductions import REDUCTIONS


@dataclass(frozen=True)
class RecordSettings:
    """Parameters of a record.

    Parameters
    ----------
    reduction : str
        Name in `REDUCTIONS`: how the losses of a sample become its score.
    metrics : sequence of str
        Names from `get_metric_names`.
    store_trajectories : bool, str or path-like
        Keep the losses of each epoch, in memory or in a ``.npy`` file.
    store_units, unit_grid
        As in `DetailState`.
    keep_latest, store_probabilities, has_held_out : bool
        As in `SampleState`.
    class_entropy : float, optional
        As in `SampleState`.
    """

    reduction: str = "sum"
    metrics: Sequence[str] = ("action_score",)
    store_trajectories: Any = False
    store_units: Any = False
    unit_grid: Any = None
    keep_latest: bool = False
    store_probabilities: bool = False
    class_entropy: float | None = None
    has_held_out: bool = True

    @property
    def has_window(self) -> bool:
        """True if anything kept depends on the loss of held-out samples."""
        return REDUCTIONS[self.reduction].needs_held_out or (self.store_probabilities and self.has_held_out)
