"""The public names: four rooms that list them, load them when asked, and show them to type checkers."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import actscore_sk

ROOMS = ["actscore_sk", "actscore_sk.inspection", "actscore_sk.losses", "actscore_sk.metrics"]
NAMES = [(room, name) for room in ROOMS for name in importlib.import_module(room).__all__]
METRIC_FUNCTIONS = ["action_score", "aum", "confidence", "correctness", "el2n", "forgetting", "variability"]


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def shown_to_type_checkers(room):
    """Names that the `if TYPE_CHECKING:` block of a room imports, to the module that each comes from."""
    tree = ast.parse(Path(importlib.import_module(room).__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {alias.name: node.module for node in block.body for alias in node.names}


@pytest.mark.parametrize("room", ROOMS)
def test_type_checkers_see_what_the_room_resolves(room):
    module = importlib.import_module(room)
    shown = shown_to_type_checkers(room)
    assert set(module.__all__) - {"__version__"} <= set(shown)
    for name, place in shown.items():
        assert getattr(module, name) is getattr(importlib.import_module(place), name)


@pytest.mark.parametrize(("room", "name"), NAMES)
def test_public_objects_are_documented(room, name):
    thing = getattr(importlib.import_module(room), name)
    assert (inspect.getdoc(thing) or "").strip()
    if inspect.isclass(thing) and issubclass(thing, BaseEstimator):
        for method, value in inspect.getmembers(thing, inspect.isfunction):
            if not method.startswith("_") and value.__module__.startswith("actscore_sk"):
                assert (inspect.getdoc(value) or "").strip(), f"{name}.{method}"


@pytest.mark.parametrize("room", ROOMS)
def test_dir_lists_the_public_names_and_nothing_of_the_machinery(room):
    module = importlib.import_module(room)
    rooms = {name.partition(".")[2] for name in ROOMS[1:]} if room == "actscore_sk" else set()
    assert set(dir(module)) == {*module.__all__, *rooms}
    assert len(set(module.__all__)) == len(module.__all__)


def test_importing_the_package_and_its_rooms_loads_no_library():
    code = "import sys; before = set(sys.modules); import actscore_sk; actscore_sk.__version__; dir(actscore_sk); "
    code += "import actscore_sk.metrics, actscore_sk.losses, actscore_sk.inspection; "
    code += "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))"
    assert run(code) == "['actscore_sk']"


def test_loading_every_name_loads_no_optional_library():
    code = "import sys; import skorch, sklearn, torch; before = set(sys.modules); "
    code += "".join(f"from {room} import *; " for room in ROOMS)
    code += "print({'pandas', 'polars', 'matplotlib', 'rich', 'pyarrow'} & (set(sys.modules) - before) or 'none')"
    assert run(code) == "none"


def test_an_estimator_does_not_load_what_samplers_and_other_learners_need():
    code = "import sys; from actscore_sk import ActionScoreClassifier; "
    code += "print({'imblearn', 'sklearn.ensemble', 'sklearn.linear_model'} & set(sys.modules) or 'none')"
    assert run(code) == "none"


def test_a_star_import_brings_the_classes_and_no_room():
    code = "before = set(globals()); from actscore_sk import *; print(*sorted(set(globals()) - before - {'before'}))"
    assert run(code).split() == sorted(actscore_sk.__all__)


def test_a_room_is_an_attribute_of_the_package():
    assert run("import actscore_sk; print(actscore_sk.inspection.score_agreement.__module__)").endswith("agreement")


def test_metric_functions_resolve_at_the_root_too():
    for name in [*METRIC_FUNCTIONS, "epoch_weights", "get_metric", "get_metric_names"]:
        assert getattr(actscore_sk, name) is getattr(actscore_sk.metrics, name)
        assert name not in dir(actscore_sk)


@pytest.mark.parametrize("room", ROOMS)
def test_an_unknown_name_is_refused_by_the_name_of_its_room(room):
    with pytest.raises(AttributeError, match=f"module '{room}' has no attribute 'ActionScoreTypo'"):
        importlib.import_module(room).ActionScoreTypo  # noqa: B018
