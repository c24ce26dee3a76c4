"""A key for estimators, nets, functions and data: equal in every process if they compute the same."""

import copyreg
import dis
import functools
import hashlib
import inspect
import io
import logging
import sysconfig
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from actscore_sk.data.containers import contents_of

_LEAVES = (type(None), bool, int, float, complex, str, bytes)
_LIBRARIES = (
    *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(__file__).parents[1]),  # this package, wherever it is installed
)


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
        elif isinstance(thing, _Used):
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


def _class_contents(thing: type) -> Iterable[Any]:
    """Return the name of a class, and of a class of the user the bases and all that it defines."""
    name = thing.__module__, thing.__qualname__
    if not _is_own(inspect.getfile, thing):
        return name
    # without entries of the interpreter: annotations, slots, the registry of an abstract class
    own = {
        key: value
        for key, value in vars(thing).items()
        if (callable(value) or not key.startswith("__")) and not isinstance(value, _SLOTS) and key != "_abc_impl"
    }
    return *name, thing.__bases__, own


def _function_contents(thing: types.FunctionType) -> Iterable[Any]:
    """Return the name of a function, and of a function of the user the code and everything that it uses."""
    name, inner = (thing.__module__, thing.__qualname__), getattr(thing, "__wrapped__", None)
    if not _is_own(lambda function: function.__code__.co_filename, thing):
        return *name, inner  # a decorator of a library around code that may be the user's
    cells = [cell.cell_contents for cell in thing.__closure__ or ()]
    names = _names(thing.__code__, ("LOAD_GLOBAL", "LOAD_NAME"))
    used = _used(names, thing.__globals__, frozenset(_names(thing.__code__)))
    return *name, thing.__code__, thing.__defaults__, thing.__kwdefaults__, cells, inner, used


class _Used(dict[str, Any]):
    """Objects that code looks up by name."""


def _used(names: Iterable[str], namespace: dict[str, Any], known: frozenset[str], above: tuple[Any, ...] = ()) -> _Used:
    """Look up `names` in a namespace.

    Of a module of the user count the names that the code mentions, which are `known`: nothing else in it matters.
    `above` are the modules on the way, for modules that import each other.
    """
    used = _Used({name: namespace[name] for name in names if name in namespace})
    for name, value in used.items():
        is_own = isinstance(value, types.ModuleType) and _is_own(lambda module: module.__file__, value)
        if is_own and value not in above:
            used[name] = _used(known, vars(value), known, (*above, value))
    return used


def _names(code: types.CodeType, opcodes: tuple[str, ...] = ()) -> set[str]:
    """Return the names that a function and the functions inside it look up: by some opcodes, or in any way."""
    inner = (_names(const, opcodes) for const in code.co_consts if isinstance(const, types.CodeType))
    looked_up = (step.argval for step in dis.get_instructions(code) if step.opname in opcodes)
    return set(looked_up if opcodes else code.co_names).union(*inner)


def _is_own(get_file: Callable[[Any], str], thing: Any) -> bool:
    """Return True if code is the user's: it may change while its name stays."""
    if _module_name(thing) in ("__main__", "__mp_main__"):  # in a worker process it names another file
        return True
    try:
        return not get_file(thing).startswith(_LIBRARIES)
    except (AttributeError, TypeError, OSError):  # built in, or typed into a shell
        return not isinstance(thing, types.ModuleType) and thing.__module__ != "builtins"


def _module_name(thing: Any) -> str:
    return thing.__name__ if isinstance(thing, types.ModuleType) else thing.__module__


_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)
# Kind of an object to the parts of it that count; the first that matches.
_CONTENTS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (type, _class_contents),
    (types.FunctionType, _function_contents),
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
