"""The order in which torch's own samplers visit a data set, as tensors instead of one Python integer per sample."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import torch
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler

from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.positions import as_positions


def batches_of_positions(sampler: Any, source: Iterator) -> Iterator[torch.Tensor]:
    """Iterate over a batch sampler once; yield positions (batch_size,) int64.

    The order and the random numbers drawn are those of ``iter(sampler)``, for any sampler. Shuffled and sequential
    order never become torch's lists of Python integers: 8 bytes per sample, not 40.

    Parameters
    ----------
    sampler : iterable
        The batch sampler.
    source : iterator
        ``iter(sampler)``; not advanced if the order is known without it.

    Raises
    ------
    IndexTrackingError
        If the sampler yields anything but integers.

    Examples
    --------
    >>> from torch.utils.data import BatchSampler
    >>> sampler = BatchSampler([3, 1, 0], batch_size=2, drop_last=False)
    >>> list(batches_of_positions(sampler, iter(sampler)))
    [tensor([3, 1]), tensor([0])]
    """
    order = order_in_advance(sampler)
    yield from map(as_positions, source) if order is None else cut_order(order, sampler)


def order_in_advance(sampler: Any) -> torch.Tensor | None:
    """Return all positions that a batch sampler will visit, (n_visits,) int64; None if only iterating it can tell.

    The random numbers drawn are those that ``iter(sampler)`` draws before its first batch.

    Parameters
    ----------
    sampler : iterable
        The batch sampler.

    Examples
    --------
    >>> order_in_advance(BatchSampler(SequentialSampler(range(3)), batch_size=2, drop_last=False))
    tensor([0, 1, 2])
    >>> order_in_advance([[0, 1], [2]]) is None
    True
    """
    return _order(sampler.sampler) if type(sampler) is BatchSampler else None


def cut_order(order: torch.Tensor, sampler: Any) -> Iterator[torch.Tensor]:
    """Iterate over the batches of an order (batch_size,), and draw the numbers that the sampler draws at its end."""
    full, rest = order[: len(order) - len(order) % sampler.batch_size], order[-(len(order) % sampler.batch_size) :]
    yield from full.split(sampler.batch_size) if len(full) else ()
    if getattr(sampler.sampler, "generator", None) is not None:
        # RandomSampler draws one more permutation for an empty remainder; draw it too, or a seeded generator ends in
        # another state.
        torch.randperm(len(order), generator=sampler.sampler.generator)
    if len(full) < len(order) and not sampler.drop_last:
        yield rest


def _order(sampler: Iterable) -> torch.Tensor | None:
    """Return the positions that a sampler will visit, drawn as it draws them; None if only iterating it can tell."""
    if isinstance(sampler, EpochSampler):
        return sampler.draw()
    if type(sampler) is SequentialSampler:
        return torch.arange(len(sampler))
    is_shuffle = type(sampler) is RandomSampler and not sampler.replacement
    if is_shuffle and len(sampler) == len(sampler.data_source) and _knows_shuffle():  # type: ignore[arg-type, attr-defined]
        return _shuffled(len(sampler), sampler.generator)  # type: ignore[arg-type, attr-defined]
    return None


def _shuffled(n_samples: int, generator: torch.Generator | None) -> torch.Tensor:
    """Draw a permutation (n_samples,) of int64, and from the random stream the numbers that `RandomSampler` draws."""
    if generator is None:
        generator = torch.Generator()
        generator.manual_seed(int(torch.empty((), dtype=torch.int64).random_().item()))
    return torch.randperm(n_samples, generator=generator)


@cache
def _knows_shuffle() -> bool:
    """Return True if the installed torch shuffles as `_shuffled` does, seeded and not: compared once per process."""
    with torch.random.fork_rng(devices=[]):
        for seed in (None, 0):
            generators = [None if seed is None else torch.Generator().manual_seed(seed) for _ in range(2)]
            state = torch.get_rng_state()
            theirs = list(RandomSampler(range(7), generator=generators[0])), torch.get_rng_state().tolist()
            torch.set_rng_state(state)
            ours = _shuffled(7, generators[1]).tolist(), torch.get_rng_state().tolist()
            if ours != theirs:
                return False
    return True
