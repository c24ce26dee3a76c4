"""Blood cells with boxes (BCCD), as they are and with faults put into their annotations."""

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self
from zipfile import ZipFile

import numpy as np
from PIL import Image

from benchmarks.common.datasets import BLOOD

CLASSES = ("RBC", "WBC", "Platelets")
FULL_SIZE, SIZE = (640, 480), (160, 120)  # width, height
CLEAN = "clean"
N_TRIES = 200  # places for a box, of which the freest is taken


@dataclass(frozen=True)
class Cells:
    """Photos and their boxes.

    Parameters
    ----------
    images : ndarray of float32 (n_images, 3, height, width)
        Standardized by channel.
    boxes : list of ndarray (n_boxes, 4)
        (x1, y1, x2, y2) in pixels of `images`.
    labels : list of ndarray of int (n_boxes,)
        Positions in `CLASSES`.
    names : list of str
        Of the photos.
    """

    images: np.ndarray
    boxes: list[np.ndarray]
    labels: list[np.ndarray]
    names: list[str]

    @classmethod
    def load(cls, part: str) -> Self:
        """Read "trainval" or "test". Boxes without area are left out: there are two among all 4,888."""
        with ZipFile(BLOOD.path()) as files:
            names = files.read(f"BCCD/ImageSets/Main/{part}.txt").decode().split()
            images = np.stack([np.asarray(photo(files, name).resize(SIZE, Image.Resampling.BOX)) for name in names])
            rows = [_read_boxes(files.read(f"BCCD/Annotations/{name}.xml")) for name in names]
        pixels = images.transpose(0, 3, 1, 2).astype(np.float32)
        pixels = (pixels - pixels.mean((0, 2, 3), keepdims=True)) / pixels.std((0, 2, 3), keepdims=True)
        scale = SIZE[0] / FULL_SIZE[0]
        return cls(pixels, [row[:, 1:] * scale for row in rows], [row[:, 0].astype(int) for row in rows], names)


def photo(files: ZipFile, name: str) -> Image.Image:
    """Open one photo in full size."""
    return Image.open(io.BytesIO(files.read(f"BCCD/JPEGImages/{name}.jpg"))).convert("RGB")


def _read_boxes(annotation: bytes) -> np.ndarray:
    """Rows (class, x1, y1, x2, y2)."""
    rows = []
    for thing in ElementTree.fromstring(annotation).iter("object"):
        corners = [float(thing.findtext(f"bndbox/{name}", "nan")) for name in ("xmin", "ymin", "xmax", "ymax")]
        if corners[0] < corners[2] and corners[1] < corners[3]:
            rows.append([CLASSES.index(thing.findtext("name", "")), *corners])
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


@dataclass(frozen=True)
class Annotations:
    """Boxes to learn, and what is wrong with them.

    Parameters
    ----------
    boxes, labels : list of ndarray
        As in `Cells`.
    box_faults : list of ndarray of str (n_boxes,)
        `CLEAN`, or the kind of fault of each box.
    image_faults : ndarray of str (n_images,)
        `CLEAN`, or the kind of fault that some boxes of the image have, or had.
    """

    boxes: list[np.ndarray]
    labels: list[np.ndarray]
    box_faults: list[np.ndarray]
    image_faults: np.ndarray


@dataclass
class Scene:
    """One image while faults are put into it."""

    boxes: np.ndarray
    labels: np.ndarray
    others: np.ndarray  # rows (class, width, height) of boxes anywhere, to draw new ones from
    rng: np.random.Generator

    def shifted(self, chosen: np.ndarray) -> np.ndarray:
        """Move by half of width and height, to a side with room if there is one; the overlap is 1/7 then."""
        size = self.boxes[chosen, 2:] - self.boxes[chosen, :2]
        side = self.rng.choice([-1, 1], size=size.shape)
        fits = (self.boxes[chosen, :2] + side * size / 2 >= 0) & (self.boxes[chosen, 2:] + side * size / 2 <= SIZE)
        moved = self.boxes[chosen] + np.tile(np.where(fits, side, -side) * size / 2, 2)
        self.boxes[chosen] = moved.clip(0, SIZE * 2)
        return chosen

    def swapped(self, chosen: np.ndarray) -> np.ndarray:
        """Give boxes another class, each with equal chance."""
        moves = self.rng.integers(1, len(CLASSES), size=len(chosen))
        self.labels[chosen] = (self.labels[chosen] + moves) % len(CLASSES)
        return chosen

    def dropped(self, chosen: np.ndarray) -> np.ndarray:
        """Leave out."""
        self.boxes, self.labels = np.delete(self.boxes, chosen, axis=0), np.delete(self.labels, chosen)
        return chosen[:0]

    def added(self, chosen: np.ndarray) -> np.ndarray:
        """As many boxes more, each with class and size of some other one, where no box is."""
        first = len(self.boxes)
        for _ in chosen:
            drawn = self.others[self.rng.integers(len(self.others), size=N_TRIES)]
            corners = self.rng.uniform(0, SIZE - drawn[:, 1:])
            boxes = np.column_stack([corners, corners + drawn[:, 1:]])
            best = _covered(boxes, self.boxes).argmin()
            self.boxes = np.concatenate([self.boxes, boxes[[best]]])
            self.labels = np.append(self.labels, int(drawn[best, 0]))
        return np.arange(first, len(self.boxes))


def _covered(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Largest share of each box, or of another one, that both share (n,)."""
    low, high = np.maximum(boxes[:, None, :2], others[:, :2]), np.minimum(boxes[:, None, 2:], others[:, 2:])
    areas = [(rows[:, 2:] - rows[:, :2]).prod(1) for rows in (boxes, others)]
    shares = (high - low).clip(min=0).prod(2) / np.minimum(areas[0][:, None], areas[1])
    return shares.max(1, initial=0)


Fault = Callable[[Scene, np.ndarray], np.ndarray]  # gives the positions of boxes that are wrong now
FAULTS: dict[str, Fault] = {
    "shifted": Scene.shifted,
    "swapped": Scene.swapped,
    "added": Scene.added,
    "dropped": Scene.dropped,
}


def annotate(cells: Cells, seed: int, *, images: float, boxes: float) -> Annotations:
    """Put each kind of fault into a share of the images, no two kinds into one, and into a share of boxes in each."""
    rng = np.random.default_rng(seed)
    image_faults = np.full(len(cells.names), CLEAN, dtype="<U9")
    order, n_each = rng.permutation(len(cells.names)), round(images * len(cells.names))
    for i, name in enumerate(FAULTS):
        image_faults[order[i * n_each : (i + 1) * n_each]] = name
    others = _sizes(cells.boxes, cells.labels)
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for fault, mine, labels in zip(image_faults, cells.boxes, cells.labels, strict=True):
        scene, wrong = Scene(mine.copy(), labels.copy(), others, rng), np.empty(0, dtype=int)
        if fault != CLEAN:
            wrong = FAULTS[fault](scene, rng.permutation(len(mine))[: max(1, round(boxes * len(mine)))])
        box_faults = np.full(len(scene.boxes), CLEAN, dtype="<U9")
        box_faults[wrong] = fault
        found.append((scene.boxes, scene.labels, box_faults))
    return Annotations(*(list(part) for part in zip(*found, strict=True)), image_faults)  # type: ignore[arg-type, call-arg]


def _sizes(boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> Any:
    corners = np.concatenate(boxes)
    return np.column_stack([np.concatenate(labels), corners[:, 2:] - corners[:, :2]])
