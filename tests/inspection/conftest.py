"""A browser without a window, for tests of pages."""

import shutil

import pytest
from selenium import webdriver

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="session")
def chromium():
    if not (CHROMIUM and DRIVER):
        pytest.skip("no Chromium with its driver to open the page in")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def browse(chromium, tmp_path):
    """Open a page of this text, at a width in pixels, and return the browser."""

    def open_page(page, fragment="", width=1280):
        (tmp_path / "page.html").write_text(page)
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        chromium.get("about:blank")  # else another fragment alone does not load the page
        chromium.get(f"{(tmp_path / 'page.html').as_uri()}{fragment}")
        return chromium

    return open_page
