"""How tables of text are written is found out, or said; rows are never filled up or cut."""

import gzip
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actscore_sk.cli import main
from actscore_sk.commands import contents
from actscore_sk.commands.dialects import DEFAULTS, ReadOptions, find_dialect
from actscore_sk.commands.tables import open_table, read_table
from actscore_sk.exceptions import CommandError


def rows(path, text, options=DEFAULTS, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    frame = read_table(path, options)
    return list(frame.columns), frame.to_numpy(object).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1.5,x\n", ",."),
        ("a;b\n1,5;x\n", ";,"),
        ("a\tb\n1.5\tx,y\n", "\t."),
        ("a\tb\n1,25\tx\n3,5\ty\n", "\t,"),
        ("a|b\n1.5|x\n", "|."),
        ("a;b\n1,234;2.5\n", ";."),
        ("a;b\n1.234,5;2\n", ";,"),
        ("a,b\n1;2,x\n3;4,y\n", ",."),
        ('a,b\n"1;2;3",x\n', ",."),
        ("id\n1\n2\n", ",."),
        ("a,b\n1,2,3\n", ",."),
        ("a;b;c\n1;2,5;3\n4;5;6;7\n", ";,"),
    ],
)
def test_separator_and_decimal_sign_are_found(text, expected):
    dialect = find_dialect(text.encode(), DEFAULTS, ",")
    assert dialect.separator + dialect.decimal == expected


@pytest.mark.parametrize(("encoding", "name"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("cp1252", "cp1252")])
def test_encoding_is_found(tmp_path, encoding, name):
    assert rows(tmp_path / "t.csv", "größe,y\n1,ä€\n", encoding=encoding) == (["größe", "y"], [[1, "ä€"]])
    assert f"--encoding {name}" in open_table(tmp_path / "t.csv").how


def test_utf_16_and_bytes_of_no_code_page(tmp_path):
    assert rows(tmp_path / "t.csv", "größe,y\n1,ä\n", encoding="utf-16") == (["größe", "y"], [[1, "ä"]])
    assert rows(tmp_path / "t.csv", "a,y\n1,\x81\n", encoding="latin-1") == (["a", "y"], [[1, "\x81"]])


def test_what_the_user_says_wins(tmp_path):
    options = ReadOptions(separator=";", decimal=".", encoding="cp437")
    assert rows(tmp_path / "t.csv", "a;b,c\n1,5;ä,\n", options, "cp437") == (["a", "b,c"], [["1,5", "ä,"]])


def test_comments_above_the_head_are_left_out_but_no_head_and_no_cell(tmp_path):
    assert rows(tmp_path / "t.csv", "# from 1998, by hand\n#\na,b\n1,#1\n") == (["a", "b"], [[1, "#1"]])
    assert "2 lines of comment left out" in open_table(tmp_path / "t.csv").how
    assert rows(tmp_path / "t.csv", "#id,b\n1,x\n") == (["#id", "b"], [[1, "x"]])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1,234.50", "12", "-1,234,567"], [1234.5, 12, -1234567]),
        (["12%", "3.5%"], [12, 3.5]),
        (["12%", "3.5"], None),
        (["1,23", "4"], None),
        (["0,123", "4"], None),
        (["1,2,3", "4"], None),
    ],
)
def test_thousands_and_percent_signs_are_no_text(tmp_path, cells, expected):
    text = "y;a\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(cells)) + "9;\n"
    _, found = rows(tmp_path / "t.csv", text, ReadOptions(decimal="."))
    assert [cell for _, cell in found] == [*(expected or cells), pd.NA]
    assert ("'a' with thousands or percent signs" in open_table(tmp_path / "t.csv").how) == (expected is not None)


@pytest.mark.parametrize("text", ["a,b,c\n1,2,3\n4,5\n", 'a,b,c\n"1\n",2,\n\n4\n', "# c\na,b,c\n1,2,\n4,5\n"])
def test_a_row_with_less_cells_is_an_error_with_its_line(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(CommandError, match=rf"Expected 3 fields in line {text.count(chr(10))}, saw [12]"):
        read_table(tmp_path / "t.csv")


def test_comments_among_the_rows_are_left_out_and_no_row_is(tmp_path, monkeypatch):
    text = '# above\n#x,y\n\n"a\n# b, c, d",1\n# it, is, "odd"\n  \n#3,4\n# end\n5,6\n#\n'
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(text)
    opened = open_table(Path("t.csv"))
    assert opened.frame.to_numpy().tolist() == [["a\n# b, c, d", 1], ["#3", 4], ["5", 6]]
    assert opened.how.endswith("4 lines of comment left out")
    pd.testing.assert_frame_equal(eval(opened.read), opened.frame)


def test_empty_cells_and_empty_lines_are_no_error(tmp_path):
    assert rows(tmp_path / "t.csv", "a,b\n1,\n\n,\n")[1] == [[1, pd.NA], [pd.NA, pd.NA]]
    assert rows(tmp_path / "t.csv", f"a,b\n{'x' * 200_000},\n")[1][0][1] is pd.NA


def test_a_small_file_does_not_unpack_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "LARGEST", 1 << 20)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * (1 << 20)))
    with pytest.raises(CommandError, match=re.escape("unpacks to more than 1,048,576 bytes")):
        read_table(tmp_path / "t.csv.gz")


def test_how_a_table_was_read_is_one_line_on_the_screen(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    frame = pd.DataFrame({"a": np.arange(40) / 8, "y": ["ä", "ö"] * 20, "share": [f"{n}%" for n in range(40)]})
    content = "# by hand\n" + frame.to_csv(index=False, sep=";", decimal=",")
    (tmp_path / "t.csv").write_bytes(content.encode("cp1252"))
    assert main(["score", "t.csv", "--target", "y", "--epochs", "2"]) == 0
    printed = capsys.readouterr().out
    how = "--sep ';' --decimal ',' --encoding cp1252, 1 line of comment left out, 'share' with thousands or percent"
    assert f"read with: {how} signs\n" in printed
    assert "features: 2 numeric, 0 categorical" in printed
    assert main(["report", "t_action_scores.csv", "--data", "t.csv"]) == 0


def test_a_correction_keeps_separator_encoding_and_comments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = "# by hand\r\nä;y\r\n1,50;ü\r\n2,00;v\r\n3,00;v\r\n"
    (tmp_path / "t.csv").write_bytes(content.encode("cp1252"))
    (tmp_path / "d.csv").write_text("row,given_label,decision,new_label\n0,ü,relabel,v\n", encoding="utf-8")
    assert main(["apply", "d.csv", "--data", "t.csv", "--target", "y", "--output", "fixed.csv"]) == 0
    assert (tmp_path / "fixed.csv").read_bytes() == content.replace("50;ü", "50;v").encode("cp1252")


def test_standard_input_is_a_table_of_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = "a;y\n" + "".join(f"{n};{n % 2}\n" for n in range(40))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert main(["score", "-", "--target", "y", "--epochs", "2"]) == 0
    assert len(pd.read_csv("stdin_action_scores.csv")) == 40
