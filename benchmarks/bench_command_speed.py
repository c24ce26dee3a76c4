"""Time and memory of `actscore score`, against another checkout of this repository.

    git worktree add ../old 7338957
    python -m benchmarks command_speed --against ../old            # 10 minutes
    python -m benchmarks command_speed                             # this one alone

Each run is a process of its own, timed by its processor, runs of both in turns; memory is the largest that is resident.
Flights of three million rows and five columns, 2 epochs, read whole and in parts, and 336,776 flights from New York, 20
epochs. `--only` picks some of them.
"""

import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.common.datasets import FLIGHTS, read_new_york
from benchmarks.common.processes import Usage, run_watched
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import Spread, Target, markdown_table

OPTIONS = ("against", "only", "runs")
SHARE = 0.5
N_RUNS = 2


def _flights(folder: Path) -> Path:
    path = folder / "flights.parquet"
    path.write_bytes(FLIGHTS.read("package/data/flights-3m.parquet"))
    return path


def _new_york(folder: Path) -> Path:
    path = folder / "new_york.csv"
    # a missing cell in both checkouts is an empty one
    path.write_bytes(re.sub(rb",NA(?=[,\r\n])", b",", read_new_york()))
    return path


# Name: how to get the table, arguments, epochs, and whether the other checkout has these arguments.
TABLES: dict[str, tuple[Callable[[Path], Path], list[str], int, bool]] = {
    "flights": (_flights, ["--target", "delay"], 2, True),
    "flights_in_parts": (_flights, ["--target", "delay", "--read", "streamed"], 2, False),
    "new_york": (_new_york, ["--target", "arr_delay"], 20, True),
}


def measure(settings: Settings, record: dict[str, Any]) -> list[Target]:
    """Run the command on each table, in both checkouts in turns."""
    checkouts = {"this one": Path(__file__).parents[1]}
    if settings.against:
        checkouts["the other"] = Path(settings.against).resolve()
    names = settings.parts(["new_york"] if settings.quick else list(TABLES))
    lines, targets = [], []
    for name in names:
        get, options, epochs, is_old = TABLES[name]
        arguments = [*options, "--epochs", "2" if settings.quick else str(epochs), "--output", "o.csv"]
        runs: dict[str, list[Usage]] = {each: [] for each in (checkouts if is_old else ["this one"])}
        with tempfile.TemporaryDirectory() as folder:
            path = get(Path(folder))
            for number in range(settings.runs or (1 if settings.quick else N_RUNS)):
                for checkout in list(runs)[:: -1 if number % 2 else 1]:
                    command = [sys.executable, "-m", "actscore_sk", "score", path.name, *arguments]
                    runs[checkout].append(run_watched(command, folder=Path(folder), checkout=checkouts[checkout]))
                    progress(f"{name}, {checkout}: {runs[checkout][-1]}")
        record[name] = {checkout: [asdict(each) for each in found] for checkout, found in runs.items()}
        lines += [(f"{name}, {checkout}", *_row(found)) for checkout, found in runs.items()]
        if len(runs) == 2:
            pairs = list(zip(*runs.values(), strict=True))
            time = Spread.of([ours.processor / theirs.processor for ours, theirs in pairs])
            memory = Spread.of([ours.resident / theirs.resident for ours, theirs in pairs])
            targets += [Target(f"{name}, time", time, SHARE), Target(f"{name}, memory", memory, SHARE)]
    print(markdown_table(("table, checkout", "processor, s", "wall, s", "resident, MiB", "anonymous, MiB"), lines))
    return targets


def _row(found: list[Usage]) -> list[str]:
    names = ("processor", "wall", "resident", "anonymous")
    spreads = [Spread.of([getattr(each, name) for each in found]) for name in names]
    return [f"{each.median:.0f} [{each.low:.0f}, {each.high:.0f}]" for each in spreads]
