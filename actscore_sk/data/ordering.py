"""The order in which torch's own samplers visit a data set, as tensors instead of one Python integer a sample."""

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import torch
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler

from actscore_sk.exceptions import IndexTrackingError


def batches_of_positions(sampler: Iterable, source: Iterator) -> Iterator[torch.Tensor]:
    """Iterate over a batch sampler once; yield positions (batch_size,) int64.

    The order and the random numbers drawn are those of ``iter(sampler)``, whatever the sampler is. For shuffled and
    for sequential order, torch's lists of Python integers are never made: 8 bytes a sample, not 40.

    Parameters
    ----------
    sampler : iterable
        The batch sampler.
    source : iterator
        What ``iter(sampler)`` gave; left alone where the order is known without it.

    Raises
    ------
    IndexTrackingError
        If it yields anything but integers.

    Examples
    --------
    >>> from torch.utils.data import BatchSampler
    >>> sampler = BatchSampler([3, 1, 0], batch_size=2, drop_last=False)
    >>> list(batches_of_positions(sampler, iter(sampler)))
    [tensor([3, 1]), tensor([0])]
    """
    order = _order(sampler.sampler) if type(sampler) is BatchSampler else None
    if order is None:
        yield from map(as_positions, source)
        return
    batches = order.split(sampler.batch_size)
    yield from batches[:-1] if sampler.drop_last and len(order) % sampler.batch_size else batches


def _order(sampler: Iterable) -> torch.Tensor | None:
    if type(sampler) is SequentialSampler:
        return torch.arange(len(sampler))
    is_shuffle = type(sampler) is RandomSampler and not sampler.replacement
    if is_shuffle and len(sampler) == len(sampler.data_source) and _knows_shuffle():  # type: ignore[arg-type, attr-defined]
        return _shuffled(len(sampler), sampler.generator)  # type: ignore[arg-type, attr-defined]
    return None


def _shuffled(n_samples: int, generator: torch.Generator | None) -> torch.Tensor:
    """Draw a permutation from the random stream as `RandomSampler` does."""
    if generator is None:
        generator = torch.Generator()
        generator.manual_seed(int(torch.empty((), dtype=torch.int64).random_().item()))
    order = torch.randperm(n_samples, generator=generator)
    torch.randperm(n_samples, generator=generator)  # torch draws for the remainder also where there is none
    return order


@cache
def _knows_shuffle() -> bool:
    """Whether the installed torch still shuffles in the way of `_shuffled`, seeded and not."""
    with torch.random.fork_rng(devices=[]):
        for generator in (None, torch.Generator().manual_seed(0)):
            state = torch.get_rng_state()
            start = None if generator is None else generator.get_state()
            theirs = list(RandomSampler(range(7), generator=generator))
            ends = torch.get_rng_state(), None if generator is None else generator.get_state()
            torch.set_rng_state(state)
            if generator is not None:
                generator.set_state(start)  # type: ignore[arg-type]
            ours = _shuffled(7, generator).tolist()
            same = torch.equal(ends[0], torch.get_rng_state())
            if (
                ours != theirs
                or not same
                or (generator is not None and not torch.equal(ends[1], generator.get_state()))
            ):  # type: ignore[arg-type]
                return False
    return True


def as_positions(index: object) -> torch.Tensor:
    """Turn what an index sampler yields into positions (n,) int64.

    Raises
    ------
    IndexTrackingError
        If it yields anything but integers.

    Examples
    --------
    >>> as_positions([2, 0])
    tensor([2, 0])
    >>> as_positions("a name")
    Traceback (most recent call last):
    ...
    actscore_sk.exceptions.IndexTrackingError: the sampler yields str, ...
    """
    if type(index) is list:
        try:
            return torch.from_numpy(np.fromiter(index, np.int64, len(index)))
        except (TypeError, ValueError):
            index = index[0]
    elif isinstance(index, (torch.Tensor, np.ndarray, range, tuple, int, np.integer)):
        return torch.from_numpy(np.array(index, dtype=np.int64).reshape(-1))
    raise IndexTrackingError(
        f"the sampler yields {type(index).__name__}, but a sample is known by its position in X, an integer "
        "from 0 on; let the sampler yield integers and look names up in the data set"
    )
