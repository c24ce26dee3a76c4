"""The loss of detectors against a plain loop: parts, boxes, and what a score must not depend on."""

from functools import partial

import numpy as np
import pytest
import torch
from box_loops import loss_loop
from skorch import NeuralNet
from torch import nn
from torch.nn import functional as F

from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.losses.box_targets import pad_boxes
from actscore_sk.losses.boxes import make_anchors
from actscore_sk.losses.multibox import MultiBoxLoss

N_CLASSES = 3
# sides are whole numbers or halves, so that overlaps tie alike in both precisions
ANCHORS = make_anchors((12, 16), [(3, 4), (1, 2)], [[4, 6], [8]], aspect_ratios=(1.0, 4.0, 0.25))
OPTIONS = {
    "default": {},
    "focal": {"classification": "focal"},
    "focal, other": {"classification": "focal", "alpha": 0.6, "gamma": 0.5, "localization_weight": 2.0},
    "few negatives": {"negative_ratio": 0.5, "min_negatives": 2, "localization_weight": 0.3},
    "all negatives": {"negative_ratio": 50, "iou_threshold": 0.3},
}
AMOUNTS = [2, 0, 5, 1, 0, 3, 4]


def draw_boxes(amount, rng):
    corners = rng.integers(0, [14, 10], size=(amount, 2))
    return np.column_stack([corners, corners + rng.integers(1, 8, size=(amount, 2))])


def make_batch(amounts=AMOUNTS, seed=0):
    """Give outputs of a net and padded targets."""
    rng = np.random.default_rng(seed)
    boxes = [draw_boxes(amount, rng) for amount in amounts]
    y = pad_boxes(boxes, [rng.integers(0, N_CLASSES, size=amount) for amount in amounts])
    shape = len(amounts), len(ANCHORS)
    outputs = rng.normal(size=(*shape, 4)), rng.normal(size=(*shape, N_CLASSES + 1))
    return tuple(torch.tensor(part, dtype=torch.float32) for part in outputs), torch.from_numpy(y)


def take(y_pred, index):
    return tuple(part[index] for part in y_pred)


def all_values(details):
    """Everything that details hold, image by image."""
    units = [details.units, *details.unit_components.values()]
    for i in range(len(details.samples)):
        yield [
            details.samples[i : i + 1],
            *[part[i : i + 1] for part in details.components.values()],
            *[kind.values[i][kind.mask[i]] for kind in units],
        ]


def assert_same(found, expected):
    for mine, theirs in zip(all_values(found), all_values(expected), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)


class Detector(nn.Module):
    """Two linear maps of the image."""

    def __init__(self, as_dict=False):
        super().__init__()
        self.boxes, self.logits = nn.Linear(6, len(ANCHORS) * 4), nn.Linear(6, len(ANCHORS) * (N_CLASSES + 1))
        self.as_dict = as_dict

    def forward(self, X):
        boxes, logits = (layer(X).reshape(len(X), len(ANCHORS), -1) for layer in (self.boxes, self.logits))
        return {"logits": logits, "boxes": boxes} if self.as_dict else (boxes, logits)


class NeverAsked(Detector):
    def forward(self, X):
        raise AssertionError("trained")


class Samples(torch.utils.data.Dataset):
    def __init__(self, X, targets):
        self.pairs = [*zip(X, targets, strict=True)]

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        return self.pairs[i]


def make_net(batch_size=3, lr=0.05, module=Detector, **options):
    criterion = partial(MultiBoxLoss, ANCHORS, **options.pop("criterion", {}))
    settings = {"max_epochs": 3, "train_split": None, "verbose": 0}
    return NeuralNet(module, criterion=criterion, lr=lr, batch_size=batch_size, **settings | options)


def make_data():
    (_, _), y = make_batch()
    return np.random.default_rng(1).normal(size=(len(y), 6)).astype(np.float32), y.numpy()


