"""Tables that know types: a correction leaves all else as it is, and what cannot be written is refused in time."""

import datetime
import decimal
import json

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from actscore_sk.cli import main

N = 4
LABELS = ["a", "b", "a", "b"]
TABLE = pa.table(
    {
        "y": pa.array(LABELS).dictionary_encode(),
        "nested": [{"a": [1, None]}] * N,
        "pairs": pa.array([[("k", 1)]] * N, pa.map_(pa.string(), pa.int64())),
        "amount": pa.array([decimal.Decimal("1.50")] * N, pa.decimal128(10, 2)),
        "when": pa.array([datetime.datetime(2024, 1, 1)] * N, pa.timestamp("us", "Europe/Berlin")),
        "day": pa.array([datetime.date(2024, 1, 1)] * N),
        "holes": pa.array([None, 2**60, 1, 2], pa.int64()),
        "small": pa.array([1.5] * N, pa.float32()),
    }
)
RECORDS = [
    {"x": i, "nested": {"a": [1, None]}, "y": label, **({"rare": True} if i == 2 else {})}
    for i, label in enumerate(LABELS)
]


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "decisions.csv").write_text(
        "row,given_label,decision,new_label\n0,a,relabel,b\n1,b,drop,\n2,a,relabel,wolf\n"
    )


def apply(suffix, status=0):
    assert main(["apply", "decisions.csv", "--data", f"t{suffix}", "--output", f"f{suffix}", "--target", "y"]) == status


@pytest.mark.parametrize(
    ("suffix", "write", "read"),
    [
        (".parquet", pq.write_table, pq.read_table),
        (".feather", feather.write_feather, feather.read_table),
    ],
)
def test_a_correction_keeps_every_type_of_arrow(suffix, write, read):
    write(TABLE, f"t{suffix}")
    apply(suffix)
    fixed, kept = read(f"f{suffix}"), TABLE.take([0, 2, 3])
    assert fixed.schema.types == TABLE.schema.types
    assert fixed.drop_columns("y").to_pylist() == kept.drop_columns("y").to_pylist()
    assert fixed["y"].to_pylist() == ["b", "wolf", "b"]


def test_a_stored_index_stays_where_it_is(tmp_path):
    pd.DataFrame({"x": range(N), "y": LABELS}, index=pd.Index([7, 8, 9, 10], name="id")).to_parquet("t.parquet")
    apply(".parquet")
    assert pd.read_parquet("f.parquet").index.tolist() == [7, 9, 10]


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_correction_adds_no_key_to_an_object(tmp_path, suffix):
    texts = [json.dumps(record) for record in RECORDS]
    (tmp_path / f"t{suffix}").write_text("\n".join(texts) if suffix == ".jsonl" else json.dumps(RECORDS))
    apply(suffix)
    text = (tmp_path / f"f{suffix}").read_text()
    found = [json.loads(line) for line in text.splitlines()] if suffix == ".jsonl" else json.loads(text)
    assert found == [RECORDS[0] | {"y": "b"}, RECORDS[2] | {"y": "wolf"}, RECORDS[3]]


def sheet_with_formulas(path, formula):
    book = openpyxl.Workbook()
    book.active.append(["x", "y"])
    for i, label in enumerate(LABELS):
        book.active.append([f"=A{i + 3}" if formula else i, label])
    book.active["B2"].font = openpyxl.styles.Font(bold=True)
    book.create_sheet("other")["A1"] = "stays"
    book.save(path)


def test_a_book_keeps_its_sheets_and_its_look():
    sheet_with_formulas("t.xlsx", formula=False)
    apply(".xlsx")
    book = openpyxl.load_workbook("f.xlsx")
    assert [cell.value for cell in book.worksheets[0]["B"]] == ["y", "b", "wolf", "b"]
    assert book.worksheets[0]["B2"].font.bold
    assert book["other"]["A1"].value == "stays"


def test_rows_among_formulas_are_not_dropped(capsys):
    sheet_with_formulas("t.xlsx", formula=True)
    apply(".xlsx", status=2)
    assert "has formulas, which would be about other cells" in capsys.readouterr().err


def score(name, output, *more):
    return main(
        ["score", name, "--target", "y", "--epochs", "1", "--output", output, "--keep-columns", "--quiet", *more]
    )


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".xlsx", ".jsonl", ".csv"])
def test_cells_of_any_type_can_be_kept_in_any_kind_of_file(suffix):
    pq.write_table(pa.concat_tables([TABLE] * 5).append_column("x", pa.array(range(20))), "t.parquet")
    assert score("t.parquet", f"s{suffix}") == 0
    readers = {".parquet": pd.read_parquet, ".feather": pd.read_feather, ".xlsx": pd.read_excel, ".csv": pd.read_csv}
    kept = readers[suffix](f"s{suffix}") if suffix in readers else pd.read_json("s.jsonl", lines=True)
    nested = kept["nested"][0]
    assert (nested if isinstance(nested, dict) else json.loads(nested)) == {"a": [1, None]}


def test_a_column_of_numbers_and_texts_can_be_written_to_parquet(tmp_path):
    rows = [{"x": i, "mixed": [1, "a", None][i % 3], "big": 2**60 + i, "y": "ab"[i % 2]} for i in range(20)]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    assert [score("t.json", name) for name in ("s.parquet", "s.xlsx")] == [0, 0]
    assert pd.read_parquet("s.parquet")["mixed"].dropna().tolist()[:2] == ["1", "a"]
    assert [int(value) for value in pd.read_excel("s.xlsx")["big"][:2]] == [2**60, 2**60 + 1]


@pytest.mark.parametrize(("letter", "output"), [("\x01", "s.xlsx"), ("\0", "s.csv")])
def test_a_text_that_a_file_cannot_hold_is_refused_before_the_training(capsys, letter, output):
    pd.DataFrame({"x": range(20), "y": [f"a{letter}", "b"] * 10}).to_parquet("t.parquet")
    assert score("t.parquet", output) == 2
    assert "has no place for the text" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", b'{"x":1,"y":"a"}\n{"x":2 "y":"b"}\n', "Expecting ',' delimiter in line 2, letter 8"),
        ("t.csv", b"x,y\n1,a,7\n2,b,7\n", "the rows have more cells than the head"),
        ("t.csv", b"x,y\n1,a\0\n2,b\n", "NUL"),
        ("t.csv", b"x y\n1 a\n2 b\n", "the table has one, 'x y': set --sep"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert score(name, "s.csv", *(["--encoding", "utf-8"] if name == "t.csv" else [])) == 2
    assert message in capsys.readouterr().err
