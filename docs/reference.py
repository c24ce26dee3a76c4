"""Pages of the site that are made from the package and its benchmarks, not written by hand."""

import importlib
import inspect
import re
import shutil
from pathlib import Path

ROOMS = ("actscore_sk", "actscore_sk.metrics", "actscore_sk.losses", "actscore_sk.inspection")
BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def public_names() -> dict[str, list[str]]:
    """Return the names of objects that each public room lists, in its order."""
    rooms = {room: importlib.import_module(room).__all__ for room in ROOMS}
    return {room: [name for name in names if not name.startswith("__")] for room, names in rooms.items()}


def write_reference(folder: Path) -> None:
    """Write the page that lists all public names; autosummary makes a page of each."""
    lines = ["API reference", "=============", ""]
    for room, names in public_names().items():
        lines += [room, "-" * len(room), "", f".. currentmodule:: {room}", ""]
        lines += [inspect.getdoc(importlib.import_module(room)).partition("\n")[0], ""]
        lines += [".. autosummary::", "   :toctree: .", ""]
        lines += [f"   {name}" for name in names] + [""]
    folder.mkdir(exist_ok=True)
    (folder / "api.rst").write_text("\n".join(lines))


def copy_records(folder: Path) -> None:
    """Bring the page of the benchmarks and their records into the site."""
    page = (BENCHMARKS / "README.md").read_text()
    (folder / "benchmarks.md").write_text(re.sub(r"\[([^\]]*)\]\(results/?\)", r"\1", page))
    shutil.copytree(BENCHMARKS / "results", folder / "results", dirs_exist_ok=True)
    for record in (folder / "results").glob("*.md"):
        record.write_text("---\norphan: true\n---\n\n" + record.read_text())


# Pages that also live in the repository link to each other by its folders.
MOVED = {
    "../../benchmarks/README.md": "../generated/benchmarks.md",
    "../../benchmarks/results/": "../generated/results/",
    "../benchmarks/README.md": "generated/benchmarks.md",
    "../benchmarks/results/": "generated/results/",
    "../docs/": "../",
}


def follow_moved_links(app, name: str, source: list[str]) -> None:
    """Turn links of the repository into links of the site, and the list of guide pages into its contents."""
    if name == "guide/README":
        pages = re.findall(r"\]\((\w+)\.md\)", source[0])
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *pages, "```\n"])
    for old, new in MOVED.items():
        source[0] = source[0].replace(f"]({old}", f"]({new}")
