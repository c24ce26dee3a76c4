"""Code of the user: what a class or a function consists of, down to all that it looks up by name.

A library is told by the name and the version that it is installed with. Code of the user may change while its name
stays, so that it counts with its bytecode; of a module of the user counts what that code mentions.
"""

import dis
import inspect
import sysconfig
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_LIBRARIES = (
    *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(__file__).parents[1]),  # this package, wherever it is installed
)
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)


def class_contents(thing: type) -> Iterable[Any]:
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


def function_contents(thing: types.FunctionType) -> Iterable[Any]:
    """Return the name of a function, and of a function of the user the code and everything that it uses."""
    name, inner = (thing.__module__, thing.__qualname__), getattr(thing, "__wrapped__", None)
    if not _is_own(lambda function: function.__code__.co_filename, thing):
        return *name, inner  # a decorator of a library around code that may be the user's
    cells = [cell.cell_contents for cell in thing.__closure__ or ()]
    names = _names(thing.__code__, ("LOAD_GLOBAL", "LOAD_NAME"))
    used = _used(names, thing.__globals__, frozenset(_names(thing.__code__)))
    return *name, thing.__code__, thing.__defaults__, thing.__kwdefaults__, cells, inner, used


class Used(dict[str, Any]):
    """Objects that code looks up by name."""


def _used(names: Iterable[str], namespace: dict[str, Any], known: frozenset[str], above: tuple[Any, ...] = ()) -> Used:
    """Look up `names` in a namespace.

    Of a module of the user count the names that the code mentions, which are `known`: nothing else in it matters.
    `above` are the modules on the way, for modules that import each other.
    """
    used = Used({name: namespace[name] for name in names if name in namespace})
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
