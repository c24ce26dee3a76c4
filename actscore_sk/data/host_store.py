"""A data set that stays on the host, and its batches on their way to the device of a net, one always in flight."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from actscore_sk.data.batch_leaves import leaves_of, map_leaves
from actscore_sk.data.devices import to_device
from actscore_sk.data.fetching import Fetch


class HostStore:
    """Copies batches while the device computes, and lets it wait for each just before it is needed.

    Parameters
    ----------
    fetch : callable
        As in `DeviceStore`; best into pinned memory.
    device : torch.device
        Where batches are copied to. A "cuda" device copies in a stream of its own.

    Examples
    --------
    >>> data = torch.arange(5.0)
    >>> store = HostStore(lambda index: [data[index], -data[index]], torch.device("cpu"))
    >>> order = torch.tensor([4, 0, 2])
    >>> [(batch[0].tolist(), rows.tolist()) for batch, rows in store.batches(order, order, 2)]
    [([4.0, 0.0], [4, 0]), ([2.0], [2])]
    """

    def __init__(self, fetch: Fetch, device: torch.device) -> None:
        self._fetch, self.device = fetch, device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def fill(self) -> None:
        """Do nothing: batches are read from the data set anyway."""

    def batches(self, order: Tensor, rows: Tensor, batch_size: int) -> Iterator[tuple[Any, Tensor]]:
        """Iterate over the batches of an epoch; the next one is fetched and on its way while one is used.

        Parameters
        ----------
        order, rows, batch_size
            As in `DeviceStore.batches`.

        Yields
        ------
        batch, rows
            As in `DeviceStore.batches`.
        """
        coming = None
        for index, rows_of_batch in zip(order.split(batch_size), rows.split(batch_size), strict=True):
            # the device waits for the batch before the next one is sent, which it need not wait for
            arrived = None if coming is None else self._arrived(coming)
            coming = self._sent([self._fetch(index), rows_of_batch])
            if arrived is not None:
                yield arrived
        if coming is not None:
            yield self._arrived(coming)

    def _sent(self, batch: list) -> list:
        with nullcontext() if self._stream is None else torch.cuda.stream(self._stream):
            return map_leaves(self._copy, batch)

    def _arrived(self, batch: list) -> tuple[Any, Tensor]:
        """Let the device, and not the host, wait until a batch that was sent is there."""
        if self._stream is not None:
            current = torch.cuda.current_stream(self.device)
            current.wait_stream(self._stream)
            for leaf in leaves_of(batch):
                leaf.record_stream(current)  # its memory must not be used again before the step is done
        return batch[0], batch[1]

    def _copy(self, leaf: Tensor) -> Tensor:
        return to_device(leaf, self.device)
