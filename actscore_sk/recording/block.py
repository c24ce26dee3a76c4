"""Collect visits and evaluate many batches at once.

A per-sample loss of a small batch costs more in calls than in arithmetic. The criterion's inputs are therefore
kept, without their graph, until there are enough of them for one vectorised evaluation.
"""

from collections.abc import Callable
from itertools import groupby
from operator import attrgetter

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.recording.visit import Visit
from actscore_sk.utils.interrupts import uninterrupted

# Numbers of the net's output held back: 256 KiB in float32, enough to hide the cost of a call where outputs are small.
CAPACITY = 2**16

Sink = Callable[[Tensor, Tensor, tuple | None, Visit], None]


class VisitBlock:
    """Visits that wait for their evaluation.

    Parameters
    ----------
    sink : callable
        Gets rows (n,) int64 and losses (n,) on the net's device, the criterion's inputs or None, and one of
        the visits; called without gradient, and never interrupted half-way.
    keep_inputs : bool
        Whether `sink` needs the criterion's inputs.
    capacity : int
        Numbers to hold at most before they are evaluated.
    """

    def __init__(self, sink: Sink, *, keep_inputs: bool, capacity: int = CAPACITY) -> None:
        self.sink, self.keep_inputs, self.capacity = sink, keep_inputs, capacity
        self._visits: list[Visit] = []
        self._settings: list[tuple] = []
        self._size = 0

    def add(self, visit: Visit) -> None:
        """Hold a visit, or evaluate those held if there are enough."""
        if not self._visits:
            self._settings = visit.sample_loss.settings()
        self._visits.append(visit)
        self._size += visit.size
        if self._size >= self.capacity:
            self.flush()

    def flush(self) -> None:
        """Evaluate what is held, in order; visits whose inputs have one shape are evaluated together."""
        if self._visits:
            with torch.no_grad(), uninterrupted():
                held, self._visits, self._size = self._visits, [], 0
                for _, alike in groupby(held, attrgetter("kind")):
                    self._evaluate(list(alike))

    def _evaluate(self, visits: list[Visit]) -> None:
        visit = visits[0]
        is_other_loss = visit.values is None and visit.sample_loss.settings() != self._settings
        if is_other_loss or any(each.was_changed() for each in visits):
            raise SampleLossError(
                "an output of the net, a target or a setting of the criterion was changed in place after the loss was "
                "computed, so the loss of single samples is lost; change a copy, or change it at the end of an epoch"
            )
        inputs = None
        if visit.inputs is not None and (self.keep_inputs or visit.values is None):
            inputs = tuple(_join(parts) for parts in zip(*[each.inputs for each in visits], strict=True))
        rows = torch.cat([each.rows for each in visits])
        if visit.values is None:
            sample_loss = visit.sample_loss
            losses = sample_loss.values(sample_loss.units(inputs, len(rows)), inputs)  # type: ignore[arg-type]
        else:
            losses = torch.cat([each.values for each in visits if each.values is not None])
        self.sink(rows.to(losses.device), losses, inputs, visit)


def _join(parts: tuple[Tensor, ...]) -> Tensor:
    joined = parts[0] if len(parts) == 1 else torch.cat(parts)
    # Half precision is trained on under autocast, which computes losses in float32.
    return joined.float() if joined.dtype in (torch.float16, torch.bfloat16) else joined
