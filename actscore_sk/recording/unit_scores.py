"""Scores of units that all samples have as many of, in an array like the targets."""

import logging
import warnings
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import Units
from actscore_sk.recording.accumulated import Accumulated, Filled, Sums
from actscore_sk.recording.unit_files import new_map

IN_MEMORY = 2**28  # bytes; more lies in a file
UNASKED = 2**30  # bytes; more is kept only if somebody asks for it

_log = logging.getLogger("actscore_sk")


class DenseScores:
    """Scores of units of which all samples have the same number, 4 bytes a unit (20 if epochs are filled in).

    Parameters
    ----------
    shape : tuple of int
        Number of samples, and shape of the units of one.
    device : torch.device
        Of the net; where the scores lie unless they are in a file.
    reduction : {"sum", "mean", "interpolated"}
        What is made of visits.
    path : path-like, optional
        A ``.npy`` file for the scores; without one, what is larger than `IN_MEMORY` goes to a temporary file. Means
        are written to it when they are asked for, and their sums lie in a temporary file until then.
    """

    def __init__(self, shape: tuple[int, ...], device: torch.device, reduction: str, *, path: Any = None) -> None:
        n_bytes, fills = 4 * prod(shape), reduction == "interpolated"
        self._reduction = reduction
        self._file = self._means = None
        if fills and path is not None:
            raise ValueError(
                'reduction="interpolated" keeps losses of units in memory; set store_units=True, or another reduction'
            )
        if path is not None or (n_bytes > IN_MEMORY and not fills):
            self._file = new_map(shape, None if reduction == "mean" else path)
            self._means = new_map(shape, path) if reduction == "mean" else None
        where = "in memory" if self._file is None else f"in {'a temporary file' if path is None else path}"
        share = 5 if fills else 1 if self._means is None else 2
        _log.info("losses of units: %s float32, %.1f MiB, %s", shape, n_bytes * share / 2**20, where)
        total = torch.empty(shape, device=device) if self._file is None else torch.from_numpy(self._file)
        self._sums: Accumulated = Filled(total) if fills else Sums(total)
        self._shape, self._device = shape, total.device

    def __getstate__(self) -> dict[str, Any]:
        # a copy has its sums in memory, and would go on adding to what is no file any more
        return vars(self) | {"_file": None, "_means": None}

    def add(self, rows: Tensor, units: Units) -> None:
        """Add losses of visits of the samples at `rows`."""
        if units.values.shape[1:] != self._shape[1:]:
            raise SampleLossError(
                f"losses of units had shape {self._shape[1:]} a sample, and now have {tuple(units.values.shape[1:])}; "
                "set unit_grid to pool all to one shape, let the criterion return a list of tensors, one a sample, or "
                "set store_units=False"
            )
        values = units.values if units.mask is None else units.values.masked_fill(~units.mask, torch.nan)
        self._sums.add(rows.to(self._device), values.to(self._device))  # into a file, the host waits for the values

    def end_epoch(self, epoch: int) -> None:
        """Close the epoch."""
        self._sums.end_epoch(epoch)

    def compute(self, epoch: int) -> np.ndarray:
        """Scores (n_samples, ...) float32; those in a file are mapped, read-only."""
        if self._file is None:
            return self._sums.compute(self._reduction, epoch).float().cpu().numpy().copy()
        scores = self._file if self._means is None else self._means
        if self._means is not None:
            counts = self._sums.counts.tolist()  # type: ignore[union-attr]
            for row, count in enumerate(counts):
                scores[row] = self._file[row] / max(count, 1)
        scores = scores.view()
        scores.flags.writeable = False
        return scores


def pooled(units: Units, grid: tuple[int, ...]) -> Units:
    """Mean over the cells of a grid that is laid over the units of each sample; of units that count.

    >>> pooled(Units(torch.arange(16.0).reshape(1, 4, 4)), (2, 2)).values
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    n_dims = units.values.ndim - 1
    if n_dims != len(grid) or n_dims > 3:
        raise ValueError(
            f"unit_grid={grid} has {len(grid)} dimensions, but the units of a sample have {n_dims}; expected as many, "
            "and no more than 3"
        )
    pool: Callable = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[n_dims - 1]
    if units.mask is None:
        return Units(pool(units.values[:, None].float(), grid)[:, 0])
    share = pool(units.mask[:, None].float(), grid)[:, 0]
    total = pool(torch.where(units.mask, units.values, 0)[:, None].float(), grid)[:, 0]
    return Units(total / share, share > 0)


def is_too_much(n_bytes: int, number: str) -> bool:
    """Whether units are more than what is kept unasked; says so."""
    if n_bytes > UNASKED:
        warnings.warn(
            f"losses of {number} units would take {n_bytes / 2**30:.1f} GiB and are not kept; set store_units=True, or "
            "to a path if all samples have as many, pool them with unit_grid, or set store_units=False",
            UserWarning,
            stacklevel=2,
        )
    return n_bytes > UNASKED
