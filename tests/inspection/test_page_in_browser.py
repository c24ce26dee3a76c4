"""The page of `actscore report` in a browser: clicks, words, menus, addresses, keys, files, widths, and its policy."""

import io
import time
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from actscore_sk.inspection import ActionScoreReport

EVIL = "<script>document.title = 'owned'</script>"
LABELS = [EVIL, "\"&'"]
NOTES = [EVIL, "two\nlines", "ünï — 汉字", "=1+1", "a" * 500, None]
N = 240
SCORES = np.random.default_rng(0).exponential(size=N)
HARDEST = np.argsort(-SCORES).tolist()
GIVEN = np.array(["cat", "dog", "=fox"], dtype=object)[np.arange(N) % 3]
SUSPECTS = HARDEST[:12]


@pytest.fixture(scope="module")
def page():
    data = {"note": [NOTES[i % len(NOTES)] for i in range(N)], "number": [i / 7 for i in range(N)]}
    labels = np.array(LABELS, dtype=object)[np.arange(N) // 8 % 2]
    return ActionScoreReport.from_scores(SCORES, labels, data=data, groups={EVIL: np.arange(N) % 3}, title=EVIL).html()


@pytest.fixture(scope="module")
def judged():
    probability = np.zeros(N)
    probability[HARDEST] = np.linspace(0.95, 0, N)
    suggested = np.array(["dog", "cat", "dog"], dtype=object)[np.arange(N) % 3]
    labels = {"suggested_label": suggested, "wrong_probability": probability, "is_issue": np.isin(range(N), SUSPECTS)}
    data = {f"x{i}": np.arange(N) * 1.123456789 + i for i in range(30)}
    return ActionScoreReport.from_scores(SCORES, GIVEN, labels=labels, data=data, source="pets.csv").html()


@pytest.fixture
def saved(chromium, tmp_path):
    """Wait for a file that the page saves, and return its text."""
    folder = tmp_path / "saved"
    chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})

    def read(name):
        WebDriverWait(chromium, 10).until(lambda _: (folder / name).exists())
        return (folder / name).read_text()

    return read


def shown_rows(driver):
    # one script: a page that loads itself anew must not come between two calls
    script = "return [...document.querySelectorAll('#rows-table tbody th')].map((head) => Number(head.textContent))"
    return driver.execute_script(script)


def shown(driver, name):
    """Texts of a column."""
    heads = [head.text.removesuffix(" ↕") for head in driver.find_elements(By.CSS_SELECTOR, "#rows-table thead th")]
    place = heads.index(name) + 1
    return [cell.text for cell in driver.find_elements(By.CSS_SELECTOR, f"#rows-table tbody td:nth-child({place})")]


def button(driver, text):
    return driver.find_element(By.XPATH, f"//section[@id='rows']//button[contains(., '{text}')]")


def field(driver, label):
    return driver.find_element(By.XPATH, f"//label[starts-with(., '{label}')]//*[self::input or self::select]")


def menu(driver, column):
    return Select(driver.find_element(By.XPATH, f"//*[@class='filter']//label[starts-with(., '{column}')]//select"))


def counted(driver):
    return driver.find_element(By.ID, "count").text


def wait_for(driver, ending):
    WebDriverWait(driver, 5).until(lambda _: counted(driver).endswith(ending), f"{counted(driver)!r}, not {ending!r}")


def fragment(driver):
    return driver.current_url[driver.current_url.index("#") :]


def filter_by(driver, column):
    Select(field(driver, "Filter by")).select_by_visible_text(column)


# -- rows ------------------------------------------------------------------------------------------------------


def test_a_click_on_a_head_sorts_and_the_next_one_turns_round(browse, page):
    driver = browse(page)
    assert shown_rows(driver) == HARDEST[:50]
    button(driver, "number").click()
    assert shown_rows(driver) == list(range(50))
    button(driver, "number").click()
    assert shown_rows(driver) == list(range(N - 1, N - 51, -1))
    assert driver.find_element(By.CSS_SELECTOR, "[aria-sort=descending]").text.startswith("number")
    button(driver, "action_score").click()
    assert shown_rows(driver) == HARDEST[:50], "the hardest first at the first click"


