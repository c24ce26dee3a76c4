"""Whether faults in the boxes of a detection data set can be found by score, on photos of blood cells.

    python -m benchmarks.bench_detection --threads 1 --json detection.json --output pictures
    python -m benchmarks.bench_detection --quick

The data are 292 photos of BCCD with 3,900 boxes, and 72 more to see that the detector works. A seed is a draw of faults
and the start of the nets. A tenth of the photos each gets boxes that are shifted by half their size, swapped to another
class, added on background, or dropped: a quarter of its boxes. The rest is as in BCCD, faults of its own included.

Rows of the action score are those of one fit of 20 epochs, which is where the detector stops to improve on the test
photos (seed 0, before rows were compared); "last epoch" is what the last one added to it. The same net goes on to 40
epochs, for what becomes of both. "loss out of fold" and cleanlab need nets that did not see the photo: five more fits.
cleanlab takes predictions above .95 for sure; with few of these, rows at .5 are added. All rows are higher = more
suspicious. Intervals are Student's t, 95 %, over seeds; the photos are always the same.
"""

import argparse
import importlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from actscore_sk import ActionScoreEstimator, RaggedScores, pad_boxes
from benchmarks.blood_cells import ARCHIVE, CLASSES, CLEAN, FAULTS, SIZE, Annotations, Cells, annotate
from benchmarks.detection_pictures import draw_pictures
from benchmarks.detector import Found, average_precisions, find, make_net
from benchmarks.timing import machine, markdown_table

N_SEEDS, QUICK_SEEDS = 5, 1
N_EPOCHS, QUICK_EPOCHS = 20, 8
LONG = 2  # times as many epochs
N_FOLDS, QUICK_FOLDS = 5, 3
SURE = 0.5  # cleanlab's own is .95
FAULTY_IMAGES, FAULTY_BOXES = 0.1, 0.25  # of all images for each kind, of the boxes in such an image
ANY = "any"
CLEANLAB = "cleanlab==2.9.0"

Rows = dict[str, np.ndarray]  # name of a row, and one score for each image or each box


@dataclass
class Scored:
    """What one seed gave: rows of images and of boxes, and what was spent on them."""

    annotations: Annotations
    images: Rows
    boxes: Rows
    precision: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


class Fit:
    """One net in training, with its scores of images and boxes so far."""

    def __init__(self, cells: Cells, annotations: Annotations, seed: int) -> None:
        self.X, self.y = cells.images, pad_boxes(annotations.boxes, annotations.labels)
        self.scorer = ActionScoreEstimator(make_net(SIZE, len(CLASSES)), random_state=seed)

    def train(self, n_epochs: int) -> tuple[Rows, Rows]:
        """Train on; give the action score of images and of boxes, and what the last of these epochs added to it."""
        self.scorer.partial_fit(self.X, self.y, epochs=n_epochs - 1)
        before = self.scorer.action_scores_, self.scorer.unit_scores_.values
        self.scorer.partial_fit(self.X, self.y, epochs=1)
        after = self.scorer.action_scores_, self.scorer.unit_scores_.values
        images, boxes = ({"action score": b, "last epoch": b - a} for a, b in zip(before, after, strict=True))
        return images, boxes


def score(cells: Cells, test: Cells, seed: int, n_epochs: int) -> Scored:
    """Draw faults, train, and read all that comes of one fit."""
    annotations = annotate(cells, seed, images=FAULTY_IMAGES, boxes=FAULTY_BOXES)
    fit, start = Fit(cells, annotations, seed), time.perf_counter()
    images, boxes = fit.train(n_epochs)
    seconds = time.perf_counter() - start
    scorer, rng = fit.scorer, np.random.default_rng(seed)
    images |= {f"... {name}": part for name, part in scorer.component_scores_.items()}
    images |= {"hardest box": _hardest(scorer.unit_scores_), "random": rng.random(len(cells.names))}
    boxes |= {f"... {name}": part.values for name, part in scorer.unit_component_scores_.items()}
    boxes |= {"random": rng.random(len(boxes["action score"]))}
    precision = average_precisions(find(scorer.estimator_, test.images), test.boxes, test.labels)
    for rows, later in zip((images, boxes), fit.train((LONG - 1) * n_epochs), strict=True):
        rows |= {f"{name}, {LONG * n_epochs} epochs": scores for name, scores in later.items()}
    return Scored(annotations, images, boxes, precision, {"action score": seconds})


def _hardest(boxes: RaggedScores) -> np.ndarray:
    """Score of the hardest box of each image, 0 without boxes."""
    return np.array([max(boxes[i], default=0.0) for i in range(len(boxes))])


