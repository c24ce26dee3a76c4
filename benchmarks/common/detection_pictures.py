"""The hardest and the easiest photos and boxes, as pictures."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from PIL import Image

from benchmarks.common.blood_cells import CLASSES, CLEAN, FULL_SIZE, SIZE, Cells, photo
from benchmarks.common.datasets import BLOOD

COLOURS = ("#0072b2", "#f0c000", "#000000")  # of the classes: as dark as grey, as they differ without colour vision
EDGE = "#ffffff"  # around dark outlines; bright ones have a dark edge
SCALE = FULL_SIZE[0] / SIZE[0]
LEFT_OUT = "#cc79a7"
DASHES = (0, (2, 1))  # of what was made wrong
N_IMAGES, N_BOXES = 4, 8
MARGIN = 12  # full-size pixels around a box
IMAGE_TITLES = "Hardest images, with their action scores", "Easiest images"
BOX_TITLES = "Hardest boxes", "Easiest boxes"
DPI, N_COLOURS = 110, 128  # of a picture; few colours make a small file


def draw_picture(path: Path, cells: Cells, scored: Any) -> None:
    """Write a picture of photos and boxes.

    `scored` holds rows of scores, the first of them the action score, and the annotations that they are about.
    """
    with ZipFile(BLOOD.path()) as files:
        save(draw(files, cells, scored.annotations, scored.images["action score"], scored.boxes["action score"]), path)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG file with few colours, those of the outlines among them."""
    figure.savefig(path, dpi=DPI)
    with Image.open(path) as picture:
        plain = picture.convert("RGB")
    kept = (*COLOURS, LEFT_OUT, EDGE)
    palette = plain.quantize(N_COLOURS - len(kept)).getpalette()
    chosen = Image.new("P", (1, 1))
    chosen.putpalette((palette or []) + [int(colour[i : i + 2], 16) for colour in kept for i in (1, 3, 5)])
    plain.quantize(palette=chosen, dither=Image.Dither.NONE).save(path, optimize=True)


def draw(files: ZipFile, cells: Cells, given: Any, image_scores: np.ndarray, box_scores: np.ndarray) -> Figure:
    """Draw hardest and easiest photos in two rows, and hardest and easiest boxes in two more."""
    figure = Figure(figsize=(8.8, 8.0), layout="constrained")
    legend_and_parts: Any = figure.subfigures(5, 1, height_ratios=[0.3, 2.1, 1.9, 1.5, 1.3])
    _explain(legend_and_parts[0])
    parts = legend_and_parts[1:]
    images, boxes = np.argsort(-image_scores), np.argsort(-box_scores)
    owner = np.repeat(np.arange(len(cells.names)), [len(each) for each in given.boxes])
    corners = SCALE * np.concatenate(given.boxes)
    labels, faults = np.concatenate(given.labels), np.concatenate(given.box_faults)
    for part, title, chosen in zip(parts[:2], IMAGE_TITLES, _ends(images, N_IMAGES), strict=True):
        part.suptitle(title, fontsize=10, x=0.01, ha="left")
        for axes, i in zip(part.subplots(1, N_IMAGES), chosen, strict=True):
            _show(axes, files, cells.names[i])
            for box in np.flatnonzero(owner == i):
                _outline(axes, corners[box], COLOURS[labels[box]], is_wrong=faults[box] != CLEAN)
            for box in _left_out(cells.boxes[i], given.boxes[i]) if given.image_faults[i] == "dropped" else ():
                _outline(axes, SCALE * box, LEFT_OUT, is_wrong=True)
            _caption(axes, f"{image_scores[i]:.0f}", given.image_faults[i])
    for part, title, chosen in zip(parts[2:], BOX_TITLES, _ends(boxes, N_BOXES), strict=True):
        part.suptitle(title, fontsize=10, x=0.01, ha="left")
        for axes, box in zip(part.subplots(1, N_BOXES), chosen, strict=True):
            _show(axes, files, cells.names[owner[box]])
            _outline(axes, corners[box], COLOURS[labels[box]], is_wrong=faults[box] != CLEAN)
            _look_at(axes, corners[box])
            _caption(axes, f"{CLASSES[labels[box]]} {box_scores[box]:.0f}", faults[box])
    return figure


def _explain(part: Any) -> None:
    """Say which outline is which."""
    edges: list[tuple[str, str, Any]] = [(name, colour, "-") for name, colour in zip(CLASSES, COLOURS, strict=True)]
    edges += [("fault put in", COLOURS[0], DASHES), ("box left out", LEFT_OUT, DASHES)]
    lines = [
        Line2D([], [], color=colour, linestyle=dashes, linewidth=2, label=name, path_effects=_edge(colour))
        for name, colour, dashes in edges
    ]
    part.legend(handles=lines, loc="center left", ncols=len(lines), frameon=False, fontsize=9, handlelength=3)


def _edge(colour: str) -> list[Any]:
    """Line an outline with its opposite, so that it shows on any ground."""
    return [Stroke(linewidth=3.2, foreground="#000000" if colour == COLOURS[1] else EDGE), Normal()]


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
    outline = Rectangle((x, y), width, height, fill=False, edgecolor=colour, linewidth=2 if is_wrong else 1.2)
    outline.set_linestyle(DASHES if is_wrong else "-")
    outline.set_path_effects(_edge(colour))
    axes.add_patch(outline)


def _look_at(axes: Any, corners: np.ndarray) -> None:
    """Show a square around a box."""
    centre, half = (corners[:2] + corners[2:]) / 2, (corners[2:] - corners[:2]).max() * 0.75 + MARGIN
    axes.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] + half, centre[1] - half))


def _caption(axes: Any, text: str, fault: str) -> None:
    is_clean = fault == CLEAN
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(text if is_clean else f"{text}\n{fault}", fontsize=8, weight="normal" if is_clean else "bold")
