"""A key for estimators, nets, functions and data: equal in every process if they compute the same."""

import copyreg
import functools
import hashlib
import io
import logging
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from actscore_sk.data.containers import contents_of
from actscore_sk.scoring.own_code import Used, class_contents, function_contents

_LEAVES = (type(None), bool, int, float, complex, str, bytes)


def fingerprint(*things: Any) -> str:
    """Hash estimators, nets, functions and data by their content.

    A hash of pickles would not do. A pickle stores functions and classes by name, so an edit goes unnoticed; it depends
    on object identity; and it stores tensors by address. Here data count as values. Code that is not part of an
    installed library counts as bytecode, together with the functions, classes and constants that it uses by name.

    Parameters
    ----------
    *things : object
        Anything that consists of data and code.

    Returns
    -------
    key : str
        Hexadecimal, 32 characters.

    Raises
    ------
    TypeError
        If something in `things` has no content: a lock, an open file.

    Examples
    --------
    >>> fingerprint(torch.ones(2)) == fingerprint(torch.ones(2)) != fingerprint(torch.zeros(2))
    True
    """
    return _Hasher().digest(things).hex()


class _Hasher:
    """Hashes a tree of objects from the leaves up, each by its kind and the hashes of its parts."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[bytes, Any]] = {}  # with the object: an id is unique only while it lives
        self._path: list[int] = []

    def digest(self, thing: Any) -> bytes:
        """Return the hash of a thing, 16 bytes."""
        if isinstance(thing, _LEAVES):
            return _hash(type(thing).__name__, repr(thing))
        if id(thing) in self._known:
            return self._known[id(thing)][0]
        if id(thing) in self._path:  # a part of itself: its distance, or the recursion would not end
            return _hash("above", str(len(self._path) - self._path.index(id(thing))))
        self._path.append(id(thing))
        try:
            digest = _hash(type(thing).__qualname__, *self._parts(thing))
        finally:
            self._path.pop()
        self._known[id(thing)] = digest, thing
        return digest

    def _parts(self, thing: Any) -> Iterator[Any]:
        """Yield bytes and strings that stand for the parts of a thing, sorted if their order means nothing."""
        if isinstance(thing, np.ma.MaskedArray):
            yield from map(self.digest, (thing.data, np.ma.getmaskarray(thing)))
        elif isinstance(thing, (np.ndarray, np.generic, torch.Tensor)):
            yield from self._array_parts(thing)
        elif isinstance(thing, Used):
            yield from sorted(self.digest(name) + self._digest_of_used(value) for name, value in thing.items())
        elif isinstance(thing, OrderedDict):
            yield from map(self.digest, thing.items())
        elif isinstance(thing, Mapping):
            yield from sorted(self.digest(key) + self.digest(value) for key, value in thing.items())
        elif isinstance(thing, (set, frozenset)):
            yield from sorted(map(self.digest, thing))
        elif isinstance(thing, (list, tuple)):
            yield from map(self.digest, thing)
        else:
            yield from map(self.digest, _contents(thing))

    def _digest_of_used(self, thing: Any) -> bytes:
        """Return the hash of an object that code looks up by name; of a lock or a file, the hash of its type."""
        try:
            return self.digest(thing)
        except TypeError:
            return self.digest(type(thing))

    def _array_parts(self, array: Any) -> Iterator[Any]:
        """Yield dtype, shape and values of an array or a tensor."""
        yield from (str(array.dtype), str(tuple(array.shape)))
        if isinstance(array, torch.Tensor):
            yield str(array.requires_grad)  # a frozen layer trains differently
            yield array.detach().cpu().to_dense().contiguous().reshape(-1).view(torch.uint8).numpy()
        elif array.dtype.hasobject:
            yield self.digest(array.tolist())
        else:
            yield np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _hash(*parts: Any) -> bytes:
    """Hash bytes, buffers and strings in order."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))  # so that ("ab", "c") is not ("a", "bc")
        state.update(data)
    return state.digest()


def _contents(thing: Any) -> Iterable[Any]:
    """Return the parts that an object consists of, by its kind."""
    for kinds, contents in _CONTENTS:
        if isinstance(thing, kinds):
            return contents(thing)
    data = contents_of(thing)
    if data is not None:
        return data
    if hasattr(thing, "__dict__") and not isinstance(
        thing, io.IOBase
    ):  # the content of a file is not in its attributes
        return type(thing), vars(thing)
    return _reduced(thing)


def _reduced(thing: Any) -> Iterable[Any]:
    """Return the parts that a pickle would hold.

    Raises
    ------
    TypeError
        If the object cannot be pickled.
    """
    try:
        reduce = copyreg.dispatch_table.get(type(thing))
        parts = thing.__reduce_ex__(4) if reduce is None else reduce(thing)
    except Exception as error:  # objects without content raise errors of many types
        raise TypeError(
            f"no key can be made of a {type(thing).__name__} ({error}), so a fit that depends on it can't be kept; set "
            "memory=None"
        ) from error
    if isinstance(parts, str):
        return (parts,)
    return [list(part) if isinstance(part, Iterator) else part for part in parts]


# Kind of an object to the parts of it that count; the first that matches.
_CONTENTS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (type, class_contents),
    (types.FunctionType, function_contents),
    (types.MethodType, lambda thing: (thing.__func__, thing.__self__)),
    (types.CodeType, lambda thing: (thing.co_code, thing.co_names, thing.co_consts)),
    ((staticmethod, classmethod), lambda thing: (thing.__func__,)),
    (property, lambda thing: (thing.fget, thing.fset, thing.fdel)),
    (functools.cached_property, lambda thing: (thing.func,)),
    (functools.partial, lambda thing: (thing.func, thing.args, thing.keywords)),
    ((torch.Generator, np.random.RandomState), lambda thing: (thing.get_state(),)),
    (types.ModuleType, lambda thing: (thing.__name__,)),
    (logging.Logger, lambda thing: (thing.name,)),
    # a Sequential computes in the order of its layers, and a Mapping is hashed in any order
    (torch.nn.Module, lambda thing: (type(thing), {**vars(thing), "_modules": list(vars(thing)["_modules"].items())})),
    (np.random.Generator, lambda thing: (thing.bit_generator.state,)),
)
