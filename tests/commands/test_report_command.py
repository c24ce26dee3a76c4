"""`actscore report`: which row belongs to which score, what the file of `actscore score` says, and `--watch`."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actscore_sk.cli import main
from actscore_sk.commands import watch
from actscore_sk.storage import FileTrajectories

N = 60
RNG = np.random.default_rng(0)
PETS = pd.DataFrame(
    {
        "key": [f"k{i}" for i in range(N)],
        "kind": np.array(["cat", "dog", "fox"])[np.arange(N) % 3],
        "rank": np.array(["low", "high"])[np.arange(N) // 2 % 2],
        "aum": np.arange(N) / 10,
    }
)


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    PETS.to_csv("pets.csv", index=False)


def write_scores(**columns):
    """Write scores as `actscore score` does, hardest first."""
    row = RNG.permutation(N)
    table = pd.DataFrame({"row": row, "target": PETS["kind"].to_numpy()[row], "action_score": np.arange(N)[::-1] + 0.5})
    table["rank"] = np.arange(1, N + 1)
    table.assign(**columns).to_csv("scores.csv", index=False)
    return table


def report(*arguments):
    return main(["report", "scores.csv", "--output", "page.html", *arguments])


def columns_on_the_page():
    page = Path("page.html").read_text()
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    texts = [
        [c["levels"][v] if v >= 0 else None for v in c["values"]] if c["kind"] == "text" else c["values"]
        for c in data["columns"]
    ]
    return [column["name"] for column in data["columns"]], texts


def test_rows_of_the_data_stand_beside_their_scores_under_their_own_names():
    scores = write_scores()
    assert report("--data", "pets.csv", "--group", "rank", "--group", "kind") == 0
    names, values = columns_on_the_page()
    assert values[names.index("row")] == scores["row"].tolist()
    assert values[names.index("key")] == [f"k{i}" for i in scores["row"]]
    assert names.count("rank") == 2
    assert values[len(names) - 1 - names[::-1].index("rank")] == PETS["rank"].to_numpy()[scores["row"]].tolist()
    page = Path("page.html").read_text()
    assert re.search(r"<h3>rank</h3>\s*<p>\d of 2 groups", page), "the user's column"
    assert "<h3>kind</h3>" in page, "an option given twice adds"


def test_rows_are_joined_by_a_key_whatever_their_order():
    scores = write_scores()
    scores.assign(key=PETS["key"].to_numpy()[scores["row"]]).to_csv("scores.csv", index=False)
    PETS.iloc[::-1].to_csv("pets.csv", index=False)
    assert report("--data", "pets.csv", "--key", "key") == 0
    names, values = columns_on_the_page()
    assert values[names.index("kind")] == values[names.index("target")]


@pytest.mark.parametrize(
    ("row", "data", "message"),
    [
        (np.arange(N), PETS.iloc[::-1], "no column of the data holds the targets"),
        (np.arange(N), PETS.iloc[:50], "scores are of rows 0 to 59, but the data have 50"),
        (np.arange(N) + 0.5, PETS, "row has '0.5'; expected positions"),
        ([None, *range(1, N)], PETS, "expected positions from 0 on"),
        ([f"r{i}" for i in range(N)], PETS, "row has 'r0'; expected positions"),
    ],
)
def test_another_table_is_refused(row, data, message, capsys):
    target = PETS["kind"].to_numpy()
    pd.DataFrame({"row": row, "target": target, "action_score": RNG.random(N)}).to_csv("scores.csv", index=False)
    data.to_csv("pets.csv", index=False)
    assert report("--data", "pets.csv") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("column", "entry", "message"),
    [
        ("is_issue", "maybe", "is_issue has 'maybe'; expected true or false"),
        ("is_validation", "maybe", "is_validation has 'maybe'; expected true or false"),
        ("label_rank", "first", "label_rank holds string such as 'first'; expected numbers"),
        ("n_wrong_high", "all", "n_wrong_high holds string such as 'all'; expected numbers"),
    ],
)
def test_columns_of_labels_that_are_something_else_are_refused(column, entry, message, capsys):
    labels = {"suggested_label": "dog", "wrong_probability": 0.5, "is_issue": False, "label_rank": np.arange(N) + 1}
    write_scores(**(labels | {"n_wrong_low": 1, "n_wrong_high": 2, column: entry}))
    assert report() == 2
    assert message in capsys.readouterr().err
    assert report("--key", "key") == 2
    assert "--data is missing" in capsys.readouterr().err


def test_what_the_command_found_in_labels_is_the_headline():
    is_issue = np.arange(N) < 6
    labels = {"suggested_label": "dog", "wrong_probability": np.where(is_issue, 0.9, 0.01), "is_issue": is_issue}
    write_scores(**labels, is_validation=np.arange(N) % 2 == 0)
    assert report() == 0
    text = re.sub("<.*?>", "", Path("page.html").read_text())
    assert "About 6 of 60 labels look wrong; look at the first 6" in text


def test_trajectories_are_watched_while_another_process_writes_them(capsys, monkeypatch):
    losses = RNG.random((3, N)).astype(np.float32)
    written = []

    def train(_):
        """Take the place of the pause between two looks: an epoch goes by, and after the last one comes Ctrl-C."""
        page = Path("page.html").read_text() if written else ""
        if len(written) == 3:
            assert '"reload":3' in page
            assert re.search(r"<dt>Epochs</dt><dd>3</dd>", page)
            raise KeyboardInterrupt
        rows = written[0] if written else FileTrajectories("losses.npy", N)
        rows.append(losses[len(written)])
        written.append(rows)

    monkeypatch.setattr(watch, "sleep", train)
    command = ["report", "losses.npy", "--data", "pets.csv", "--target", "kind", "--watch", "--output", "page.html"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert [f"epoch {n}: wrote page.html" in printed for n in (1, 2, 3)] == [True] * 3
    assert "stopped after 3 epochs" in printed
    names, values = columns_on_the_page()
    assert values[names.index("row")] == np.argsort(-losses.sum(axis=0, dtype=np.float64)).tolist()
    assert '"reload":0' in Path("page.html").read_text(), "a page that is done does not load itself anew"


@pytest.mark.parametrize(
    ("array", "more", "message"),
    [
        (np.zeros(5), (), "expected losses (n_epochs, n_samples)"),
        (np.zeros((2, 5)), ("--data", "pets.csv"), "trajectories of 5 samples, but 60 rows of data"),
    ],
)
def test_arrays_of_another_kind_are_one_line(array, more, message, capsys):
    np.save("losses.npy", array)
    assert main(["report", "losses.npy", *more]) == 2
    assert message in capsys.readouterr().err


def test_only_trajectories_are_watched(capsys):
    write_scores()
    assert report("--watch") == 2
    assert "--watch needs a file of trajectories" in capsys.readouterr().err
