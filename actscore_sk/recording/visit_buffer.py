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
from actscore_sk.losses.details import LossDetails
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
    detail_sink : callable, optional
        Gets rows and `LossDetails` of the same visits, if they have parts or units. The first visit does not wait, so
        that what is wrong with them, or too large, is known before the net changes.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        keep_inputs: bool,
        capacity: int = CAPACITY,
        detail_sink: Callable[[Tensor, LossDetails], None] | None = None,
    ) -> None:
        self.sink, self.keep_inputs, self.capacity = sink, keep_inputs, capacity
        self.detail_sink, self._is_first = detail_sink, True
        self._visits: list[Visit] = []
        self._settings: list[tuple] = []
        self._size = 0

    def add(self, visit: Visit) -> None:
        """Hold a visit, or evaluate those held if there are enough."""
        if not self._visits:
            self._settings = visit.sample_loss.settings()
        self._visits.append(visit)
        self._size += visit.size
        has_more = visit.details is not None and visit.details.is_more
        if self.detail_sink is not None and (has_more or self._is_first):
            self._is_first = False
            self.flush()
        elif self._size >= self.capacity:
            self.flush()

    def flush(self) -> None:
        """Evaluate what is held, in order; visits whose inputs have one shape are evaluated together."""
        if self._visits:
            # A net that validates in inference mode calls from inside of it, where no state can be allocated.
            with torch.inference_mode(False), torch.no_grad(), uninterrupted():
                held, self._visits, self._size = self._visits, [], 0
                for _, alike in groupby(held, attrgetter("kind")):
                    self._evaluate(list(alike))

    def _evaluate(self, visits: list[Visit]) -> None:
        visit = visits[0]
        is_other_loss = visit.details is None and visit.sample_loss.settings() != self._settings
        if is_other_loss or any(each.was_changed() for each in visits):
            raise SampleLossError(
                "an output of the net, a target or a setting of the criterion was changed in place after the loss was "
                "computed, so the loss of single samples is lost; change a copy, or change it at the end of an epoch"
            )
        inputs = None
        if visit.inputs is not None and (self.keep_inputs or visit.details is None):
            inputs = tuple(_join(parts) for parts in zip(*[each.inputs for each in visits], strict=True))
        rows = torch.cat([each.rows for each in visits])
        if visit.details is None:
            sample_loss = visit.sample_loss
            units = sample_loss.units(inputs, len(rows))  # type: ignore[arg-type]
            losses = sample_loss.values(units, inputs)  # type: ignore[arg-type]
            if self.detail_sink is not None and units.ndim > 1:
                fine = sample_loss.fine_units(units, inputs)  # type: ignore[arg-type]
                self.detail_sink(rows, LossDetails(losses, units=fine))
        else:
            losses = torch.cat([each.details.samples for each in visits if each.details is not None])
            for each in visits if self.detail_sink is not None else ():
                self.detail_sink(each.rows, each.details)  # type: ignore[misc, arg-type]
        self.sink(rows.to(losses.device), losses, inputs, visit)


def _join(parts: tuple[Tensor, ...]) -> Tensor:
    joined = parts[0] if len(parts) == 1 else torch.cat(parts)
    # Half precision is trained on under autocast, which computes losses in float32.
    return joined.float() if joined.dtype in (torch.float16, torch.bfloat16) else joined
