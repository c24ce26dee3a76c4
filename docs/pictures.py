"""Pictures of the pages, drawn by the code that each page shows above its picture.

    python docs/pictures.py                     # all
    python docs/pictures.py docs/guide/prune.md

The pictures are stored in the repository, so that the pages are whole wherever they are read. A browser takes
`report.png`, and `docs/hero.py` draws the picture of the first page.
"""

import doctest
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from selenium import webdriver

DOCS = Path(__file__).parent
PICTURE = re.compile(r"^!\[.*\]\((\S*images/guide/\S+\.png)\)", flags=re.MULTILINE)
SIZE = {"dpi": 110, "bbox_inches": "tight", "facecolor": "white"}


def draw(page: Path) -> None:
    """Run the code of a page from the top, and save its last figure at each picture."""
    text = page.read_text()
    names: dict = {"__name__": "__main__"}
    start = 0
    for picture in PICTURE.finditer(text):
        for example in doctest.DocTestParser().get_examples(text[start : picture.start()]):
            exec(compile(example.source, str(page), "single"), names)
        start = picture.end()
        target = (page.parent / picture[1]).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.stem == "report":
            photograph(names["report"], target)
        else:
            plt.gcf().savefig(target, **SIZE)
        plt.close("all")
        print(f"{target.name}: {target.stat().st_size / 1024:.0f} KB")


def photograph(report, target: Path) -> None:
    """Open a report in Chromium, and take a picture of its first screen."""
    options = webdriver.ChromeOptions()
    for switch in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--window-size=1100,1150"):
        options.add_argument(switch)
    driver = webdriver.ChromeService(shutil.which("chromedriver"))  # without it selenium looks for one on the network
    with TemporaryDirectory() as folder, webdriver.Chrome(options=options, service=driver) as browser:
        page = Path(folder) / "report.html"
        report.save(page)
        browser.get(page.as_uri())
        browser.save_screenshot(str(target))


if __name__ == "__main__":
    for page in [Path(name) for name in sys.argv[1:]] or sorted(DOCS.glob("guide/*.md")):
        draw(page.resolve())
