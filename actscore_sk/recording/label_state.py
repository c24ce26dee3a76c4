"""What a fit knows of the labels: probabilities and margins, averaged over the epochs that count."""

import logging
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.metrics import measurements
from actscore_sk.metrics.measurements import VisitBatch
from actscore_sk.metrics.statistics import Mean, Rows, Statistic
from actscore_sk.metrics.windowed_statistics import WindowedMean

MAX_BYTES = 2**32  # of probabilities; more is refused before the net changes
NO_LABEL = -1  # of a sample that was never visited

_log = logging.getLogger("actscore_sk")


class LabelEvidence(NamedTuple):
    """What a fit has recorded of the labels.

    Parameters
    ----------
    probabilities : ndarray of float32 (n_samples, n_classes)
        Averages over the epochs that count; NaN = no visit that counts.
    margins : ndarray of float32 (n_samples,)
        Logit of the given label less the largest other one, over the same epochs; lower = more likely wrong.
    labels : ndarray of int64 (n_samples,)
        Number of the given class, -1 = never visited.
    """

    probabilities: np.ndarray
    margins: np.ndarray
    labels: np.ndarray


class LabelState:
    """Class probabilities, margin and given label of each sample, on the device of the losses.

    Under a window an array of n_samples x (n_classes + 1) float32 is kept three times, because how much an epoch counts
    is known only afterwards (see `WindowedSum`), and otherwise once; never one for each epoch.

    Parameters
    ----------
    n_samples, n_classes : int
        Number of samples, and of columns of the net's class scores.
    device : torch.device
        Where the state is stored.
    windowed : bool
        If True, epochs are weighted by `epoch_weights`, else alike.
    class_entropy : float or None
        As in `epoch_weights`.

    Raises
    ------
    ValueError
        If it would take more than 4 GiB.

    Examples
    --------
    >>> state, rows = LabelState(2, 2, torch.device("cpu"), windowed=False), torch.tensor([0, 1])
    >>> visits = VisitBatch(torch.zeros(2), torch.tensor([[0.0, 0.0], [3.0, 1.0]]), torch.tensor([1, 0]))
    >>> state.update(rows, visits, rows, epoch=1)
    >>> probabilities, margins, labels = state.evidence(torch.tensor([1, 1]))
    >>> probabilities.round(2), margins, labels
    (array([[0.5 , 0.5 ],
           [0.88, 0.12]], dtype=float32), array([0., 2.], dtype=float32), array([1, 0]))
    """

    def __init__(
        self,
        n_samples: int,
        n_classes: int,
        device: torch.device,
        *,
        windowed: bool,
        class_entropy: float | None = None,
    ) -> None:
        check_size(n_samples, n_classes, device, windowed=windowed)
        self.n_classes = n_classes
        # The margin is one more column: it shares the weights of the epochs.
        shape = (n_samples, 2, n_classes + 1) if windowed else (n_samples, n_classes + 1)
        storage = torch.zeros(shape, dtype=torch.float32, device=device)
        self.averages: Statistic = (
            WindowedMean(n_samples, device, storage=storage, class_entropy=class_entropy)
            if windowed
            else Mean(n_samples, device, storage=storage)
        )
        self.labels = torch.full((n_samples,), NO_LABEL, dtype=torch.int32, device=device)

    @property
    def nbytes(self) -> int:
        """Bytes of state, the same at every epoch."""
        return self.averages.nbytes + self.labels.nbytes

    def update(self, rows: Rows, batch: VisitBatch, seen: Tensor, epoch: int) -> None:
        """Add a block of visits with logits and labels; see `Statistic.update`."""
        self.add(rows, *self.measure(batch), seen, epoch)

    @staticmethod
    def measure(batch: VisitBatch) -> tuple[Tensor, Tensor]:
        """Return probabilities and margins (n_visits, n_classes + 1) float32, and labels (n_visits,) of a block."""
        margins = measurements.margin(batch).to(torch.float32)
        return torch.cat([measurements.probabilities(batch), margins[:, None]], 1), batch.labels  # type: ignore[return-value]

    def add(self, rows: Rows, values: Tensor, labels: Tensor, seen: Tensor, epoch: int) -> None:
        """Add a block that was measured."""
        self.averages.update(rows, values, seen, epoch)
        self.labels[rows] = labels.to(self.labels.dtype)

    def end_epoch(self, epoch: int, held_out_loss: float) -> None:
        """Close an epoch; see `Statistic.end_epoch`."""
        self.averages.end_epoch(epoch, held_out_loss)

    def evidence(self, n_visits: Tensor) -> LabelEvidence:
        """Return averages and labels as arrays, given the number of visits of each sample; copies."""
        values = self.averages.compute(n_visits).float().cpu().numpy()
        return LabelEvidence(values[:, :-1], values[:, -1], self.labels.cpu().numpy().astype(np.int64))

    def merge(self, other: "LabelState", n_visits: Tensor, n_other_visits: Tensor) -> None:
        """Add another's visits; see `Statistic.merge`."""
        self.averages.merge(other.averages, n_visits, n_other_visits)
        self.labels = torch.maximum(self.labels, other.labels.to(self.labels.device))

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs to go on."""
        return {"averages": self.averages.state_dict(), "labels": self.labels}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state; its tensors are copied."""
        self.averages.load_state_dict(state["averages"])
        self.labels.copy_(state["labels"])


def check_size(n_samples: int, n_classes: int, device: torch.device, *, windowed: bool) -> None:
    """Log how much memory a state takes, and refuse what is too much; see `LabelState`."""
    copies = 3 if windowed else 1
    n_bytes = 4 * copies * n_samples * (n_classes + 1)
    size = f"{copies} x {n_samples:,} samples x {n_classes:,} classes, float32"
    if n_bytes > MAX_BYTES:
        raise ValueError(
            f"store_probabilities=True would keep {size}, {n_bytes / 2**30:.1f} GiB on {device}, and at most "
            f"{MAX_BYTES / 2**30:.0f} GiB are kept; score fewer rows at a time, or leave it out: metrics=('aum',) "
            "ranks labels with one number per sample, store_trajectories=PATH keeps losses in a file"
        )
    _log.info("class probabilities: %s, %.1f MiB, on %s", size, n_bytes / 2**20, device)


def check_labels(labels: Tensor, names: list[str]) -> None:
    """Raise SampleLossError if a label is negative, for which the host waits; `names` need labels."""
    if bool((labels < 0).any()):
        raise SampleLossError(
            f"{', '.join(names)} need a label for every sample, but some targets are negative (ignore_index); leave "
            "these metrics out, or these samples"
        )
