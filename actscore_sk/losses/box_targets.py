"""Boxes to learn: padded rows that a data loader can stack, and checks that name a box which cannot be learnt."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

_ROW = "rows (class, x1, y1, x2, y2) with class -1 for padding"


def pad_boxes(boxes: Sequence[Any], labels: Sequence[Any]) -> np.ndarray:
    """Make one array of the boxes of images that have different numbers of them.

    Parameters
    ----------
    boxes : sequence of array-like (n_boxes, 4)
        (x1, y1, x2, y2) for each image, in the unit of the anchors; an empty one for an image without boxes.
    labels : sequence of array-like of int (n_boxes,)
        Class of each box, from 0 on: background is none of them.

    Returns
    -------
    targets : ndarray of float32 (n_images, max_boxes, 5)
        Rows (class, x1, y1, x2, y2), with class -1 and zeros below the boxes of an image. For y of
        `ActionScoreEstimator`, with `MultiBoxLoss`.

    Raises
    ------
    ValueError
        If a box has no area or is not finite, if a class is not a whole number from 0 on, or if shapes do not agree;
        names the image and the box.

    Examples
    --------
    >>> pad_boxes([[[0, 0, 8, 8]], []], [[2], []])
    array([[[ 2.,  0.,  0.,  8.,  8.]],
           [[-1.,  0.,  0.,  0.,  0.]]], dtype=float32)
    """
    if len(boxes) != len(labels):
        raise ValueError(f"got boxes of {len(boxes)} images and labels of {len(labels)}; expected one entry per image")
    parts = [_rows_of(image, *pair) for image, pair in enumerate(zip(boxes, labels, strict=True))]
    targets = np.zeros((len(parts), max([1, *map(len, parts)]), 5), dtype=np.float32)
    targets[..., 0] = -1
    for target, rows in zip(targets, parts, strict=True):
        target[: len(rows)] = rows
    check_boxes(torch.from_numpy(targets))
    return targets


def _rows_of(image: int, boxes: Any, labels: Any) -> np.ndarray:
    """Rows (n_boxes, 5) of one image."""
    labels = np.asarray(labels, dtype=np.float32)
    boxes = np.asarray(boxes, dtype=np.float32)
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    if labels.ndim != 1 or boxes.shape != (len(labels), 4):
        raise ValueError(
            f"image {image} has boxes of shape {boxes.shape} and labels of shape {labels.shape}; expected (n_boxes, 4) "
            "and (n_boxes,)"
        )
    if (labels < 0).any():
        raise ValueError(f"image {image} has a class below 0; classes count from 0, without background")
    return np.column_stack([labels, boxes])


def read_targets(y_true: Any) -> Tensor:
    """Return padded rows (n_images, max_boxes, 5), with at least one row, of targets in either form.

    Raises
    ------
    ValueError
        If they have neither.
    """
    if isinstance(y_true, (list, tuple, np.ndarray)) and all(isinstance(target, Mapping) for target in y_true):
        parts = [_rows_of_mapping(image, target) for image, target in enumerate(y_true)]
        return torch.nn.utils.rnn.pad_sequence([parts[0].new_empty(1, 5), *parts], True, -1.0)[1:]
    targets = torch.as_tensor(y_true)
    targets = targets if targets.is_floating_point() else targets.float()
    if targets.ndim != 3 or targets.shape[2] != 5:
        raise ValueError(
            f"targets have shape {tuple(targets.shape)}; expected (n_images, max_boxes, 5), {_ROW}, as from pad_boxes, "
            'or a list of dicts {"boxes", "labels"}'
        )
    return torch.nn.functional.pad(targets, (0, 0, 0, 1), value=-1.0) if targets.shape[1] == 0 else targets


def _rows_of_mapping(image: int, target: Mapping) -> Tensor:
    boxes = torch.as_tensor(target["boxes"])
    labels = torch.as_tensor(target["labels"], device=boxes.device)
    if labels.is_cpu and bool((labels < 1).any()):
        raise ValueError(
            f"image {image} has a label below 1; in dicts labels count from 1, since 0 is background: add 1 to them, "
            "or use pad_boxes, where classes count from 0"
        )
    return torch.cat([(labels.to(boxes.dtype) - 1)[:, None], boxes.reshape(-1, 4)], 1)


def check_boxes(targets: Tensor, n_classes: int | None = None) -> None:
    """Raise ValueError if a box among rows (n_images, max_boxes, 5) cannot be learnt; says which, and what to do.

    Makes the host wait if they are on a device.
    """
    labels, boxes = targets[..., 0], targets[..., 1:]
    is_box = labels >= 0
    has_area = (boxes[..., 2:] > boxes[..., :2]).all(-1)
    _refuse(targets, is_box & ~boxes.isfinite().all(-1), "is not finite; leave it out")
    _refuse(
        targets,
        is_box & ~has_area,
        "has no area; expected x1 < x2 and y1 < y2: leave it out, or give it the size of its object",
    )
    _refuse(
        targets,
        (labels != -1) & ~(is_box & (labels == labels.round())),
        "has a class that is not a whole number; expected one from 0 on, or -1 for padding",
    )
    if n_classes is not None:
        _refuse(
            targets,
            labels >= n_classes,
            f"has a class that the net does not know: its logits are for {n_classes} classes and background; count "
            "classes from 0, and give the net one more output than there are classes",
        )


def _refuse(targets: Tensor, is_wrong: Tensor, what: str) -> None:
    if bool(is_wrong.any()):
        image, box = is_wrong.nonzero()[0].tolist()
        label, *corners = (f"{number:g}" for number in targets[image, box].tolist())
        raise ValueError(
            f"box {box} of image {image}, class {label}, ({', '.join(corners)}), {what} ({int(is_wrong.sum())} such "
            "boxes in all)"
        )
