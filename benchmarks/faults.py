"""How well scores find annotations that were made wrong: rankings over seeds, claims on them, the command line."""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.timing import Spread, machine, markdown_table

ACTION, LAST, RANDOM = "action score", "loss of the last epoch", "random"


class Rankings:
    """Average precision and area under the ROC curve of each score, for each kind of fault, one number a seed."""

    def __init__(self) -> None:
        self.precision: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.auroc: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, kind: str, is_wrong: np.ndarray, scores: Mapping[str, np.ndarray]) -> None:
        """Rank samples, highest first, by each of the scores (n_samples,)."""
        for name, values in scores.items():
            self.precision[kind][name].append(float(average_precision_score(is_wrong, values)))
            self.auroc[kind][name].append(float(roc_auc_score(is_wrong, values)))

    def table(self) -> str:
        """Lay out median, smallest and largest of the seeds, and mark the best median of each kind."""
        lines = []
        for kind, scores in self.precision.items():
            tables = scores, self.auroc[kind]
            best = [max(Spread.of(values).median for values in table.values()) for table in tables]
            for name in scores:
                spreads = [Spread.of(table[name]) for table in tables]
                marked = [
                    f"**{each}**" if each.median == top else str(each) for each, top in zip(spreads, best, strict=True)
                ]
                lines.append((kind, name, *marked))
        return markdown_table(("wrong", "ranked by", "average precision", "area under ROC"), lines)

    def claims(self, kinds: Sequence[str]) -> list["Claim"]:
        """Compare the average precision of the action score with that of the other two."""
        claims = []
        for kind, other in product(kinds, (RANDOM, LAST)):
            mine, theirs = self.precision[kind][ACTION], self.precision[kind][other]
            differences = [a - b for a, b in zip(mine, theirs, strict=True)]
            claims.append(Claim(f"{kind}: the action score finds more than {other}", differences))
        return claims


@dataclass(frozen=True)
class Claim:
    """One score beats another: `met` if it does with every seed."""

    claim: str
    differences: list[float]

    @property
    def met(self) -> bool:
        """Whether all differences are above 0."""
        return min(self.differences) > 0

    def verdict(self) -> str:
        """Say it in one line."""
        return f"{'met' if self.met else 'NOT MET':8} {self.claim}: {Spread.of(self.differences)}"


def run_faults(
    description: str, data: Path | None, measure: Callable[[argparse.Namespace, dict[str, Any]], Sequence[Claim]]
) -> None:
    """Read the command line, print the machine, measure, print the verdicts, write the record."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs: less than 100 seconds")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    parser.add_argument("--data", type=Path, default=data, metavar="FILE", help="where the data set lies")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="draw pictures into it")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    record: dict[str, Any] = {"machine": machine("cpu") | {"quick": args.quick}}
    for name, value in record["machine"].items():
        print(f"{name}: {value}")
    claims = measure(args, record)
    print("\n## Claims\n", *[claim.verdict() for claim in claims], sep="\n")
    if args.json is not None:
        record["claims"] = [vars(claim) | {"met": claim.met} for claim in claims]
        args.json.write_text(json.dumps(record, indent=1, default=vars))
