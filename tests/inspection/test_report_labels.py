"""What a report says of labels: the headline, the cut, the matrix, and the order of the rows."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import ActionScoreReport
from actscore_sk.inspection.report.histogram import draw_histogram
from actscore_sk.inspection.report.labels import labels_of_columns, labels_of_fit

N = 344
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def fitted():
    X, y = load_digits(return_X_y=True)
    given = y.copy()
    wrong = np.random.default_rng(0).choice(len(y), 90, replace=False)
    given[wrong] = (given[wrong] + 3) % 10
    return ActionScoreClassifier(store_probabilities=True, random_state=0).fit(X, given)


def columns_of(fitted):
    """The columns of the file that the command writes."""
    return pd.DataFrame(
        {
            "suggested_label": fitted.suggested_labels_,
            "wrong_probability": fitted.wrong_label_proba_,
            "is_issue": fitted.is_label_issue_,
            "is_validation": fitted.validation_mask_,
        }
    )


def judged(n_issues=17, **others):
    probability = np.linspace(0.99, 0.0, N)
    columns = {"suggested_label": np.where(np.arange(N) % 2, "a", "c"), "wrong_probability": probability}
    return columns | {"is_issue": np.arange(N) < n_issues} | others


def test_headline_and_order_are_those_of_the_fit(fitted):
    report = ActionScoreReport.from_estimator(fitted)
    low, high = (round(share * 1797) for share in fitted.noise_rate_interval_)
    n_issues = int(fitted.is_label_issue_.sum())
    text = re.sub("<.*?>", "", report.html())
    expected = f"About {n_issues} of 1,797 labels look wrong ({low} to {high}); look at the first {high}"
    assert expected in text
    frame = report.frame()
    ranked = np.argsort(-fitted.wrong_label_scores_, kind="stable")
    assert frame["row"].tolist()[:high] == ranked[:high].tolist()
    assert frame["is_issue"].tolist()[: n_issues + 1] == [True] * n_issues + [False]
    assert frame["rank"][high:].is_monotonic_increasing, "then the hardest"


def test_a_table_says_what_the_fit_said(fitted):
    of_fit, of_table = labels_of_fit(fitted), labels_of_columns(columns_of(fitted), 1797)
    assert of_fit.interval is not None
    assert of_table.interval is None
    assert of_table.sentence.partition(";")[0] == of_fit.sentence.partition(" (")[0]


def test_numbers_in_a_table_are_those_of_all_its_rows():
    rank = np.random.default_rng(0).permutation(N) + 1
    columns = pd.DataFrame(judged(label_rank=rank, n_wrong_low=12, n_wrong_high=22))
    columns["is_issue"], columns["wrong_probability"] = rank <= 17, np.where(rank < 40, 0.9, 0.01)
    found = labels_of_columns(columns, N)
    assert found.sentence == "about 17 of 344 labels look wrong (12 to 22); look at the first 22"
    assert rank[found.first_to_look_at()].tolist() == list(range(1, 23)), "among equal probabilities"
    part = labels_of_columns(columns[rank > 5].reset_index(drop=True), N - 5)
    assert part.sentence == "about 12 of 339 labels look wrong; look at the first 12"


def test_where_most_labels_look_wrong_something_else_may_be():
    page = ActionScoreReport.from_scores(RNG.random(N), RNG.integers(2, size=N), labels=judged(n_issues=200)).html()
    assert "About 200 of 344 labels look wrong</p>" in page
    assert "More labels look wrong than right: first make sure that they belong to their rows" in page


def test_at_a_prompt_and_in_a_notebook_a_report_says_what_to_do():
    report = ActionScoreReport.from_scores(RNG.random(N), ["<b>", "c"] * (N // 2), labels=judged(), title="a & b")
    said = "About 17 of 344 labels look wrong; look at the first 17"
    assert repr(report) == f"<ActionScoreReport 'a & b': {said}; .save(\"report.html\") writes the page>"
    shown = report._repr_html_()
    assert said in shown
    assert "a &amp; b" in shown
    assert "&lt;b&gt;" in shown
    assert shown.count("<tr>") == 11


def test_labels_find_their_rows_by_the_index_of_label_issues(fitted):
    sorted_by_suspicion = fitted.label_issues()
    found = labels_of_columns(sorted_by_suspicion, 1797)
    np.testing.assert_array_equal(found.is_issue, fitted.is_label_issue_)
    np.testing.assert_array_equal(found.suggested, fitted.suggested_labels_)


def test_the_matrix_counts_labels_that_look_wrong():
    given = np.array(["b", "b", "c", "b"] * (N // 4), dtype=object)
    page = ActionScoreReport.from_scores(RNG.random(N), given, labels=judged()).html()
    matrix = re.search(r'<table id="confusion">.*?</table>', page, re.DOTALL)[0]
    assert '<a class="view" href="#suspects=1&amp;is.target=b&amp;is.suggested_label=a">8</a>' in matrix
    assert sum(map(int, re.findall(r">(\d+)</a>", matrix))) == 17


def test_no_bar_of_the_histogram_has_rows_of_both_sides():
    values = RNG.normal(size=5000)
    histogram = draw_histogram(values, values > 1.7, axis="score", beyond="look wrong")
    counts = [int(bar.title.split()[0].replace(",", "")) for bar in histogram.bars]
    beyond = [count for bar, count in zip(histogram.bars, counts, strict=True) if bar.is_beyond]
    assert sum(counts) == 5000
    assert sum(beyond) == (values > 1.7).sum()
    assert all(0 <= bar.left <= bar.left + bar.width <= 1 + 1e-12 for bar in histogram.bars)


def test_where_nothing_can_be_decided_the_page_says_why(fitted):
    X, y = load_digits(return_X_y=True)
    shuffled = ActionScoreClassifier(store_probabilities=True, random_state=0).fit(X, RNG.permutation(y))
    page = ActionScoreReport.from_estimator(shuffled).html()
    assert "How many labels are wrong cannot be said" in page
    assert "look wrong" not in page
    assert "suggested_label" in page


def test_without_probabilities_the_headline_is_the_hardest_tenth():
    page = ActionScoreReport.from_scores([0.0] * 9 + [3.0]).html()
    assert "The hardest 1 of 10 rows has 100% of all loss" in page


def test_hard_groups_are_named_with_the_address_of_their_rows():
    site = np.where(np.arange(N) < 100, "a & b", "c")
    page = ActionScoreReport.from_scores(RNG.random(N) + (np.arange(N) < 100), groups={"site": site}).html()
    assert '<a class="view" href="#is.site=a%20%26%20b">site = a &amp; b</a>' in page
    assert "1 of 2 groups is harder than the others" in page
