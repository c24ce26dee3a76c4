"""Only an empty cell is missing: words that other programs write for missing stay what they are."""

import numpy as np
import pandas as pd
import pytest

from actscore_sk.cli import main
from actscore_sk.commands.missing_cells import texts_that_look_missing
from actscore_sk.commands.tables import read_table
from actscore_sk.commands.targets import read_target
from actscore_sk.commands.text_tables import ReadOptions
from actscore_sk.exceptions import CommandError

WORDS = ["None", "NA", "null", "n/a", "NaN", "nan", "#N/A", "NULL", "-"]


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def birds(n=60):
    rng = np.random.default_rng(0)
    size = rng.normal(size=n)
    damage = np.where(size > 0.8, "Substantial", "None")
    frame = pd.DataFrame({"size": size.round(3).astype(str), "speed": rng.integers(90, 300, n), "damage": damage})
    frame.loc[::7, "size"] = "NA"
    frame.loc[::10, "speed"] = None
    frame.to_csv("birds.csv", index=False)
    return frame


def test_words_for_missing_are_texts_and_empty_cells_are_not(tmp_path):
    (tmp_path / "w.csv").write_text("word,n\n" + "".join(f"{word},1\n" for word in WORDS) + ",2\n")
    column = read_table(tmp_path / "w.csv")["word"]
    assert column[:-1].tolist() == WORDS
    assert column.isna().tolist() == [False] * len(WORDS) + [True]


def test_named_texts_are_missing_and_leave_numbers(tmp_path):
    (tmp_path / "w.csv").write_text("a,b\n1,NA\n?,NA\n3,?\n")
    frame = read_table(tmp_path / "w.csv", ReadOptions(missing=("?",)))
    assert frame["a"].tolist() == [1, pd.NA, 3]
    assert frame["b"].isna().tolist() == [False, False, True]


def test_a_class_called_none_keeps_all_of_its_rows(capsys):
    frame = birds()
    assert main(["score", "birds.csv", "--target", "damage", "--epochs", "3"]) == 0
    table = pd.read_csv("birds_action_scores.csv", keep_default_na=False)
    assert table["target"].tolist() == frame["damage"].tolist()
    assert (table["action_score"] != "").all()
    printed = capsys.readouterr().out
    n = (frame["damage"] == "None").sum()
    assert "missing: empty cells: 6 of 180 cells\n" in printed
    assert f"the target 'damage' has 'None' ({n} cells), a class like others: --na 'None' makes them" in printed
    numbers = "column 'size': 51 of 60 cells are numbers, the others are 'NA', so it holds categories: add --na 'NA'\n"
    assert numbers in printed
    assert " None " in printed.partition("labels most likely wrong")[2]


def test_na_may_be_given_twice_and_with_commas(capsys):
    birds()
    assert main(["score", "birds.csv", "--target", "damage", "--epochs", "3", "--na", "x,NA", "--na", "None"]) == 2
    assert "is always 'Substantial'" in capsys.readouterr().err
    assert main(["score", "birds.csv", "--target", "damage", "--epochs", "3", "--na", "x,NA"]) == 0
    printed = capsys.readouterr().out
    assert "missing: empty cells and 'x' and 'NA': 15 of 180 cells" in printed
    assert "features: 2 numeric, 0 categorical" in printed
    assert "column 'size'" not in printed


def test_the_report_reads_the_same_labels_again():
    birds()
    assert main(["score", "birds.csv", "--target", "damage", "--epochs", "3"]) == 0
    assert main(["report", "birds_action_scores.csv", "--data", "birds.csv", "--na", "NA"]) == 0


def test_a_column_of_words_is_no_column_of_numbers():
    frame = pd.DataFrame({"words": ["1", "a", "b", "c", "d", "2", "3"], "y": ["u", "v"] * 3 + ["u"]}, dtype="string")
    assert texts_that_look_missing(frame, 1, takes_na=True) == []


@pytest.mark.parametrize(("text", "decimal"), [("NA", "."), ("nan", "."), ("?", ",")])
@pytest.mark.parametrize("task", ["auto", "regression"])
def test_a_text_among_the_numbers_of_a_target_is_refused_with_the_option_that_helps(text, decimal, task, capsys):
    numbers = [f"{i}.5".replace(".", decimal) for i in range(40)] * 2
    pd.DataFrame({"x": range(82), "y": [*numbers, text, text]}).to_csv("t.csv", index=False, sep=";")
    assert main(["score", "t.csv", "--target", "y", "--epochs", "2", "--task", task]) == 2
    message = f"target 'y': 80 of 82 cells are numbers, the others are {text!r}: add --na {text!r}"
    assert message in capsys.readouterr().err
    assert main(["score", "t.csv", "--target", "y", "--epochs", "2", "--task", task, "--na", text]) == 0
    assert main(["score", "t.csv", "--target", "y", "--epochs", "2", "--task", "classification"]) == 0


def test_a_text_among_few_numbers_is_a_class_and_other_kinds_of_file_get_another_remedy():
    numbers = [str(i) for i in range(30)] * 2
    assert read_target(pd.Series(["1", "2", "NA"] * 20, name="y"), "auto", takes_na=True).n_classes == 3
    with pytest.raises(CommandError, match=r"60 of 61 cells are numbers.*'NA': make them missing in the file"):
        read_target(pd.Series([*numbers, "NA"], name="y"), "auto", takes_na=False)
