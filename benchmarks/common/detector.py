"""A small single-shot detector, what it finds, and how good that is."""

from collections.abc import Sequence

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from actscore_sk.losses import MultiBoxLoss, make_anchors

RATIOS = (1.0, 1.5, 2 / 3)
BOX_SIZES = ((10, 24), (38, 54))  # pixels of an image 160 x 120: platelets and red cells; white cells
STRIDES = (8, 16)
LEAST_PROBABILITY, NMS_OVERLAP, HIT_OVERLAP = 0.05, 0.5, 0.5


def anchors_for(width: int, height: int) -> Tensor:
    """Lay the anchors of `Detector` over images of a size."""
    maps = [(-(-height // stride), -(-width // stride)) for stride in STRIDES]
    return make_anchors((height, width), maps, BOX_SIZES, aspect_ratios=RATIOS)


def _block(n_in: int, n_out: int, stride: int = 1) -> nn.Module:
    convolution = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU())


class Detector(nn.Module):
    """Seven convolutions and two heads: about 280,000 parameters."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.fine = nn.Sequential(
            _block(3, 16, 2), _block(16, 32, 2), _block(32, 32), _block(32, 64, 2), _block(64, 64)
        )
        self.coarse = nn.Sequential(_block(64, 96, 2), _block(96, 96))
        n_outputs, n_boxes = 4 + n_classes + 1, [len(sizes) * len(RATIOS) for sizes in BOX_SIZES]
        self.heads = nn.ModuleList(
            nn.Conv2d(width, n * n_outputs, 3, padding=1) for width, n in zip((64, 96), n_boxes, strict=True)
        )
        self.n_outputs = n_outputs

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets (n_images, n_anchors, 4) and logits (n_images, n_anchors, n_classes + 1)."""
        fine = self.fine(X)
        maps = [head(features) for head, features in zip(self.heads, (fine, self.coarse(fine)), strict=True)]
        rows = [found.permute(0, 2, 3, 1).reshape(len(X), -1, self.n_outputs) for found in maps]
        boxes, logits = torch.cat(rows, 1).split([4, self.n_outputs - 4], 2)
        return boxes, logits


def make_net(image_size: tuple[int, int], n_classes: int, max_epochs: int = 10) -> NeuralNet:
    """Build a net that trains on images (3, height, width) of a size (width, height)."""
    return NeuralNet(
        Detector,
        module__n_classes=n_classes,
        criterion=MultiBoxLoss,
        criterion__anchors=anchors_for(*image_size),
        optimizer=torch.optim.Adam,
        lr=0.002,
        batch_size=8,
        max_epochs=max_epochs,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=64,
        train_split=None,
        verbose=0,
    )


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each of `boxes` (n, 4) with each of `others` (m, 4).

    >>> overlaps(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2]])).round(2)
    array([[0.33]])
    """
    low = np.maximum(boxes[:, None, :2], others[:, :2])
    high = np.minimum(boxes[:, None, 2:], others[:, 2:])
    shared = (high - low).clip(min=0).prod(2)
    areas = [(rows[:, 2:] - rows[:, :2]).prod(1) for rows in (boxes, others)]
    return shared / (areas[0][:, None] + areas[1] - shared)


Found = list[np.ndarray]
"""Of one image: for each class rows (x1, y1, x2, y2, probability), the likeliest first."""


def find(net: NeuralNet, images: np.ndarray) -> list[Found]:
    """Detect: boxes that are likely enough, and overlap none that is likelier."""
    boxes, logits = net.forward(images)
    probabilities = logits.softmax(2)[..., 1:].numpy()
    corners = net.criterion_.decode(boxes).numpy()
    return [[_best(box, likely) for likely in each.T] for box, each in zip(corners, probabilities, strict=True)]


def _best(boxes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    order = np.flatnonzero(probabilities >= LEAST_PROBABILITY)
    order = order[np.argsort(-probabilities[order], kind="stable")]
    is_near = overlaps(boxes[order], boxes[order]) > NMS_OVERLAP
    kept: list[int] = []
    for i in range(len(order)):
        if not is_near[i, kept].any():
            kept.append(i)
    return np.column_stack([boxes[order[kept]], probabilities[order[kept]]])


def average_precisions(
    found: Sequence[Found], boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray]
) -> list[float]:
    """Area under precision over recall of each class, at an overlap of 0.5; each true box counts once."""
    areas = []
    for name in range(len(found[0])):
        hits, likely, n_true = [], [], 0
        for rows, box, label in zip([image[name] for image in found], boxes, labels, strict=True):
            mine = box[label == name]
            n_true += len(mine)
            likely += rows[:, 4].tolist()
            hits += _hits(rows, mine)
        order = np.argsort(-np.array(likely), kind="stable")
        n_hits = np.cumsum(np.array(hits)[order])
        precision = n_hits / np.arange(1, len(order) + 1)
        best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
        areas.append(float((best_from_here * np.array(hits)[order]).sum() / n_true))
    return areas


def _hits(rows: np.ndarray, boxes: np.ndarray) -> list[bool]:
    """Whether each found box is the first that meets a true one."""
    overlap, is_met, hits = overlaps(rows[:, :4], boxes), np.zeros(len(boxes), dtype=bool), []
    for each in overlap:
        best = int(each.argmax()) if len(boxes) else -1
        hits.append(bool(len(boxes) and each[best] >= HIT_OVERLAP and not is_met[best]))
        if hits[-1]:
            is_met[best] = True
    return hits