def test_words_and_a_menu_filter_together(browse, page):
    driver = browse(page)
    field(driver, "All of these words").send_keys("汉字 ünï")
    menu(driver, "target").select_by_visible_text(EVIL)
    expected = [i for i in HARDEST if i % len(NOTES) == 2 and i // 8 % 2 == 0]
    wait_for(driver, f"of {len(expected)} that match, of {N}")
    assert shown_rows(driver) == expected[:50]
    assert set(shown(driver, "target")) == {EVIL}


def test_a_range_of_numbers_and_words_in_a_column(browse, judged):
    driver = browse(judged)
    filter_by(driver, "x0")
    field(driver, "x0 from").send_keys("50")
    field(driver, "to").send_keys("80.5")
    inside = [i for i in HARDEST if 50 <= i * 1.123456789 <= 80.5]
    wait_for(driver, f"of {len(inside)} that match, of {N}")
    filter_by(driver, "is_issue")
    menu(driver, "is_issue").select_by_visible_text("no")
    expected = [i for i in inside if i not in SUSPECTS]
    assert shown_rows(driver) == expected
    assert shown_rows(browse(judged, fragment(driver))) == expected
    driver.find_element(By.CSS_SELECTOR, "[aria-label='No filter of x0']").click()
    assert counted(driver).endswith(f"of {N - len(SUSPECTS)} that match, of {N}")


def test_a_search_in_one_column_does_not_look_into_others(browse):
    names = [f"name {i} of many" for i in range(100)]
    page = ActionScoreReport.from_scores(range(100), data={"name": names, "other": names[::-1]}).html()
    driver = browse(page)
    filter_by(driver, "name")
    field(driver, "name has").send_keys("name 7")
    wait_for(driver, "of 11 that match, of 100")
    assert set(shown_rows(driver)) == {7, *range(70, 80)}


def test_columns_come_and_go_and_the_address_knows(browse, judged):
    driver = browse(judged)
    assert "x29" not in driver.find_element(By.CSS_SELECTOR, "#rows-table thead").text
    driver.find_element(By.CSS_SELECTOR, "#chosen summary").click()
    field(driver, "Find a column").send_keys("x29")
    WebDriverWait(driver, 5).until(lambda _: not field(driver, "rank").is_displayed())
    field(driver, "x29").click()
    assert shown(driver, "x29")[0] == f"{SUSPECTS[0] * 1.123456789 + 29:.6g}"
    driver = browse(judged, f"{fragment(driver)}&hide=rank")
    heads = driver.find_element(By.CSS_SELECTOR, "#rows-table thead").text.split()
    assert "x29" in heads
    assert "rank" not in heads


def test_an_address_brings_back_the_view(browse, page):
    driver = browse(page, f"#q=汉字&sort=number&order=down&is.target={quote(EVIL)}")
    expected = [i for i in range(N) if i % len(NOTES) == 2 and i // 8 % 2 == 0]
    assert shown_rows(driver) == expected[::-1][:50]
    button(driver, "number").click()
    assert shown_rows(browse(page, fragment(driver))) == expected[:50]


def test_pages_turn_to_the_last_and_no_further(browse, page):
    driver = browse(page, "#page=4")
    assert shown_rows(driver) == HARDEST[150:200]
    button(driver, "Next").click()
    assert shown_rows(driver) == HARDEST[200:]
    assert not button(driver, "Next").is_enabled()


def test_heads_and_pager_stay_in_view_while_rows_scroll(browse, judged):
    driver = browse(judged, "#page=1")
    driver.execute_script("document.getElementById('rows-frame').scrollTop = 900")
    for selector in ("#tools", "#rows-table thead th", "#pages"):
        place = driver.find_element(By.CSS_SELECTOR, selector).rect
        top = place["y"] - driver.execute_script("return scrollY")
        assert -1 < top < top + place["height"] < 901


# -- labels ----------------------------------------------------------------------------------------------------


def test_the_headline_shows_the_suspects_and_a_cell_of_the_matrix_some_of_them(browse, judged):
    driver = browse(judged)
    assert "About 12 of 240 labels look wrong; look at the first 12" in driver.find_element(By.ID, "do").text
    driver.find_element(By.CSS_SELECTOR, ".headline a").click()
    assert shown_rows(driver) == SUSPECTS
    cell = driver.find_element(By.CSS_SELECTOR, "#confusion a")
    n = int(cell.text)
    cell.click()
    assert len(shown_rows(driver)) == n
    assert len(set(zip(shown(driver, "target"), shown(driver, "suggested_label"), strict=True))) == 1
    button(driver, "Show all rows").click()
    assert counted(driver) == f"Rows 1 to 50 of {N}"


def tick(driver, row, word):
    driver.find_element(By.CSS_SELECTOR, f"input[aria-label='label of row {row} is {word}']").click()


def test_decisions_are_ticked_chosen_and_saved(browse, judged, saved):
    driver = browse(judged)
    first, second, third, fourth = SUSPECTS[:4]
    for row in (first, second, third):
        tick(driver, row, "wrong")
    choice = Select(driver.find_element(By.CSS_SELECTOR, f"[aria-label='right label of row {second}']"))
    assert choice.first_selected_option.text == ["dog", "cat", "dog"][second % 3], "the suggestion"
    choice.select_by_visible_text("drop the row")
    tick(driver, fourth, "right")
    tick(driver, third, "wrong")  # not after all
    driver = browse(judged, fragment(driver))  # the address keeps them
    button(driver, "Save 3 decisions").click()
    table = pd.read_csv(io.StringIO(saved("decisions.csv")), dtype=str, keep_default_na=False)
    rows = {int(row): tuple(entry) for row, *entry in table.itertuples(index=False)}
    given = [label.replace("=", "'=") for label in GIVEN]
    assert rows == {
        first: (given[first], "relabel", ["dog", "cat", "dog"][first % 3]),
        second: (given[second], "drop", ""),
        fourth: (given[fourth], "keep", ""),
    }
    assert list(table) == ["row", "given_label", "decision", "new_label"]


def test_what_is_saved_is_whole_exact_and_nothing_that_a_spreadsheet_runs(browse, page, saved):
    driver = browse(page, "#sort=row&order=up&min.row=3&max.row=4")
    button(driver, "Save these rows").click()
    table = pd.read_csv(io.StringIO(saved("rows.csv")), dtype=str)
    assert table["note"].tolist() == ["'=1+1", "a" * 500]
    assert [float(text) for text in table["number"]] == [3 / 7, 4 / 7]
    assert [float(text) for text in table["action_score"]] == SCORES[3:5].tolist()


# -- keys, widths, media ---------------------------------------------------------------------------------------


def test_the_tab_key_reaches_the_end_in_few_steps_and_arrows_do_the_rest(browse, judged):
    driver = browse(judged)
    keys = ActionChains(driver)
    keys.send_keys(Keys.TAB, Keys.ENTER).perform()
    assert driver.execute_script("return location.hash") == "#rows", "the skip link"
    stops = 0
    while not driver.execute_script("return document.activeElement.textContent === 'Next'"):
        keys.send_keys(Keys.TAB).perform()
        stops += 1
        assert stops < 25
    driver.execute_script("document.querySelector('#rows-table th button').focus()")
    keys.send_keys(Keys.ARROW_RIGHT, Keys.ENTER).perform()
    assert driver.find_element(By.CSS_SELECTOR, "[aria-sort=ascending]").text.startswith("target")
    driver.execute_script("document.querySelector('.verdict input').focus()")
    keys.send_keys(Keys.ARROW_DOWN, Keys.SPACE).perform()
    assert driver.find_elements(By.CSS_SELECTOR, ".verdict input")[2].is_selected()


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("name", ["page", "judged"])
def test_nothing_is_wider_than_the_screen(browse, request, name, width):
    driver = browse(request.getfixturevalue(name), width=width)
    script = "const e = document.documentElement; return [innerWidth, e.clientWidth - e.scrollWidth]"
    assert driver.execute_script(script) == [width, 0]


def contrast(driver, selector):
    """Ratio of the lightness of text and page, as in WCAG 2."""
    colours = driver.execute_script(
        "return [getComputedStyle(document.querySelector(arguments[0])).color,"
        " getComputedStyle(document.body).backgroundColor]",
        selector,
    )
    channels = [np.array([int(part) for part in colour[4:-1].split(",")]) / 255 for colour in colours]
    light = [
        np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722] for c in channels
    ]
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("selector", ["h1", ".small", "a.view", "#count"])
def test_text_is_read_in_light_and_dark(browse, judged, scheme, selector):
    driver = browse(judged)
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    assert contrast(driver, selector) > 4.5
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_on_paper_the_table_is_no_wider_than_the_sheet(browse, judged):
    driver = browse(judged, width=1000)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    script = (
        "const e = document.documentElement; return [e.scrollWidth, document.getElementById('rows-frame').scrollWidth]"
    )
    assert max(driver.execute_script(script)) <= 1000
    assert not driver.find_element(By.ID, "tools").is_displayed()
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


# -- safety ----------------------------------------------------------------------------------------------------


def test_the_policy_lets_the_pages_own_script_and_style_run_and_nothing_else(browse, page):
    foreign = f"{EVIL}<img src='none.png' onerror=\"document.title = 'owned'\"><style>h1 {{ color: red }}</style>"
    driver = browse(page.replace("<main>", f"<main>{foreign}"))
    assert driver.title == EVIL, "the title as text"
    assert counted(driver) == f"Rows 1 to 50 of {N}"
    assert driver.find_element(By.TAG_NAME, "h1").value_of_css_property("color") == "rgba(27, 36, 48, 1)"


def test_the_page_asks_nobody_for_anything(browse, page):
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert not [name for name in browse(page).execute_script(script) if not name.startswith("data:")]


def test_a_page_that_is_written_anew_shows_the_new_rows_in_the_same_view(browse, tmp_path):
    page = ActionScoreReport.from_scores([1.0, 2.0, 3.0], data={"name": list("abc")}).html(reload=1)
    driver = browse(page, "#q=a&min.row=0")
    assert shown_rows(driver) == [0]
    later = ActionScoreReport.from_scores([9.0, 2.0, 3.0], data={"name": list("aba")}).html(reload=1)
    (tmp_path / "page.html").write_text(later)
    deadline = time.monotonic() + 10
    while shown_rows(driver) != [0, 2] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert shown_rows(driver) == [0, 2]
