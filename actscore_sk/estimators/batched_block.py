"""Steps that several nets made at once, on their way into recordings and histories."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from actscore_sk.estimators.net_loop import NetLoop
from actscore_sk.losses.weighting import divisors, numerators
from actscore_sk.recording.visit_buffer import CAPACITY, Visit


class Block:
    """Steps made at once in an epoch, on their way into recordings and histories.

    Parameters
    ----------
    loops : sequence of NetLoop
        Of the nets.
    """

    def __init__(self, loops: Sequence[NetLoop]) -> None:
        self._loops, self.path = loops, loops[0].session.path
        self._unreduced = self.path.sample_loss.unreduced(scored=False)
        self._is_recorded = any(loop.session.on_visit[True] for loop in loops)
        self._steps: list[tuple[Tensor, tuple, Tensor, Any]] = []
        self._size = 0
        self._losses: list[Tensor] = []
        self._sizes: list[int] = []

    def losses(self, rows: Tensor, inputs: tuple) -> Tensor:
        """Return the loss of each net (n_nets,), as its criterion reduces it, and keep the visits.

        Parameters
        ----------
        rows : Tensor of int64 (n_nets, batch_size)
            Of X.
        inputs : tuple of Tensor (n_nets * batch_size, ...)
            Arguments of the criterion.
        """
        sample_loss, (n_nets, batch_size) = self.path.sample_loss, rows.shape
        units = self._unreduced(*inputs)
        sums = numerators(sample_loss, units, inputs).view(n_nets, -1).sum(1)
        shares: Any = 1.0
        if sample_loss.reduction != "sum":
            shares = divisors(sample_loss, units, inputs)
            shares = shares * batch_size if isinstance(shares, float) else shares.view(n_nets, -1).sum(1)
        losses = sums / shares
        self._losses.append(losses.detach())
        self._sizes.append(batch_size)
        if self._is_recorded:
            self._steps.append((rows, tuple(part.detach() for part in inputs), sums.detach(), shares))
            self._size += inputs[0].numel()
            if self._size >= CAPACITY:
                self._hand_on()
        return losses

    def _hand_on(self) -> None:
        """Make of the steps one visit per net: of several batches, with the loss that they have together."""
        if not self._steps:
            return
        steps, self._steps, self._size = self._steps, [], 0
        rows, inputs, sums, shares = zip(*steps, strict=True)
        n_nets = len(self._loops)
        parts = [
            torch.cat([part.unflatten(0, (n_nets, -1)) for part in place], 1) for place in zip(*inputs, strict=True)
        ]
        is_sum = self.path.sample_loss.reduction == "sum"
        trained = sum(sums) if is_sum else sum(sums) / sum(shares)
        all_rows = torch.cat(rows, 1)
        for number, loop in enumerate(self._loops):
            own = tuple(part[number] for part in parts)
            visit = Visit(all_rows[number], own, None, loop.session.path.sample_loss, trained[number])
            for on_visit in loop.session.on_visit[True]:
                on_visit(visit)

    def close(self) -> None:
        """Hand on the last visits, and write the histories of the nets; the host waits for the device."""
        self._hand_on()
        if not self._losses:
            return
        values = torch.stack(self._losses, 1).tolist()
        for loop, losses in zip(self._loops, values, strict=True):
            loop.session.n_trained += sum(self._sizes)
            rows = loop.net.history[-1]["batches"]
            rows += [
                {"train_loss": loss, "train_batch_size": size} for loss, size in zip(losses, self._sizes, strict=True)
            ]
