"""State of the samples of one data set: a few numbers per sample, on the device of the losses.

Memory is constant in the number of epochs: a visit updates running sums, and no loss is kept.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.metrics import measurements
from actscore_sk.metrics.epoch_statistics import Latest
from actscore_sk.metrics.measurements import Measurement, VisitBatch
from actscore_sk.metrics.reductions import REDUCTIONS, Reduction
from actscore_sk.metrics.registry import Metric, get_metric
from actscore_sk.metrics.statistics import Statistic, add_at
from actscore_sk.recording.bad_samples import BadSamples
from actscore_sk.recording.label_state import LabelState
from actscore_sk.recording.merging import check_states
from actscore_sk.recording.recipes import measurement_of, recipe_of
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.state_table import StateTable, as_run


class SampleState:
    """Statistics, counts and the running epoch's losses of `n_samples` samples.

    State is allocated at the first visit, on the device of the losses: 12 bytes per sample for the action score alone
    (13 in a recorder, which also keeps the mask of held-out samples).

    Parameters
    ----------
    n_samples : int
        Number of samples.
    settings : RecordSettings
        What is kept of the visits, and how they become scores.
    keep_row : bool
        Keep the losses of the running epoch apart, for a trajectory: 4 bytes per sample.

    Examples
    --------
    >>> state = SampleState(3, RecordSettings("mean"))
    >>> state.update(torch.tensor([0, 2]), torch.tensor([1.0, 4.0]))
    >>> state.update(torch.tensor([0]), torch.tensor([2.0]))
    >>> state.results()["action_score"], state.n_visits(), state.nbytes
    (array([1.5, nan, 4. ]), array([2, 0, 1], dtype=int32), 36)
    """

    def __init__(self, n_samples: int, settings: RecordSettings, *, keep_row: bool = False) -> None:
        names = dict.fromkeys(("action_score", *settings.metrics))
        self.n_samples, self.settings = n_samples, settings
        self.metrics: list[Metric] = [get_metric(name) for name in names]
        self.epoch = 1
        self.epoch_has_visits = False
        self.n_classes: int | None = None  # known from the first visit, if it has class scores
        self._table: StateTable | None = None
        self._measured_by: dict[str, Measurement] = {}
        self._keep_row = keep_row
        self.of_labels: LabelState | None = None
        self._row: Tensor | None = None
        self._bad: BadSamples | None = None

    @property
    def reduction(self) -> Reduction:
        """How the losses of a sample become its score."""
        return REDUCTIONS[self.settings.reduction]

    @property
    def needs_classes(self) -> bool:
        """True if anything to be kept needs class scores and labels."""
        return bool(self.readers_of_classes)

    @property
    def readers_of_classes(self) -> list[str]:
        """Names of what needs class scores and labels."""
        names = [metric.name for metric in self.metrics if metric.needs_classes]
        return [*names, "class probabilities"] if self.settings.store_probabilities else names

    @property
    def works_without_classes(self) -> bool:
        """True if everything to be kept can also be had from the loss alone."""
        no_classes = [metric.regression_measurement is not None for metric in self.metrics]
        return all(no_classes) and not self.settings.store_probabilities

    @property
    def nbytes(self) -> int:
        """Bytes of state; the same at every epoch."""
        return sum(part.nbytes for part in (self._table, self._row, self.of_labels) if part is not None)

    @property
    def visits(self) -> Tensor | None:
        """Number of visits of each sample, (n_samples,) int32; None before the first one."""
        return None if self._table is None else self._table.visits

    @property
    def _statistics(self) -> dict[str, Statistic]:
        return {} if self._table is None else self._table.statistics

    def update(self, rows: Tensor, losses: Tensor, logits: Tensor | None = None, labels: Tensor | None = None) -> None:
        """Add a block of visits.

        Parameters
        ----------
        rows : Tensor of int64 (n_visits,)
            Positions of the samples, on the device of the losses; may repeat.
        losses : Tensor of shape (n_visits,)
            Loss of each visit.
        logits : Tensor of shape (n_visits, n_classes), optional
            Class scores; their softmax gives the probabilities. None for a net without classes.
        labels : Tensor of int64 (n_visits,), optional
            Given label of each visit.
        """
        self.add(rows, self.measure(losses, logits, labels))

    def measure(self, losses: Tensor, logits: Tensor | None = None, labels: Tensor | None = None) -> list[Tensor]:
        """Return all that is remembered of a block of visits, in the order that `add` expects.

        The loss comes first, then the measurements of metrics; with `store_probabilities`, what `LabelState` measures
        comes last. Each is (n_visits,) or (n_visits, n_columns): processes send each other such a list.
        """
        self.allocate(losses.device, None if logits is None else logits.shape[1])
        batch = VisitBatch(losses, logits, labels)
        values = [measure(batch) for measure in dict.fromkeys(self._measured_by.values())]
        return values if self.of_labels is None else [*values, *self.of_labels.measure(batch)]

    def add(self, rows: Tensor, values: list[Tensor]) -> None:
        """Add a block of visits that was measured, to state that is allocated."""
        self.epoch_has_visits, losses, run = True, values[0], as_run(rows)
        measured = dict(zip(dict.fromkeys(self._measured_by.values()), values, strict=False))  # without the last two
        by_name = {name: measured[measure] for name, measure in self._measured_by.items()}
        self._table.update(run, by_name, self.epoch)  # type: ignore[union-attr]
        if self.of_labels is not None:
            self.of_labels.add(run, values[-2], values[-1], rows, self.epoch)
        if self._row is not None:
            self._row[run] = self._row[run].nan_to_num(nan=0.0)  # the first visit of an epoch starts at 0
            add_at(self._row, run, losses)
        self._bad.note(rows, losses)  # type: ignore[union-attr]

    def allocate(self, device: torch.device, n_classes: int | None) -> None:
        """Allocate the state of all samples, if that was not done yet."""
        if self._table is None:
            self._allocate(device, n_classes)

    def _allocate(self, device: torch.device, n_classes: int | None) -> None:
        """Make the table, and for each metric a statistic on its columns; a measurement is made once per block."""
        entropy = self.settings.class_entropy
        if self.settings.store_probabilities:
            if n_classes is None:
                raise SampleLossError("store_probabilities=True needs the class scores and the label of every visit")
            options = {"windowed": self.settings.has_held_out, "class_entropy": entropy}
            self.of_labels = LabelState(self.n_samples, n_classes, device, **options)  # type: ignore[arg-type]
        self.n_classes = n_classes
        recipes = {metric.name: recipe_of(self.reduction, metric, entropy) for metric in self.metrics}
        if self.settings.keep_latest:
            recipes["latest"] = Latest
        self._table = StateTable(self.n_samples, device, recipes)
        has_classes = n_classes is not None
        self._measured_by = {
            metric.name: measurement_of(metric, has_classes=has_classes) for metric in self.metrics
        } | dict.fromkeys({"latest"} & recipes.keys(), measurements.loss)
        self._bad = BadSamples(device)
        if self._keep_row:
            self._row = torch.full((self.n_samples,), torch.nan, device=device)

    def set_class_entropy(self, class_entropy: float | None) -> None:
        """Weigh epochs by an entropy that is known only now: before the first of them is closed."""
        self.settings = replace(self.settings, class_entropy=class_entropy)
        of_labels = [] if self.of_labels is None else [self.of_labels.averages]
        for statistic in [*self._statistics.values(), *of_labels]:
            if hasattr(statistic, "class_entropy"):
                statistic.class_entropy = class_entropy

    def end_epoch(self, held_out_loss: float = np.nan) -> np.ndarray | None:
        """Close the epoch.

        Parameters
        ----------
        held_out_loss : float
            Mean loss of held-out samples in this epoch, which places the window of "auto"; NaN = not known.

        Returns
        -------
        row : ndarray of float32 (n_samples,) or None
            Losses of the epoch, NaN = not visited; None unless `keep_row`.

        Raises
        ------
        NonFiniteLossError
            If a loss was NaN or infinite. The one host sync of an epoch beside the transfer of the row.
        """
        self.check_finite()
        for statistic in self._statistics.values():
            statistic.end_epoch(self.epoch, held_out_loss)
        if self.of_labels is not None:
            self.of_labels.end_epoch(self.epoch, held_out_loss)
        self.epoch += 1
        self.epoch_has_visits = False
        if not self._keep_row:
            return None
        if self._row is None:
            return np.full(self.n_samples, np.nan, dtype=np.float32)
        row = self._row.cpu().numpy().copy()
        self._row.fill_(torch.nan)
        return row

    def check_finite(self) -> None:
        """Raise NonFiniteLossError if a loss was NaN or infinite; the host waits for the device."""
        if self._bad is not None:
            self._bad.check(self.epoch)

    @property
    def latest(self) -> Tensor:
        """Loss of each sample in the last epoch that visited it, (n_samples,), NaN = never; needs `keep_latest`."""
        latest = self._statistics.get("latest")
        return torch.full((self.n_samples,), torch.nan) if latest is None else latest.storage

    def n_visits(self) -> np.ndarray:
        """Return the number of visits of each sample, (n_samples,) int32; a copy."""
        return np.zeros(self.n_samples, np.int32) if self.visits is None else self.visits.cpu().numpy().copy()

    def results(self) -> dict[str, np.ndarray]:
        """Return the score of each sample under each metric, (n_samples,) float64, NaN = never visited; copies."""
        names = [metric.name for metric in self.metrics]
        if self._table is None:
            return {name: np.full(self.n_samples, np.nan) for name in names}
        return self._table.results(names)

    def merge(self, other: "SampleState") -> None:
        """Add the visits that another state has seen of the same samples in the same epochs.

        Raises
        ------
        ValueError
            If the other state is of other samples, metrics or epochs.
        """
        check_states(self, other)
        if other.visits is None:
            return
        self.allocate(other.visits.device, other.n_classes)
        visits, there = self.visits, other.visits.to(self.visits.device)  # type: ignore[union-attr]
        for name, statistic in self._statistics.items():
            statistic.merge(other._statistics[name], visits, there)  # type: ignore[arg-type]
        if self.of_labels is not None and other.of_labels is not None:
            self.of_labels.merge(other.of_labels, visits, there)  # type: ignore[arg-type]
        visits += there  # type: ignore[operator]
        self._bad.merge(other._bad)  # type: ignore[union-attr, arg-type]
        if self._row is not None and other._row is not None:
            row = other._row.to(self._row.device)
            self._row = torch.where(row.isnan(), self._row, self._row.nan_to_num(nan=0.0) + row)
        self.epoch_has_visits |= other.epoch_has_visits

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors, which are not copied, and plain values by name."""
        statistics = {name: statistic.state_dict() for name, statistic in self._statistics.items()}
        labels = None if self.of_labels is None else self.of_labels.state_dict()
        names = "epoch", "epoch_has_visits", "visits", "n_classes"
        own = {name: getattr(self, name) for name in names}
        return {"statistics": statistics, "row": self._row, "labels": labels} | own

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that was recorded with the same settings."""
        self.epoch, self.epoch_has_visits = state["epoch"], state["epoch_has_visits"]
        if state["visits"] is not None:
            self.allocate(state["visits"].device, state["n_classes"])
            self.visits.copy_(state["visits"])  # type: ignore[union-attr]
            for name, statistic in self._statistics.items():
                statistic.load_state_dict(state["statistics"][name])
            if self.of_labels is not None:
                self.of_labels.load_state_dict(state["labels"])
            if self._row is not None:
                self._row.copy_(state["row"])

    def to(self, device: torch.device) -> None:
        """Move the state to another device."""
        state, bad = self.state_dict(), self._bad
        self._allocate(device, state["n_classes"])
        self.load_state_dict(state)
        self._bad.merge(bad)  # type: ignore[union-attr, arg-type]