def add_out_of_fold(cells: Cells, scored: Scored, seed: int, n_epochs: int, n_folds: int) -> list[Found]:
    """Add the loss of each image and box under a net that did not see it; return what these nets detect."""
    given = scored.annotations
    y, found, start = pad_boxes(given.boxes, given.labels), dict[int, Found](), time.perf_counter()
    images, boxes = np.empty(len(y)), np.empty(y.shape[:2])
    torch.manual_seed(seed)
    for train, held_out in KFold(n_folds, shuffle=True, random_state=seed).split(y):
        net = make_net(SIZE, len(CLASSES), n_epochs).fit(cells.images[train], y[train])
        found |= zip(held_out.tolist(), find(net, cells.images[held_out]), strict=True)
        details = net.criterion_.details(net.forward(cells.images[held_out]), torch.from_numpy(y[held_out]))
        images[held_out], boxes[held_out] = details.samples, details.units.values
    scored.images["loss out of fold"], scored.boxes["loss out of fold"] = images, boxes[y[..., 0] >= 0]
    scored.seconds[f"{n_folds} folds"] = time.perf_counter() - start
    return [found[i] for i in range(len(y))]


def add_cleanlab(rank: Any, scored: Scored, found: Sequence[Found]) -> None:
    """Add the rows of cleanlab's `object_detection.rank`, which calls low what is suspicious."""
    pairs = zip(scored.annotations.boxes, scored.annotations.labels, strict=True)
    labels = [{"bboxes": boxes, "labels": classes} for boxes, classes in pairs]
    predictions = [np.empty(len(classes), dtype=object) for classes in found]
    for prediction, classes in zip(predictions, found, strict=True):
        prediction[:] = classes
    both = {"labels": labels, "predictions": predictions}
    images, boxes = scored.images, scored.boxes
    images["cleanlab, label quality"] = 1 - rank.get_label_quality_scores(**both, verbose=False)
    boxes["cleanlab, badly located"] = 1 - np.concatenate(rank.compute_badloc_box_scores(**both))
    for name, options in (("", {}), (f" at {SURE}", {"high_probability_threshold": SURE})):
        overlooked = rank.compute_overlooked_box_scores(**both, **options)
        images[f"cleanlab, overlooked{name}"] = 1 - rank.pool_box_scores_per_image(overlooked)
        boxes[f"cleanlab, swapped{name}"] = 1 - np.concatenate(rank.compute_swap_box_scores(**both, **options))


@dataclass(frozen=True)
class Interval:
    """Mean over seeds, and the interval that it lies in; one seed has none."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Summarise one value a seed."""
        mean, n = float(np.mean(values)), len(values)
        half = stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n) if n > 1 else np.nan
        return cls(mean, float(mean - half), float(mean + half))

    def __str__(self) -> str:
        return f"{self.mean:.2f}" if np.isnan(self.low) else f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


Judge = Callable[[np.ndarray, np.ndarray], float]
JUDGES: dict[str, Judge] = {"average precision": average_precision_score, "area under the ROC curve": roc_auc_score}
Quality = dict[str, dict[str, list[float]]]  # of each row for each kind of fault, one value a seed


def judge(rows: Rows, faults: np.ndarray, kinds: Sequence[str], by: Judge) -> dict[str, dict[str, float]]:
    """Hold each row against each kind of fault: those that have it against those that are clean."""
    found: dict[str, dict[str, float]] = {}
    for name, scores in rows.items():
        found[name] = {}
        for kind in kinds:
            is_asked = (faults == CLEAN) | (faults == kind) | (kind == ANY)
            found[name][kind] = float(by(faults[is_asked] != CLEAN, scores[is_asked]))
    return found


def judge_all(seeds: Sequence[Scored], level: str, by: Judge) -> Quality:
    """Collect the judgements of all seeds."""
    kinds = [*FAULTS, ANY] if level == "images" else [kind for kind in FAULTS if kind != "dropped"]
    quality: Quality = {}
    for scored in seeds:
        given = scored.annotations
        faults = given.image_faults if level == "images" else np.concatenate(given.box_faults)
        for name, row in judge(getattr(scored, level), faults, kinds, by).items():
            for kind, value in row.items():
                quality.setdefault(name, {}).setdefault(kind, []).append(value)
    return quality


