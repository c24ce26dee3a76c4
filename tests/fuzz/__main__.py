"""Try many configurations: ``python -m tests.fuzz --seeds 10000``."""

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch

from tests.fuzz.compare import run
from tests.fuzz.configuration import draw


def main() -> int:
    """Run the command; the status is 1 if there was a mismatch."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="number of configurations")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--show", action="store_true", help="print each configuration")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("actscore_sk").setLevel(logging.ERROR)  # what is patched takes the slow road, and says so
    counts: Counter[str] = Counter()
    n_plain = 0
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            report = run(draw(seed), Path(folder))
            counts[report.kind] += 1
            n_plain += report.plain_refuses
            if report.kind == "mismatch" or arguments.show:
                print(report, flush=True)
            for file in Path(folder).iterdir():
                file.unlink()
    seconds = time.perf_counter() - start
    found = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    print(f"{arguments.seeds} configurations in {seconds:.0f} s: {found}; plain skorch refuses {n_plain}")
    return int(counts["mismatch"] > 0)


if __name__ == "__main__":
    sys.exit(main())
