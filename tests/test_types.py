"""What type checkers read of the public names; .ci/run has mypy and pyright check a program against the wheel."""

import importlib
import inspect
from itertools import chain
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
from test_public_names import NAMES

from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.utils.sklearn_private import StrOptions
from actscore_sk.utils.typing import Reduction

PUBLIC = {name: getattr(importlib.import_module(room), name) for room, name in NAMES if name != "__version__"}
WITH_OPTIONS = [thing for thing in PUBLIC.values() if hasattr(thing, "_parameter_constraints")]


def written_functions(thing):
    """Constructor, methods and properties that a class of this package defines or inherits; a function itself."""
    if not inspect.isclass(thing):
        return [thing]
    names = [name for name in dir(thing) if name == "__init__" or not name.startswith("_")]
    found = [inspect.getattr_static(thing, name) for name in names]
    for attribute in ("__func__", "fget", "fn"):  # of a classmethod, a property, and what available_if returns
        found = [getattr(each, attribute, each) for each in found]
    return [each for each in found if inspect.isfunction(each) and each.__module__.startswith("actscore_sk")]


@pytest.mark.parametrize("name", PUBLIC)
def test_all_parameters_and_results_have_types(name):
    for function in written_functions(PUBLIC[name]):
        signature = inspect.signature(function)
        bare = [each.name for each in signature.parameters.values() if each.annotation is inspect.Parameter.empty]
        assert [each for each in bare if each not in ("self", "cls")] == [], function.__qualname__
        assert signature.return_annotation is not inspect.Signature.empty, function.__qualname__


CONSTRUCTORS = sorted({each.__init__ for each in WITH_OPTIONS}, key=lambda each: each.__qualname__)


@pytest.mark.parametrize("constructor", CONSTRUCTORS, ids=lambda each: each.__qualname__)
def test_types_of_options_are_the_values_that_are_accepted(constructor):
    sharing = [each._parameter_constraints for each in WITH_OPTIONS if each.__init__ is constructor]
    for name, hint in get_type_hints(constructor).items():
        literals = [get_args(part) for part in (hint, *get_args(hint)) if get_origin(part) is Literal]
        options = [each.options for table in sharing for each in table.get(name, ()) if isinstance(each, StrOptions)]
        assert {*chain(*literals)} == {*chain(*options)}, name


def test_the_type_of_a_reduction_has_the_rows_of_the_table():
    assert set(get_args(Reduction)) == set(REDUCTIONS)


def test_the_program_for_type_checkers_uses_every_public_name():
    program = (Path(__file__).parent / "typed_program.py").read_text()
    assert [name for room, name in NAMES if f"{room.rpartition('.')[2]}.{name}" not in program] == []