# -- the loss --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", OPTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_parts_and_boxes_are_those_of_the_loop(case, seed):
    y_pred, y_true = make_batch(seed=seed)
    details = MultiBoxLoss(ANCHORS, **OPTIONS[case]).details(y_pred, y_true)
    for i, amount in enumerate(AMOUNTS):
        parts, units = loss_loop(y_pred[0][i], y_pred[1][i], y_true[i, :amount], ANCHORS, OPTIONS[case])
        found = {name: float(part[i]) for name, part in details.components.items()}
        assert found == pytest.approx(parts, rel=1e-4, abs=1e-6)
        assert float(details.samples[i]) == pytest.approx(sum(parts.values()), rel=1e-4)
        kinds = details.units, details.unit_components["localization"], details.unit_components["positive"]
        for kind, expected in zip(kinds, (units.sum(1), units[:, 0], units[:, 1]), strict=True):
            np.testing.assert_allclose(kind.values[i][kind.mask[i]], expected, rtol=1e-4)


@pytest.mark.parametrize("case", OPTIONS)
def test_image_does_not_know_its_batch(case):
    y_pred, y_true = make_batch()
    loss = MultiBoxLoss(ANCHORS, **OPTIONS[case])
    order = [3, 6, 0, 2, 5, 1, 4]
    together = loss.details(take(y_pred, order), y_true[order])
    for size in (1, 3):
        for start in range(0, len(order), size):
            index = order[start : start + size]
            width = max(1, max(AMOUNTS[i] for i in index))
            mine = loss.details(take(y_pred, index), y_true[index, :width])
            for found, expected in zip(all_values(mine), list(all_values(together))[start:], strict=False):
                torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_padding_says_nothing():
    y_pred, y_true = make_batch()
    loss, rubbish = MultiBoxLoss(ANCHORS), torch.full((len(y_true), 2, 5), torch.nan)
    rubbish[..., 0] = -1
    everywhere = torch.cat([rubbish, y_true[:, :1], rubbish, y_true[:, 1:], rubbish, *[rubbish] * 30], 1)
    assert_same(loss.details(y_pred, everywhere), loss.details(y_pred, y_true))


def test_order_of_boxes_is_that_of_their_losses():
    y_pred, y_true = make_batch([5, 5, 5])
    one, other = (MultiBoxLoss(ANCHORS).details(y_pred, rows) for rows in (y_true, y_true.flip(1)))
    torch.testing.assert_close(other.samples, one.samples)
    torch.testing.assert_close(other.units.values, one.units.values.flip(1))


@pytest.mark.parametrize("y_true", [torch.zeros(2, 0, 5), torch.full((2, 3, 5), -1.0)])
def test_images_without_boxes_have_a_loss(y_true):
    y_pred, _ = make_batch([0, 0])
    details = MultiBoxLoss(ANCHORS, min_negatives=4).details(y_pred, y_true)
    background = F.cross_entropy(y_pred[1].transpose(1, 2), torch.zeros(2, len(ANCHORS)).long(), reduction="none")
    torch.testing.assert_close(details.samples, background.topk(4).values.sum(1))
    assert not details.units.mask.any()


@pytest.mark.parametrize("case", OPTIONS)
def test_gradient(case):
    y_pred, y_true = make_batch([2, 0])
    y_pred = [part[:, ::6].double().requires_grad_() for part in y_pred]
    loss = MultiBoxLoss(ANCHORS[::6].double(), **OPTIONS[case])
    assert torch.autograd.gradcheck(lambda *outputs: loss(outputs, y_true.double()), y_pred)


def test_certain_outputs_have_a_finite_gradient():
    (boxes, logits), y_true = make_batch([1, 0])
    logits = (logits + 200 * F.one_hot(torch.zeros(2, len(ANCHORS)).long(), N_CLASSES + 1)).requires_grad_()
    MultiBoxLoss(ANCHORS, classification="focal", gamma=0.5)((boxes, logits), y_true).backward()
    assert logits.grad.isfinite().all()


def test_half_precision_is_summed_in_single():
    y_pred, y_true = make_batch()
    rounded = tuple(part.bfloat16() for part in y_pred)
    assert_same(
        MultiBoxLoss(ANCHORS).details(rounded, y_true),
        MultiBoxLoss(ANCHORS).details(tuple(part.float() for part in rounded), y_true),
    )


# -- in a net --------------------------------------------------------------------------------------------------


