"""Scores of units: dense ones in an array like the targets, ragged ones behind one another."""

import logging
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import Units
from actscore_sk.recording.accumulated import Accumulated, Filled, Sums

IN_MEMORY = 2**28  # bytes; more lies in a file
UNASKED = 2**30  # bytes; more is kept only if somebody asks for it

_log = logging.getLogger("actscore_sk")


@dataclass(frozen=True, eq=False)
class RaggedScores:
    """Scores of units of which samples have different numbers; ``scores[i]`` are those of sample i.

    Parameters
    ----------
    values : ndarray (n_units,)
        Scores, sample after sample.
    offsets : ndarray of int64 (n_samples + 1,)
        Sample i has ``values[offsets[i]:offsets[i + 1]]``; none if it was never visited.

    Examples
    --------
    >>> scores = RaggedScores(np.array([0.5, 2.0, 1.0]), np.array([0, 2, 2, 3]))
    >>> len(scores), scores[0], scores.sample_indices
    (3, array([0.5, 2. ]), array([0, 0, 2]))
    """

    values: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, sample: int) -> np.ndarray:
        sample = range(len(self))[sample]
        return self.values[self.offsets[sample] : self.offsets[sample + 1]]

    @property
    def sample_indices(self) -> np.ndarray:
        """Position in X of the sample of each unit, (n_units,) int64."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


class DenseScores:
    """Scores of units of which all samples have the same number, 4 bytes a unit (20 if epochs are filled in).

    Parameters
    ----------
    shape : tuple of int
        Number of samples, and shape of the units of one.
    device : torch.device
        Of the net; where the scores lie unless they are in a file.
    fills : bool
        Whether epochs that did not visit a sample are filled in.
    path : path-like, optional
        A ``.npy`` file to keep them in; without one, what is larger than `IN_MEMORY` goes to a temporary file.
    """

    def __init__(self, shape: tuple[int, ...], device: torch.device, *, fills: bool, path: Any = None) -> None:
        n_bytes = 4 * prod(shape)
        self._file = None
        if fills and path is not None:
            raise ValueError(
                'reduction="interpolated" keeps losses of units in memory; set store_units=True, or another reduction'
            )
        if path is not None or (n_bytes > IN_MEMORY and not fills):
            self._file = _map(shape, path)
        where = "in memory" if self._file is None else f"in {'a temporary file' if path is None else path}"
        _log.info("losses of units: %s float32, %.1f MiB, %s", shape, n_bytes * (5 if fills else 1) / 2**20, where)
        total = torch.empty(shape, device=device) if self._file is None else torch.from_numpy(self._file)
        self._sums: Accumulated = Filled(total) if fills else Sums(total)
        self._shape, self._device = shape, total.device

    def add(self, rows: Tensor, units: Units) -> None:
        """Add losses of visits of the samples at `rows`."""
        if units.values.shape[1:] != self._shape[1:]:
            raise SampleLossError(
                f"losses of units had shape {self._shape[1:]} a sample, and now have {tuple(units.values.shape[1:])}; "
                "set unit_grid to pool all to one shape, let the criterion return a list of tensors, one a sample, or "
                "set store_units=False"
            )
        values = units.values if units.mask is None else units.values.masked_fill(~units.mask, torch.nan)
        self._sums.add(rows.to(self._device), values.to(self._device))

    def end_epoch(self, epoch: int) -> None:
        """Close the epoch."""
        self._sums.end_epoch(epoch)

    def compute(self, reduction: str, epoch: int) -> np.ndarray:
        """Scores (n_samples, ...) float32; those in a file are mapped, read-only."""
        if self._file is None:
            return self._sums.compute(reduction, epoch).float().cpu().numpy().copy()
        scores = self._file
        if reduction == "mean":
            scores, counts = _map(self._shape, None), self._sums.counts  # type: ignore[union-attr]
            for row, count in enumerate(counts.tolist()):
                scores[row] = self._file[row] / max(count, 1)
        scores = scores.view()
        scores.flags.writeable = False
        return scores


class RaggedUnits:
    """Scores of units of which samples have different numbers, 8 bytes a unit and 4 for its count, in memory.

    The number of units of a sample is learnt at its first visit; from then on nothing makes the host wait.

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    device : torch.device
        Of the net.
    fills : bool
        Whether epochs that did not visit a sample are filled in.
    """

    def __init__(self, n_samples: int, device: torch.device, *, fills: bool) -> None:
        if fills:
            raise ValueError(
                'reduction="interpolated" is not known for units of which samples have different numbers; set '
                'reduction="mean", or store_units=False'
            )
        self._starts = torch.full((n_samples,), -1, device=device)
        self._sizes = torch.zeros(n_samples, dtype=torch.int64, device=device)
        self._known = torch.zeros(n_samples, dtype=torch.bool)
        self._end = 1  # the first place takes what is padding
        self._totals = torch.zeros(1024, dtype=torch.float64, device=device)
        self._counts = torch.zeros(n_samples, dtype=torch.int32, device=device)
        self._wrong = torch.zeros((), dtype=torch.bool, device=device)

    def add(self, rows: Tensor, units: Units) -> None:
        """Add losses of visits of the samples at `rows`."""
        mask = torch.ones_like(units.values, dtype=torch.bool) if units.mask is None else units.mask
        there = rows.to(mask.device)
        if not bool(self._known[rows.cpu()].all()):
            self._learn(rows.cpu(), mask.sum(1))
        self._wrong |= (mask.sum(1) != self._sizes[there]).any()
        places = torch.where(mask, self._starts[there][:, None] + mask.cumsum(1) - 1, 0)
        values = torch.where(mask, units.values, 0).to(self._totals.dtype)
        self._totals.index_add_(0, places.flatten(), values.flatten())
        self._counts.index_add_(0, there, torch.ones_like(there, dtype=torch.int32))

    def _learn(self, rows: Tensor, sizes: Tensor) -> None:
        """Give each new sample places for its units, behind those there are."""
        for row, size in zip(rows.tolist(), sizes.tolist(), strict=True):
            if not self._known[row]:
                self._known[row] = True
                self._starts[row], self._sizes[row] = self._end, size
                self._end += size
        if self._end > len(self._totals):
            self._totals = torch.cat([self._totals, self._totals.new_zeros(2 * self._end - len(self._totals))])

    def end_epoch(self, epoch: int) -> None:
        """Close the epoch.

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

    def compute(self, reduction: str, epoch: int) -> RaggedScores:
        """Scores of all units."""
        starts, sizes = self._starts.cpu().numpy(), self._sizes.cpu().numpy()
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
        values = self._totals.cpu().numpy()[np.repeat(starts, sizes) + within]
        if reduction == "mean":
            values = values / np.repeat(self._counts.cpu().numpy(), sizes)
        return RaggedScores(values, offsets)


