"""Whole numbers with zeros in front are codes: 00501 stays 00501, and 007 and 7 are two labels."""

import csv
import io

import pytest

from actscore_sk.cli import main


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i:05d},{i % 5 + 0.5},{['1', '01', '2'][i % 3]}" for i in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["zip,x,y", *rows]) + "\n")


def cells(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_codes_are_written_as_they_were(tmp_path, capsys):
    assert main(["score", "t.csv", "--target", "y", "--id", "zip", "--epochs", "1"]) == 0
    assert "3 different codes, some with zeros in front" in capsys.readouterr().out
    scores, rows = cells(tmp_path / "t_action_scores.csv"), cells(tmp_path / "t.csv")
    assert [(row["zip"], row["target"]) for row in scores] == [(row["zip"], row["y"]) for row in rows]
    assert {row["suggested_label"] for row in scores} <= {"1", "01", "2"}
    assert main(["report", "t_action_scores.csv", "--data", "t.csv", "--key", "zip"]) == 0


def test_of_two_spellings_that_are_two_labels_the_new_one_is_written(tmp_path):
    (tmp_path / "decisions.csv").write_text("row,given_label,decision,new_label\n2,2,relabel,1\n5,2,relabel,01\n")
    assert main(["apply", "decisions.csv", "--data", "t.csv", "--output", "f.csv", "--target", "y"]) == 0
    assert [row["y"] for row in cells(tmp_path / "f.csv")][:6] == ["1", "01", "1", "1", "01", "01"]


def test_amounts_with_zeros_in_front_are_learnt_as_numbers(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{i:04d},{i * 7:05d}\n" for i in range(50)))
    assert main(["score", "t.csv", "--target", "y", "--epochs", "1"]) == 0
    assert "task: regression of 'y' (50 different whole values" in capsys.readouterr().out
