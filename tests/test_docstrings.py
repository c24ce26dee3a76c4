"""Docstrings of public names follow numpydoc: each parameter is there, in order, with its type and a description."""

import importlib
import inspect

import pytest
from numpydoc.validate import validate

ROOMS = ["actscore_sk", "actscore_sk.metrics", "actscore_sk.losses", "actscore_sk.inspection"]
# Parameters: missing, unknown, out of order, without type, without description; a return value without description;
# a summary that starts with a third person; no section Yields; sections out of order.
CHECKS = {"PR01", "PR02", "PR03", "PR04", "PR07", "RT03", "SS05", "YD01", "GL07"}


def public_methods(cls):
    """Names of the methods and properties that a class of the package has from classes of the package."""
    owners = [each for each in cls.__mro__ if each.__module__.startswith("actscore_sk")]
    names = {name for owner in owners for name in vars(owner) if not name.startswith("_")}
    return sorted(
        name for name in names if isinstance(member := getattr(cls, name, None), property) or callable(member)
    )


def public_objects():
    """Paths by which users reach classes, functions and methods."""
    for room in map(importlib.import_module, ROOMS):
        for name in sorted(set(getattr(room, "__all__", ())) - {"__version__"}):
            yield f"{room.__name__}.{name}"
            if inspect.isclass(getattr(room, name)):
                yield from (f"{room.__name__}.{name}.{method}" for method in public_methods(getattr(room, name)))


@pytest.mark.parametrize("path", list(public_objects()))
def test_docstring_is_complete(path):
    errors = [f"{code}: {text}" for code, text in validate(path)["errors"] if code in CHECKS]
    assert not errors
