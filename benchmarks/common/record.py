"""One run of a benchmark: its settings, and the record that it leaves, as Markdown and as JSON."""

import io
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.common.timing import machine

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Settings:
    """What the command line asks for; those after `threads` only of scripts that name them in their `OPTIONS`."""

    quick: bool = False
    threads: int = 1
    device: str = "cpu"
    clock: str = "wall"
    jobs: int = 1  # processes
    only: tuple[str, ...] = ()  # parts of the benchmark; none: all of them
    runs: int = 0  # seeds; 0: as many as the benchmark has
    folds: bool = False  # train cleanlab's folds, too
    against: str = ""  # another checkout of this repository
    keep: str = ""  # folder for what nets recorded; read again if it is there

    def command_line(self) -> str:
        """Write the options that are not at their defaults.

        >>> Settings(quick=True, only=("digits", "magic")).command_line()
        ' --quick --only digits,magic'
        """
        changed = [each for each in fields(self) if getattr(self, each.name) != each.default]
        values = {each.name: getattr(self, each.name) for each in changed}
        texts = {name: ",".join(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return "".join(f" --{name}" if value is True else f" --{name} {value}" for name, value in texts.items())

    def seeds(self, full: int, quick: int = 1) -> range:
        """Return the seeds of a run."""
        return range(self.runs or (quick if self.quick else full))

    def parts(self, names: Sequence[str]) -> list[str]:
        """Return the names of the parts that are asked for."""
        if unknown := set(self.only) - set(names):
            raise SystemExit(f"unknown parts {sorted(unknown)}; expected some of {', '.join(names)}")
        return [name for name in names if not self.only or name in self.only]


class Verdict(Protocol):
    """A claim that was held against what was measured; a dataclass."""

    @property
    def met(self) -> bool: ...

    def verdict(self) -> str: ...


Measure = Callable[[Settings, dict[str, Any]], Sequence[Verdict]]


def run(name: str, title: str, measure: Measure, settings: Settings, folder: Path | None) -> None:
    """Measure, print, and write the record.

    Parameters
    ----------
    name : str
        Of the files that are written.
    title : str
        What the benchmark is about, in a line.
    measure : callable
        Takes the settings and a dict that it adds its measurements to; prints its tables as Markdown, and returns
        what it claims.
    settings : Settings
        Of the run.
    folder : Path or None
        Where to write `name`.md, which is all that was printed, and `name`.json; None writes nothing. A run of some
        parts has a record of its own, named after them.
    """
    torch.set_num_threads(settings.threads)
    record: dict[str, Any] = {"machine": machine(settings.device), "settings": asdict(settings)}
    text = io.StringIO()
    with redirect_stdout(_Both(sys.stdout, text)), threadpool_limits(settings.threads):
        print(f"# {title}\n")
        print(f"`python -m benchmarks {name}{settings.command_line()}`;", end=" ")
        print("; ".join(f"{key}: {value}" for key, value in record["machine"].items()))
        verdicts = measure(settings, record)
        if verdicts:
            print("\n## Claims\n", *[f"- {each.verdict()}" for each in verdicts], sep="\n")
    record["claims"] = [asdict(each) | {"met": each.met} for each in verdicts]  # type: ignore[call-overload]
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / "_".join([name, *settings.only])
        place.with_suffix(".md").write_text(text.getvalue())
        place.with_suffix(".json").write_text(json.dumps(_plain(record)) + "\n")


def progress(text: str) -> None:
    """Tell the user how far it is; no part of the record."""
    print(text, file=sys.stderr, flush=True)


class _Both(io.TextIOBase):
    """Writes to two streams."""

    def __init__(self, first: TextIO, second: TextIO) -> None:
        self.first, self.second = first, second

    def write(self, text: str) -> int:
        self.second.write(text)
        written = self.first.write(text)
        self.first.flush()
        return written


def _plain(value: Any) -> Any:
    """Make JSON's own types of what NumPy and dataclasses hold, with five digits."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | None) else _plain(vars(value))
