"""Losses of batches that nobody waits for: they are read at the end of the epoch, all at once."""

import torch
from torch import Tensor

MOST = 2**13  # that are on the device at a time


class PendingLosses:
    """Writes losses of batches into the rows of a history, as the numbers that skorch would have read one by one.

    Parameters
    ----------
    name : str
        Of the loss in the rows.
    copies : bool
        True for compiled nets, which may use the memory of a loss again at the next batch.

    Examples
    --------
    >>> losses, rows = PendingLosses("train_loss", copies=False), [{}, {}]
    >>> for row, loss in zip(rows, (0.5, 0.25)):
    ...     losses.add(row, torch.tensor(loss))
    >>> losses.write()
    >>> rows
    [{'train_loss': 0.5}, {'train_loss': 0.25}]
    """

    def __init__(self, name: str, *, copies: bool) -> None:
        self._name, self._copies = name, copies
        self._pending: list[tuple[dict, Tensor]] = []
        self._last: Tensor | None = None

    def add(self, row: dict, loss: Tensor) -> None:
        """Take the loss (a scalar, with or without graph) of a batch; its row has a tensor until `write`."""
        loss = loss.detach()
        # A CUDA graph writes each loss over the one before. The first is copied, and shows at the second if that is so.
        is_reused = self._last is None or self._last.data_ptr() == loss.data_ptr()
        self._last = loss
        row[self._name] = loss = loss.clone() if self._copies or is_reused else loss
        self._pending.append((row, loss))
        if len(self._pending) >= MOST:
            self.write()

    def write(self) -> None:
        """Replace tensors by numbers; the host waits for the device."""
        pending, self._pending = self._pending, []
        if pending:
            values = torch.stack([loss for _, loss in pending]).tolist()
            for (row, _), value in zip(pending, values, strict=True):
                row[self._name] = value
