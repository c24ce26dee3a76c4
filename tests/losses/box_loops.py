"""The loss of a detector for one image, pair by pair and anchor by anchor, in plain Python."""

import math

import numpy as np


def iou_of(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (both - width * height)


def closeness_of(a, b):
    overlap = iou_of(a, b)
    return overlap or -abs(a[0] + a[2] - b[0] - b[2]) - abs(a[1] + a[3] - b[1] - b[3])


def match_loop(boxes, anchors, threshold):
    """For each anchor the number of its box, or None: one pair after the other, closest first."""
    matched = {}
    for j, anchor in enumerate(anchors):
        overlaps = [iou_of(box, anchor) for box in boxes]
        if boxes and max(overlaps) >= threshold:
            matched[j] = overlaps.index(max(overlaps))
    pairs = sorted((-closeness_of(b, a), i, j) for i, b in enumerate(boxes) for j, a in enumerate(anchors))
    taken = {}
    for _, i, j in pairs:
        if i not in taken.values() and j not in taken:
            taken[j] = i
    matched |= taken
    return [matched.get(j) for j in range(len(anchors))]


def anchor_losses(offsets, logits, box, label, anchor, options):
    """Losses of offsets and class of one anchor; `box` None: background."""
    log_p = logits[label] - math.log(sum(math.exp(logit) for logit in logits))
    classified = -log_p
    if options.get("classification") == "focal":
        alpha = options.get("alpha", 0.25)
        weight = alpha if label else 1 - alpha
        classified = -weight * (1 - math.exp(log_p)) ** options.get("gamma", 2.0) * log_p
    if box is None:
        return 0.0, classified
    width, height = anchor[2] - anchor[0], anchor[3] - anchor[1]
    wanted = [
        (box[0] + box[2] - anchor[0] - anchor[2]) / 2 / width / 0.1,
        (box[1] + box[3] - anchor[1] - anchor[3]) / 2 / height / 0.1,
        math.log((box[2] - box[0]) / width) / 0.2,
        math.log((box[3] - box[1]) / height) / 0.2,
    ]
    gaps = [abs(found - target) for found, target in zip(offsets, wanted, strict=True)]
    smooth = sum(gap - 0.5 if gap > 1 else gap * gap / 2 for gap in gaps)
    return options.get("localization_weight", 1.0) * smooth, classified


def loss_loop(offsets, logits, rows, anchors, options):
    """Parts, and parts of boxes, of one image; `rows` without padding."""
    offsets, logits, rows, anchors = (part.double().tolist() for part in (offsets, logits, rows, anchors))
    boxes = [row[1:] for row in rows]
    matched = match_loop(boxes, anchors, options.get("iou_threshold", 0.5))
    per_box, negatives = [[] for _ in rows], []
    for j, i in enumerate(matched):
        box, label = (None, 0) if i is None else (boxes[i], int(rows[i][0]) + 1)
        losses = anchor_losses(offsets[j], logits[j], box, label, anchors[j], options)
        negatives.append(losses[1]) if i is None else per_box[i].append(losses)
    positives = [losses for mine in per_box for losses in mine]
    if options.get("classification") != "focal":
        n_wanted = max(options.get("negative_ratio", 3) * len(positives), options.get("min_negatives", 3))
        negatives = sorted(negatives, reverse=True)[: int(n_wanted)]
    divisor = max(len(positives), 1)
    sums = [sum(found) for found in zip(*positives, strict=True)] or [0.0, 0.0]
    parts = dict(zip(("localization", "positive", "negative"), (*sums, sum(negatives)), strict=True))
    units = [[sum(found) / len(mine) for found in zip(*mine, strict=True)] for mine in per_box]
    return {name: part / divisor for name, part in parts.items()}, np.array(units).reshape(-1, 2)
