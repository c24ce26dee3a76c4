"""Parquet read in parts: the scores of the table read whole, and of the program that is printed."""

import contextlib
import csv
import io

import numpy as np
import pandas as pd
import pytest

from actscore_sk.cli import main
from actscore_sk.commands import streamed_table
from actscore_sk.utils import memory

N_ROWS = 300
STREAMED = ("score", "t.parquet", "--target", "kind", "--epochs", "5", "--read", "streamed")


@pytest.fixture(autouse=True)
def table(tmp_path, monkeypatch):
    """A table of row groups of 70 rows that is read in parts of 40; the third part has no target."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(streamed_table, "ROWS_AT_ONCE", 40)
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, N_ROWS)
    frame = pd.DataFrame({"cm": kind + rng.normal(size=N_ROWS), "kind": np.array(["a", "b", "c"])[kind]})
    frame["colour"] = np.array(["red", "blue", None], dtype=object)[rng.integers(0, 3, N_ROWS)]
    frame["month"] = pd.array(rng.integers(1, 7, N_ROWS), dtype="Int64")
    frame["planted"] = pd.date_range("2024-01-01", periods=N_ROWS)
    frame.loc[80:130, ["kind", "month"]] = None
    frame.to_parquet("t.parquet", row_group_size=70)
    return frame


def run(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([*arguments]) == 0
    return printed.getvalue()


def test_scores_are_those_of_the_table_read_whole():
    run(*STREAMED, "--keep-columns", "colour", "--output", "parts.csv")
    run(*STREAMED[:-1], "whole", "--keep-columns", "colour", "--output", "whole.csv")
    with open("parts.csv") as parts, open("whole.csv") as whole:
        assert parts.read() == whole.read()


def test_printed_program_gives_the_scores_of_a_table_of_which_a_sample_was_looked_at(monkeypatch):
    monkeypatch.setattr(streamed_table, "N_SAMPLED", 60)
    printed = run(*STREAMED, "--output", "parts.csv", "--drop", "cm")
    made = {}
    exec(printed.partition("the same in Python:\n")[2].partition("\nwrote ")[0], made)
    with open("parts.csv", newline="") as file:
        scores = [float(row["action_score"]) for row in csv.DictReader(file) if row["action_score"]]
    np.testing.assert_array_equal(made["scores"], scores)
    assert len(scores) == N_ROWS - 51


@pytest.mark.parametrize(("free", "is_streamed"), [(10**5, True), (10**9, False), (None, False)])
def test_table_is_read_in_parts_if_it_would_take_over_half_of_the_free_memory(free, is_streamed, monkeypatch):
    monkeypatch.setattr(streamed_table, "free_memory", lambda: free)
    assert ("read in parts" in run(*STREAMED[:-2])) is is_streamed


def test_features_are_in_a_file_and_not_in_memory(table):
    opened = streamed_table.StreamedTable("t.parquet")
    target = streamed_table.Target("classification", "", np.ones(N_ROWS, bool), np.zeros(N_ROWS), 2, ())
    assert isinstance(opened.encode([0, 2], target).X, np.memmap)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"t.parquet": "t.csv"}, "--read streamed: for .parquet and .pq, not for 't.csv'"),
        ({"--epochs": "--report", "5": "page.html"}, "--report reads the table whole"),
        ({"--epochs": "--sep", "5": ";"}, "--sep: for tables of text"),
    ],
)
def test_what_cannot_be_read_in_parts_is_refused(options, reason, table, capsys):
    table.to_csv("t.csv")
    assert main([options.get(word, word) for word in STREAMED]) == 2
    assert reason in capsys.readouterr().err


def test_disk_without_place_is_an_error_and_not_the_end_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(memory.shutil, "disk_usage", lambda folder: memory.shutil._ntuple_diskusage(10**6, 10**6, 0))
    assert main([*STREAMED]) == 2
    assert "name another folder in the environment variable TMPDIR" in capsys.readouterr().err


@pytest.mark.parametrize(("limit", "free"), [("max", 2048), ("1500", 500), ("900", 0)])
def test_free_memory_of_a_container_is_what_its_limit_leaves(limit, free, tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text(limit)
    (tmp_path / "memory.current").write_text("1000")
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 2 kB\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    assert memory.free_memory() == free
