"""The site: `python -m sphinx -W -b html docs docs/_build/html`. It needs no network."""

import re
import shutil
from pathlib import Path

import actscore_sk
import actscore_sk.inspection

HERE = Path(__file__).parent

project = "actscore_sk"
author = "The actscore_sk developers"
version = release = actscore_sk.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]  # the order of the gallery is a function
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
myst_heading_anchors = 4
html_theme = "pydata_sphinx_theme"
html_title = "actscore_sk"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False, "header_links_before_dropdown": 7}
html_context = {"default_mode": "light"}
html_show_sourcelink = False
sphinx_gallery_conf = {
    "examples_dirs": ["examples"],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": "/plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "write_computation_times": False,
}

# Pages that also live in the repository link to each other by its folders.
MOVED = {
    "../../benchmarks/README.md": "../generated/benchmarks.md",
    "../../benchmarks/results/": "../generated/results/",
    "../benchmarks/README.md": "generated/benchmarks.md",
    "../docs/": "../",
}


def public_names():
    """Give the modules of the public names, and the names of each: the one list that the reference is made of."""
    return {module.__name__: sorted(module.__all__) for module in (actscore_sk, actscore_sk.inspection)}


def write_reference(folder):
    """Write the page that lists all public names; autosummary makes a page of each."""
    lines = ["API reference", "=============", ""]
    for module, names in public_names().items():
        lines += [module, "-" * len(module), "", f".. currentmodule:: {module}", ""]
        lines += [".. autosummary::", "   :toctree: .", ""]
        lines += [f"   {name}" for name in names if not name.startswith("__")] + [""]
    folder.mkdir(exist_ok=True)
    (folder / "api.rst").write_text("\n".join(lines))


def copy_records(folder):
    """Bring the page of the benchmarks and their records into the site."""
    benchmarks = HERE.parent / "benchmarks"
    page = (benchmarks / "README.md").read_text()
    (folder / "benchmarks.md").write_text(re.sub(r"\[([^\]]*)\]\(results/?\)", r"\1", page))
    shutil.copytree(benchmarks / "results", folder / "results", dirs_exist_ok=True)
    for record in (folder / "results").glob("*.md"):
        record.write_text("---\norphan: true\n---\n\n" + record.read_text())


def follow_moved_links(app, name, source):
    """Turn links of the repository into links of the site, and the list of guide pages into its contents."""
    if name == "guide/README":
        pages = re.findall(r"\]\((\w+)\.md\)", source[0])
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *pages, "```\n"])
    for old, new in MOVED.items():
        source[0] = source[0].replace(f"]({old}", f"]({new}")


def setup(app):
    """Register what happens to each page."""
    app.connect("source-read", follow_moved_links)


write_reference(HERE / "generated")
copy_records(HERE / "generated")
