"""The page of `actscore report`: what it holds and what it escapes."""

import html
import json
import re

import joblib
import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from actscore_sk import ActionScoreClassifier
from actscore_sk.cli import main
from actscore_sk.inspection import ActionScoreReport, PruningCurveDisplay, group_difficulty
from actscore_sk.inspection.report.encoded_rows import encode_rows
from actscore_sk.inspection.report.labels import COLUMNS as LABEL_COLUMNS

matplotlib.use("Agg")
EVIL = "<script>alert(1)</script>"
NASTY = [EVIL, "\"&'", "</script><b>", "two\nlines", "ünï — 汉字", "$x$", "a" * 500, None]
N = 240
RNG = np.random.default_rng(0)
SCORES = RNG.exponential(size=N)
LABELS = np.array(NASTY[:2], dtype=object)[np.arange(N) // 8 % 2]


@pytest.fixture
def report():
    numbers = [float("inf") if i == 3 else i / 7 for i in range(N)]
    data = {"text": [NASTY[i % len(NASTY)] for i in range(N)], "number": numbers}
    return ActionScoreReport.from_scores(SCORES, LABELS, data=data, groups={EVIL: np.arange(N) % 3}, title=EVIL)


def data_of(page):
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def test_nothing_that_is_shown_becomes_markup(report):
    page = report.html()
    without_data = re.sub(r'<script id="data".*?</script>', "", page, flags=re.DOTALL)
    assert EVIL not in page
    assert html.escape(EVIL) in without_data
    assert page.count("</script>") == 2, "that of the rows, and that of the page's own script"
    assert "<" not in re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1]
    assert not re.search(r'(?:src|href|action)="(?!data:|#)', page), "no reference to anywhere else"
    assert "default-src 'none'" in page


def test_rows_are_the_table_hardest_first(report):
    data = data_of(report.html())
    columns = {column["name"]: column for column in data["columns"]}
    order = np.argsort(-SCORES)
    assert columns["row"]["values"] == order.tolist()
    assert columns["action_score"]["values"] == SCORES[order].tolist(), "not rounded"
    labels = columns["target"]
    assert [labels["levels"][code] for code in labels["values"]] == [LABELS[i] for i in order]
    texts = columns["text"]
    cells = ["" if code < 0 else texts["levels"][code] for code in texts["values"]]
    assert cells == [NASTY[row % len(NASTY)] or "" for row in order], "neither cut nor changed"
    assert columns["number"]["values"][order.tolist().index(3)] == "Infinity"


def test_groups_are_those_of_group_difficulty_without_what_was_held_out():
    held_out = np.arange(N) % 5 == 0
    groups = np.array(["a", "b"])[(SCORES > 1).astype(int)]
    page = ActionScoreReport.from_scores(SCORES, groups=groups, held_out=held_out).html()
    expected = group_difficulty(SCORES[~held_out], groups[~held_out])
    for row in expected.to_dict("records"):
        cells = [row["group"], f"{row['n']:,}", f"{row['mean']:.3g}", f"{row['median']:.3g}"]
        assert re.search("".join(f"<t[dh][^>]*>{cell}</t[dh]>" for cell in cells), page)
    assert f"{held_out.sum()} samples that were held out" in page


def test_of_a_fitted_estimator_with_everything():
    X = RNG.normal(size=(60, 4)).astype("float32")
    y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    metrics = ("action_score", "confidence", "variability", "correctness")
    scorer = ActionScoreClassifier(metrics=metrics, store_trajectories=True, random_state=0).fit(X, y)
    report = ActionScoreReport.from_estimator(
        scorer, images=RNG.random((60, 3, 8, 8)), data={"name": list(map(str, range(60)))}
    )
    assert len(report.displays) == 4
    table = report.frame()
    np.testing.assert_array_equal(table["action_score"], np.sort(scorer.action_scores_)[::-1])
    assert table["name"].tolist() == [str(row) for row in table["row"]]
    np.testing.assert_array_equal(table["confidence"], scorer.sample_metrics_["confidence"][table["row"]])
    page = report.html()
    assert page.count("<figure") == 6, "the displays, the classes compared, and the histogram"
    assert len(data_of(page)["pictures"]) == 60


def test_regression_targets_and_samples_without_a_score():
    scores = np.where(np.arange(N) == 7, np.nan, SCORES)
    report = ActionScoreReport.from_scores(scores, RNG.normal(size=N))
    assert report.frame()["row"].iloc[-1] == 7
    page = report.html()
    assert "numbers" in page
    assert data_of(page)["columns"][0]["values"][-1] is None
    assert "Without a score" in page


def test_as_many_rows_as_there_is_room_for():
    table = pd.DataFrame({"rank": range(1000), "text": [f"sample {i}" for i in range(1000)]})
    text, n_rows, n_columns, _ = encode_rows(table, {}, max_bytes=5000)
    assert len(text) <= 5000
    assert 100 < n_rows < 1000
    assert n_columns == 2
    assert json.loads(text)["columns"][0]["values"] == list(range(n_rows))


def test_of_a_wide_table_the_first_columns_and_200_rows():
    table = pd.DataFrame(RNG.normal(size=(1000, 400)), columns=[f"x{i}" for i in range(400)])
    text, n_rows, n_columns, _ = encode_rows(table, {}, max_bytes=100_000)
    assert len(text) <= 100_000
    assert n_rows >= 150
    assert 10 < n_columns < 40
    assert [column["name"] for column in json.loads(text)["columns"]] == [f"x{i}" for i in range(n_columns)]


