"""However the command ends, it ends with one line and the documented status."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actscore_sk.cli import main
from actscore_sk.commands import screen, tables

ONE_LINE = rb"actscore: [^\n]+\n"


@pytest.fixture(autouse=True)
def _with_a_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"a": np.arange(40) % 5, "y": np.arange(40) % 2}).to_csv("p.csv", index=False)


def start(arguments, **streams):
    command = [sys.executable, "-m", "actscore_sk", *arguments.split()]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **streams)


def test_standard_output_has_the_table_and_nothing_else(tmp_path):
    with open("p.csv", "rb") as table:
        process = start("score - --target y --epochs 2 --output -", stdin=table, stdout=subprocess.PIPE)
        out, err = process.communicate()
    assert process.returncode == 0
    assert pd.read_csv(io.BytesIO(out))["row"].tolist() == list(range(40))
    assert b"the same in Python:" in err
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


@pytest.mark.parametrize("arguments", ["score p.csv --target y --epochs 2", "score p.csv --target y --output -"])
def test_closed_pipe(arguments):
    reading, writing = os.pipe()
    process = start(arguments, stdout=writing)
    os.close(reading)
    os.close(writing)
    assert re.fullmatch(ONE_LINE, process.communicate()[1].splitlines(keepends=True)[-1])
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("redirected", "message"),
    [
        ("score - --target y <&-", b"cannot read '-' as .csv: there is nothing in it"),
        ("score p.csv --target y --output - >&-", b"standard output is closed; choose another output"),
        ("--help >&- 2>&-", None),
    ],
)
def test_closed_streams(redirected, message):
    command = f"{sys.executable} -m actscore_sk {redirected}"
    process = subprocess.run(command, shell=True, stderr=subprocess.PIPE, check=False)
    assert process.stderr == (b"" if message is None else b"actscore: " + message + b"\n")
    assert process.returncode == (0 if message is None else 2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("arguments", ["score p.csv --target y --epochs 2", "--help"])
def test_full_disk_under_the_output(arguments):
    with open("/dev/full", "wb") as full:
        process = start(arguments, stdout=full)
        err = process.communicate()[1]
    assert re.fullmatch(ONE_LINE, err)
    assert b"No space left" in err
    assert process.returncode == 2


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5])
def test_interrupt_while_libraries_are_loaded(seconds):
    process = start("score p.csv --target y --epochs 100000")
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    err = process.communicate()[1]
    # Python ends itself by the signal where a C library has seen it first; to a shell that is 130, too
    assert process.returncode in (130, -signal.SIGINT)
    assert err == b"actscore: interrupted\n"


def test_links_that_lead_nowhere(capsys, tmp_path):
    Path("loop.csv").symlink_to("loop.csv")
    Path("far.csv").symlink_to("no/far.csv")
    for arguments, match in [
        ("score loop.csv --target y", "no such file: 'loop.csv'; it is a link that leads nowhere"),
        ("score far.csv --target y", "no such file: 'far.csv'; it is a link that leads nowhere"),
        ("score p.csv --target y --output loop.csv", "'loop.csv' is a link that leads back to itself"),
        ("score p.csv --target y --output far.csv", f"no such directory for the output: '{tmp_path / 'no'}'"),
    ]:
        assert main(arguments.split()) == 2
        assert match in capsys.readouterr().err
    Path("near.csv").symlink_to("new.csv")
    assert main(["score", "p.csv", "--target", "y", "--epochs", "2", "--output", "near.csv"]) == 0
    assert len(pd.read_csv("new.csv")) == 40


def test_what_no_file_can_hold_is_refused_before_the_training(capsys, monkeypatch):
    monkeypatch.setitem(tables.FORMATS, ".xlsx", tables.TableFormat(*[None] * 2, "openpyxl", 39))
    assert main(["score", "p.csv", "--target", "y", "--epochs", "100000", "--output", "p.xlsx"]) == 2
    assert "'p.xlsx' has no place for 40 rows; this kind of file ends at 39" in capsys.readouterr().err
    Path("half.json").write_text(json.dumps([{"a": n, "y": "\ud800"} for n in range(9)]))
    assert main(["score", "half.json", "--target", "y"]) == 2
    assert "surrogates not allowed" in capsys.readouterr().err


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(screen, "SILENCE", 0)
    with screen.show_progress("training", 3) as advance:
        advance()
        advance()
    assert capsys.readouterr().err == "training: 1 of 3\ntraining: 2 of 3\n"


def test_a_summary_as_json_is_alone_on_standard_output(capsys):
    assert main(["score", "p.csv", "--target", "y", "--epochs", "2", "--json", "--report", "p.html"]) == 0
    printed = capsys.readouterr()
    summary, table = json.loads(printed.out), pd.read_csv("p_action_scores.csv")
    assert "wrote p.html" in printed.err
    assert "How many labels are wrong cannot be said: the net learnt nothing" in Path("p.html").read_text("utf-8")
    assert (summary["n_rows"], summary["task"], summary["output"]) == (40, "classification", "p_action_scores.csv")
    assert summary["columns"] == [{"name": "a", "use": "code"}]
    assert not summary["labels"]["is_decided"]
    assert summary["labels"]["summary"] in printed.err
    assert [row["row"] for row in summary["first_rows"]] == table.nsmallest(10, "label_rank")["row"].tolist()
    assert main(["score", "p.csv", "--target", "y", "--task", "regression", "--epochs", "2", "--json", "--quiet"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["labels"] is None
    assert printed.err == ""
    assert main(["score", "p.csv", "--target", "y", "--epochs", "100000", "--json", "--output", "-"]) == 2
    assert "would both fill standard output" in capsys.readouterr().err
