"""What is remembered of the samples of one data set: a few numbers each, on the device of the net."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from actscore_sk.exceptions import NonFiniteLossError, SampleLossError
from actscore_sk.losses.class_outputs import View, class_view
from actscore_sk.metrics.epoch_window import WindowedSum
from actscore_sk.metrics.interpolated_sum import FilledSum
from actscore_sk.metrics.measurements import Kernel, Outcome
from actscore_sk.metrics.registry import Metric, get_metric
from actscore_sk.metrics.statistics import Fold
from actscore_sk.recording.visit import Visit

_N_NAMED = 5  # samples named in an error


class Ledger:
    """Folds, counts and the current epoch's losses of `n_samples` samples.

    State is allocated at the first visit, where the loss lies: 12 bytes a sample for the action score alone. What is
    handed out is copied, so that nobody's arithmetic reaches the state.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    metrics : sequence of str
        Names of the metrics to keep beside the action score.
    keep_row : bool
        Whether to keep the losses of the current epoch apart, for a trajectory.
    fills : bool
        Whether to fill in epochs that do not visit a sample, at 28 bytes a sample.
    windowed : bool
        Whether to keep a sum over the epochs before the net memorises, at 20 bytes a sample.
    """

    def __init__(
        self,
        n_samples: int,
        metrics: Sequence[str] = (),
        *,
        keep_row: bool = False,
        fills: bool = False,
        windowed: bool = False,
    ) -> None:
        names = dict.fromkeys(("action_score", *metrics))
        self.n_samples = n_samples
        self.metrics: list[Metric] = [get_metric(name) for name in names]
        self.epoch = 1
        self.folds: dict[str, Fold] = {}
        self._keep_row, self._fills, self._windowed = keep_row, fills, windowed
        self._filled: FilledSum | None = None
        self.window: WindowedSum | None = None
        self._visits_before: Tensor | int = 0
        self._view: View | None = None
        self._without_classes = not self.needs_inputs
        self._visits: Tensor | None = None
        self._row: Tensor | None = None
        self.epoch_has_visits = False
        self._bad: Tensor | None = None

    @property
    def needs_inputs(self) -> bool:
        """Whether any metric needs class scores and labels."""
        return any(metric.needs_classes for metric in self.metrics)

    @property
    def nbytes(self) -> int:
        """Bytes of state; the same at every epoch."""
        state = (self._visits, self._row, self._visits_before, self._filled, self.window)
        tensors = [part for part in state if isinstance(part, (Tensor, FilledSum, WindowedSum))]
        return sum(fold.nbytes for fold in self.folds.values()) + sum(part.nbytes for part in tensors)

    def update(self, rows: Tensor, losses: Tensor, inputs: tuple | None, visit: Visit) -> None:
        """Add a block of visits: rows (n,) int64, losses (n,), and the criterion's inputs if they are needed."""
        if self._visits is None:
            self._allocate(losses.device)
        self.epoch_has_visits = True
        outcome = self._outcome(losses, inputs, visit)
        needs_seen = any(fold.needs_seen for fold in self.folds.values())
        seen = self._visits[rows] if needs_seen else rows  # type: ignore[index]
        measured: dict[Kernel, Tensor] = {}  # metrics share kernels
        for metric in self.metrics:
            kernel = metric.regression_kernel if self._without_classes else metric.kernel
            if kernel not in measured:
                measured[kernel] = kernel(outcome)  # type: ignore[misc, index]
            self.folds[metric.name].update(rows, measured[kernel], seen, self.epoch)  # type: ignore[index]
        self._visits.index_add_(0, rows, torch.ones_like(rows, dtype=torch.int32))  # type: ignore[union-attr]
        if self._row is not None:
            self._row[rows] = self._row[rows].nan_to_num(nan=0.0)  # the first visit of an epoch starts at 0
            self._row.index_add_(0, rows, losses.to(self._row.dtype))
        self._note_bad(rows, losses)

    def _allocate(self, device: torch.device) -> None:
        self.folds = {metric.name: metric.fold(self.n_samples, device) for metric in self.metrics}
        self._visits = torch.zeros(self.n_samples, dtype=torch.int32, device=device)
        self._bad = torch.full((_N_NAMED,), self.n_samples, device=device)
        if self._keep_row or self._fills or self._windowed:
            self._row = torch.full((self.n_samples,), torch.nan, device=device)
        if self._fills:
            self._filled = FilledSum(self.n_samples, device)
        if self._windowed:
            self.window = WindowedSum(self.n_samples, device)

    def _outcome(self, losses: Tensor, inputs: tuple | None, visit: Visit) -> Outcome:
        if not self._without_classes and self._view is None:
            self._choose_view(inputs, visit)
        if self._without_classes:
            return Outcome(losses)
        logits, labels = self._view(*inputs[:2])  # type: ignore[misc, index]
        self._check_labels(labels)
        return Outcome(losses, logits, labels)

    def _check_labels(self, labels: Tensor) -> None:
        # Labels stay with their samples: the first epoch tells, and later ones need not make the host wait.
        if self.epoch == 1 and bool((labels < 0).any()):
            names = ", ".join(metric.name for metric in self.metrics if metric.needs_classes)
            raise SampleLossError(
                f"{names} need a label for every sample, but some targets are negative (ignore_index); leave these "
                "metrics out, or these samples"
            )

    def _choose_view(self, inputs: tuple | None, visit: Visit) -> None:
        names = ", ".join(metric.name for metric in self.metrics if metric.needs_classes)
        try:
            if inputs is None:
                raise SampleLossError(f"{names} need one call of the criterion a step, but get_loss makes several")
            self._view = class_view(visit.sample_loss.criterion, inputs, names)
        except SampleLossError:
            self._without_classes = all(metric.regression_kernel is not None for metric in self.metrics)
            if not self._without_classes:
                raise

    def _note_bad(self, rows: Tensor, losses: Tensor) -> None:
        if losses.is_cpu and bool(losses.sum().isfinite()):
            return
        # Elsewhere no branch on the values, which would make the host wait: places of finite losses sort last.
        places = torch.arange(len(rows), device=rows.device).masked_fill(losses.isfinite(), len(rows))
        first = places.topk(min(_N_NAMED, len(rows)), largest=False, sorted=True).values
        found = torch.cat([rows, rows.new_tensor([self.n_samples])])[first]
        self._bad[: len(found)] = torch.where(self._bad[0] == self.n_samples, found, self._bad[: len(found)])  # type: ignore[index]

    def mean_loss(self, rows: Tensor | None = None) -> float:
        """Mean loss of some samples, or of all, in the current epoch; NaN = none of them was visited."""
        if self._row is None:
            return np.nan
        return float((self._row if rows is None else self._row[rows.to(self._row.device)]).nanmean())

    def end_epoch(self, held_out_loss: float = np.nan) -> np.ndarray | None:
        """Close the epoch; return its losses (n_samples,) float32, NaN = not visited, if a row is kept.

        Parameters
        ----------
        held_out_loss : float
            Mean loss of held-out samples in this epoch, which a windowed sum goes by; NaN = not known.

        Raises
        ------
        NonFiniteLossError
            If a loss was NaN or infinite. The one host sync of an epoch beside the transfer of the row.
        """
        if self._bad is not None:
            samples = [row for row in self._bad.tolist() if row < self.n_samples]
            if samples:
                raise NonFiniteLossError(
                    f"the loss became NaN or infinite in epoch {self.epoch}, first for the samples at positions "
                    f"{samples}; check these rows and targets, lower the learning rate or clip the gradient"
                )
        if self._filled is not None and self._row is not None and self._visits is not None:
            self._filled.update(self._row / (self._visits - self._visits_before), self.epoch)
            self._visits_before = self._visits.clone()
        if self.window is not None and self._row is not None:
            self.window.update(self._row, held_out_loss)
        self.epoch += 1
        self.epoch_has_visits = False
        row = None
        if self._keep_row:
            nothing = np.full(self.n_samples, np.nan, dtype=np.float32)
            row = nothing if self._row is None else self._row.cpu().numpy().copy()
        if self._row is not None:
            self._row.fill_(torch.nan)
        return row

    @property
    def latest(self) -> Tensor:
        """Loss of each sample in the last epoch that visited it, (n_samples,) float32, NaN = never; needs `fills`."""
        return torch.full((self.n_samples,), torch.nan) if self._filled is None else self._filled.latest

    def visits(self) -> np.ndarray:
        """Number of visits of each sample, (n_samples,) int32; a copy."""
        return np.zeros(self.n_samples, np.int32) if self._visits is None else self._visits.cpu().numpy().copy()

    def results(self) -> dict[str, np.ndarray]:
        """Score of each sample under each metric, (n_samples,) float64, NaN = never visited; copies."""
        if self._visits is None:
            return {metric.name: np.full(self.n_samples, np.nan) for metric in self.metrics}
        return {name: fold.compute(self._visits).cpu().double().numpy() for name, fold in self.folds.items()}

    def filled(self) -> np.ndarray:
        """Sum over all epochs with those that did not visit the sample filled in, (n_samples,) float64; a copy."""
        if self._filled is None:
            return np.full(self.n_samples, np.nan)
        return self._filled.compute(self.epoch - 1).cpu().double().numpy()

    def windowed(self) -> np.ndarray:
        """Sum over the epochs before the net memorises, (n_samples,) float64, NaN = never visited; a copy."""
        if self.window is None or self._visits is None:
            return np.full(self.n_samples, np.nan)
        return torch.where(self._visits > 0, self.window.total, torch.nan).cpu().double().numpy()