def as_dicts(y):
    rows = [row[row[:, 0] >= 0] for row in y]
    return [{"boxes": row[:, 1:], "labels": row[:, 0].astype(np.int64) + 1} for row in rows]


def collate(samples):
    images, targets = zip(*samples, strict=True)
    tensors = [{name: torch.as_tensor(part) for name, part in target.items()} for target in targets]
    return torch.as_tensor(np.stack(images)), tensors


def test_scores_are_those_of_a_loop():
    X, y = make_data()
    module, criterion = Detector(), MultiBoxLoss(ANCHORS)
    scorer = ActionScoreEstimator(make_net(module=module)).fit(X, y)  # trains a copy
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    parts, units = np.zeros((len(y), 3)), [np.zeros((amount, 2)) for amount in AMOUNTS]
    for _ in range(3):
        for rows in torch.arange(len(y)).split(3):
            y_pred = module(torch.from_numpy(X)[rows])
            for i, offsets, logits in zip(rows.tolist(), *[part.detach() for part in y_pred], strict=True):
                found = loss_loop(offsets, logits, torch.from_numpy(y[i, : AMOUNTS[i]]), ANCHORS, {})
                parts[i] += [*found[0].values()]
                units[i] += found[1]
            optimizer.zero_grad()
            criterion(y_pred, torch.from_numpy(y)[rows]).backward()
            optimizer.step()
    np.testing.assert_allclose(np.column_stack([*scorer.component_scores_.values()]), parts, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(scorer.action_scores_, parts.sum(1), rtol=1e-4)
    for i, expected in enumerate(units):
        np.testing.assert_allclose(scorer.unit_scores_[i], expected.sum(1), rtol=1e-4)
        for part, name in enumerate(("localization", "positive")):
            np.testing.assert_allclose(scorer.unit_component_scores_[name][i], expected[:, part], rtol=1e-4)


@pytest.mark.parametrize("case", ["default", "focal"])
def test_scores_do_not_depend_on_batches(case):
    # a net that does not move gives the same outputs whatever its batches are
    X, y = make_data()
    found = {}
    for size, shuffle in ((1, False), (3, True), (7, False)):
        torch.manual_seed(0)
        net = make_net(size, 0.0, Detector(), criterion=OPTIONS[case], iterator_train__shuffle=shuffle)
        padded = np.pad(y, ((0, 0), (0, size), (0, 0)), constant_values=-1)
        found[size] = ActionScoreEstimator(net, random_state=0).fit(X, padded)
    for other in (found[3], found[7]):
        np.testing.assert_allclose(other.action_scores_, found[1].action_scores_, rtol=1e-6)
        np.testing.assert_allclose(other.unit_scores_.values, found[1].unit_scores_.values, rtol=1e-6)
        np.testing.assert_array_equal(np.diff(other.unit_scores_.offsets), AMOUNTS)


def test_dicts_say_the_same():
    X, y = make_data()
    expected = ActionScoreEstimator(make_net(), random_state=0).fit(X, y)
    net = make_net(module__as_dict=True, iterator_train__collate_fn=collate)
    for targets in (as_dicts(y), np.array(as_dicts(y))):
        found = ActionScoreEstimator(net, random_state=0).fit(X, targets)
        np.testing.assert_allclose(found.unit_scores_.values, expected.unit_scores_.values, rtol=1e-6)
    found = ActionScoreEstimator(net, random_state=0).fit(Samples(X, as_dicts(y)))
    np.testing.assert_allclose(found.action_scores_, expected.action_scores_, rtol=1e-6)


# -- what is wrong ---------------------------------------------------------------------------------------------

LAST = AMOUNTS[-1] - 1
BAD_ROWS = {
    "no width": ([0, 3, 3, 3, 5], r"box 3 of image 6, class 0, \(3, 3, 3, 5\), has no area; expected x1 < x2"),
    "corners swapped": ([0, 5, 5, 3, 3], "has no area"),
    "not a number": ([0, 3, np.nan, 4, 5], r"\(3, nan, 4, 5\), is not finite; leave it out"),
    "infinite": ([0, 3, 3, np.inf, 5], "is not finite"),
    "half a class": ([0.5, 3, 3, 4, 5], "class 0.5, .* not a whole number"),
    "no class": ([np.nan, 3, 3, 4, 5], "class nan, .* not a whole number"),
    "below padding": ([-2, 3, 3, 4, 5], "class -2, .* not a whole number; expected one from 0 on, or -1 for padding"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_box_is_an_error_before_the_first_step(case):
    X, y = make_data()
    row, message = BAD_ROWS[case]
    y[6, LAST] = row
    with pytest.raises(ValueError, match=message):
        ActionScoreEstimator(make_net(module=NeverAsked)).fit(X, y)
    with pytest.raises(ValueError, match=message):
        MultiBoxLoss(ANCHORS)(make_batch()[0], torch.from_numpy(y))


def test_more_boxes_than_anchors():
    X, y = make_data()
    criterion = partial(MultiBoxLoss, ANCHORS[:4])
    with pytest.raises(ValueError, match=r"image 2 has 5 boxes, but there are 4 anchors, .* lay more of them"):
        ActionScoreEstimator(make_net(module=NeverAsked).set_params(criterion=criterion)).fit(X, y)
    (boxes, logits), y_true = make_batch([4, 4])
    wide = F.pad(y_true, (0, 0, 0, 3), value=-1.0)  # wide, but not full
    assert MultiBoxLoss(ANCHORS[:4])((boxes[:, :4], logits[:, :4]), wide).isfinite()


def test_unknown_class():
    (boxes, logits), y_true = make_batch([2, 1])
    y_true[1, 0, 0] = N_CLASSES
    with pytest.raises(ValueError, match=r"box 0 of image 1, class 3, .* its logits are for 3 classes and background"):
        MultiBoxLoss(ANCHORS)((boxes, logits), y_true)


OUTPUTS = {
    "one tensor": (torch.zeros(2, 3, 4), r"returned Tensor; expected a pair \(boxes, logits\)"),
    "one entry": ({"boxes": torch.zeros(2, 3, 4)}, "returned dict"),
    "turned": ((torch.zeros(2, 4, 45), torch.zeros(2, 4, 45)), r"returned \[\(2, 4, 45\), .*\(n_images, \d+, 4\)"),
    "logits of other anchors": ((torch.zeros(2, len(ANCHORS), 4), torch.zeros(2, 3, 4)), "one row per anchor"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_outputs_of_another_shape(case):
    y_pred, message = OUTPUTS[case]
    with pytest.raises(ValueError, match=message):
        MultiBoxLoss(ANCHORS)(y_pred, make_batch([1, 1])[1])


def test_targets_of_another_shape():
    with pytest.raises(ValueError, match=r"targets have shape \(2, 5\); expected \(n_images, max_boxes, 5\), rows"):
        MultiBoxLoss(ANCHORS)(make_batch([1, 1])[0], torch.zeros(2, 5))
    background = [{"boxes": torch.ones(1, 4), "labels": torch.zeros(1)}] * 2
    with pytest.raises(ValueError, match="image 0 has a label below 1; in dicts labels count from 1"):
        MultiBoxLoss(ANCHORS)(make_batch([1, 1])[0], background)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classification": "hinge"}, "classification='hinge'; expected 'cross_entropy' or 'focal'"),
        ({"iou_threshold": 0}, "iou_threshold=0; expected a number from 1e-06 to 1"),
        ({"min_negatives": 0}, "min_negatives=0; expected a number from 1 to inf"),
        ({"negative_ratio": -1}, "negative_ratio=-1; expected"),
        ({"alpha": 1.5}, "alpha=1.5; expected a number from 0 to 1"),
        ({"gamma": float("nan")}, "gamma=nan; expected"),
        ({"localization_weight": -1}, "localization_weight=-1; expected"),
        ({"reduction": "max"}, "reduction='max'"),
    ],
)
def test_options(options, message):
    with pytest.raises(ValueError, match=message):
        MultiBoxLoss(ANCHORS, **options)


@pytest.mark.parametrize("anchors", [torch.zeros(3, 4), torch.zeros(3, 5), torch.zeros(4)])
def test_anchors_of_another_kind(anchors):
    with pytest.raises(ValueError, match=r"anchors have shape .*; expected \(n_anchors, 4\), rows \(x1, y1, x2, y2\)"):
        MultiBoxLoss(anchors)
