"""How a loader is shared out among the processes that train one net: found in the samplers inside it."""

from typing import Any

from torch.utils.data import DataLoader, DistributedSampler

from actscore_sk.data.shards import ALONE, AccelerateShard, DistributedShard, Shard, Share
from actscore_sk.exceptions import IndexTrackingError

_ACCELERATE = "accelerate.data_loader"


def is_accelerate_loader(loader: Any, name: str = "DataLoaderShard") -> bool:
    """Return True for a loader that Accelerate has prepared; the library need not be there."""
    return any(kind.__module__ == _ACCELERATE and kind.__name__ == name for kind in type(loader).__mro__)


def own_loader(loader: Any) -> DataLoader:
    """Return the loader that fetches the batches: the one inside of a loader that Accelerate has prepared."""
    inner: Any = getattr(loader, "base_dataloader", None)
    return inner if is_accelerate_loader(loader) else loader


def shard_of(batches: Any, share: Share) -> Shard | None:
    """Return how a loader is shared out among processes; None for a net that trains in one.

    Parameters
    ----------
    batches : BatchSampler, or whatever takes its place
        Yields the positions in a batch.
    share : Share
        Of this process in the training of the net.

    Raises
    ------
    IndexTrackingError
        If the loader is shared out in another way than the net, or twice.
    """
    by_hand = [sampler for sampler in _samplers_in(batches) if isinstance(sampler, DistributedSampler)]
    is_shared = type(batches).__module__ == _ACCELERATE and type(batches).__name__ == "BatchSamplerShard"
    if is_shared and by_hand:
        raise IndexTrackingError(
            "Accelerate shares batches out among the processes, and the DistributedSampler of the loader does so, too; "
            "leave the sampler out"
        )
    shard: Shard | None = None
    if is_shared:
        shard = AccelerateShard(batches)
    elif by_hand and by_hand[0].num_replicas > 1:
        shard = DistributedShard(by_hand[0])
    found = ALONE if shard is None else shard.share
    if shard is not None and found != share:
        raise IndexTrackingError(
            f"the loader is that of process {found.rank} of {found.n_processes}, but the net trains in process "
            f"{share.rank} of {share.n_processes}; put AcceleratedNetMixin in front of the net's class, or wrap its "
            "module in torch's DistributedDataParallel"
        )
    return Shard(share) if shard is None and share.n_processes > 1 else shard


def _samplers_in(sampler: Any) -> list[Any]:
    """Return a sampler and those inside, each inside the one before."""
    found: list[Any] = []
    while sampler is not None and len(found) < 9:  # a sampler may hold itself
        found.append(sampler)
        sampler = getattr(sampler, "batch_sampler", None) or getattr(sampler, "sampler", None)
    return found
