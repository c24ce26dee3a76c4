"""Random state: seed a block of code, restore all generators after it, or draw the same numbers twice.

torch has one generator per device and process, which modules and samplers draw from. Stretches that set it and put it
back therefore take turns, so that fits in several threads give what they give one after another. Other code that draws
from torch's generators in another thread meanwhile, a prediction for instance, is not kept out.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

from actscore_sk.utils.turns import Turns

_TURNS = Turns()


class RandomState:
    """Snapshot of the global generators of Python, NumPy and torch.

    Parameters
    ----------
    device : str, torch.device or None
        Device of the net; a CUDA device has a generator of its own.

    Examples
    --------
    >>> state = RandomState()
    >>> first = torch.rand(1)
    >>> state.restore()
    >>> bool(torch.rand(1) == first)
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        self._python, self._numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global generator
        self._torch = torch.get_rng_state()
        self._cuda = [(index, torch.cuda.get_rng_state(index)) for index in cuda_indices(device)]

    def restore(self) -> None:
        """Set the generators to the states of the snapshot."""
        random.setstate(self._python)
        np.random.set_state(self._numpy)  # noqa: NPY002
        torch.set_rng_state(self._torch)
        for index, state in self._cuda:
            torch.cuda.set_rng_state(state, index)


@contextmanager
def preserved_random_state(device: Any = "cpu") -> Iterator[None]:
    """Restore the generators of Python, NumPy and torch (CPU and `device`) after the block.

    Examples
    --------
    >>> before = torch.get_rng_state()
    >>> with preserved_random_state():
    ...     _ = torch.rand(3)
    >>> bool((torch.get_rng_state() == before).all())
    True
    """
    with _TURNS.alone():
        state = RandomState(device)
        try:
            yield
        finally:
            state.restore()


@contextmanager
def seeded(random_state: Any, device: Any = "cpu", stream: int = 0) -> Iterator[None]:
    """Run the block with torch seeded, and restore torch's generators after it; with None, change nothing.

    Threads take turns: a seeded block runs while no other thread is in a block of this kind; those with None overlap.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As in scikit-learn, except that None draws from torch's global generators, as a net without a scorer does.
    device : str, torch.device or None
        Device of the net.
    stream : int
        Added to the seed, so that a second block does not repeat the numbers of the first.

    Examples
    --------
    >>> with seeded(0):
    ...     first = torch.rand(1)
    >>> with seeded(0):
    ...     again = torch.rand(1)
    >>> bool(first == again)
    True
    """
    if random_state is None:
        with _TURNS.together():
            yield
        return
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    with _TURNS.alone(), torch.random.fork_rng(devices=cuda_indices(device)):
        # torch.manual_seed seeds the generators of all devices, of which that of this one alone is put back
        set_seed = torch.default_generator.manual_seed if _is_cpu(device) else torch.manual_seed
        set_seed(seed + stream)
        yield


def _is_cpu(device: Any) -> bool:
    return device is None or torch.device(device).type == "cpu"


def cuda_indices(device: Any) -> Sequence[int]:
    """Return the index of a CUDA device in a list; an empty list for any other device."""
    device = torch.device("cpu" if device is None else device)
    if device.type != "cuda":
        return []
    return [torch.cuda.current_device() if device.index is None else device.index]
