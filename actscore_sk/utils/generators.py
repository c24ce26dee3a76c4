"""Try code that draws random numbers, and leave every generator that it knows of as it was."""

import functools
import random
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from actscore_sk.utils.randomness import preserved_random_state

_MOST_ITEMS = 64  # of a list that may hold generators; longer ones hold data
_OPAQUE = (types.ModuleType, type, str, bytes, int, float, torch.Tensor, np.ndarray, type(None))


@contextmanager
def preserved_generators(*things: Any) -> Iterator[None]:
    """Put back, after the block, the global generators and all that `things` hold or name.

    Parameters
    ----------
    *things : object
        Functions and objects, say a data set and its `collate_fn`: their attributes, closures and the globals that
        they name are searched for generators of torch, NumPy and Python.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> def draw():
    ...     return rng.random()
    >>> with preserved_generators(draw):
    ...     first = draw()
    >>> draw() == first
    True
    """
    found: dict[int, Any] = {}
    for thing in things:
        _collect(thing, found, seen=set())
    with preserved_random_state():
        states = [(generator, _state_of(generator)) for generator in found.values()]
        try:
            yield
        finally:
            for generator, state in states:
                _restore(generator, state)


def seed_generators(seed: int) -> None:
    """Seed the global generators of torch on the CPU, NumPy and Python."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every device
    np.random.seed(seed)  # noqa: NPY002 - the global one is meant
    random.seed(seed)


def _collect(thing: Any, found: dict[int, Any], seen: set[int]) -> None:
    """Note the generators that can be reached from an object."""
    if isinstance(thing, (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)):
        found[id(thing)] = thing
        return
    if isinstance(thing, _OPAQUE) or id(thing) in seen:
        return
    seen.add(id(thing))
    for part in _parts(thing):
        _collect(part, found, seen)


def _parts(thing: Any) -> list[Any]:
    if isinstance(thing, types.MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, functools.partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    if isinstance(thing, types.FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or () if cell != types.CellType()]
        named = [thing.__globals__[name] for name in _names(thing.__code__) if name in thing.__globals__]
        return [*cells, *named, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    if isinstance(thing, Mapping):
        return list(thing.values()) if len(thing) <= _MOST_ITEMS else []
    if isinstance(thing, (list, tuple, set)):
        return list(thing) if len(thing) <= _MOST_ITEMS else []
    methods = [getattr(type(thing), name, None) for name in ("__call__", "__getitem__", "__getitems__")]
    return [*getattr(thing, "__dict__", {}).values(), *methods]


def _names(code: types.CodeType) -> set[str]:
    """Names of globals in a function, and in the functions inside of it."""
    inner = [part for part in code.co_consts if isinstance(part, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _state_of(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.getstate() if isinstance(generator, random.Random) else generator.get_state()


def _restore(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, random.Random):
        generator.setstate(state)
    else:
        generator.set_state(state)
