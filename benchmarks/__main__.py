"""Run a benchmark: `python -m benchmarks NAME [--quick]`; without a name, say what there is.

Prints its tables, and writes them with every measurement to `benchmarks/results/`. With `--quick`, which takes less
than two minutes on two cores, nothing is written unless `--output` names a folder, and a benchmark whose data are not
there is left out. `python -m benchmarks NAME --help` says which options that benchmark has.
"""

import argparse
import ast
import importlib
import sys
from pathlib import Path
from typing import Any

from benchmarks.common.datasets import MissingData
from benchmarks.common.record import RESULTS, Settings, run
from benchmarks.common.timing import CLOCKS

# Options that a script has if it names them in its `OPTIONS`.
OPTIONS: dict[str, dict[str, Any]] = {
    "device": {"choices": ("cpu", "cuda"), "default": "cpu", "help": "where the nets train (%(default)s)"},
    "clock": {"choices": CLOCKS, "default": "wall", "help": "cpu: on a busy machine (%(default)s)"},
    "jobs": {"type": int, "default": 1, "help": "processes (%(default)s)"},
    "only": {"metavar": "PART,...", "type": lambda text: tuple(text.split(",")), "default": (), "help": "some parts"},
    "runs": {"type": int, "default": 0, "help": "seeds; 0: as many as the benchmark has"},
    "against": {"metavar": "CHECKOUT", "default": "", "help": "another checkout of this repository, to be timed, too"},
    "keep": {"metavar": "FOLDER", "default": "", "help": "keep what nets recorded, and read it in the next run"},
    "folds": {"action": "store_true", "help": "train cleanlab's five folds of images, too"},
}


def titles() -> dict[str, str]:
    """Return the name of each benchmark with the first line of its docstring; none of them is imported."""
    files = sorted(Path(__file__).parent.glob("bench_*.py"))
    lines = [(ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")[0] for file in files]
    return {file.stem.removeprefix("bench_"): line for file, line in zip(files, lines, strict=True)}


def make_parser(names: dict[str, str], options: tuple[str, ...] = ()) -> argparse.ArgumentParser:
    """Build the parser of a benchmark that has these options besides those of all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run a benchmark, print its tables and write its record.",
        epilog="benchmarks:\n" + "\n".join(f"  {name:20}{title}" for name, title in names.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", choices=names, nargs="?", help="one of those below, before its options")
    parser.add_argument("--quick", action="store_true", help="less of everything: less than two minutes")
    parser.add_argument("--threads", type=int, default=1, help="of torch and of scikit-learn (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the record (benchmarks/results)")
    for option in options:
        parser.add_argument(f"--{option}", **OPTIONS[option])
    return parser


def main() -> None:
    """Run the benchmark that is asked for."""
    names = titles()
    name = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] in names else None
    if name is None:
        make_parser(names).parse_args()
        make_parser(names).print_help()
        return
    module = importlib.import_module(f"benchmarks.bench_{name}")
    args = vars(make_parser(names, getattr(module, "OPTIONS", ())).parse_args())
    del args["name"]
    folder = args.pop("output") or (None if args["quick"] else RESULTS)
    try:
        run(name, names[name].rstrip("."), module.measure, Settings(**args), folder)
    except MissingData as missing:
        if not args["quick"]:
            raise
        print(f"left out: {missing}")


if __name__ == "__main__":
    main()