def test_one_huge_cell_is_cut_and_counted():
    encoded = encode_rows(pd.DataFrame({"a": ["x" * 10**6, "y"]}), {}, max_bytes=100_000)
    assert (encoded.n_rows, encoded.n_cut) == (2, 1)
    assert json.loads(encoded.text)["columns"][0]["levels"] == ["x" * 19_999 + "…", "y"]


def test_numbers_are_those_of_the_table_in_any_type():
    columns = {"short": np.float32([0.1]), "large": [2**60], "half": np.float16([0.3]), "whole": [2.0], "none": [None]}
    data = json.loads(encode_rows(pd.DataFrame(columns), {}, max_bytes=10**4).text)
    assert [column["values"] for column in data["columns"]] == [[0.1], [str(2**60)], [0.3], [2], [-1]]


def test_pictures_and_rows_together_stay_in_the_budget(monkeypatch):
    n, budget = 5000, 400_000
    monkeypatch.setattr("actscore_sk.inspection.report.whole_page.PAGE_BYTES", budget)
    data = {f"x{i}": RNG.normal(size=n) for i in range(8)} | {"note": [f"note {i} {'x' * 60}" for i in range(n)]}
    page = ActionScoreReport.from_scores(RNG.random(n), np.arange(n) % 10, data=data).html()
    n_rows = int(re.search(r"it has the ([\d,]+) first of 5,000 rows", page)[1].replace(",", ""))
    assert "The rest is in report.frame() in Python" in page
    assert 0.9 * budget < len(page.encode()) < budget + 300, "the sentence that says so comes on top"
    assert data_of(page)["n_rows"] == n_rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": [1]}, "y has 1 entries, but there are 240 scores"),
        ({"data": {"a": [1, 2]}}, "data has 2 rows, but there are 240 scores"),
        ({"groups": {"a": [1, 2]}}, "group has 2 rows"),
        ({"images": np.zeros((3, 8, 8))}, "images has 3 entries"),
        ({"images": np.zeros((N, 8))}, "images have shape"),
        ({"labels": {"is_issue": [True] * N}}, "labels lack suggested_label, wrong_probability"),
        ({"labels": dict.fromkeys(LABEL_COLUMNS, [2.0] * N)}, r"outside \[0, 1\]"),
    ],
)
def test_what_does_not_fit_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        ActionScoreReport.from_scores(SCORES, **options)


def test_a_column_of_names_is_no_group():
    with pytest.raises(ValueError, match="group 'id' has 1,001 values; expected at most 1,000"):
        ActionScoreReport.from_scores(range(1001), groups={"id": [f"sample {i}" for i in range(1001)]})


def test_other_displays_are_drawn_under_their_title():
    results = {"strategy": ["a"] * 4, "share_kept": [0.5, 0.5, 1, 1], "repeat": [0, 1] * 2, "value": [1, 2, 3, 4]}
    mine = PruningCurveDisplay.from_scores(results)
    displays = {"What pruning does": mine}
    page = ActionScoreReport.from_scores(torch.rand(20), torch.arange(20) % 2, displays=displays).html()
    assert 'alt="What pruning does"' in page
    assert not hasattr(mine, "figure_"), "the display that was passed is as it was"
    assert "2 classes" in page


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [f"{i}.png" for i in range(40)]
    data = pd.DataFrame({"kind": ["y", "x"] * 20, "site": list("ab") * 20, "file": files})
    data.to_csv("data.csv", index=False)
    for i in range(40):
        Image.new("RGB", (60, 60), (i, 0, 0)).save(f"{i}.png")
    scores = pd.DataFrame({"row": np.arange(40)[::-1], "target": ["x", "y"] * 20, "action_score": np.arange(40.0)})
    scores.to_csv("run_action_scores.csv", index=False)
    status = main(["report", "run_action_scores.csv", "--data", "data.csv", "--group", "site", "--images", "file"])
    assert (status, capsys.readouterr().err) == (0, "")
    data = data_of((tmp_path / "run_action_scores_report.html").read_text())
    columns = {column["name"]: column for column in data["columns"]}
    assert list(columns)[-2:] == ["site", "file"], "in the order of the data"
    hardest = columns["file"]["levels"][columns["file"]["values"][0]]
    assert hardest == "0.png", "the last score is of row 0"
    assert len(data["pictures"]) == 40


def test_the_command_takes_a_fitted_run(tmp_path, capsys):
    X = RNG.normal(size=(40, 3))
    joblib.dump(ActionScoreClassifier(random_state=0).fit(X, X[:, 0] > 0), tmp_path / "fitted.joblib")
    assert main(["report", str(tmp_path / "fitted.joblib"), "--output", str(tmp_path / "page.html")]) == 0
    assert "Visits of a sample" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "no such file"),
        (["none.joblib"], "no such file"),
        (["bad.joblib"], "cannot load"),
        (["s.csv", "--score", "aum"], "aum is lower = harder"),
        (["s.csv", "--score", "b"], "does not hold numbers"),
        (["s.csv", "--score", "scores"], "'scores'"),
        (["s.csv", "--group", "c"], "'c'"),
        (["s.csv", "--output", "page.txt"], "expected .html"),
        (["s.csv", "--images", "b"], "no such image"),
        (["s.csv", "--data", "short.csv"], "2 scores but 1 rows"),
    ],
)
def test_the_command_says_what_is_wrong_in_one_line(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"action_score": [1.0, 2.0], "aum": [1, 2], "b": ["x", "y"]}).to_csv("s.csv", index=False)
    pd.DataFrame({"z": [1]}).to_csv("short.csv", index=False)
    (tmp_path / "bad.joblib").write_bytes(b"no pickle")
    before = set(tmp_path.iterdir())
    assert main(["report", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert set(tmp_path.iterdir()) == before
