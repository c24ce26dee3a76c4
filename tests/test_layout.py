"""The structure of the package: floors, imports, sizes."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import actscore_sk

ROOT = Path(actscore_sk.__file__).parent

# Imports go down only; rooms on one floor do not know each other.
FLOORS = [
    {"_version", "exceptions"},
    {"utils"},
    {"storage"},
    {"metrics"},
    {"losses", "data"},
    {"recording"},
    {"label_issues"},
    {"tracker"},
    {"callbacks"},
    {"estimators"},
    {"scoring"},
    {"resampling"},
    {"inspection"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 45

MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def name_of(path):
    return str(path.relative_to(ROOT))


def room_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def own_imports(node):
    """Modules of the package that an import statement names."""
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative import"
        package = ROOT.parent.joinpath(*node.module.split("."))
        modules = [f"{node.module}.{alias.name}" for alias in node.names if (package / f"{alias.name}.py").exists()]
        names = modules or [node.module]
    else:
        names = [alias.name for alias in node.names]
    return [name for name in names if name.split(".")[0] == "actscore_sk"]


def imports_in(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]


DOCS = ROOT.parent / "docs"


def rooms_on_the_page():
    block = (DOCS / "design.md").read_text().split("```")[1]
    return re.findall(r"(\w+)(?:/|\.py)(?=\s)", block)[1:]


def rooms_in_the_picture():
    titles = re.findall(r'font-weight="bold"[^>]*>([^<]*)<', (DOCS / "images/architecture.svg").read_text())
    return re.findall(r"\w+", " ".join(titles))


def test_every_room_is_on_a_floor():
    assert {room_of(path) for path in MODULES} <= set(FLOOR_OF)


@pytest.mark.parametrize("shown", [rooms_on_the_page, rooms_in_the_picture])
def test_page_and_picture_show_all_rooms_from_the_roof_down(shown):
    rooms = shown()
    assert set(rooms) == {room_of(path) for path in MODULES}
    floors = [FLOOR_OF[room] for room in rooms]
    assert floors == sorted(floors, reverse=True)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_to_the_defining_module(path):
    room = room_of(path)
    for node in imports_in(ast.parse(path.read_text())):
        for name in own_imports(node):
            parts = name.split(".")
            assert name != "actscore_sk", "import from where the name is defined"
            assert FLOOR_OF[parts[1]] < FLOOR_OF[room] or parts[1] == room, f"{room} imports {name}"
            assert not (ROOT.joinpath(*parts[1:]) / "__init__.py").exists(), f"{name} is a package: name the module"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_import_inside_a_function(path):
    """Optional libraries come through `import_optional`."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert not [node.lineno for function in functions for node in imports_in(function)]


def dotted(path):
    return ".".join(("actscore_sk", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def packages_of(name):
    """All packages that are imported before the module `name`, which may be one itself."""
    parts = name.split(".")
    return {".".join(parts[: end + 1]) for end in range(len(parts))}


def runtime_imports(path):
    """Modules that the import of a module executes, packages around them included, but not those around itself."""
    tree = ast.parse(path.read_text())
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]
    found = {name for node in imports_in(tree) for name in own_imports(node)}
    return set().union(*map(packages_of, found)) - packages_of(dotted(path))


def test_no_import_cycle_even_through_packages():
    graph = {dotted(path): runtime_imports(path) for path in ROOT.rglob("*.py")}
    TopologicalSorter(graph).prepare()  # raises CycleError and names the cycle


def code_lines(function):
    first = function.body[0]
    is_documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(function.body) > 1
    return function.end_lineno - (function.body[1] if is_documented else first).lineno + 1


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sizes(path):
    text = path.read_text()
    assert text.count("\n") <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert code_lines(node) <= MAX_FUNCTION_LINES, node.name


def test_private_names_of_scikit_learn_are_imported_in_one_place():
    for path in MODULES:
        if path.name == "sklearn_private.py":
            continue
        for node in imports_in(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sklearn":
                private = [part for part in node.module.split(".") if part.startswith("_")]
                private += [alias.name for alias in node.names if alias.name.startswith("_")]
                assert not private, f"{name_of(path)} imports {private}"
