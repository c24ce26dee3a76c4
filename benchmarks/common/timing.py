"""Paired timing of variants of one piece of work, and the record that goes with the numbers."""

import gc
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, Self

import torch

LIBRARIES = ("torch", "skorch", "scikit-learn", "numpy")
Seconds = dict[str, list[float]]
# Time of the CPU leaves out what other work on the machine took, but also processes that were started and the device.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of repeated measurements.

    >>> print(Spread.of([1.1, 1.0, 1.3]))
    1.10 [1.00, 1.30]
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Summarise at least one value."""
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class Target:
    """A claim that can fail: `low` <= measured median <= `high`.

    >>> print(Target("time", Spread(1.04, 1.01, 1.2), high=1.1).verdict())
    met      time: 1.04 [1.01, 1.20], target <= 1.1
    """

    claim: str
    measured: Spread
    high: float
    low: float | None = None

    @property
    def met(self) -> bool:
        """Whether the median lies inside the bounds."""
        return (self.low is None or self.low <= self.measured.median) and self.measured.median <= self.high

    def verdict(self) -> str:
        """Say it in one line."""
        bounds = f"<= {self.high:g}" if self.low is None else f"{self.low:g} to {self.high:g}"
        return f"{'met' if self.met else 'not met':8} {self.claim}: {self.measured}, target {bounds}"


def interleave(
    rows: Mapping[str, Callable[[], Any]], *, repeats: int, device: str, clock: str = "wall"
) -> tuple[Seconds, dict[str, Any]]:
    """Time all rows once a repeat, so that what disturbs the machine disturbs them alike.

    Parameters
    ----------
    rows : mapping of str to callable
        The work of each row, from nothing to done.
    repeats : int
        Repeats that count; one more, before them, does not.
    device : str
        "cpu" or "cuda", which is waited for before the clock is read.
    clock : str
        A key of `CLOCKS`.

    Returns
    -------
    seconds : dict of str to list of float
        One entry a row, one number a repeat.
    results : dict of str to object
        What each row returned in the uncounted repeat.
    """
    results = {name: work() for name, work in rows.items()}
    seconds: Seconds = {name: [] for name in rows}
    for repeat in range(repeats):
        for name in _rotated(list(rows), repeat):
            seconds[name].append(_time(rows[name], device, CLOCKS[clock]))
    return seconds, results


def _rotated(names: list[str], repeat: int) -> list[str]:
    """Start one row later each time, every second time backwards: no row always follows the same one.

    >>> _rotated(["a", "b", "c"], 0), _rotated(["a", "b", "c"], 1)
    (['a', 'b', 'c'], ['a', 'c', 'b'])
    """
    start = repeat % len(names)
    order = names[start:] + names[:start]
    return order[::-1] if repeat % 2 else order


def _time(work: Callable[[], Any], device: str, clock: Callable[[], float]) -> float:
    gc.collect()  # what the row before left behind is not this row's to clear
    synchronize(device)
    start = clock()
    kept = work()
    synchronize(device)
    seconds = clock() - start
    del kept  # alive until here, so that freeing it is not timed
    return seconds


def synchronize(device: str) -> None:
    """Wait until the device has done all that it was told."""
    if device == "cuda":
        torch.cuda.synchronize()


def paired_ratio(seconds: Seconds, row: str, reference: str) -> Spread:
    """Compare two rows inside each repeat.

    >>> print(paired_ratio({"a": [2.0, 3.0], "b": [1.0, 2.0]}, "a", "b"))
    1.75 [1.50, 2.00]
    """
    return Spread.of([mine / theirs for mine, theirs in zip(seconds[row], seconds[reference], strict=True)])


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out a table, first column to the left, the others to the right.

    >>> print(markdown_table(["row", "s"], [["fast", 1], ["slow", 10]]))
    | row  |  s |
    |:-----|---:|
    | fast |  1 |
    | slow | 10 |
    """
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = [
        "| "
        + " | ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in cells
    ]
    rule = "|".join("-" * (width + 1) + ":" if i else ":" + "-" * (width + 1) for i, width in enumerate(widths))
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def timing_table(seconds: Seconds, reference: str, n_batches: int) -> str:
    """Lay out the median seconds, µs a batch and the paired ratios of all rows."""
    lines = []
    for row, values in seconds.items():
        middle = median(values)
        ratio = paired_ratio(seconds, row, reference)
        lines.append((row, f"{middle:.3f}", f"{middle / n_batches * 1e6:.0f}", ratio))
    return markdown_table(("row", "seconds", "µs a batch", f"x {reference}: median [min, max]"), lines)


def in_fresh_process(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of a module in a new interpreter that has run nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def peak_bytes(device: str) -> int:
    """Return the largest memory of this process so far: allocated on "cuda", else resident on the host."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage on Linux: a new process starts from the ru_maxrss of the one that started it.
        words = status.read_text().split()
        return int(words[words.index("VmHWM:") + 1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts bytes


def forget_peak() -> int:
    """Let the peak of this process begin anew, where the system can; give what is resident now, in bytes."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    Path("/proc/self/clear_refs").write_text("5")
    words = status.read_text().split()
    return int(words[words.index("VmRSS:") + 1]) * 1024


def machine(device: str) -> dict[str, str]:
    """Describe what the numbers were measured with; no names of machines or people."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "CPU": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load average": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or sys.platform
