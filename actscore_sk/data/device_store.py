"""A data set stored on the device of a net, and the batches of an epoch cut out of it there.

A loop that picks a batch as ``X[index]`` copies an index and starts a gather at each step. Here the index of many
batches is copied at once, their samples are gathered at once, and a batch is a view of the result: a step starts no
work of its own to have its batch.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from actscore_sk.data.batch_leaves import leaves_of, with_leaves
from actscore_sk.data.devices import can_pin, to_device
from actscore_sk.data.fetching import Fetch

COPY_BYTES = 2**24  # of the data set to be on their way at once, while it is stored
GATHERED_BYTES = 2**26  # of batches gathered at once: their memory is needed twice
# The memory of a tensor begins at a multiple of this. Matrix products may round otherwise where it does not, so that a
# batch of floating numbers is a view only if it begins at one.
ALIGNED_BYTES = 512


class DeviceStore:
    """Samples of a data set on a device.

    Parameters
    ----------
    fetch : callable
        Takes positions (n,) of int64 and returns the batch, as `batch_slicer` builds it; best into pinned memory.
    n_samples : int
        Number of samples that it knows, at least 1.
    device : torch.device
        Where they are stored.

    Attributes
    ----------
    batch_type : list
        A batch of one sample, of which only the structure counts.

    Examples
    --------
    >>> data = torch.arange(5.0)
    >>> store = DeviceStore(lambda index: [data[index], -data[index]], 5, torch.device("cpu"))
    >>> order = torch.tensor([4, 0, 2])
    >>> [(batch[0].tolist(), rows.tolist()) for batch, rows in store.batches(order, order, 2)]
    [([4.0, 0.0], [4, 0]), ([2.0], [2])]
    """

    def __init__(self, fetch: Fetch, n_samples: int, device: torch.device) -> None:
        self._fetch, self._n_samples, self.device = fetch, n_samples, device
        self.batch_type = fetch(torch.tensor([0]))
        self._stored = [
            torch.empty((n_samples, *leaf.shape[1:]), dtype=leaf.dtype, device=device)
            for leaf in leaves_of(self.batch_type)
        ]
        self._row_bytes = row_bytes(self.batch_type)
        self._is_flat = all(isinstance(part, Tensor) for part in self.batch_type)
        self.fill()

    def fill(self) -> None:
        """Copy all samples, those of an earlier copy as well: the data set may have changed."""
        for rows in torch.arange(self._n_samples).split(max(1, COPY_BYTES // max(1, self._row_bytes))):
            first, last = int(rows[0]), int(rows[-1])
            for stored, leaf in zip(self._stored, leaves_of(self._fetch(rows)), strict=True):
                stored[first : last + 1].copy_(leaf, non_blocking=can_pin(self.device))

    def batches(self, order: Tensor, rows: Tensor, batch_size: int) -> Iterator[tuple[Any, Tensor]]:
        """Iterate over the batches of an epoch.

        Parameters
        ----------
        order : Tensor of int64 (n_visits,)
            Positions of the samples in the data set, on the host.
        rows : Tensor of int64 (n_visits,)
            Positions of the same samples in X, on the host; may be `order` itself.
        batch_size : int
            Number of samples in a batch; the last one has the rest.

        Yields
        ------
        batch : list
            As `fetch` returns it, on the device.
        rows : Tensor of int64 (batch_size,)
            Positions of its samples in X, on the device.
        """
        at_once = batch_size * max(1, GATHERED_BYTES // max(1, batch_size * self._row_bytes))
        for start in range(0, len(order), at_once):
            chunk = slice(start, start + at_once)
            index = to_device(order[chunk], self.device)
            rows_there = index if rows is order else to_device(rows[chunk], self.device)
            parts = [self._cut(stored, index, batch_size) for stored in self._stored]
            for *leaves, rows_of_batch in zip(*parts, rows_there.split(batch_size), strict=True):
                yield leaves if self._is_flat else with_leaves(self.batch_type, iter(leaves)), rows_of_batch

    @staticmethod
    def _cut(stored: Tensor, index: Tensor, batch_size: int) -> Any:
        """Gather samples of one part of the data set, batch by batch: at once, if views are what a gather would be."""
        is_exact = not (stored.is_floating_point() or stored.is_complex())
        if is_exact or batch_size * _bytes_of_row(stored) % ALIGNED_BYTES == 0:
            # unlike those of split, its views do not share a count of changes: a change of one is none of the others
            return torch.unsafe_split(stored.index_select(0, index), batch_size)
        return (stored.index_select(0, part) for part in index.split(batch_size))


def row_bytes(batch: Any) -> int:
    """Return the bytes of a sample, in all parts of a batch.

    Examples
    --------
    >>> row_bytes([torch.zeros(2, 3), torch.zeros(2, dtype=torch.uint8)])
    13
    """
    return sum(_bytes_of_row(leaf) for leaf in leaves_of(batch))


def _bytes_of_row(tensor: Tensor) -> int:
    return tensor[:1].numel() * tensor.element_size()
