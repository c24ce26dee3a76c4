"""Scores of the samples of one data set while something learns: a net, a training loop or a booster.

A record knows nothing of skorch. The recorder, the tracker and the staged learners all feed it rows and losses, so that
a score means the same wherever it comes from.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from actscore_sk.losses.details import LossDetails
from actscore_sk.losses.ragged_scores import RaggedScores
from actscore_sk.metrics.epoch_window import epoch_weights
from actscore_sk.recording.detail_state import DetailState
from actscore_sk.recording.label_state import LabelEvidence
from actscore_sk.recording.merging import check_records, sum_of
from actscore_sk.recording.ranks import Ranks
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.record_state import load_record_state, record_state
from actscore_sk.recording.sample_state import SampleState
from actscore_sk.recording.shared_visits import SharedVisits
from actscore_sk.storage import open_trajectories

NO_TARGET = torch.iinfo(torch.int64).min  # any other whole number may be a target


class ScoreRecord:
    """State of samples, their parts and units, and the trajectories; results are up to date at any time, and copies.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    settings : RecordSettings
        How visits become scores.
    n_kept : int
        Number of epochs whose trajectories are in the file already; a state is loaded for them.
    is_writer : bool
        False: another process writes the file of trajectories.

    Attributes
    ----------
    held_out : Tensor of bool (n_samples,) or None
        Samples whose mean loss tells when the learner memorises.
    targets : Tensor of int64 (n_samples,) or None
        Classes that came with visits; `NO_TARGET` without one.
    trained_shares : list of float
        Samples that each epoch trained on, as a share of those that are not held out.
    shared : SharedVisits or None
        Visits of this process in the running epoch, if it is one of several; see `exchange`.

    Examples
    --------
    >>> record = ScoreRecord(2, RecordSettings())
    >>> for losses in ([0.5, 2.0], [0.25, 2.5]):
    ...     record.update(torch.arange(2), torch.tensor(losses))
    ...     record.end_epoch()
    >>> record.sample_metrics()["action_score"]
    array([0.75, 4.5 ])
    """

    def __init__(self, n_samples: int, settings: RecordSettings, *, n_kept: int = 0, is_writer: bool = True) -> None:
        self.n_samples, store = n_samples, settings.store_trajectories
        self.trajectories = open_trajectories(store, n_samples, n_kept=n_kept, is_writer=is_writer)
        self.state = SampleState(n_samples, settings, keep_row=self.trajectories is not None)
        self.details = DetailState(n_samples, settings.reduction, settings.store_units, settings.unit_grid)
        self.held_out: Tensor | None = None
        self.targets: Tensor | None = None
        self.held_out_losses: list[float] = []
        self.trained_shares: list[float] = []
        self.shared: SharedVisits | None = None
        self.held_out_sum: Tensor | None = None

    @property
    def settings(self) -> RecordSettings:
        """How visits become scores."""
        return self.state.settings

    # -- recording --------------------------------------------------------------------------------------

    def update(self, rows: Tensor, losses: Tensor, logits: Tensor | None = None, labels: Tensor | None = None) -> None:
        """Add a block of visits.

        Parameters
        ----------
        rows, losses, logits, labels : Tensor
            As in `SampleState.update`.
        """
        values = self.state.measure(losses, logits, labels)
        if self.shared is None:
            self._add(rows, values)
        else:
            self.shared.add(rows, values)

    def _add(self, rows: Tensor, values: list[Tensor]) -> None:
        self.state.add(rows, values)
        losses = values[0]
        if self.held_out is not None and self.settings.has_window:
            if self.held_out.device != rows.device:
                self.held_out = self.held_out.to(rows.device)
            counts = self.held_out[rows].double() if losses.device.type != "mps" else self.held_out[rows].float()
            pair = torch.stack([torch.where(counts > 0, losses, 0).sum(dtype=counts.dtype), counts.sum()])
            self.held_out_sum = pair if self.held_out_sum is None else self.held_out_sum + pair

    @property
    def has_open_visits(self) -> bool:
        """True if the running epoch has visits, exchanged or not."""
        return self.state.epoch_has_visits or bool(self.shared)

    def exchange(self, ranks: Ranks | None) -> None:
        """Add the visits of all processes in the running epoch; all call this. None: there is one."""
        if ranks is None:
            return
        n_classes = max(ranks.all(self.state.n_classes or 0)) or None
        device = torch.device("cpu") if self.state.visits is None else self.state.visits.device
        visits = self.shared.exchange(ranks, device)  # type: ignore[union-attr]
        if visits is not None:
            self.state.allocate(visits[0].device, n_classes)
            self._add(*visits)

    def describe(self, rows: Tensor, *, targets: Tensor | None = None, held_out: bool = False) -> None:
        """Keep the targets (n_visits,) int64 of visited samples, and which of them are held out of training."""
        if held_out:
            if self.held_out is None:
                self.held_out = torch.zeros(self.n_samples, dtype=torch.bool, device=rows.device)
            self.held_out.index_fill_(0, rows, True)
        if targets is not None:
            if self.targets is None:
                self.targets = torch.full((self.n_samples,), NO_TARGET, device=rows.device)
            self.targets[rows] = targets

    def to(self, device: torch.device) -> None:
        """Move the state of samples to another device."""
        self.state.to(device)
        for name in ("held_out", "targets", "held_out_sum"):
            value = getattr(self, name)
            setattr(self, name, None if value is None else value.to(device))

    def update_details(self, rows: Tensor, details: LossDetails) -> None:
        """Add parts and units of visits; see `DetailState.update`."""
        self.details.update(rows, details)

    def end_epoch(self, held_out_loss: float | None = None, trained_share: float = 1.0) -> None:
        """Close the epoch.

        Parameters
        ----------
        held_out_loss : float, optional
            Mean loss of held-out samples in the epoch. None: of those in `held_out`, for which the host waits.
        trained_share : float
            Share of the training samples that the epoch trained on.

        Raises
        ------
        NonFiniteLossError
            If a loss was NaN or infinite.
        """
        if held_out_loss is None:
            held_out_loss = self.mean_held_out_loss()
        row = self.state.end_epoch(held_out_loss)
        self.details.end_epoch(held_out_loss)
        self.held_out_losses.append(held_out_loss)
        self.trained_shares.append(trained_share)
        self.held_out_sum = None
        if row is not None and self.trajectories is not None:
            self.trajectories.append(row)

    def mean_held_out_loss(self) -> float:
        """Return the mean loss of the visits of held-out samples in the running epoch, NaN = none; the host waits."""
        total, count = (0.0, 0.0) if self.held_out_sum is None else self.held_out_sum.tolist()
        return total / count if count else float("nan")

    # -- results ----------------------------------------------------------------------------------------

    @property
    def n_epochs(self) -> int:
        """Number of closed epochs."""
        return self.state.epoch - 1

    def n_visits(self) -> np.ndarray:
        """Return the number of visits of each sample, (n_samples,) int32."""
        return self.state.n_visits()

    def sample_metrics(self) -> dict[str, np.ndarray]:
        """Return the score of each sample under each metric, (n_samples,) float64."""
        return self.state.results()

    def epoch_weights(self) -> np.ndarray:
        """Return how much each epoch counts in the score, (n_epochs,) float64."""
        return epoch_weights(self.held_out_losses, self.settings.class_entropy)

    def label_evidence(self) -> LabelEvidence:
        """Return what is known of the labels; see `LabelEvidence`.

        Raises
        ------
        AttributeError
            If nothing is.
        """
        of_labels = self.state.of_labels
        if of_labels is None:
            has_some = "no sample was visited yet" if self.settings.store_probabilities else "none were stored"
            raise AttributeError(f"no class probabilities: {has_some}; train with store_probabilities=True")
        return of_labels.evidence(self.state.visits)  # type: ignore[arg-type]

    def component_scores(self) -> dict[str, np.ndarray]:
        """Return the score of each sample under each part of the loss, (n_samples,) float64."""
        return self.details.components()

    def unit_scores(self) -> dict[str | None, np.ndarray | RaggedScores]:
        """Return scores of units by part; the key None holds those of the whole loss."""
        return self.details.units()

    # -- to go on elsewhere -------------------------------------------------------------------------------

    def merge(self, other: "ScoreRecord") -> None:
        """Add the visits that another record has of the same samples in the same epochs; parts and units stay.

        Each process of a distributed training records its own share of the samples; merged, they are one record.

        Parameters
        ----------
        other : ScoreRecord
            With the same settings. Left as it is.

        Raises
        ------
        ValueError
            If the other record is of other samples, metrics or epochs, if one of them alone has trajectories, or if
            epochs have weights and the two went by different losses of held-out samples.

        Examples
        --------
        >>> one, other = ScoreRecord(2, RecordSettings()), ScoreRecord(2, RecordSettings())
        >>> one.update(torch.tensor([0]), torch.tensor([0.5]))
        >>> other.update(torch.tensor([0, 1]), torch.tensor([0.25, 3.0]))
        >>> one.merge(other)
        >>> one.sample_metrics()["action_score"]
        array([0.75, 3.  ])
        """
        check_records(self, other)
        self.state.merge(other.state)
        if self.trajectories is not None and other.trajectories is not None:
            self.trajectories.add(other.trajectories.array())
        self.held_out = sum_of(self.held_out, other.held_out)
        self.held_out_sum = sum_of(self.held_out_sum, other.held_out_sum)
        if other.targets is not None:
            there = other.targets.to(self.state.visits.device)  # type: ignore[union-attr]
            self.targets = there if self.targets is None else self.targets.maximum(there)

    @property
    def n_training(self) -> int:
        """Number of samples that are not held out, at least 1; the host waits for the device."""
        return max(1, self.n_samples - (0 if self.held_out is None else int(self.held_out.sum())))

    def state_dict(self) -> dict[str, Any]:
        """Return the state, to be saved; see `record_state`."""
        return record_state(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; see `load_record_state`."""
        load_record_state(self, state)
