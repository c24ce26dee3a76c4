"""Which columns are learnt from, which are written, and what is suspicious about them."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actscore_sk.cli import main
from actscore_sk.commands.column_findings import find_in_columns, find_in_rows
from actscore_sk.commands.targets import read_target

N = 200


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def sales():
    rng = np.random.default_rng(0)
    close = rng.normal(size=N).cumsum()
    rich = rng.random(N) < 0.4
    return pd.DataFrame(
        {
            "key": np.arange(N) * 3 + 7,
            "close": close,
            "adjclose": close * 0.9 + 2,
            "noise": rng.normal(size=N),
            "area": rng.choice(["north", "south", "west"], N),
            "mostly": np.where(np.arange(N) == 5, "odd", "usual"),
            "rich_no": np.where(rich, 0, 1),
            "income": np.where(rich, 50, 10) + rng.random(N),
            "rank": rng.integers(0, 9, N),
            "rich": np.where(rich, "yes", "no"),
        }
    )


def findings(frame, target):
    found = find_in_columns(frame.drop(columns=target), read_target(frame[target], "auto"))
    return {re.match(r"'(\w+)'", line)[1]: line for line in found}


def test_columns_that_give_classes_away():
    found = findings(sales(), "rich")
    assert set(found) == {"key", "mostly", "rich_no", "income"}
    assert "gives the target away" in found["rich_no"]
    assert "gives the target away" in found["income"]
    assert "like an id" in found["key"]
    assert found["mostly"] == "'mostly' is 'usual' in 99.5% of the rows"


def test_columns_that_give_numbers_away():
    assert {name for name, line in findings(sales(), "close").items() if "away" in line} == {"adjclose"}


def test_rows_that_contradict_and_rows_that_are_nearly_equal():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(N, 5)).astype(np.float32).round(1), rng.integers(0, 2, N)
    X[10], y[10], y[3] = X[3], 1, 0
    X[20], y[20] = X[4] + np.float32(1e-3), y[4]
    known = pd.Series([None, *y], dtype="Int64")
    contradicting, near = find_in_rows(X, read_target(known, "auto"))
    assert contradicting == "2 rows have the features of another row, not its class; the first: row 4"
    assert near.startswith("2 rows are nearly equal")
    assert find_in_rows(rng.normal(size=(N, 5)), read_target(known, "auto")) == []


def test_options_add_and_each_column_has_its_use(capsys):
    sales().to_csv("s.csv", index=False)
    arguments = "score s.csv --target rich --epochs 3 --drop rich_no --drop income adjclose --id key"
    assert main(arguments.split()) == 0
    printed = capsys.readouterr().out
    assert "used as numbers: close, noise\n" in printed
    assert "used as categories: area, mostly\n" in printed
    assert "rank" in printed
    assert "gives the target away" not in printed
    assert "look at: 'mostly' is 'usual' in 99.5% of the rows" in printed
    table = pd.read_csv("s_action_scores.csv")
    assert table["key"].tolist() == sales()["key"].tolist()
    assert (
        main(["report", "s_action_scores.csv", "--data", "s.csv", "--key", "key", "--group", "area", "--group", "rank"])
        == 0
    )


def test_kept_columns_do_not_hide_scores():
    frame = sales()
    frame.to_csv("s.csv", index=False)
    assert (
        main(["score", "s.csv", "--target", "rich", "--epochs", "3", "--features", "noise", "close", "--keep-columns"])
        == 0
    )
    table = pd.read_csv("s_action_scores.csv")
    assert sorted(table["rank"].dropna()) == list(range(1, N + 1))
    assert table["data.rank"].tolist() == frame["rank"].tolist()
    assert set(frame) - {"rank", "rich"} <= set(table)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ("--drop rich", "the target 'rich' is named by --drop, too"),
        ("--drop nois", "no column 'nois'; did you mean 'noise'"),
        ("--features noise --drop noise", "'noise' is named by --features, and by --drop or --id"),
        ("--features noise --target close", "--target is given twice; choose one value"),
        ("--drop key close adjclose noise area mostly rich_no income rank", "no column to learn from: the table has"),
        ("--keep-columns colse", "no column 'colse'; did you mean 'close'"),
    ],
)
def test_wrong_columns_are_refused(capsys, options, match):
    sales().to_csv("s.csv", index=False)
    assert main(f"score s.csv --target rich {options}".split()) == 2
    assert match in capsys.readouterr().err


def test_the_page_is_written_with_the_scores(capsys):
    sales().to_csv("s.csv", index=False, sep=";", decimal=",")
    assert main(["score", "s.csv", "--target", "rich", "--epochs", "3", "--na", "north", "--report", "s.html"]) == 0
    assert "wrote s_action_scores.csv\nwrote s.html\n" in capsys.readouterr().out
    assert "adjclose" in Path("s.html").read_text(encoding="utf-8")
    for options, match in [
        ("--report s.txt", "unknown kind of page"),
        ("--report s.html --output -", "neither can be -"),
    ]:
        assert main(f"score s.csv --target rich --epochs 100000 {options}".split()) == 2
        assert match in capsys.readouterr().err


def test_quiet_prints_nothing(capfd):
    sales().to_csv("s.csv", index=False)
    assert main(["score", "s.csv", "--target", "rich", "--epochs", "3", "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")
    assert main(["score", "s.csv", "--target", "no", "--quiet"]) == 2
    assert "no column 'no'" in capfd.readouterr().err
