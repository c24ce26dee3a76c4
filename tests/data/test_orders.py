"""The order of an epoch: that of torch's own samplers, in 8 bytes per sample."""

import tracemalloc

import pytest
import torch
from torch.utils.data import BatchSampler, RandomSampler

from actscore_sk.data.index_log import IndexLog


@pytest.mark.parametrize("seed", [None, 3])
def test_logged_order_and_random_numbers_are_those_of_torch(seed):
    found = []
    for wrap in (lambda sampler: sampler, IndexLog):
        torch.manual_seed(0)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        sampler = wrap(BatchSampler(RandomSampler(range(10), generator=generator), batch_size=3, drop_last=False))
        found.append(([*sampler], [*sampler], torch.rand(1), generator and generator.get_state().tolist()))
    assert found[0] == found[1]


def test_shuffled_order_makes_no_python_integer_per_sample():
    log = IndexLog(BatchSampler(RandomSampler(range(100_000)), batch_size=100, drop_last=False))
    tracemalloc.start()
    try:
        assert len(next(iter(log))) == 100
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
