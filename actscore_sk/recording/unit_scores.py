"""Scores of units of which all samples have the same number, in an array like the targets.

Pixels are many: a thousand masks of 512 x 512 take 1 GiB. So there are three ways to keep them small: a file, a grid to
which they are pooled, and a limit beyond which nothing is kept unless somebody asks for it.
"""

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
from actscore_sk.metrics.epoch_statistics import InterpolatedSum
from actscore_sk.metrics.reductions import Reduction
from actscore_sk.metrics.statistics import Mean
from actscore_sk.recording.counted import Counted
from actscore_sk.recording.unit_files import new_map

IN_MEMORY = 2**28  # bytes; more goes to a file
UNASKED = 2**30  # bytes; more is kept only if somebody asks for it

_log = logging.getLogger("actscore_sk")


class DenseUnits:
    """Scores of units of which all samples have the same number, 4 bytes per unit (16 if epochs are interpolated).

    Parameters
    ----------
    shape : tuple of int
        Number of samples, and shape of the units of one.
    device : torch.device
        Of the net; where the scores are stored unless they are in a file.
    reduction : Reduction
        How visits become a score.
    path : path-like, optional
        A ``.npy`` file for the scores; without one, scores larger than `IN_MEMORY` go to a temporary file. Means
        are written to it when they are asked for, and their sums are in a temporary file until then.

    Raises
    ------
    ValueError
        If a path is given and the reduction interpolates.

    Examples
    --------
    >>> from actscore_sk.metrics.reductions import REDUCTIONS
    >>> store = DenseUnits((3, 2), torch.device("cpu"), REDUCTIONS["sum"])
    >>> store.add(torch.tensor([0, 2]), Units(torch.tensor([[1.0, 2.0], [3.0, 4.0]])), epoch=1)
    >>> store.compute()
    array([[ 1.,  2.],
           [nan, nan],
           [ 3.,  4.]], dtype=float32)
    """

    def __init__(self, shape: tuple[int, ...], device: torch.device, reduction: Reduction, *, path: Any = None) -> None:
        n_bytes, interpolates = 4 * prod(shape), reduction.of_parts is InterpolatedSum
        is_mean = reduction.of_parts is Mean
        self._file = self._means = None
        if interpolates and path is not None:
            raise ValueError(
                'reduction="interpolated" keeps losses of units in memory; set store_units=True, or another reduction'
            )
        if path is not None or (n_bytes > IN_MEMORY and not interpolates):
            self._file = new_map(shape, None if is_mean else path)
            self._means = new_map(shape, path) if is_mean else None
        where = "in memory" if self._file is None else f"in {'a temporary file' if path is None else path}"
        share = 4 if interpolates else 1 if self._means is None else 2
        _log.info("losses of units: %s float32, %.1f MiB, %s", shape, n_bytes * share / 2**20, where)
        storage = torch.zeros(shape, device=device) if self._file is None else torch.from_numpy(self._file)
        self._sums = Counted(reduction.of_parts(shape[0], storage.device, storage=storage))
        if self._file is not None:
            storage.fill_(torch.nan)  # who maps the file sees NaN until the first visit
        self._has_unseen = self._file is not None
        self._shape, self._device = shape, storage.device

    def __getstate__(self) -> dict[str, Any]:
        # a copy has its sums in memory, and must not go on adding to a map without a file
        return vars(self) | {"_file": None, "_means": None}

    def add(self, rows: Tensor, units: Units, epoch: int) -> None:
        """Add losses of visits.

        Parameters
        ----------
        rows : Tensor of int64 (n_visits,)
            Positions of the samples; may repeat.
        units : Units
            Without gradient; a unit that is masked makes its score NaN from then on.
        epoch : int
            Number of the epoch, from 1 on.

        Raises
        ------
        SampleLossError
            If units have another shape than before.
        """
        if units.values.shape[1:] != self._shape[1:]:
            raise SampleLossError(
                f"losses of units had shape {self._shape[1:]} per sample, and now have {tuple(units.values.shape[1:])}"
                "; set unit_grid to pool all to one shape, let the criterion return a list of tensors, one per sample, "
                "or set store_units=False"
            )
        values = units.values if units.mask is None else units.values.masked_fill(~units.mask, torch.nan)
        rows, storage = rows.to(self._device), self._sums.statistic.storage
        if self._has_unseen:
            unseen = rows[self._sums.n_visits[rows] == 0]
            storage[unseen] = 0
        self._sums.add(rows, values.to(self._device), epoch)  # into a file, the host waits for the values

    def end_epoch(self, epoch: int, held_out_loss: float) -> None:
        """Close the epoch."""
        self._sums.end_epoch(epoch, held_out_loss)
        self._has_unseen = self._has_unseen and bool((self._sums.n_visits == 0).any())

    def compute(self) -> np.ndarray:
        """Return the scores (n_samples, ...) float32; those in a file are mapped, read-only."""
        if self._file is None:
            return self._sums.compute().float().cpu().numpy()
        scores = self._file if self._means is None else self._means
        if self._means is not None:
            for row, count in enumerate(self._sums.n_visits.tolist()):
                scores[row] = self._file[row] / max(count, 1)
        scores = scores.view()
        scores.flags.writeable = False
        return scores


def pooled(units: Units, grid: tuple[int, ...]) -> Units:
    """Average units over the cells of a grid that is laid over each sample; masked units do not count.

    Parameters
    ----------
    units : Units
        Dense, of up to three dimensions per sample.
    grid : tuple of int
        Number of cells along each dimension.

    Returns
    -------
    units : Units
        Of shape (n_samples, *grid); a cell without units is masked.

    Raises
    ------
    ValueError
        If the grid has another number of dimensions than the units.

    Examples
    --------
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
    """Return True, and warn, if units take more memory than is used unasked.

    Parameters
    ----------
    n_bytes : int
        Memory that they would take.
    number : str
        Their number, for the warning.
    """
    if n_bytes > UNASKED:
        warnings.warn(
            f"losses of {number} units would take {n_bytes / 2**30:.1f} GiB and are not kept; set store_units=True, or "
            "to a path if all samples have as many, pool them with unit_grid, or set store_units=False",
            UserWarning,
            stacklevel=2,
        )
    return n_bytes > UNASKED
