"""What the command writes reads back equal, in every program, and no spreadsheet runs it."""

import csv
import gzip
import io
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actscore_sk.cli import main
from actscore_sk.commands.spreadsheet_cells import escape_cells, unescaped
from actscore_sk.commands.tables import FORMATS, read_scores, write_table

# Every letter that UTF-8 has, and often those that have a meaning in a table; pandas before 3.1 ends a cell at NUL.
LOST = "\0" if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1) else ""
LETTERS = st.characters(codec="utf-8", exclude_characters=LOST) | st.sampled_from(list("\r\n\t\"',;=+-@ \ufeff0"))
TEXTS = st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=6)
SEPARATORS = {".csv": ",", ".tsv": "\t", ".csv.gz": ","}
TRICKY = ["a\rb", "\r", 'say "hi"', "=cmd|' /C calc'!A0", "'=1", "''+x", "a,b\tc\nd", "None", "NA", "-5", "-", " x "]


def in_pandas(content, separator):
    options = {"keep_default_na": False, "na_values": [""], "dtype": str}
    frame = pd.read_csv(io.BytesIO(content), sep=separator, **options)
    return list(frame.columns), frame["target"].tolist()


def in_polars(content, separator):
    frame = pl.read_csv(content, separator=separator, infer_schema_length=0)
    return frame.columns, frame["target"].to_list()


def in_csv(content, separator):
    lines = list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=separator))
    return lines[0], [line[1] for line in lines[1:]]


@pytest.mark.parametrize("read", [in_pandas, in_polars, in_csv])
@pytest.mark.parametrize("suffix", SEPARATORS)
@settings(max_examples=60, deadline=None, derandomize=True)
@example(TRICKY)
@given(texts=TEXTS)
def test_text_reads_back_equal(read, suffix, texts):
    frame = pd.DataFrame({"row": range(len(texts)), "target": texts, "=name\r": texts})
    content = FORMATS[suffix].encode(frame)
    content = gzip.decompress(content) if suffix.endswith(".gz") else content
    names, values = read(content, SEPARATORS[suffix])
    assert [unescaped(name) for name in names] == list(frame.columns)
    assert [unescaped(value) for value in values] == texts


@settings(deadline=None, derandomize=True)
@example(TRICKY)
@given(texts=TEXTS)
def test_no_cell_begins_like_a_formula(texts):
    written = escape_cells(pd.DataFrame({"target": texts}))["target"]
    assert [unescaped(text) for text in written] == texts
    for text in written:
        assert not re.match(r"[=+\-@\t\r]", text) or re.fullmatch(
            r"[+-](\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]Inf\w+", text
        )


@pytest.mark.parametrize("suffix", FORMATS)
def test_missing_values_stay_missing_and_numbers_to_the_last_bit(tmp_path, suffix):
    numbers = [0.1 + 0.2, 1e-300, None, np.nextafter(1.0, 2.0)]
    frame = pd.DataFrame({"target": ["=a", None, "x", "None"], "score": numbers, "rank": pd.array([1, None, 3, 4])})
    write_table(tmp_path / f"t{suffix}", frame)
    again = read_scores(tmp_path / f"t{suffix}")
    assert again["target"].isna().tolist() == [False, True, False, False]
    assert again["target"].dropna().tolist() == ["=a", "x", "None"]
    digits = 1e-15 if suffix == ".xlsx" else 0  # a book of Excel has 16 of them
    np.testing.assert_allclose(again["score"].to_numpy(float, na_value=np.nan), frame["score"], rtol=digits, atol=0)
    assert again["rank"].tolist() == [1, pd.NA, 3, 4]


def test_labels_that_look_like_formulas_pass_through_score_and_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = np.array(["=1+1", "'=1+1", "a\rb"])[np.arange(60) % 3]
    pd.DataFrame({"a": np.arange(60) % 3, "y": labels}).to_csv("f.csv", index=False, lineterminator="\r\n")
    assert main(["score", "f.csv", "--target", "y", "--epochs", "3"]) == 0
    assert b"\n0,'=1+1," in (tmp_path / "f_action_scores.csv").read_bytes()
    assert read_scores(tmp_path / "f_action_scores.csv")["target"].tolist() == labels.tolist()
    assert main(["report", "f_action_scores.csv", "--data", "f.csv"]) == 0
