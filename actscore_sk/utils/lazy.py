"""Public names of a package that load the module behind them at their first use."""

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, Iterable[str]], rooms: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and `__dir__` of a package whose `__all__` is set already.

    The import of the package stays cheap: each name is looked up in its module once, then kept in the package.

    Parameters
    ----------
    package : str
        Full name of the package.
    modules : mapping of str to iterable of str
        Full name of a module to the names that the package takes from it. A name that is not in `__all__` resolves, and
        `dir` does not list it.
    rooms : iterable of str
        Subpackages to import at first use.

    Returns
    -------
    getattr, dir : callable
        For PEP 562.

    Examples
    --------
    >>> import types
    >>> shelf = sys.modules["shelf"] = types.ModuleType("shelf")
    >>> shelf.__all__ = ["pi"]
    >>> shelf.__getattr__, shelf.__dir__ = lazy_names("shelf", {"math": ["pi", "tau"]})
    >>> dir(shelf), shelf.tau > shelf.pi
    (['pi'], True)
    >>> shelf.pie
    Traceback (most recent call last):
    ...
    AttributeError: module 'shelf' has no attribute 'pie'
    >>> del sys.modules["shelf"]
    """
    module_of = {name: module for module, names in modules.items() for name in names}
    rooms = frozenset(rooms)
    this = sys.modules[package]

    def find(name: str) -> Any:
        if name in rooms:
            return importlib.import_module(f"{package}.{name}")  # which sets the attribute
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=this)
        value = getattr(importlib.import_module(module_of[name]), name)
        setattr(this, name, value)
        return value

    return find, lambda: sorted({*this.__all__, *rooms})
