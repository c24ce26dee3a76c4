"""Losses of units of which samples have different numbers, added up sample after sample.

All units are in one flat tensor. A sample gets a range of it at its first visit; later visits add to the same places.
"""

import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import Units
from actscore_sk.losses.ragged_scores import RaggedScores
from actscore_sk.metrics.epoch_statistics import InterpolatedSum
from actscore_sk.metrics.measurements import precise_dtype
from actscore_sk.metrics.reductions import Reduction
from actscore_sk.metrics.statistics import Mean

_log = logging.getLogger("actscore_sk")


class RaggedUnits:
    """Scores of units of which samples have different numbers, 8 bytes per unit and 21 per sample, in memory.

    The number of units of a sample is learnt at its first visit; from then on nothing makes the host wait.

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Of the net.
    reduction : Reduction
        How visits become a score; sums and means.
    path : path-like, optional
        Refused: they are kept in memory.
    n_units : int, optional
        Number of units to expect, if the batches to come are like the first one; it is logged.

    Raises
    ------
    ValueError
        If a path is given, or the reduction interpolates.

    Examples
    --------
    >>> from actscore_sk.metrics.reductions import REDUCTIONS
    >>> store = RaggedUnits(2, torch.device("cpu"), REDUCTIONS["mean"])
    >>> store.add(torch.tensor([1]), Units.of([torch.tensor([1.0, 3.0])]), epoch=1)
    >>> store.add(torch.tensor([1]), Units.of([torch.tensor([2.0, 5.0])]), epoch=2)
    >>> [scores.tolist() for scores in store.compute()]
    [[], [1.5, 4.0]]
    """

    def __init__(
        self, n_samples: int, device: torch.device, reduction: Reduction, *, path: Any = None, n_units: int = 0
    ) -> None:
        if path is not None:
            raise ValueError(
                f"store_units={str(path)!r} is a file, but units of which samples have different numbers are kept in "
                "memory; set store_units=True"
            )
        if reduction.of_parts is InterpolatedSum:
            raise ValueError(
                'reduction="interpolated" is not known for units of which samples have different numbers; set '
                'reduction="mean", or store_units=False'
            )
        _log.info("losses of units: about %s, ragged, float64, %.1f MiB, in memory", n_units, 8 * n_units / 2**20)
        self._is_mean = reduction.of_parts is Mean
        self._starts = torch.full((n_samples,), -1, device=device)
        self._sizes = torch.zeros(n_samples, dtype=torch.int64, device=device)
        self._known = torch.zeros(n_samples, dtype=torch.bool)
        self._end = 1  # the first place takes the padding
        self._totals = torch.zeros(n_units + 1, dtype=precise_dtype(device), device=device)
        self._counts = torch.zeros(n_samples, dtype=torch.int32, device=device)
        self._wrong = torch.zeros((), dtype=torch.bool, device=device)

    def add(self, rows: Tensor, units: Units, epoch: int) -> None:
        """Add losses of visits.

        Parameters
        ----------
        rows : Tensor of int64 (n_visits,)
            Positions of the samples; may repeat.
        units : Units
            Ragged, without gradient.
        epoch : int
            Number of the epoch; a sum does not need it.
        """
        mask = torch.ones_like(units.values, dtype=torch.bool) if units.mask is None else units.mask
        there, sizes = rows.to(mask.device), mask.sum(1)
        if not bool(self._known[rows.cpu()].all()):
            self._learn(rows.cpu(), sizes)
        self._wrong |= (sizes != self._sizes[there]).any()
        within = mask.cumsum(1) - 1
        mask = mask & (within < self._sizes[there][:, None])  # units beyond those of the first visit have no place
        places = torch.where(mask, self._starts[there][:, None] + within, 0)
        values = torch.where(mask, units.values, 0).to(self._totals.dtype)
        self._totals.index_add_(0, places.flatten(), values.flatten())
        self._counts.index_add_(0, there, torch.ones_like(there, dtype=torch.int32))

    def _learn(self, rows: Tensor, sizes: Tensor) -> None:
        """Reserve places for the units of each new sample, behind those of the samples before; the host waits."""
        names, first = np.unique(rows.numpy(), return_index=True)
        is_new = ~self._known.numpy()[names]
        new, n_new = torch.from_numpy(names[is_new]), sizes.cpu()[first[is_new]]
        ends = self._end + n_new.cumsum(0)
        self._known[new] = True
        there = new.to(self._starts.device)
        self._starts[there], self._sizes[there] = (ends - n_new).to(there.device), n_new.to(there.device)
        self._end = int(ends[-1])
        if self._end > len(self._totals):
            more = self._end + self._end // 4 - len(self._totals)
            self._totals = torch.cat([self._totals, self._totals.new_zeros(more)])

    def end_epoch(self, epoch: int, held_out_loss: float) -> None:
        """Close the epoch.

        Parameters
        ----------
        epoch, held_out_loss
            As in `Statistic.end_epoch`; not needed here.

        Raises
        ------
        SampleLossError
            If a sample had another number of units than before.
        """
        if bool(self._wrong):
            raise SampleLossError(
                "a sample had another number of units than at its first visit, so that their scores can't be added up; "
                "let every visit give the losses of the same units in the same order, or set store_units=False"
            )

    def compute(self) -> RaggedScores:
        """Return the scores of all units; samples without a visit have none."""
        starts, sizes = self._starts.cpu().numpy(), self._sizes.cpu().numpy()
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
        values = self._totals.cpu().numpy()[np.repeat(starts, sizes) + within]
        if self._is_mean:
            values = values / np.repeat(self._counts.cpu().numpy(), sizes)
        return RaggedScores(values, offsets)
