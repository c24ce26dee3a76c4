"""The hardest and the easiest photos and boxes, as pictures."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from benchmarks.common.blood_cells import CLASSES, CLEAN, FULL_SIZE, SIZE, Cells, photo
from benchmarks.common.datasets import BLOOD

COLOURS = ("#1f5fbf", "#d62728", "#0a8f3c")  # of the classes
SCALE = FULL_SIZE[0] / SIZE[0]
N_IMAGES, N_BOXES = 4, 8
MARGIN = 12  # full-size pixels around a box
IMAGE_TITLES = (
    "Hardest images. Blue: red cells; red: white cells; green: platelets. Dashed: faults put in, black those dropped",
    "Easiest images",
)
BOX_TITLES = "Hardest boxes", "Easiest boxes"
DPI, N_COLOURS = 95, 48  # of a picture; few colours make a small file


def draw_picture(path: Path, cells: Cells, scored: Any) -> None:
    """Write a picture of photos and boxes.

    `scored` holds rows of scores, the first of them the action score, and the annotations that they are about.
    """
    with ZipFile(BLOOD.path()) as files:
        save(draw(files, cells, scored.annotations, scored.images["action score"], scored.boxes["action score"]), path)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG file with few colours, those of the boxes among them."""
    figure.savefig(path, dpi=DPI)
    with Image.open(path) as picture:
        plain = picture.convert("RGB")
    palette = plain.quantize(N_COLOURS - len(COLOURS)).getpalette()
    chosen = Image.new("P", (1, 1))
    chosen.putpalette((palette or []) + [int(colour[i : i + 2], 16) for colour in COLOURS for i in (1, 3, 5)])
    plain.quantize(palette=chosen, dither=Image.Dither.NONE).save(path, optimize=True)


def draw(files: ZipFile, cells: Cells, given: Any, image_scores: np.ndarray, box_scores: np.ndarray) -> Figure:
    """Draw hardest and easiest photos in two rows, and hardest and easiest boxes in two more."""
    figure = Figure(figsize=(8.8, 7.4), layout="constrained")
    parts: Any = figure.subfigures(4, 1, height_ratios=[2.1, 1.9, 1.5, 1.3])
    images, boxes = np.argsort(-image_scores), np.argsort(-box_scores)
    owner = np.repeat(np.arange(len(cells.names)), [len(each) for each in given.boxes])
    corners = SCALE * np.concatenate(given.boxes)
    labels, faults = np.concatenate(given.labels), np.concatenate(given.box_faults)
    for part, title, chosen in zip(parts[:2], IMAGE_TITLES, _ends(images, N_IMAGES), strict=True):
        part.suptitle(title, fontsize=9, x=0.01, ha="left")
        for axes, i in zip(part.subplots(1, N_IMAGES), chosen, strict=True):
            _show(axes, files, cells.names[i])
            for box in np.flatnonzero(owner == i):
                _outline(axes, corners[box], COLOURS[labels[box]], is_wrong=faults[box] != CLEAN)
            for box in _left_out(cells.boxes[i], given.boxes[i]) if given.image_faults[i] == "dropped" else ():
                _outline(axes, SCALE * box, "black", is_wrong=True)
            _caption(axes, f"{image_scores[i]:.0f}", given.image_faults[i])
    for part, title, chosen in zip(parts[2:], BOX_TITLES, _ends(boxes, N_BOXES), strict=True):
        part.suptitle(title, fontsize=9, x=0.01, ha="left")
        for axes, box in zip(part.subplots(1, N_BOXES), chosen, strict=True):
            _show(axes, files, cells.names[owner[box]])
            _outline(axes, corners[box], COLOURS[labels[box]], is_wrong=faults[box] != CLEAN)
            _look_at(axes, corners[box])
            _caption(axes, f"{CLASSES[labels[box]]} {box_scores[box]:.0f}", faults[box])
    return figure


def _ends(order: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    return order[:n], order[::-1][:n]


def _left_out(boxes: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Those of `boxes` that are not among `given`."""
    return boxes[~(boxes[:, None] == given).all(2).any(1)]


def _show(axes: Any, files: ZipFile, name: str) -> None:
    axes.imshow(photo(files, name), extent=(0, FULL_SIZE[0], FULL_SIZE[1], 0))
    axes.set_facecolor("#e8e8e8")


def _outline(axes: Any, corners: np.ndarray, colour: str, *, is_wrong: bool) -> None:
    (x, y), (width, height) = corners[:2].tolist(), (corners[2:] - corners[:2]).tolist()
    outline = Rectangle((x, y), width, height, fill=False, edgecolor=colour, linewidth=1.8 if is_wrong else 1.1)
    outline.set_linestyle((0, (2, 1)) if is_wrong else "-")
    axes.add_patch(outline)


def _look_at(axes: Any, corners: np.ndarray) -> None:
    """Show a square around a box."""
    centre, half = (corners[:2] + corners[2:]) / 2, (corners[2:] - corners[:2]).max() * 0.75 + MARGIN
    axes.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] + half, centre[1] - half))


def _caption(axes: Any, text: str, fault: str) -> None:
    is_clean = fault == CLEAN
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(text if is_clean else f"{text}\n{fault}", fontsize=7.5, color="black" if is_clean else COLOURS[1])