# One row is better than another in average precision: level, kind of fault, the two rows.
CLAIMS = (
    ("boxes", "shifted", "action score", "last epoch"),
    ("boxes", "swapped", "action score", "last epoch"),
    ("boxes", "added", "action score", "last epoch"),
    ("boxes", "shifted", "action score", "cleanlab, badly located"),
    ("boxes", "swapped", "... positive", f"cleanlab, swapped at {SURE}"),
    ("boxes", "added", "action score", "cleanlab, badly located"),
    ("images", "dropped", "... negative", "last epoch"),
    ("images", "dropped", "... negative", f"cleanlab, overlooked at {SURE}"),
    ("images", ANY, "action score", "last epoch"),
    ("images", ANY, "action score", "cleanlab, label quality"),
)


@dataclass(frozen=True)
class Claim:
    """A row of `CLAIMS`, met if the interval of the paired difference lies above 0."""

    claim: str
    difference: Interval

    @property
    def met(self) -> bool:
        return self.difference.low > 0

    def verdict(self) -> str:
        """Say it in one line."""
        return f"{'met' if self.met else 'not met':8} {self.claim}: {self.difference}"


def check_claims(precision: Mapping[str, Quality]) -> list[Claim]:
    """Compare seed by seed; rows that were skipped make no claim."""
    claims = []
    for level, kind, mine, other in CLAIMS:
        rows = precision[level]
        if other in rows:
            gaps = np.array(rows[mine][kind]) - np.array(rows[other][kind])
            claims.append(Claim(f"{level}, {kind}: {mine} above {other}", Interval.of(gaps.tolist())))
    return claims


def print_table(quality: Quality) -> None:
    """Print a line a row, a column a kind."""
    kinds = list(next(iter(quality.values())))
    lines = [(name, *[Interval.of(row[kind]) for kind in kinds]) for name, row in quality.items()]
    print(markdown_table(("higher = more suspicious", *kinds), lines))


def load_cleanlab() -> Any:
    """Return cleanlab's module, or None."""
    try:
        return importlib.import_module("cleanlab.object_detection.rank")
    except ImportError:
        print(f"\ncleanlab is not installed, and its rows are left out: pip install -c .ci/constraints.txt {CLEANLAB}")
        return None


def measure(args: argparse.Namespace, record: dict[str, Any]) -> list[Claim]:
    """Run all seeds, print the tables, draw the pictures of the first."""
    cells, test = Cells.load(args.data, "trainval"), Cells.load(args.data, "test")
    n_seeds = QUICK_SEEDS if args.quick else N_SEEDS
    n_epochs, n_folds = (QUICK_EPOCHS, QUICK_FOLDS) if args.quick else (N_EPOCHS, N_FOLDS)
    rank, seeds = load_cleanlab(), []
    for seed in range(n_seeds):
        scored = score(cells, test, seed, n_epochs)
        found = add_out_of_fold(cells, scored, seed, n_epochs, n_folds)
        if rank is not None:
            add_cleanlab(rank, scored, found)
        areas = ", ".join(f"{name} {area:.2f}" for name, area in zip(CLASSES, scored.precision, strict=True))
        spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in scored.seconds.items())
        print(f"seed {seed}: mAP@0.5 on test photos {np.mean(scored.precision):.2f} ({areas}); {spent}", flush=True)
        seeds.append(scored)
    record["seeds"] = [{"average precisions": each.precision, "seconds": each.seconds} for each in seeds]
    results = {
        level: {name: judge_all(seeds, level, by) for name, by in JUDGES.items()} for level in ("images", "boxes")
    }
    for level, judgements in results.items():
        for name, quality in judgements.items():
            print(f"\n## {level}, {name}\n")
            print_table(quality)
    record["results"] = results
    if args.output is not None:
        draw_pictures(args.output, args.data, cells, seeds[0])
    if n_seeds == 1:
        print("\none seed has no interval: claims can only fail")
    return check_claims({level: judgements["average precision"] for level, judgements in results.items()})


def main() -> None:
    """Read the command line, measure, and write the record."""
    parser = argparse.ArgumentParser(description="Whether faults in boxes can be found by score.")
    parser.add_argument("--quick", action="store_true", help="one seed, fewer epochs and folds")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch and of scikit-learn")
    parser.add_argument("--data", type=Path, default=ARCHIVE, metavar="FILE", help="the archive of BCCD")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="draw the hardest and easiest images and boxes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    record: dict[str, Any] = {"machine": machine("cpu") | {"quick": args.quick}}
    for name, value in record["machine"].items():
        print(f"{name}: {value}")
    with threadpool_limits(args.threads):
        claims = measure(args, record)
    print("\n## Claims: difference of average precision, interval above 0\n")
    print(*[claim.verdict() for claim in claims], sep="\n")
    if args.json is not None:
        record["claims"] = [{"claim": claim.claim, **vars(claim.difference), "met": claim.met} for claim in claims]
        args.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
