"""The page of `actscore report` in a browser: clicks, words, menus, addresses, widths, and its policy."""

from urllib.parse import quote

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from actscore_sk.inspection import ActionScoreReport

EVIL = "<script>document.title = 'owned'</script>"
LABELS = [EVIL, "\"&'"]
NOTES = [EVIL, "two\nlines", "ünï — 汉字", "$x$", "a" * 500, None]
N = 240
SCORES = np.random.default_rng(0).exponential(size=N)
HARDEST = np.argsort(-SCORES).tolist()


@pytest.fixture(scope="module")
def page():
    data = {"note": [NOTES[i % len(NOTES)] for i in range(N)], "number": [i / 7 for i in range(N)]}
    labels = np.array(LABELS, dtype=object)[np.arange(N) // 8 % 2]
    return ActionScoreReport.from_scores(SCORES, labels, data=data, groups={EVIL: np.arange(N) % 3}, title=EVIL).html()


def shown(driver, column):
    """Texts of a column, counted from 0: rank, row, target, score, ..."""
    return [cell.text for cell in driver.find_elements(By.CSS_SELECTOR, f"#rows-table td:nth-child({column + 1})")]


def shown_rows(driver):
    return list(map(int, shown(driver, 1)))


def click(driver, text):
    driver.find_element(By.XPATH, f"//section[@id='rows']//button[text()='{text}']").click()


def counted(driver):
    return driver.find_element(By.ID, "count").text


def test_a_click_on_a_head_sorts_and_the_next_one_turns_round(browse, page):
    driver = browse(page)
    assert shown_rows(driver) == HARDEST[:50]
    click(driver, "number")
    assert shown_rows(driver) == list(range(50))
    click(driver, "number")
    assert shown_rows(driver) == list(range(N - 1, N - 51, -1))
    assert driver.find_element(By.CSS_SELECTOR, "[aria-sort=descending]").text.startswith("number")


def test_words_and_a_menu_filter_together(browse, page):
    driver = browse(page)
    driver.find_element(By.CSS_SELECTOR, "input[type=search]").send_keys("汉字 ünï")
    Select(driver.find_element(By.CSS_SELECTOR, "#controls select")).select_by_visible_text(EVIL)
    expected = [i for i in HARDEST if i % len(NOTES) == 2 and i // 8 % 2 == 0]
    WebDriverWait(driver, 5).until(lambda _: counted(driver).endswith(f"of {len(expected)} that match, of {N}"))
    assert shown_rows(driver) == expected[:50]
    assert set(shown(driver, 2)) == {EVIL}


def test_an_address_brings_back_the_view(browse, page):
    driver = browse(page, f"#q=汉字&sort=number&order=down&is.target={quote(EVIL)}")
    expected = [i for i in range(N) if i % len(NOTES) == 2 and i // 8 % 2 == 0]
    assert shown_rows(driver) == expected[::-1][:50]
    click(driver, "number")
    address = driver.current_url
    assert shown_rows(browse(page, address[address.index("#") :])) == expected[:50]


def test_pages_turn_to_the_last_and_no_further(browse, page):
    driver = browse(page, "#page=4")
    assert shown_rows(driver) == HARDEST[150:200]
    click(driver, "Next")
    assert shown_rows(driver) == HARDEST[200:]
    assert not driver.find_element(By.XPATH, "//button[text()='Next']").is_enabled()


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_screen(browse, page, width):
    driver = browse(page, width=width)
    script = "const e = document.documentElement; return [innerWidth, e.clientWidth - e.scrollWidth]"
    assert driver.execute_script(script) == [width, 0]


def test_the_policy_lets_the_pages_own_script_and_style_run_and_nothing_else(browse, page):
    foreign = f"{EVIL}<img src='none.png' onerror=\"document.title = 'owned'\"><style>h1 {{ color: red }}</style>"
    driver = browse(page.replace("<main>", f"<main>{foreign}"))
    assert driver.title == EVIL, "the title as text"
    assert counted(driver) == f"Rows 1 to 50 of {N}"
    assert driver.find_element(By.TAG_NAME, "h1").value_of_css_property("color") == "rgba(28, 37, 48, 1)"


def test_the_page_asks_nobody_for_anything(browse, page):
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert not [name for name in browse(page).execute_script(script) if not name.startswith("data:")]
