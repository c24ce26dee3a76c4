"""Whether faults in the boxes of a detection data set can be found by score, on photos of blood cells.

    python -m benchmarks detection                     # half an hour
    python -m benchmarks detection --only picture      # a minute: one fit, and what it found as a picture

The data are 292 photos of BCCD with 3,900 boxes, and 72 more to see that the detector works. A seed is a draw of faults
and the start of the nets. A tenth of the photos each gets boxes that are shifted by half their size, swapped to another
class, added on background, or dropped: a quarter of its boxes. The rest is as in BCCD, faults of its own included.

Rows of the action score are those of one fit of 20 epochs, which is where the detector stops to improve on the test
photos (seed 0, before rows were compared); "last epoch" is what the last one added to it. The same net goes on to 40
epochs, for what becomes of both. "loss out of fold" and cleanlab need nets that did not see the photo: five more fits.
cleanlab takes predictions above .95 for sure; with few of these, rows at .5 are added. All rows are higher = more
suspicious. Intervals are Student's t, 95 %, over seeds; the photos are always the same.
"""

import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import KFold

from actscore_sk import ActionScoreEstimator
from actscore_sk.losses import RaggedScores, pad_boxes
from benchmarks.common.blood_cells import CLASSES, CLEAN, FAULTS, SIZE, Annotations, Cells, annotate
from benchmarks.common.detection_pictures import draw_picture
from benchmarks.common.detector import Found, average_precisions, find, make_net
from benchmarks.common.intervals import Claim
from benchmarks.common.ranking import ANY, AP, AUROC, Rankings
from benchmarks.common.record import RESULTS, Settings, progress

N_SEEDS = 5
N_EPOCHS, QUICK_EPOCHS = 20, 8
LONG = 2  # times as many epochs
N_FOLDS, QUICK_FOLDS = 5, 3
SURE = 0.5  # cleanlab's own is .95
FAULTY_IMAGES, FAULTY_BOXES = 0.1, 0.25  # of all images for each kind, of the boxes in such an image
CLEANLAB = "cleanlab==2.9.0"

OPTIONS = ("only",)
PARTS = ("seeds", "picture")

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


def draw_first(cells: Cells) -> None:
    """Draw what the first seed gives."""
    annotations = annotate(cells, 0, images=FAULTY_IMAGES, boxes=FAULTY_BOXES)
    RESULTS.mkdir(exist_ok=True)
    draw_picture(RESULTS / "detection.png", cells, Scored(annotations, *Fit(cells, annotations, 0).train(N_EPOCHS)))


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


BOX_KINDS = [kind for kind in FAULTS if kind != "dropped"]  # a box that is not there has no score


def rank(rankings: dict[str, Rankings], scored: Scored) -> None:
    """Hold each row against each kind of fault: those that have it against those that are clean."""
    given = scored.annotations
    rankings["images"].add_kinds(given.image_faults, CLEAN, [*FAULTS, ANY], scored.images)
    rankings["boxes"].add_kinds(np.concatenate(given.box_faults), CLEAN, BOX_KINDS, scored.boxes)


def load_cleanlab() -> Any:
    """Return cleanlab's module, or None."""
    try:
        return importlib.import_module("cleanlab.object_detection.rank")
    except ImportError:
        progress(f"cleanlab is not installed, and its rows are left out: pip install -c .ci/constraints.txt {CLEANLAB}")
        return None


def measure(settings: Settings, record: dict[str, Any]) -> list[Claim]:
    """Run all seeds, print the tables, draw the pictures of the first."""
    if "seeds" not in settings.parts(PARTS):
        draw_first(Cells.load("trainval"))
        return []
    cells, test = Cells.load("trainval"), Cells.load("test")
    n_epochs, n_folds = (QUICK_EPOCHS, QUICK_FOLDS) if settings.quick else (N_EPOCHS, N_FOLDS)
    peer, rankings = load_cleanlab(), {"images": Rankings(), "boxes": Rankings()}
    record["seeds"] = []
    for seed in settings.seeds(N_SEEDS):
        scored = score(cells, test, seed, n_epochs)
        found = add_out_of_fold(cells, scored, seed, n_epochs, n_folds)
        if peer is not None:
            add_cleanlab(peer, scored, found)
        rank(rankings, scored)
        record["seeds"].append({"average precisions": scored.precision, "seconds": scored.seconds})
        areas = ", ".join(f"{name} {area:.2f}" for name, area in zip(CLASSES, scored.precision, strict=True))
        spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in scored.seconds.items())
        print(f"\nSeed {seed}: mAP@0.5 on test photos {np.mean(scored.precision):.2f} ({areas}); {spent}")
        if seed == 0 and "picture" in settings.parts(PARTS) and not settings.quick:
            RESULTS.mkdir(exist_ok=True)
            draw_picture(RESULTS / "detection.png", cells, scored)
    for level, found_by in rankings.items():
        found_by.print(AP, AUROC, title=f"{level.capitalize()}: ")
    record["results"] = {level: found_by.found for level, found_by in rankings.items()}
    return [
        claim
        for level, found_by in rankings.items()
        for claim in found_by.claims([row[1:] for row in CLAIMS if row[0] == level], f"{level}, ")
    ]
