"""Steps that several nets made at once, on their way into recordings and histories.

A step computes the losses of its samples, and nothing else: what is made of them is made for many steps and all nets in
one go.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from actscore_sk.estimators.net_loop import NetLoop
from actscore_sk.losses.details import LossDetails
from actscore_sk.losses.weighting import batch_losses, divisors
from actscore_sk.recording.visit import Visit
from actscore_sk.recording.visit_buffer import CAPACITY


class Block:
    """Steps made at once in an epoch, on their way into recordings and histories.

    Parameters
    ----------
    loops : sequence of NetLoop
        Of the nets.
    """

    def __init__(self, loops: Sequence[NetLoop]) -> None:
        self._loops, self.path = loops, loops[0].session.path
        self._sample_loss = self.path.sample_loss
        self._unreduced = self._sample_loss.unreduced(scored=False)
        self._steps: list[tuple[Tensor, tuple, Tensor]] = []
        self._size = 0
        self._losses: list[Tensor] = []
        self._sizes: list[int] = []
        self._shares: dict[Any, Tensor] = {}

    def losses(self, rows: Tensor, inputs: tuple) -> tuple[Tensor, Tensor]:
        """Return the losses of a step and what each counts in the loss of its net, and keep the visits.

        Parameters
        ----------
        rows : Tensor of int64 (n_nets, batch_size)
            Of X.
        inputs : tuple of Tensor (n_nets * batch_size, ...)
            Arguments of the criterion.

        Returns
        -------
        units, shares : Tensor (n_nets * batch_size, ...)
            Losses of units, with gradient. The sum of their products with the shares, over the samples of a net, is its
            loss as its criterion reduces it.
        """
        units = self._unreduced(*inputs)
        kept = units.detach()
        shares = self._shares_of(kept, inputs)
        self._steps.append((rows, tuple([part.detach() for part in inputs]), kept))
        self._sizes.append(rows.shape[1])
        self._size += inputs[0].numel()
        if self._size >= CAPACITY * len(self._loops):
            self._hand_on()
        return units, shares

    def _shares_of(self, units: Tensor, inputs: tuple) -> Tensor:
        """Return what the loss of each unit counts in that of its net, shaped like `units`."""
        own: Any = 1.0 if self._sample_loss.reduction == "sum" else divisors(self._sample_loss, units, inputs)
        if isinstance(own, Tensor):
            n_nets = len(self._loops)
            own = own.view(n_nets, -1).sum(1, keepdim=True).expand(-1, len(units) // n_nets)
            return (1 / own).reshape(-1, *[1] * (units.ndim - 1)).expand_as(units)
        key = own, units.shape
        if key not in self._shares:  # the same in all steps but the last one
            n_samples = 1 if self._sample_loss.reduction == "sum" else len(units) // len(self._loops)
            self._shares[key] = torch.full_like(units, 1 / (own * n_samples))
        return self._shares[key]

    def _hand_on(self) -> None:
        """Make of the steps one visit per net, and compute the loss that each of them was trained on."""
        if not self._steps:
            return
        steps, self._steps, self._size = self._steps, [], 0
        rows, inputs, units = zip(*steps, strict=True)
        n_nets, sizes = len(self._loops), [each.shape[1] for each in rows]
        parts = [self._side_by_side(place) for place in zip(*inputs, strict=True)]
        values, all_rows = self._side_by_side(units), torch.cat(rows, 1)
        flat = tuple([part.flatten(0, 1) for part in parts])
        losses = batch_losses(self._sample_loss, values.flatten(0, 1), flat, sizes * n_nets)
        self._losses.append(losses.view(n_nets, -1))
        for number, loop in enumerate(self._loops):
            details = LossDetails(values[number]) if self._is_score(values) else None
            own = tuple([part[number] for part in parts])
            visit = Visit(all_rows[number], own, details, loop.session.path.sample_loss)
            for on_visit in loop.session.on_visit[True]:
                on_visit(visit)

    def _side_by_side(self, parts: Sequence[Tensor]) -> Tensor:
        """Join tensors of several steps to one of (n_nets, n_samples, ...)."""
        return torch.cat([part.unflatten(0, (len(self._loops), -1)) for part in parts], 1)

    def _is_score(self, values: Tensor) -> bool:
        """Return True if losses of units (n_nets, n_samples, ...) are what is recorded of the samples."""
        sample_loss = self._sample_loss
        is_weighted = sample_loss.has_class_weights and not sample_loss.score_class_weights
        return values.ndim == 2 and values.dtype.itemsize >= 4 and not is_weighted

    def close(self) -> None:
        """Hand on the last visits, and write the histories of the nets; the host waits for the device."""
        self._hand_on()
        if not self._losses:
            return
        values = torch.cat(self._losses, 1).tolist()
        for loop, losses in zip(self._loops, values, strict=True):
            loop.session.n_trained += sum(self._sizes)
            rows = loop.net.history[-1]["batches"]
            rows += [
                {"train_loss": loss, "train_batch_size": size} for loss, size in zip(losses, self._sizes, strict=True)
            ]
