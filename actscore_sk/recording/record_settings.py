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
    keep_latest : bool
        Keep the loss of the last epoch that visited each sample: 16 bytes per sample.
    store_probabilities : bool
        Keep class probabilities, margins and labels; see `LabelState`.
    class_entropy : float or None
        Entropy of the shares of the classes, in nats, for a window over epochs.
    has_held_out : bool
        If True, probabilities and margins are averaged over a window of epochs.
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
