"""Batches of a training loop that wait until there are enough of them."""

from collections.abc import Callable

import torch
from torch import Tensor

from actscore_sk.recording.loop_batch import LoopBatch
from actscore_sk.recording.visit_buffer import CAPACITY
from actscore_sk.utils.interrupts import uninterrupted


class LoopBuffer:
    """Batches that wait: their evaluation costs more in calls than in arithmetic, so that many are evaluated at once.

    Parameters
    ----------
    on_flush : callable
        Gets a `LoopBatch` of joined batches, without gradient, and never interrupted half-way.
    """

    def __init__(self, on_flush: Callable[[LoopBatch], None]) -> None:
        self.on_flush = on_flush
        self._held: list[LoopBatch] = []
        self._kind: tuple = ()
        self._size = 0

    def add(self, batch: LoopBatch) -> None:
        """Hold a copy of a batch, or evaluate those held if there are enough, or if they are of another kind."""
        kind = batch.kind
        if kind != self._kind:
            self.flush()
            self._kind = kind
        # Copies: a loop may write into its losses, and a compiled net or a loader may use their memory again.
        rows, losses, logits, targets = (None if part is None else part.clone() for part in batch[:4])
        self._held.append(LoopBatch(rows, losses, logits, targets, batch.held_out))  # type: ignore[arg-type]
        self._size += batch.losses.numel() + (0 if logits is None else logits.numel())
        if self._size >= CAPACITY:
            self.flush()

    def flush(self) -> None:
        """Evaluate the batches held, in order."""
        if self._held:
            # Loops validate in inference mode, where state that is allocated could not be written to later.
            with torch.inference_mode(False), torch.no_grad(), uninterrupted():
                held, self._held, self._size = self._held, [], 0
                parts = {
                    name: torch.cat([getattr(batch, name) for batch in held])
                    for name, part in held[0]._asdict().items()
                    if isinstance(part, Tensor)
                }
                self.on_flush(held[0]._replace(**parts))  # type: ignore[arg-type]
