"""Boxes as tensors: overlap, anchors, and offsets between the two.

A box is (x1, y1, x2, y2) with x1 < x2 and y1 < y2, in any unit, as long as anchors and targets share it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

# Divisors of the offsets of centres, and of log sizes: those of SSD, which give both about unit variance.
_VARIANCES = (0.1, 0.2)


def make_anchors(
    image_size: tuple[float, float],
    feature_sizes: Sequence[tuple[int, int]],
    box_sizes: Sequence[Sequence[float]],
    *,
    aspect_ratios: Sequence[float] = (1.0, 2.0, 0.5),
) -> Tensor:
    """Lay boxes of given sizes and shapes around the centre of each cell of each feature map.

    These are the default boxes of SSD [1]_: for each of them the net predicts what it shows, and how to move it.

    Parameters
    ----------
    image_size : tuple (height, width)
        In the unit in which boxes are given: pixels, or (1, 1) if they are shares of the image.
    feature_sizes : sequence of tuple (rows, columns)
        Shape of each feature map.
    box_sizes : sequence of sequence of float
        For each feature map the sizes of its boxes: the side of a square of the same area.
    aspect_ratios : sequence of float
        Width over height.

    Returns
    -------
    anchors : tensor of float32 (n_anchors, 4)
        (x1, y1, x2, y2); not clipped to the image. Map after map, row after row, column after column, then size after
        size and ratio after ratio: the order of an output (n, n_boxes * k, rows, columns) of a convolution after
        ``output.permute(0, 2, 3, 1).reshape(n, -1, k)``.

    Raises
    ------
    ValueError
        If there are not as many entries in `box_sizes` as feature maps.

    References
    ----------
    .. [1] W. Liu et al. *SSD: Single Shot MultiBox Detector.* ECCV 2016.

    Examples
    --------
    >>> make_anchors((40, 80), [(1, 2)], [[20]], aspect_ratios=[1.0, 4.0])
    tensor([[10., 10., 30., 30.],
            [ 0., 15., 40., 25.],
            [50., 10., 70., 30.],
            [40., 15., 80., 25.]])
    """
    if len(feature_sizes) != len(box_sizes):
        raise ValueError(
            f"box_sizes has {len(box_sizes)} entries for {len(feature_sizes)} feature maps; expected one per map, "
            "such as [[20, 30], [60]]"
        )
    anchors = []
    for (n_rows, n_columns), sizes in zip(feature_sizes, box_sizes, strict=True):
        y = (torch.arange(n_rows) + 0.5) * (image_size[0] / n_rows)
        x = (torch.arange(n_columns) + 0.5) * (image_size[1] / n_columns)
        centres = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 1, 2)
        shapes = torch.tensor([[size * ratio**0.5, size / ratio**0.5] for size in sizes for ratio in aspect_ratios])
        anchors.append(torch.cat([centres - shapes / 2, centres + shapes / 2], -1).reshape(-1, 4))
    return torch.cat(anchors)


def pairwise_iou(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Intersection over union of each box (..., n_boxes, 4) with each anchor (n_anchors, 4).

    Returns
    -------
    iou : tensor (..., n_boxes, n_anchors)
        In [0, 1]; 0 for those that only touch.

    Examples
    --------
    >>> pairwise_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [2, 0, 3, 1]]))
    tensor([[1.0000, 0.3333, 0.0000]])
    """
    # A gap between two boxes is a negative width or height; clamped, it shares no area.
    left, top, right, bottom = boxes.unsqueeze(-1).unbind(-2)
    x1, y1, x2, y2 = anchors.unbind(-1)
    width = (torch.minimum(right, x2) - torch.maximum(left, x1)).clamp(min=0)
    height = (torch.minimum(bottom, y2) - torch.maximum(top, y1)).clamp(min=0)
    shared = width * height
    return shared / ((right - left) * (bottom - top) + (x2 - x1) * (y2 - y1) - shared)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Offsets (..., 4) that make anchors (..., 4) into boxes (..., 4): centre x and y, log width and height.

    >>> encode(torch.tensor([1.0, 0, 3, 2]), torch.tensor([0.0, 0, 2, 2]))
    tensor([5., 0., 0., 0.])
    """
    centre, size = _centre_and_size(boxes)
    anchor_centre, anchor_size = _centre_and_size(anchors)
    moves = (centre - anchor_centre) / (anchor_size * _VARIANCES[0])
    return torch.cat([moves, (size / anchor_size).log() / _VARIANCES[1]], -1)


def decode(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Boxes (..., 4) that offsets (..., 4) make of anchors (..., 4): the inverse of `encode`.

    >>> decode(torch.tensor([5.0, 0, 0, 0]), torch.tensor([0.0, 0, 2, 2]))
    tensor([1., 0., 3., 2.])
    """
    anchor_centre, anchor_size = _centre_and_size(anchors)
    centre = anchor_centre + offsets[..., :2] * anchor_size * _VARIANCES[0]
    size = anchor_size * (offsets[..., 2:] * _VARIANCES[1]).exp()
    return torch.cat([centre - size / 2, centre + size / 2], -1)


def _centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    return (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
