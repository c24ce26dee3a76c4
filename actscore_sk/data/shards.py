"""The share of one process in the batches of an epoch: which samples of a batch are padding, is the order one for all.

Each process loads its own share of the batches. So that all have as many, the last ones are filled up with samples from
the beginning of the epoch, which the net is trained on twice; in a score they count once.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DistributedSampler


class Share(NamedTuple):
    """Which one of the processes that train a net this is.

    Parameters
    ----------
    n_processes : int
        How many there are.
    rank : int
        Number of this one, from 0.
    """

    n_processes: int = 1
    rank: int = 0


ALONE = Share()


class Shard:
    """A loader that is not shared out: each process loads all batches, and the first one counts.

    Parameters
    ----------
    share : Share
        Of this process.

    Attributes
    ----------
    order : int
        Hash of all that decided the order of the epoch so far; equal in all processes.
    n_in_hand : int
        How many samples of the latest batch count.
    """

    def __init__(self, share: Share) -> None:
        self.share, self.order, self.n_in_hand = share, 0, 0

    def begin(self) -> None:
        """Start an epoch."""
        self.order = 0

    def n_counted(self, size: int) -> int:
        """Return how many samples, from the first on, count of the next batch, which has `size` samples."""
        return 0 if self.share.rank else size

    def counted(self, rows: Tensor) -> Tensor:
        """Return the rows of X in the next batch, ``~row`` where they do not count."""
        n = self.n_in_hand = self.n_counted(len(rows))
        return rows if n == len(rows) else torch.cat([rows[:n], ~rows[n:]])

    def release(self) -> None:
        """Restore what was changed."""


class AccelerateShard(Shard):
    """A share of the batches as Accelerate makes it: every n-th batch, or a part of each.

    Parameters
    ----------
    sampler : BatchSamplerShard
        It is changed until `release`: a log replaces the batch sampler of all batches inside it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> batches = BatchSampler(range(5), 2, drop_last=False)
    >>> shard = AccelerateShard(
    ...     SimpleNamespace(batch_sampler=batches, num_processes=2, process_index=1, split_batches=False, batch_size=2)
    ... )
    >>> for batch in shard.sampler.batch_sampler:
    ...     print(batch, end=" ")
    [0, 1] [2, 3] [4]
    >>> shard.n_counted(2), shard.n_counted(2)                  # [2, 3], and a batch of repeated samples
    (2, 0)
    """

    def __init__(self, sampler: Any) -> None:
        super().__init__(Share(sampler.num_processes, sampler.process_index))
        self.sampler, self._own = sampler, sampler.batch_sampler
        sampler.batch_sampler = _SizeLog(self._own, self)
        self.sizes: list[int] = []
        self._n_batches = 0

    def begin(self) -> None:
        """Start an epoch."""
        super().begin()
        self.sizes, self._n_batches = [], 0

    def n_counted(self, size: int) -> int:
        """Return how many samples, from the first on, are no padding; see `Shard.n_counted`."""
        k, self._n_batches = self._n_batches, self._n_batches + 1
        n_processes, rank = self.share
        if self.sampler.split_batches:
            return min(size, max(0, self._size(k) - rank * (self.sampler.batch_size // n_processes)))
        return min(size, self._size(k * n_processes + rank))

    def _size(self, number: int) -> int:
        return self.sizes[number] if number < len(self.sizes) else 0

    def release(self) -> None:
        """Restore the sampler."""
        self.sampler.batch_sampler = self._own


class DistributedShard(Shard):
    """Every n-th sample, as torch's `DistributedSampler` shares them out.

    Parameters
    ----------
    sampler : DistributedSampler
        Decides the order of the epoch by its seed and the number of the epoch.

    Examples
    --------
    >>> shard = DistributedShard(DistributedSampler(range(5), num_replicas=2, rank=1))
    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))    # 0 stands in for the sixth
    [1, 3, 0]
    >>> shard.begin()
    >>> shard.n_counted(2), shard.n_counted(1)
    (2, 0)
    """

    def __init__(self, sampler: DistributedSampler) -> None:
        super().__init__(Share(sampler.num_replicas, sampler.rank))
        self.sampler, self._n_left = sampler, 0

    def begin(self) -> None:
        """Start an epoch."""
        sampler = self.sampler
        n_samples = len(sampler.dataset)  # type: ignore[arg-type]
        is_cut = sampler.drop_last and n_samples % sampler.num_replicas
        self._n_left = sampler.num_samples if is_cut else len(range(sampler.rank, n_samples, sampler.num_replicas))
        self.order = hash((sampler.seed, sampler.epoch, sampler.shuffle, n_samples))

    def n_counted(self, size: int) -> int:
        """Return how many samples, from the first on, are no padding; see `Shard.n_counted`."""
        counted = min(size, self._n_left)
        self._n_left -= counted
        return counted


class _SizeLog:
    """Wraps the batch sampler of all processes; notes the size of each batch, and what the order depends on."""

    def __init__(self, own: BatchSampler, shard: AccelerateShard) -> None:
        self.own, self.shard = own, shard

    def __len__(self) -> int:
        return len(self.own)

    def __getattr__(self, name: str) -> Any:
        if name == "own":  # unpickling asks before there is one
            raise AttributeError(name)
        return getattr(self.own, name)

    def __iter__(self) -> Iterator:
        for batch in self.own:
            # Accelerate adds its padding to this list
            self.shard.sizes.append(len(batch))
            self.shard.order = hash((self.shard.order, *batch))
            yield batch
