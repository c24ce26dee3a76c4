"""Boxes against plain loops: overlap, anchors, offsets, padding, and which anchor stands for which box."""

import pytest
import torch
from box_loops import match_loop
from hypothesis import given, settings
from hypothesis import strategies as st

from actscore_sk.losses.box_targets import pad_boxes
from actscore_sk.losses.boxes import decode, encode, make_anchors, pairwise_iou
from actscore_sk.losses.matching import match
from actscore_sk.losses.multibox import MultiBoxLoss

ANCHORS = make_anchors((12, 16), [(3, 4), (1, 2)], [[4, 6], [8]])


@pytest.mark.parametrize(
    ("box", "anchor", "expected"),
    [
        ([0, 0, 2, 2], [0, 0, 2, 2], 1.0),
        ([0, 0, 4, 4], [1, 1, 3, 3], 0.25),  # inside
        ([0, 0, 2, 2], [1, 1, 3, 3], 1 / 7),
        ([0, 0, 2, 2], [2, 0, 4, 2], 0.0),  # touch
        ([0, 0, 1, 1], [5, 5, 6, 6], 0.0),  # both gaps negative: their product is not
        ([0, 0, 3, 1], [1, 0, 3, 1], 2 / 3),
    ],
)
def test_iou(box, anchor, expected):
    found = pairwise_iou(torch.tensor([[box]]).float(), torch.tensor([anchor]).float())
    torch.testing.assert_close(found, torch.tensor([[[expected]]]))


def test_decode_undoes_encode():
    torch.manual_seed(0)
    corners = torch.rand(20, 2) * 10
    boxes = torch.cat([corners, corners + 0.1 + 5 * torch.rand(20, 2)], 1)
    offsets = encode(boxes, ANCHORS[:20])
    torch.testing.assert_close(decode(offsets, ANCHORS[:20]), boxes)
    torch.testing.assert_close(MultiBoxLoss(ANCHORS[:20]).decode(offsets[None])[0], boxes)


def test_anchors_come_in_the_order_of_a_convolution():
    found = make_anchors((12, 20), [(3, 2), (1, 1)], [[4, 6], [9]], aspect_ratios=(1.0, 4.0))
    expected = []
    for n_rows, n_columns, sizes in ((3, 2, (4, 6)), (1, 1, (9,))):
        for row in range(n_rows):
            for column in range(n_columns):
                for width, height in [(s * r, s / r) for s in sizes for r in (1, 2)]:
                    x, y = 20 * (column + 0.5) / n_columns, 12 * (row + 0.5) / n_rows
                    expected.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    torch.testing.assert_close(found, torch.tensor(expected))


def test_box_sizes_are_one_entry_a_map():
    with pytest.raises(ValueError, match="box_sizes has 1 entries for 2 feature maps"):
        make_anchors((8, 8), [(1, 1), (2, 2)], [[3]])


@pytest.mark.parametrize(
    ("boxes", "labels", "message"),
    [
        ([[]], [[], []], "boxes of 1 images and labels of 2"),
        ([[[0, 0, 1, 1]]], [[0, 1]], r"image 0 has boxes of shape \(1, 4\) and labels of shape \(2,\)"),
        ([[], [[0, 0, 1]]], [[], [0]], r"image 1 has boxes of shape \(1, 3\)"),
        ([[[0, 0, 1, 1]]], [[-1]], "image 0 has a class below 0; classes count from 0, without background"),
        ([[], [[0, 0, 1, 1], [2, 2, 3, 2]]], [[], [0, 1]], r"box 1 of image 1, class 1, \(2, 2, 3, 2\), has no area"),
    ],
)
def test_boxes_that_cannot_be_padded(boxes, labels, message):
    with pytest.raises(ValueError, match=message):
        pad_boxes(boxes, labels)


# -- matching --------------------------------------------------------------------------------------------------


def found_matches(boxes, anchors, threshold):
    """Each image on its own, with padding in between."""
    width = 1 + 2 * max(map(len, boxes))
    padded, is_box = torch.zeros(len(boxes), width, 4), torch.zeros(len(boxes), width, dtype=torch.bool)
    for image, mine in enumerate(boxes):
        for i, box in enumerate(mine):
            padded[image, 2 * i + 1], is_box[image, 2 * i + 1] = torch.tensor(box), True
    matched = match(padded, is_box, torch.tensor(anchors), threshold)
    return [[None if slot < 0 else (slot - 1) // 2 for slot in row] for row in matched.tolist()]


corner = st.integers(0, 6)
side = st.integers(1, 5)
box = st.builds(lambda x, y, w, h: [float(x), float(y), float(x + w), float(y + h)], corner, corner, side, side)


@settings(max_examples=150, deadline=None)
@given(
    anchors=st.lists(box, min_size=5, max_size=9),
    images=st.lists(st.lists(box, max_size=5), min_size=1, max_size=3),
    threshold=st.sampled_from([0.25, 0.5, 1.0]),
)
def test_matches_are_those_of_the_loop(anchors, images, threshold):
    # small whole numbers: ties are common, and the same in both precisions
    assert found_matches(images, anchors, threshold) == [match_loop(boxes, anchors, threshold) for boxes in images]


SQUARE = [2.0, 2, 4, 4]
COMPETING = {
    "twins": ([SQUARE, SQUARE], [SQUARE, [2.0, 2, 4, 5], [8.0, 8, 9, 9]], [0, 1, None]),
    "the closer one wins": ([[2.0, 2, 5, 5], SQUARE], [SQUARE, [4.0, 4, 6, 6]], [1, 0]),
    "of equals the first": ([[1.0, 2, 3, 4], [3.0, 2, 5, 4]], [SQUARE, [9.0, 9, 11, 11]], [0, 1]),
    "nearest, where nothing overlaps": ([[20.0, 2, 21, 3]], [SQUARE, [9.0, 2, 11, 4], [0.0, 0, 1, 1]], [None, 0, None]),
    "as many as anchors": ([SQUARE] * 3, [[0.0, 0, 9, 9], SQUARE, [7.0, 7, 9, 9]], [1, 0, 2]),
    "own anchor before overlap": ([SQUARE, [2.0, 2, 4, 4.5]], [SQUARE, [2.0, 2, 4, 3.9]], [0, 1]),
}


@pytest.mark.parametrize("case", COMPETING)
def test_competing_boxes(case):
    boxes, anchors, expected = COMPETING[case]
    assert found_matches([boxes], anchors, 0.5) == [expected] == [match_loop(boxes, anchors, 0.5)]
