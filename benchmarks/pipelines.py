"""What the benchmarks share: fits counted across processes, paired differences, the command line, the record."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from scipy import stats
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from benchmarks.timing import machine


class FitCounter(TransformerMixin, BaseEstimator):
    """Pass X through, and write one byte to the file `log` a fit: small appends of several processes all arrive."""

    def __init__(self, log: str) -> None:
        self.log = log

    def fit(self, X: Any, y: Any = None) -> Self:
        """Count."""
        with Path(self.log).open("ab") as file:
            file.write(b".")
        return self

    def transform(self, X: Any) -> Any:
        """Return X."""
        return X

    def __sklearn_is_fitted__(self) -> bool:
        return True


def counted(estimator: BaseEstimator, log: Path) -> Pipeline:
    """Put an estimator behind a counter of its fits."""
    return Pipeline([("counter", FitCounter(str(log))), ("estimator", estimator)])


def n_fits(log: Path) -> int:
    """Read how many fits were counted."""
    return log.stat().st_size if log.exists() else 0


@dataclass(frozen=True)
class Interval:
    """Mean of paired differences of accuracy, in points of 100, and the interval that it lies in."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, mine: Sequence[float], theirs: Sequence[float]) -> Self:
        """Compare two rows seed by seed."""
        points = 100 * (np.array(mine) - np.array(theirs))
        half = stats.t.ppf(0.975, len(points) - 1) * points.std(ddof=1) / np.sqrt(len(points))
        return cls(float(points.mean()), float(points.mean() - half), float(points.mean() + half))

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


class Verdict(Protocol):
    """A claim that was held against what was measured; a dataclass."""

    @property
    def met(self) -> bool: ...

    def verdict(self) -> str: ...


def run_benchmark(description: str, measure: Callable[[bool, dict[str, Any]], Sequence[Verdict]]) -> None:
    """Read the command line, print the machine, measure, print the verdicts, write the record.

    `measure` is told whether to be quick, and adds what it finds to the record.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch and of scikit-learn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    record: dict[str, Any] = {"machine": machine("cpu") | {"quick": args.quick}}
    for name, value in record["machine"].items():
        print(f"{name}: {value}")
    with threadpool_limits(args.threads):
        verdicts = measure(args.quick, record)
    print("\n## Targets\n", *[verdict.verdict() for verdict in verdicts], sep="\n")
    if args.json is not None:
        record["targets"] = [vars(verdict) | {"met": verdict.met} for verdict in verdicts]
        args.json.write_text(json.dumps(record, indent=1, default=vars))
