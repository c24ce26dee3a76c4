"""What several processes cost and bring: one net trained by one and by two, and the exchange of visits.

    python -m benchmarks distributed                   # six minutes
    python -m benchmarks distributed --quick           # a minute

Processes are started by torchrun on this machine, with gloo; timed is what is inside of them: all epochs of a fit, in
joint batches of 128, and the exchange at the end of one epoch. Needs the `accelerate` extra.
"""

import json
import subprocess
import sys
from typing import Any

from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import Seconds, Spread, Target, markdown_table, paired_ratio

PROGRAM = "benchmarks.common.joint_training"
N_SAMPLES, QUICK_SAMPLES = 8_192, 1_024
STARTS, FITS, EXCHANGES = 3, 2, 3
SIZES = (10**6, 10**7)
# Bytes that a process sends for one of its visits: its position, and what is measured.
SENT = {"action score": 8, "all metrics": 4 * 6}


def launch(n_processes: int, *arguments: object) -> dict[str, list[float]]:
    """Run the program in a number of processes; give what it prints."""
    alone = ["--standalone", "--local-addr", "localhost"]  # beside whatever else torchrun runs on this machine
    start = [sys.executable, "-m", "torch.distributed.run", *alone, "--nproc_per_node", str(n_processes)]
    command = [*start, "-m", PROGRAM, *map(str, arguments)]
    progress(" ".join(command[2:]))
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def measure_fits(settings: Settings) -> Seconds:
    """Start one and two processes in turns."""
    n_samples, starts, fits = (QUICK_SAMPLES, 1, 1) if settings.quick else (N_SAMPLES, STARTS, FITS)
    seconds: Seconds = {}
    for _ in range(starts):
        for n_processes in (1, 2):
            for row, found in launch(n_processes, "fit", n_samples, fits).items():
                seconds.setdefault(f"{n_processes} of torchrun, {row}", []).extend(found)
    return seconds


def measure(settings: Settings, record: dict[str, Any]) -> list[Target]:
    """Measure both, and print them."""
    print("\n## One net, a small CNN\n")
    record["fits"] = seconds = measure_fits(settings)
    first = next(iter(seconds))
    rows = [
        (row, f"{Spread.of(found).median:.2f}", paired_ratio(seconds, row, first)) for row, found in seconds.items()
    ]
    print(markdown_table(("processes", "seconds", f"x {first}: median [min, max]"), rows))

    print("\n## The exchange at the end of an epoch, two processes\n")
    sizes = SIZES[:1] if settings.quick else SIZES
    record["exchanges"] = found = {n: launch(2, "merge", n, 2 if settings.quick else EXCHANGES) for n in sizes}
    lines = [
        (f"{n:,}", row, SENT[row], Spread.of(times), f"{Spread.of(times).median / n * 1e9:.0f}")
        for n, by_row in found.items()
        for row, times in by_row.items()
    ]
    header = "samples", "measured", "bytes sent per visit", "seconds: median [min, max]", "ns per sample"
    print(markdown_table(header, lines))
    return [
        Target(
            f"{n} processes: scored / plain",
            paired_ratio(seconds, f"{n} of torchrun, scored", f"{n} of torchrun, plain"),
            1.05,
        )
        for n in (1, 2)
    ]
