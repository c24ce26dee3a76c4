"""Run a benchmark: `python -m benchmarks NAME [--quick]`; without a name, say what there is.

Prints its tables, and writes them with every measurement to `benchmarks/results/`. With `--quick`, which takes less
than two minutes on two cores, nothing is written unless `--output` names a folder.
"""

import argparse
import ast
import importlib
from pathlib import Path

from benchmarks.common.record import RESULTS, Settings, run
from benchmarks.common.timing import CLOCKS


def titles() -> dict[str, str]:
    """Give the name of each benchmark, and the first line of its docstring; none of them is imported."""
    files = sorted(Path(__file__).parent.glob("bench_*.py"))
    lines = [(ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")[0] for file in files]
    return {file.stem.removeprefix("bench_"): line for file, line in zip(files, lines, strict=True)}


def parse(names: dict[str, str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run a benchmark, print its tables and write its record.",
        epilog="benchmarks:\n" + "\n".join(f"  {name:14}{title}" for name, title in names.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", choices=names, nargs="?", help="one of those below")
    parser.add_argument("--quick", action="store_true", help="less of everything: less than two minutes")
    parser.add_argument("--threads", type=int, default=1, help="of torch and of scikit-learn (%(default)s)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="for `overhead`")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for `overhead` on a busy machine")
    parser.add_argument("--jobs", type=int, default=1, help="processes, where nothing is timed (%(default)s)")
    parser.add_argument("--only", metavar="PART,...", default="", help="some parts of the benchmark")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the record (benchmarks/results)")
    args = parser.parse_args()
    if args.name is None:
        parser.print_help()
        raise SystemExit
    return args


def main() -> None:
    """Run the benchmark that is asked for."""
    names = titles()
    args = parse(names)
    module = importlib.import_module(f"benchmarks.bench_{args.name}")
    only = tuple(part for part in args.only.split(",") if part)
    settings = Settings(args.quick, args.threads, args.device, args.clock, args.jobs, only)
    folder = args.output or (None if args.quick else RESULTS)
    run(args.name, names[args.name].rstrip("."), module.measure, settings, folder)


if __name__ == "__main__":
    main()
