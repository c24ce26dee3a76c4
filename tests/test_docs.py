"""The site has every public name, and its pages link to what is there. Its gallery is executed when it is built."""

import re
import runpy
from pathlib import Path

import pytest

import actscore_sk
from actscore_sk import inspection, losses, metrics

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(
    [*DOCS.glob("*.md"), *DOCS.glob("guide/*.md"), DOCS.parent / "README.md", DOCS.parent / "benchmarks/README.md"]
)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS.parent)))
def test_links_lead_to_files_and_headings(page):
    for target, anchor in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        place = (page.parent / target).resolve()
        assert place.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(), flags=re.MULTILINE)
            slugs = ["#" + re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings]
            assert anchor in slugs, f"{page.name} links to {target}{anchor}"


def test_every_page_is_in_the_table_of_contents():
    entries = set((DOCS / "index.md").read_text().split())
    entries |= {f"guide/{name}" for name in re.findall(r"\]\((\w+)\.md\)", (DOCS / "guide/README.md").read_text())}
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in PAGES if DOCS in page.parents}
    assert pages - entries == {"index"}


def test_the_reference_lists_the_public_names_of_every_room(tmp_path):
    reference = runpy.run_path(str(DOCS / "reference.py"))
    reference["write_reference"](tmp_path)
    sections = (tmp_path / "api.rst").read_text().split(".. currentmodule:: ")[1:]
    listed = {(each.partition("\n")[0], name) for each in sections for name in re.findall(r"^   (\w+)$", each, re.M)}
    rooms = (actscore_sk, losses, metrics, inspection)
    assert listed == {(room.__name__, name) for room in rooms for name in room.__all__ if name != "__version__"}


def test_a_page_of_the_reference_has_inherited_methods_and_nothing_of_the_engine():
    public_methods = runpy.run_path(str(DOCS / "reference.py"))["public_methods"]
    assert {"fit", "partial_fit", "score", "to_frame"} < set(public_methods("actscore_sk.ActionScoreClassifier"))
    assert public_methods("actscore_sk.ActionScoreRecorder") == []
    assert public_methods("actscore_sk.losses.MultiBoxLoss") == ["decode", "details", "forward"]


def test_the_errors_that_questions_quote_are_those_of_the_package():
    page = (DOCS / "faq.md").read_text().partition("## Errors")[2]
    quoted = re.findall(r"`([^`]+)`", "\n".join(re.findall(r"^(`.*)\n: ", page, flags=re.MULTILINE)))
    code = " ".join(path.read_text() for path in (DOCS.parent / "actscore_sk").rglob("*.py"))
    sentences = re.sub(r"""["'] *\n *f?["']""", "", code)  # a sentence goes on in the next line
    assert quoted
    assert [text for text in quoted if text not in sentences] == []
