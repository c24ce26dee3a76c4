"""The command line: what it finds and writes, and that it writes nothing when it fails."""

import contextlib
import importlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from actscore_sk import __version__
from actscore_sk.cli import COMMANDS, main
from actscore_sk.commands import demo, places, tables
from actscore_sk.commands.progress import EpochWatch
from actscore_sk.commands.targets import read_target

N_ROWS = 300
WITHOUT_TARGET = [5, 77]
FLIPPED = np.arange(10, N_ROWS, 20)
OF_LABELS = ["suggested_label", "wrong_probability", "is_issue", "is_validation", "label_rank"]
OF_LABELS += ["n_wrong_low", "n_wrong_high"]
SPECIES = np.array(["rose", "tulip", "Schlüsselblume"])


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def garden():
    """A table of all kinds of columns, with holes, wrong labels and rows without a label."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, N_ROWS)
    frame = pd.DataFrame(
        {
            "row": np.arange(N_ROWS)[::-1],
            "größe, cm": kind * 3 + rng.normal(0, 0.4, N_ROWS),
            "colour": np.array(["red", "blue", "green"])[kind],
            "wet": pd.array(rng.random(N_ROWS) < 0.5, dtype="boolean"),
            "planted": pd.date_range("2024-01-01", periods=N_ROWS),
            "always": 7,
            "never": [None] * N_ROWS,
            "tag": [f"t{i}" for i in range(N_ROWS)],
        }
    )
    for column in ("größe, cm", "colour", "wet", "planted"):
        frame.loc[rng.random(N_ROWS) < 0.1, column] = None
    given = kind.copy()
    given[FLIPPED] = (given[FLIPPED] + 1) % 3
    frame["species"] = SPECIES[given]
    frame.loc[WITHOUT_TARGET, "species"] = None
    return frame


def points(**columns):
    """A small clean table with a class `y` and a number `z`."""
    number = np.arange(40)
    return pd.DataFrame({"a": number * 1.5, "b": number % 7, "y": number % 2, "z": number / 4, **columns})


def score(*arguments, epochs=5):
    assert main(["score", *map(str, arguments), "--epochs", str(epochs)]) == 0


def contents():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def assert_fails(capsys, arguments, match, status=2):
    """One line on stderr, and every file as it was."""
    before = contents()
    assert main([str(argument) for argument in arguments]) == status
    printed = capsys.readouterr().err
    assert re.fullmatch(r"actscore: [^\n]+\n", printed)
    assert re.search(match, printed), printed
    assert contents() == before


# -- demo ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory):
    """What the demo wrote and printed."""
    directory = tmp_path_factory.mktemp("demo") / "made" / "by demo"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["demo", "--output-dir", str(directory), "--seed", "3"]) == 0
    return directory, pd.read_csv(directory / "action_scores.csv"), printed.getvalue()


def test_demo_finds_the_flipped_labels_and_counts_them_right(demo_run):
    _, table, printed = demo_run
    flipped = table["given_label"] != table["true_label"]
    found = flipped & table["is_issue"]
    right = found & (table["suggested_label"] == table["true_label"])
    assert flipped.sum() == 90
    assert (table["flipped"] == flipped).all()
    assert found.sum() >= 80
    assert right.sum() >= 75
    assert re.search(
        rf"about {table['is_issue'].sum()} of 1,797 labels look wrong \(\d+ to (\d+)\); look at the", printed
    )
    assert f"{found.sum()} of the 90 flipped labels are among the {table['is_issue'].sum()} that look wrong" in printed
    assert f"{right.sum()} of these {found.sum()} have the true label as their suggestion" in printed


def test_demo_shows_the_ten_labels_most_likely_wrong(demo_run):
    _, table, printed = demo_run
    shown = re.findall(r"^ +(\d+) +(\d) +(\d) +([\d.]+) +(\d) +([\d.]+) *$", printed, re.MULTILINE)
    first = table.nsmallest(10, "suspicion")
    assert [tuple(map(int, (row[0], row[1], row[2], row[4]))) for row in shown] == list(
        first[["row", "given_label", "suggested_label", "true_label"]].itertuples(index=False, name=None)
    )
    assert table["is_issue"][first.index].all()


def test_demo_times_both_fits_and_names_its_files(demo_run):
    directory, _, printed = demo_run
    assert re.search(r"on this machine.* \d+\.\d\d s with scores and probabilities, \d+\.\d\d s without", printed)
    paths = [directory / f"action_scores{suffix}" for suffix in (".csv", ".png", ".html")]
    assert f"wrote {', '.join(map(str, paths))}" in printed
    assert paths[1].read_bytes().startswith(b"\x89PNG")
    assert "labels look wrong" in paths[2].read_text()
    assert len(list(directory.iterdir())) == 3


def test_demo_repeats_itself_and_leaves_torch_as_it_was(demo_run, monkeypatch):
    monkeypatch.setattr(demo, "N_TIMED", 1)
    before = torch.random.get_rng_state(), torch.get_num_threads()
    main(["demo", "--seed", "3"])
    pd.testing.assert_frame_equal(pd.read_csv("action_scores.csv"), demo_run[1])
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert torch.get_num_threads() == before[1]
    assert (demo.flip_labels(3).given_label != demo.flip_labels(4).given_label).any()


# -- score: what comes out -------------------------------------------------------------------------------------


def test_scores_stand_in_the_order_of_the_input(capsys):
    frame = garden()
    frame.to_csv("garden.csv", index=False)
    score("garden.csv", "--target", "species", "--metrics", "aum,forgetting", "el2n", epochs=20)
    table = pd.read_csv("garden_action_scores.csv")
    metrics = ["action_score", "aum", "forgetting", "el2n"]
    assert list(table.columns) == ["row", "target", *metrics, "n_visits", "rank", *OF_LABELS]
    assert table["row"].tolist() == list(range(N_ROWS))
    pd.testing.assert_series_equal(table["target"], pd.read_csv("garden.csv")["species"], check_names=False)
    known = frame["species"].notna()
    assert table.loc[~known, [*metrics, "rank"]].isna().all(axis=None)
    assert table.loc[known, metrics].notna().all(axis=None)
    assert (table["n_visits"] == np.where(known, 20, 0)).all()
    assert sorted(table["rank"].dropna()) == list(range(1, known.sum() + 1))
    for is_held_out in (True, False):
        part = table[known & (table["is_validation"] == is_held_out)]
        assert (np.diff(part.sort_values("rank")["action_score"]) <= 0).all()
    assert np.isin(FLIPPED, table.nsmallest(len(FLIPPED), "rank").index).mean() >= 0.8
    printed = capsys.readouterr().out
    assert "ignored: always (always the same), never (always the same), tag (no value repeats)\n" in printed
    assert "without target: 2 rows" in printed


def test_labels_that_look_wrong_are_counted_shown_and_written(capsys):
    frame = garden()
    frame.to_csv("garden.csv", index=False)
    score("garden.csv", "--target", "species", epochs=20)
    table, printed = pd.read_csv("garden_action_scores.csv"), capsys.readouterr().out
    n, _, low, high, first = map(
        int, re.search(r"about (\d+) of (\d+) labels .* \((\d+) to (\d+)\); look at the first (\d+)", printed).groups()
    )
    assert low <= n == table["is_issue"].sum() <= high == first
    shown = [int(row) for row in re.findall(r"^ +(\d+) .*$", printed, re.MULTILINE)]
    likely = table["wrong_probability"].nlargest(10)
    np.testing.assert_array_equal(table["wrong_probability"][shown], likely)
    assert np.isin(shown, FLIPPED).mean() >= 0.8
    row = table.loc[shown[0]]
    assert re.search(
        rf"{shown[0]} +{row['target']} +{row['suggested_label']} +{row['wrong_probability']:.2f} ", printed
    )
    true = np.where(table["target"] == SPECIES[0], SPECIES[2], SPECIES[0])
    wrong = table.index.isin(FLIPPED) & (table["target"] != SPECIES[2])
    assert (table["suggested_label"] == true)[wrong].mean() > 0.8
    assert "rows were held out" not in printed  # but for nets that share them, all 300
    unlabelled = table.loc[WITHOUT_TARGET]
    assert unlabelled[["suggested_label", "wrong_probability"]].isna().all(axis=None)
    assert not unlabelled[["is_issue", "is_validation"]].any(axis=None)
    assert table.set_index("label_rank").loc[range(1, 11), "row"].tolist() == shown
    assert main(["report", "garden_action_scores.csv"]) == 0
    page = Path("garden_action_scores_report.html").read_text(encoding="utf-8")
    assert f"look wrong ({low} to {high})" in page, "the page knows what the screen said"


def test_a_net_that_learns_nothing_says_so(capsys):
    points(y=np.random.default_rng(0).choice(["u", "v"], 40)).to_csv("p.csv", index=False)
    score("p.csv", "--target", "y")
    printed, table = capsys.readouterr().out, pd.read_csv("p_action_scores.csv")
    assert "how many labels are wrong cannot be said: the net learnt nothing" in printed
    assert "labels look wrong" not in printed
    assert "label_issues()" not in printed
    assert table[["wrong_probability", "n_wrong_low", "n_wrong_high"]].isna().all(axis=None)
    assert not table["is_issue"].any()
    assert sorted(table["label_rank"]) == list(range(1, 41))


@pytest.mark.parametrize("suffix", [".csv.gz", ".tsv", ".tsv.zst", ".parquet", ".arrow", ".xlsx", ".json", ".jsonl"])
def test_each_format_gives_the_scores_of_csv(suffix):
    frame = garden()
    frame.to_csv("garden.csv", index=False)
    score("garden.csv", "--target", "species", "--output", "expected.csv")
    if suffix == ".parquet":
        # The index of pandas is stored in the file; it is no feature.
        frame.set_index(pd.Index([f"r{i}" for i in frame.index], name="key")).to_parquet("garden.parquet")
    else:
        tables.write_table(Path(f"garden{suffix}"), frame)
    score(f"garden{suffix}", "--target", "species", "--output", f"scores{suffix}")
    given, expected = tables.read_table(Path(f"scores{suffix}")), tables.read_table(Path("expected.csv"))
    pd.testing.assert_frame_equal(given, expected, check_dtype=False)


def test_regression_scores_do_not_depend_on_the_unit_of_the_target(capsys):
    frame = points(price=np.random.default_rng(0).normal(size=40))
    frame.to_csv("euros.csv", index=False)
    frame.assign(price=frame["price"] * 1e150).to_csv("cents.csv", index=False)
    for name in ("euros", "cents"):
        score(f"{name}.csv", "--target", "price", "--metrics", "variability")
    euros, cents = (pd.read_csv(f"{name}_action_scores.csv") for name in ("euros", "cents"))
    np.testing.assert_allclose(cents["action_score"], euros["action_score"], rtol=1e-6)
    assert "task: regression of 'price' (numbers with fractions" in capsys.readouterr().out


def test_same_seed_same_file_other_seed_other_scores():
    points().to_csv("p.csv", index=False)
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        score("p.csv", "--target", "y", "--seed", seed, "--output", f"{name}.csv.gz")
    first, again, other = (Path(f"{name}.csv.gz").read_bytes() for name in ("first", "again", "other"))
    assert first == again
    assert first[4:8] == bytes(4), "a time stamp"
    assert first != other


def test_a_narrow_screen_keeps_labels_and_probability(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    points(**{f"feature number {i}": np.arange(40) ** i for i in range(2, 9)}).to_csv("p.csv", index=False)
    score("p.csv", "--target", "y")
    header = next(line for line in capsys.readouterr().out.splitlines() if "suggested" in line)
    assert header.split()[:4] == ["row", "given", "suggested", "p(wrong)"]
    assert len(header) <= 50
    assert "…" not in header


def test_values_cannot_steer_the_terminal(capsys):
    points(y=["[red]a\x1b[2J", "b\n"] * 20).to_csv("p.csv", index=False)
    score("p.csv", "--target", "y")
    printed = capsys.readouterr().out
    assert "[red]a?[2J" in printed
    assert "\x1b" not in printed


# -- score: what it makes of the columns -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["cat", "dog", None] * 10, "classification"),
        (pd.array([True, False, None] * 10, dtype="boolean"), "classification"),
        (pd.Categorical([3, 5, 7] * 10), "classification"),
        ([0, 1, 2] * 10, "classification"),
        ([0.0, 1.0, None] * 10, "classification"),
        ([-1, 1, 1], "classification"),
        ([2**60, 2**60 + 1] * 10, "classification"),
        (range(30), "regression"),
        (list(range(20)) * 2, "classification"),
        (list(range(21)) * 5, "regression"),
        ([0.5, 1.0, 1.5] * 10, "regression"),
        (pd.date_range("2024-01-01", periods=30), "regression"),
    ],
)
def test_task_follows_the_values_of_the_target(values, task):
    column = pd.Series(values, name="y")
    target = read_target(column, "auto")
    assert target.task == task
    assert (target.known == column.notna()).all()
    assert target.n_classes == (column.nunique() if task == "classification" else 0)


def test_task_can_be_chosen(capsys):
    points(y=["1", "2.5"] * 20).to_csv("p.csv", index=False)
    score("p.csv", "--target", "b", "--task", "regression")
    score("p.csv", "--target", "y", "--task", "classification")
    printed = capsys.readouterr().out
    assert "regression of 'b' (as --task says)" in printed
    assert "classification of 'y' (as --task says)" in printed


def test_an_index_saved_with_the_table_is_no_feature(capsys):
    points().to_csv("p.csv")
    score("p.csv", "--target", "y")
    assert "ignored: Unnamed: 0 (row numbers)" in capsys.readouterr().out


# -- failures --------------------------------------------------------------------------------------------------

GOOD = ("score", "p.csv", "--target", "y", "--output", "old.csv")


@pytest.fixture
def with_files():
    """Tables to fail on, and an output of an earlier run."""
    frame = points(one=1, none=None, word=["u", "v"] * 20, large=np.linspace(0.1, 1.7, 40) * 1e308)
    frame.to_csv("p.csv", index=False)
    frame[["y"]].to_csv("lonely.csv", index=False)
    frame[:1].to_csv("single.csv", index=False)
    frame.to_parquet("p.parquet")
    files = {
        "old.csv": b"old\n",
        "empty.csv": b"",
        "header.csv": b"a,y\n",
        "ragged.csv": b"a,y\n1,0\n1,0,5\n",
        "shifted.csv": b"a,y\n1,0,5\n2,1,5\n",
        "latin.csv": "a,y\nä,0\n".encode("latin-1"),
        "broken.parquet": Path("p.parquet").read_bytes()[:200],
        "broken.csv.gz": b"a,y\n1,0\n",
        "twice.csv": b"y,a,y\n1,2,1\n",
        "table.ods": b"",
        "short.csv": b"a,y\n1,0\n1\n",
        "zeros.csv": b"a,y\n1,0\0\n",
    }
    for name, content in files.items():
        Path(name).write_bytes(content)
    Path("folder.csv").mkdir()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"FILE": "no.csv"}, "no such file: 'no.csv'"),
        ({"FILE": "empty.csv"}, "'empty.csv' is empty"),
        ({"FILE": "header.csv"}, "'header.csv' has no rows"),
        ({"FILE": "ragged.csv"}, "cannot read 'ragged.csv' as .csv: .*line 3"),
        ({"FILE": "shifted.csv"}, "cannot read 'shifted.csv' as .csv"),
        ({"FILE": "latin.csv", "--encoding": "utf-8"}, "cannot read 'latin.csv' as .csv: .*'utf-?8' codec"),
        ({"FILE": "short.csv"}, "cannot read 'short.csv' as .csv: Expected 2 fields in line 3, saw 1"),
        ({"FILE": "zeros.csv"}, "cannot read 'zeros.csv' as .csv: the file has NUL bytes"),
        ({"--sep": "::"}, "--sep: expected one letter, or tab, got '::'"),
        ({"--encoding": "latin-99"}, "--encoding: no encoding 'latin-99'"),
        ({"FILE": "p.parquet", "--sep": ";", "--na": "x"}, "--sep and --na: for tables of text, not for 'p.parquet'"),
        ({"FILE": "broken.parquet"}, "cannot read 'broken.parquet' as .parquet"),
        ({"FILE": "broken.csv.gz"}, "cannot read 'broken.csv.gz' as .csv.gz"),
        ({"FILE": "folder.csv"}, "cannot read 'folder.csv'"),
        ({"FILE": "table.ods"}, r"unknown kind of table 'table.ods'; expected one of \.csv"),
        ({"FILE": "x" * 300 + ".csv"}, "name too long"),
        ({"FILE": "lonely.csv"}, "no column to learn from: the table has 'y' alone"),
        ({"FILE": "single.csv"}, "target 'y' is always '0'"),
        ({"FILE": "twice.csv"}, "2 columns are called 'y'"),
        ({"--target": "WORDS"}, "no column 'WORDS'; did you mean 'word'"),
        ({"--target": "qqqq"}, "no column 'qqqq'; there are 'a', 'b'"),
        ({"--target": "one"}, "target 'one' is always '1'"),
        ({"--target": "none"}, "target 'none' is missing in all 40 rows"),
        ({"--target": "a", "--task": "classification"}, "no class of 'a' has two rows"),
        ({"--target": "large"}, "the target 'large' holds numbers too large to standardise"),
        ({"--target": "word", "--task": "regression"}, "regression needs numbers; the target 'word' has 'u'"),
        ({"--task": "ranking"}, "invalid choice: 'ranking'"),
        ({"--metrics": "amu"}, "unknown metric 'amu'; did you mean 'aum'"),
        ({"--target": "z", "--metrics": "aum"}, "'aum' needs classes; regression has action_score, variability"),
        ({"--output": "scores.yaml"}, "unknown kind of table 'scores.yaml'"),
        ({"--output": "no/scores.csv"}, "no such directory for the output: 'no'"),
        ({"--output": "folder.csv"}, "output 'folder.csv' is a directory"),
        ({"--output": "./p.csv"}, "output 'p.csv' is the input"),
        ({"--epochs": "0"}, "--epochs: expected a whole number from 1 on, got '0'"),
        ({"--epochs": "many"}, "--epochs: expected a whole number from 1 on, got 'many'"),
        ({"--seed": "-1"}, "--seed: expected a whole number from 0 to 4294967295"),
    ],
)
def test_what_the_user_did_wrong_is_one_line_and_writes_nothing(capsys, with_files, changes, match):
    options = {"--target": "y", "--output": "old.csv", **changes}
    file = options.pop("FILE", "p.csv")
    assert_fails(capsys, ["score", file, *(word for option in options.items() for word in option)], match)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ([], "required: COMMAND"),
        (["scroe"], "invalid choice: 'scroe'"),
        (["score", "p.csv"], "required: --target"),
        (["demo", "--output-dir", "old.csv"], "cannot make the directory 'old.csv'"),
    ],
)
def test_wrong_arguments_are_one_line(capsys, with_files, arguments, match):
    assert_fails(capsys, arguments, match)


def test_a_directory_without_permission_is_one_line(capsys, with_files, monkeypatch):
    monkeypatch.setattr(places, "TemporaryFile", _refuse)  # the user of the tests may be root
    assert_fails(capsys, GOOD, "not writable: '.'")


def _half(path, content):
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
    raise OSError(28, "No space left on device")


def _refuse(*paths, **options):
    raise OSError(13, "Permission denied")


@pytest.mark.parametrize(
    ("owner", "name", "failing", "match"),
    [(Path, "write_bytes", _half, "No space left"), (os, "replace", _refuse, "Permission denied")],
)
def test_a_failure_while_writing_keeps_the_old_output(capsys, with_files, monkeypatch, owner, name, failing, match):
    monkeypatch.setattr(owner, name, failing)
    assert_fails(capsys, GOOD, f"cannot write 'old.csv': {match}")


def test_a_link_keeps_pointing_to_the_file_that_is_replaced(with_files):
    Path("link.csv").symlink_to("old.csv")
    score("p.csv", "--target", "y", "--output", "link.csv")
    assert Path("link.csv").is_symlink()
    assert len(pd.read_csv("old.csv")) == 40


def test_interrupted_training_writes_nothing(capsys, with_files, monkeypatch):
    """skorch itself ends the training and goes on as if it were complete."""

    def interrupt(self, net, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(EpochWatch, "on_epoch_end", interrupt)
    assert_fails(capsys, GOOD, "interrupted", status=130)


@pytest.mark.parametrize(
    ("module", "arguments", "match"),
    [
        ("pandas", GOOD, r"pandas is needed to read tables; install it with: pip install \"actscore-sk\[cli\]\""),
        ("rich.console", GOOD, "rich is needed"),
        ("pyarrow", ["score", "p.parquet", "--target", "y"], "pyarrow is needed"),
        ("pyarrow", [*GOOD[:-1], "new.parquet"], "pyarrow is needed"),
        ("matplotlib.figure", ["demo"], "matplotlib is needed"),
    ],
)
def test_a_missing_library_is_one_line(capsys, with_files, monkeypatch, module, arguments, match):
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setitem(sys.modules, module, None)
    assert_fails(capsys, arguments, match)


def test_version_and_help_are_results(capsys):
    texts = {"--version": f"actscore_sk {__version__}\n", "--help": "actscore score flowers.csv"}
    for arguments, text in [*texts.items(), ("score --help", "--target COLUMN"), ("report --help", "--images COLUMN")]:
        with pytest.raises(SystemExit, match="0"):
            main(arguments.split())
        assert text in capsys.readouterr().out


def test_each_command_is_a_module_with_the_same_parts():
    for name in COMMANDS:
        module = importlib.import_module(f"actscore_sk.commands.{name}")
        assert {"DESCRIPTION", "EXAMPLES", "add_arguments", "run"} <= set(vars(module))


# -- as a process --------------------------------------------------------------------------------------------


def run_module(*arguments):
    command = [sys.executable, "-m", "actscore_sk", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def test_module_runs_and_prints_nothing_but_results():
    points(y=["grün", "blau"] * 20).to_csv("p.csv", index=False)
    done = run_module("score", "p.csv", "--target", "y", "--epochs", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip().endswith("wrote p_action_scores.csv")


def test_module_exits_with_the_status():
    failed = run_module("score", "no.csv", "--target", "y")
    assert (failed.returncode, failed.stdout, failed.stderr) == (2, "", "actscore: no such file: 'no.csv'\n")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_version_and_help_load_none_of_the_large_libraries(arguments):
    """They answer at once, also where torch takes seconds to load."""
    large = {"torch", "skorch", "sklearn", "pandas", "numpy", "scipy", "rich", "matplotlib"}
    code = f"import sys, actscore_sk.cli as cli\ntry: cli.main({arguments})\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not large & set(done.stdout.split())
    assert done.stderr == ""


def test_a_command_loads_no_other_command():
    code = "import sys, actscore_sk.cli as cli\ncli.main(['report', 'no.csv'])\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "actscore_sk.commands.report" in done.stdout
    assert "actscore_sk.commands.score" not in done.stdout
