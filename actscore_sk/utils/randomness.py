"""Random state: seed a stretch of code, or run it without a trace in any generator."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state


@contextmanager
def preserved_random_state(device: Any = "cpu") -> Iterator[None]:
    """Put the generators of Python, NumPy and torch (CPU and `device`) back as they were before the block."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is meant
    try:
        with torch.random.fork_rng(devices=_cuda_indices(device)):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


@contextmanager
def seeded(random_state: Any, device: Any = "cpu", stream: int = 0) -> Iterator[None]:
    """Run the block with torch seeded and its generators put back; with None, on torch's global stream.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As in scikit-learn, except that None draws from torch's generators, as a net by itself does.
    device : str, torch.device or None
        The net's.
    stream : int
        Number of the stretch, so that a second one does not draw what the first one drew.
    """
    if random_state is None:
        yield
        return
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    with torch.random.fork_rng(devices=_cuda_indices(device)):
        torch.manual_seed(seed + stream)
        yield


def _cuda_indices(device: Any) -> list[int]:
    device = torch.device("cpu" if device is None else device)
    if device.type != "cuda":
        return []
    return [torch.cuda.current_device() if device.index is None else device.index]
