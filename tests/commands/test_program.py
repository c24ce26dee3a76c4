"""The lines of Python that ``actscore score`` prints give its scores, to the bit."""

import contextlib
import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actscore_sk.cli import main
from actscore_sk.commands import tables

N_ROWS = 300
RUN_ALL = """
import numpy as np, pathlib, runpy
for path in sorted(pathlib.Path().glob("program_*.py")):
    made = runpy.run_path(str(path))
    rows = made["issues"].sort_index() if "issues" in made else {"wrong_probability": [], "is_issue": []}
    judged = {name: rows[name] for name in ("wrong_probability", "is_issue")}
    np.savez(path.with_suffix(".npz"), action_score=made["scores"], **judged)
"""


def table_of_all_kinds():
    """Numbers, text, booleans, codes and dates with holes, and targets of each kind."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, N_ROWS)
    frame = pd.DataFrame({"height": kind * 3 + rng.normal(0, 0.4, N_ROWS), "month": rng.integers(1, 7, N_ROWS)})
    frame["colour"] = np.array(["red", "blue", "green"])[kind]
    frame["planted"] = pd.date_range("2024-01-01", periods=N_ROWS)
    frame["wet"] = pd.array(kind % 2 == 0, dtype="boolean")
    frame['it\'s "a" name'] = np.array(["rose", "tulip", "Schlüsselblume"])[kind]
    frame["price"] = frame["height"] ** 2
    for position, column in enumerate(frame.columns):
        frame.loc[rng.random(N_ROWS) < 0.02 * position, column] = None
    frame.loc[[3, 9], "price"] = [np.inf, -np.inf]
    return frame


def write_tables(frame):
    frame.to_csv("all.csv", index=False)
    frame.to_csv("all.tsv", index=False, sep="\t")
    frame["age"] = pd.to_timedelta(np.arange(N_ROWS) ** 1.5, unit="h")
    frame["tags"] = [[n % 3] for n in range(N_ROWS)]
    frame.to_parquet("all.parquet")
    amounts = [f"{number:,.2f}" for number in np.random.default_rng(1).normal(1e4, 1e4, N_ROWS)]
    europe = frame[["colour", "month"]].assign(share=[f"{n % 41},5%" for n in range(N_ROWS)], amount=amounts)
    europe["amount"] = [text.translate(str.maketrans(",.", ".,")) for text in amounts]
    content = "# a table\n" + europe.to_csv(index=False, sep=";", decimal=",")
    Path("europe.csv").write_bytes(content.encode("utf-16"))
    frame[["colour", "height", "month"]].assign(price=amounts).to_json("all.jsonl", orient="records", lines=True)
    zones = [f"{n % 3:02d}" for n in range(N_ROWS)]
    frame[["colour", "height"]].assign(zone=zones).to_csv("zones.csv", index=False)
    frame[["colour", "height", "month"]].to_excel("all.xlsx", index=False)
    tables.write_table(Path("all.csv.zst"), frame[["colour", "height", "month"]])
    # Two columns of one name, and the row numbers that pandas writes.
    frame[["height", "colour"]].set_axis(["same", "same"], axis=1).assign(y=np.arange(N_ROWS) % 2).to_csv("same.csv")


CASES = {
    "text": ["all.csv", "--target", 'it\'s "a" name', "--metrics", "aum"],
    "numbers": ["all.csv", "--target", "price", "--epochs", "7"],
    "dates": ["all.csv", "--target", "planted", "--seed", "5"],
    "booleans": ["all.tsv", "--target", "wet"],
    "codes": ["all.csv", "--target", "month", "--task", "regression"],
    "few_rows": ["few.csv", "--target", "month"],
    "durations": ["all.parquet", "--target", "age"],
    "lists": ["all.parquet", "--target", "tags"],
    "zones": ["zones.csv", "--target", "zone"],
    "trees": ["all.csv", "--target", 'it\'s "a" name', "--learner", "boosting", "--metrics", "aum"],
    "trees_numbers": ["all.csv", "--target", "price", "--learner", "boosting", "--epochs", "40"],
    "missing": ["all.csv", "--target", "colour", "--na", "tulip", "None"],
    "europe": ["europe.csv", "--target", "colour"],
    "amounts": ["europe.csv", "--target", "amount"],
    "chosen": ["all.csv", "--target", "wet", "--features", "height", "colour"],
    "left_out": ["all.csv", "--target", "wet", "--drop", "price", "--id", "colour", "--drop", "planted"],
    "json": ["all.jsonl", "--target", "colour"],
    "excel": ["all.xlsx", "--target", "month", "--na", "red"],
    "packed": ["all.csv.zst", "--target", "colour"],
    "same": ["same.csv", "--target", "y"],
}


OF_NUMBERS = {"numbers", "dates", "codes", "durations", "trees_numbers", "amounts"}


def column_in(path, name):
    """Numbers of the rows that were trained on; not every pandas reads numbers to the last bit."""
    with open(path, encoding="utf-8", newline="") as file:
        values = [row.get(name) for row in csv.DictReader(file) if row["n_visits"] != "0"]
    return np.array([float({"True": 1, "False": 0}.get(value, value)) for value in values if value])


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    """Scores of the command, and those of its printed programs, run in a process of their own."""
    with contextlib.chdir(tmp_path_factory.mktemp("programs")):
        frame = table_of_all_kinds()
        write_tables(frame)
        frame[:50].drop(columns=["age", "tags"]).to_csv("few.csv", index=False)
        for name, arguments in CASES.items():
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                assert main(["score", *arguments, "--output", f"{name}_scores.csv"]) == 0
            program = printed.getvalue().partition("the same in Python:\n")[2].partition("\nwrote ")[0]
            Path(f"program_{name}.py").write_text(program, encoding="utf-8")
        subprocess.run([sys.executable, "-c", RUN_ALL], check=True, timeout=300)
        return {
            (name, column): (column_in(f"{name}_scores.csv", column), np.load(f"program_{name}.npz")[column])
            for name in CASES
            for column in ("action_score", "wrong_probability", "is_issue")
        }


@pytest.mark.parametrize("name", CASES)
def test_printed_program_gives_the_scores_of_the_command(repeated, name):
    of_command, of_program = repeated[name, "action_score"]
    np.testing.assert_array_equal(of_program, of_command)
    assert len(np.unique(of_command)) > (0.3 if "trees" in name else 0.9) * len(of_command)  # leaves have equal losses


@pytest.mark.parametrize(
    "name",
    [name for name in CASES if name not in ("numbers", "dates", "codes", "durations", "trees_numbers", "amounts")],
)
def test_printed_program_judges_labels_as_the_command_does(repeated, name):
    of_command, of_program = repeated[name, "wrong_probability"]
    np.testing.assert_array_equal(of_program, of_command)
    if len(of_command):
        np.testing.assert_array_equal(repeated[name, "is_issue"][1], repeated[name, "is_issue"][0])
    assert name not in ("text", "booleans") or len(of_command) > 250
