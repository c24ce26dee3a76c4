"""State of the parts of a loss and of the units of samples, next to the `SampleState`.

The criterion decides at its first visit which parts and units there are, and of which shapes.
"""

import os
from math import prod
from typing import Any

import numpy as np
from torch import Tensor

from actscore_sk.losses.details import LossDetails, Units
from actscore_sk.losses.ragged_scores import RaggedScores
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.recording.counted import Counted
from actscore_sk.recording.ragged_units import RaggedUnits
from actscore_sk.recording.unit_scores import DenseUnits, is_too_much, pooled


class DetailState:
    """Sums of parts, and of losses of units, of `n_samples` samples; allocated when the first of them comes.

    Parameters
    ----------
    n_samples : int
        Number of samples in X.
    reduction : str
        Name in `REDUCTIONS`.
    store_units : bool, "auto", str or path-like
        Keep losses of units. ``"auto"``: unless they take more than `UNASKED` bytes. A path: in a ``.npy`` file.
    unit_grid : int, tuple of int or None
        Shape to which dense units are pooled.

    Attributes
    ----------
    epoch : int
        Number of the running epoch, from 1 on.

    Examples
    --------
    >>> import torch
    >>> state = DetailState(2, "sum", store_units=True)
    >>> details = LossDetails(torch.ones(1), {"size": torch.tensor([0.25])}, torch.tensor([[0.5, 1.5]]))
    >>> state.update(torch.tensor([1]), details.detached())
    >>> state.components(), state.units()[None]
    ({'size': array([ nan, 0.25])}, array([[nan, nan],
           [0.5, 1.5]], dtype=float32))
    """

    def __init__(self, n_samples: int, reduction: str, store_units: Any = False, unit_grid: Any = None) -> None:
        self.n_samples, self.reduction = n_samples, REDUCTIONS[reduction]
        self._store_units, self._unit_grid = store_units, unit_grid
        self._components: dict[str, Counted] = {}
        self._units: dict[str | None, DenseUnits | RaggedUnits] = {}
        self._refused: set[str | None] = set()
        self.epoch = 1

    def update(self, rows: Tensor, details: LossDetails) -> None:
        """Add visits.

        Parameters
        ----------
        rows : Tensor of int64 (n_visits,)
            Positions of the samples; may repeat.
        details : LossDetails
            Without gradient; see `LossDetails.detached`.
        """
        for name, values in details.components.items():
            if name not in self._components:
                self._components[name] = Counted(self.reduction.of_parts(self.n_samples, values.device))
            self._components[name].add(rows.to(values.device), values, self.epoch)
        if self._store_units is not False:
            for part, units in ({None: details.units} | dict(details.unit_components)).items():
                if units is not None and part not in self._refused:
                    self._add_units(part, rows, units)

    def _add_units(self, part: str | None, rows: Tensor, units: Units) -> None:
        if self._unit_grid is not None and not units.is_ragged:
            units = pooled(units, _as_grid(self._unit_grid, units.values.ndim - 1))
        if part not in self._units:
            store = self._new_store(part, units)
            if store is None:
                self._refused.add(part)
                return
            self._units[part] = store
        self._units[part].add(rows, units, self.epoch)

    def _new_store(self, part: str | None, units: Units) -> DenseUnits | RaggedUnits | None:
        """Make the store for units like these; None if they are too many for somebody who did not ask for them."""
        is_asked, device = self._store_units != "auto", units.values.device
        path = None if self._store_units in (True, "auto") else self._store_units
        if units.is_ragged:
            n_units = round(self.n_samples * float(units.sizes().float().mean()))
            if not is_asked and is_too_much(8 * n_units, f"about {n_units}"):
                return None
            return RaggedUnits(self.n_samples, device, self.reduction, path=path, n_units=n_units)
        shape = (self.n_samples, *units.values.shape[1:])
        if not is_asked and is_too_much(4 * prod(shape), " x ".join(map(str, shape))):
            return None
        if path is not None and part is not None:
            stem, extension = os.path.splitext(os.fspath(path))
            path = f"{stem}-{part}{extension}"
        return DenseUnits(shape, device, self.reduction, path=path)

    def end_epoch(self, held_out_loss: float = np.nan) -> None:
        """Close the epoch; see `Statistic.end_epoch`."""
        for kept in (*self._components.values(), *self._units.values()):
            kept.end_epoch(self.epoch, held_out_loss)
        self.epoch += 1

    def components(self) -> dict[str, np.ndarray]:
        """Return the score of each sample under each part, (n_samples,) float64, NaN = never visited; copies."""
        return {name: part.compute().cpu().double().numpy() for name, part in self._components.items()}

    def units(self) -> dict[str | None, np.ndarray | RaggedScores]:
        """Return scores of units by part; the key None holds those of the whole loss."""
        return {name: store.compute() for name, store in self._units.items()}

    @property
    def is_empty(self) -> bool:
        """True if no part and no unit was recorded."""
        return not self._components and not self._units


def _as_grid(grid: int | tuple[int, ...], n_dims: int) -> tuple[int, ...]:
    return (int(grid),) * n_dims if isinstance(grid, (int, np.integer)) else tuple(grid)
