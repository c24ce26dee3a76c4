"""What a release says of itself, in the files that say it."""

import re
from pathlib import Path

from actscore_sk import __version__

ROOT = Path(__file__).parents[1]


def test_changelog_and_citation_name_the_version_and_the_same_day():
    version, day = re.search(r"^## (\S+) \((\S+)\)$", (ROOT / "docs/CHANGELOG.md").read_text(), re.MULTILINE).groups()
    citation = (ROOT / "CITATION.cff").read_text()
    assert version == __version__
    assert f"\nversion: {version}\ndate-released: {day}\n" in citation
