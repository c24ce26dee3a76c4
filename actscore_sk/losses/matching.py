"""Matching of boxes and anchors: each box gets at least one anchor that predicts it."""

import torch
from torch import Tensor

from actscore_sk.losses.boxes import pairwise_iou


def match(boxes: Tensor, is_box: Tensor, anchors: Tensor, iou_threshold: float) -> Tensor:
    """Match each box with an anchor of its own, then other anchors with the box they overlap most, if that is enough.

    The first step goes from the closest pair of all to the next closest of those whose box and anchor are free [1]_: of
    two boxes that want one anchor, the one that overlaps it more gets it. Pairs that overlap are closer than those that
    don't, and those by the distance of their centres. Of equal pairs the one of the first box comes first, then the one
    of the first anchor. Images do not know each other.

    Parameters
    ----------
    boxes : tensor (n_images, width, 4)
        (x1, y1, x2, y2); anything where `is_box` is False.
    is_box : tensor of bool (n_images, width)
        False for padding. An image has at most as many boxes as there are anchors.
    anchors : tensor (n_anchors, 4)
        In the same unit.
    iou_threshold : float
        Least overlap in the second step.

    Returns
    -------
    matched : tensor of int64 (n_images, n_anchors)
        Position of the anchor's box along `width`; -1 for background.

    References
    ----------
    .. [1] W. Liu et al. *SSD: Single Shot MultiBox Detector.* ECCV 2016, section 2.2.

    Examples
    --------
    >>> boxes = torch.tensor([[[0.0, 0, 2, 2], [0, 0, 2, 3]]])
    >>> anchors = torch.tensor([[0.0, 0, 2, 2], [0, 1, 2, 3], [0, 0, 2, 2.5], [8, 8, 9, 9]])
    >>> match(boxes, torch.ones(1, 2, dtype=torch.bool), anchors, 0.6)
    tensor([[ 0,  1,  1, -1]])
    """
    # padding may hold any corners; below 0 it wins no anchor
    iou = pairwise_iou(boxes, anchors).masked_fill(~is_box[..., None], -1.0)
    best = iou.max(1)
    matched = torch.where(best.values >= iou_threshold, best.indices, -1)
    anchor_of_box = _match_one_to_one(_closeness(iou, boxes, anchors), is_box)
    slots = torch.arange(boxes.shape[1], device=boxes.device)
    # padding points behind the last anchor, to a place that is cut off
    places = torch.where(is_box, anchor_of_box, len(anchors))
    matched = torch.cat([matched, matched[:, :1]], 1)
    return matched.scatter(1, places, slots.expand_as(places))[:, :-1]


def _closeness(iou: Tensor, boxes: Tensor, anchors: Tensor) -> Tensor:
    """`iou` where it is above 0, and the negative distance of the centres elsewhere."""
    centre, anchor_centre = boxes[..., :2] + boxes[..., 2:], anchors[..., :2] + anchors[..., 2:]
    distance = sum((centre[..., None, axis] - anchor_centre[..., axis]).abs() for axis in (0, 1))
    return torch.where(iou > 0, iou, -distance)


def _match_one_to_one(closeness: Tensor, is_box: Tensor) -> Tensor:
    """Return the anchor of each box (n_images, width), matched from the closest pair on.

    Each round takes, in all images, the pairs in which box and anchor are each other's closest. Going through the pairs
    one by one would take them, too, since no closer pair has their box or their anchor. A few rounds are usual; as many
    as boxes are always enough.
    """
    anchors = torch.arange(closeness.shape[2], device=closeness.device)
    slots = torch.arange(closeness.shape[1], device=closeness.device)
    found = torch.zeros_like(is_box, dtype=torch.int64)
    is_open, is_free = is_box, torch.ones_like(closeness[:, 0], dtype=torch.bool)
    for _ in range(closeness.shape[1]):
        if is_open.is_cpu and not bool(is_open.any()):  # elsewhere the answer would make the host wait
            break
        pairs = closeness.masked_fill(~(is_open[:, :, None] & is_free[:, None]), -torch.inf)
        wanted, wanted_by = pairs.argmax(2), pairs.argmax(1)  # the first of equals
        is_taken = is_open & (wanted_by.gather(1, wanted) == slots)
        is_free = is_free & ~(wanted.gather(1, wanted_by) == anchors)
        found = torch.where(is_taken, wanted, found)
        is_open = is_open & ~is_taken
    return found
