"""The site: `python -m sphinx -W -b html docs docs/_build/html`. It needs no network."""

import sys
from pathlib import Path

import actscore_sk

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from reference import CONTEXT, copy_records, rewrite_page, write_reference  # noqa: E402 - beside this file

project = "actscore_sk"
author = "The actscore_sk developers"
version = release = actscore_sk.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]  # the order of the gallery is a function
autosummary_generate = True
autosummary_context = CONTEXT
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 76
default_role = "py:obj"  # names in docstrings are links
numpydoc_show_class_members = False
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "  # neither prompts nor results are copied
copybutton_prompt_is_regexp = True
html_theme = "pydata_sphinx_theme"
html_title = "actscore_sk"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 5,
    "navbar_persistent": ["search-button"],
    "back_to_top_button": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = {page: [] for page in ("*", "generated/benchmarks", "generated/results/*")}  # no neighbours to list
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


def setup(app):
    """Have sphinx rewrite the links of each page that it reads."""
    app.connect("source-read", rewrite_page)


write_reference(HERE / "generated")
copy_records(HERE / "generated")