def pooled(units: Units, grid: tuple[int, ...]) -> Units:
    """Mean over the cells of a grid that is laid over the units of each sample; of units that count.

    >>> pooled(Units(torch.arange(16.0).reshape(1, 4, 4)), (2, 2)).values
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    n_dims = units.values.ndim - 1
    if n_dims != len(grid):
        raise ValueError(f"unit_grid={grid} has {len(grid)} dimensions, but the units of a sample have {n_dims}")
    pool: Callable = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[n_dims - 1]
    if units.mask is None:
        return Units(pool(units.values[:, None].float(), grid)[:, 0])
    share = pool(units.mask[:, None].float(), grid)[:, 0]
    total = pool(torch.where(units.mask, units.values, 0)[:, None].float(), grid)[:, 0]
    return Units(total / share, share > 0)


def is_too_much(shape: tuple[int, ...]) -> bool:
    """Whether units are more than what is kept unasked; says so."""
    n_bytes = 4 * prod(shape)
    if n_bytes > UNASKED:
        warnings.warn(
            f"losses of {shape[0]} x {' x '.join(map(str, shape[1:]))} units would take {n_bytes / 2**30:.1f} GiB and "
            "are not kept; set store_units=True or to a path, pool them with unit_grid, or set store_units=False",
            UserWarning,
            stacklevel=2,
        )
    return n_bytes > UNASKED


def _map(shape: tuple[int, ...], path: str | os.PathLike | None) -> np.ndarray:
    if path is not None:
        return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    return np.memmap(tempfile.TemporaryFile(), mode="w+", dtype=np.float32, shape=shape)
