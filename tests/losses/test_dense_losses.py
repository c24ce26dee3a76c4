"""Losses of masks, tokens and outputs against plain loops, and what the score of a sample must not depend on."""

import math

import numpy as np
import pytest
import torch
from helpers import seed_everything, tensors_of
from hypothesis import given, settings
from hypothesis import strategies as st
from skorch import NeuralNet
from torch import nn
from torch.utils.data import Dataset, default_collate

from actscore_sk import ActionScoreEstimator, SampleLossError
from actscore_sk.losses import MultiOutputLoss, SegmentationLoss, TokenCrossEntropyLoss

IGNORED = -100


def softmax(logits):
    exps = [math.exp(value) for value in logits]
    return [value / sum(exps) for value in exps]


# -- masks -----------------------------------------------------------------------------------------------------


def segmentation_loop(logits, mask, weight=None, smooth=1.0, ignored=IGNORED):
    """Cross-entropy, Dice and losses of pixels of one image: logits (n_classes, ...) or, of class 1, (...)."""
    is_binary = logits.shape == mask.shape
    pixels, table = np.full(mask.shape, np.nan), []
    for place in np.ndindex(mask.shape):
        if mask[place] != ignored:
            p = softmax([0, logits[place]] if is_binary else logits[(slice(None), *place)])
            pixels[place] = -math.log(p[mask[place]]) * (1 if weight is None else weight[mask[place]])
            table.append((p, mask[place]))
    losses = []
    for k in [1] if is_binary else sorted({code for _, code in table}):
        shared = sum(p[k] for p, code in table if code == k)
        squares = sum(p[k] ** 2 + (code == k) for p, code in table)
        losses.append(1 - (2 * shared + smooth) / (squares + smooth))
    return np.nanmean(pixels) if table else 0.0, sum(losses) / max(len(losses), 1), pixels


def draw_masks(seed, n_classes, shape, share_ignored, ignored=IGNORED):
    """Give logits (4, n_classes, *shape) and masks; all of the first mask is ignored, the second has one class."""
    rng = np.random.default_rng(seed)
    masks = rng.integers(0, n_classes, size=(4, *shape))
    masks[1] = 0
    masks[rng.random(masks.shape) < share_ignored] = ignored
    masks[0] = ignored
    return rng.normal(size=(4, n_classes, *shape)) * 3, masks


def check_segmentation(loss, logits, y_pred, masks, y_true, **options):
    details = loss.details(torch.tensor(y_pred), torch.tensor(y_true))
    for i, (image, mask) in enumerate(zip(logits, masks, strict=True)):
        entropy, dice, pixels = segmentation_loop(image, mask, smooth=loss.smooth, ignored=loss.ignore_index, **options)
        assert details.components["cross_entropy"][i] == pytest.approx(entropy)
        assert details.components["dice"][i] == pytest.approx(dice, abs=1e-9)
        assert details.samples[i] == pytest.approx(loss.cross_entropy * entropy + loss.dice * dice)
        np.testing.assert_array_equal(details.units.mask[i].reshape(mask.shape), mask != loss.ignore_index)
        counted = details.units.values[i].reshape(mask.shape)[mask != loss.ignore_index]
        np.testing.assert_allclose(counted, pixels[mask != loss.ignore_index])
    assert details.units.values.shape == y_true.shape
    assert loss(torch.tensor(y_pred), torch.tensor(y_true)) == pytest.approx(details.samples.mean().item())


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 99),
    st.integers(2, 4),
    st.sampled_from([(5,), (2, 3), (2, 1, 3)]),
    st.sampled_from([0, 0.5]),
    st.sampled_from(
        [{}, {"ignore_index": 0}, {"dice": 0}, {"cross_entropy": 0.5, "dice": 2.0, "smooth": 0.1, "ignore_index": 255}]
    ),
)
def test_segmentation_is_that_of_a_loop(seed, n_classes, shape, share_ignored, options):
    weight = [0.5, 2.0, 1.0, 3.0][:n_classes]
    loss = SegmentationLoss(**options, weight=weight)
    logits, masks = draw_masks(seed, n_classes, shape, share_ignored, loss.ignore_index)
    check_segmentation(loss, logits, logits, masks, masks, weight=weight)


@pytest.mark.parametrize("kind", ["plane", "channel", "both"])
@pytest.mark.parametrize("weight", [None, [1.0, 5.0]])
def test_binary_segmentation_is_that_of_a_loop(kind, weight):
    logits, masks = draw_masks(3, 2, (3, 4), 0.3)
    logits = logits[:, 0]
    y_pred = logits if kind == "plane" else logits[:, None]
    y_true = masks[:, None] if kind == "both" else masks
    check_segmentation(SegmentationLoss(weight=weight), logits, y_pred, masks, y_true, weight=weight)


def test_dice_is_that_of_v_net():
    logits, mask = torch.tensor([[[100.0, 100.0, -100.0, -100.0]]]), torch.tensor([[[1, 0, 1, 0]]])
    details = SegmentationLoss(smooth=1e-12).details(logits, mask)
    assert details.components["dice"].item() == pytest.approx(1 - 2 * 1 / (2 + 2))
    empty = SegmentationLoss(smooth=1e-12).details(logits - 1000, mask * 0)  # nothing there, nothing found
    assert empty.components["dice"].item() == pytest.approx(0)
    as_bool = SegmentationLoss(smooth=1e-12).details(logits, mask.bool())
    assert torch.equal(as_bool.samples, details.samples)


def test_ignored_pixels_have_no_gradient():
    logits, masks = (torch.tensor(part) for part in draw_masks(0, 3, (4, 4), 0.3))
    logits.requires_grad_()
    SegmentationLoss()(logits, masks).backward()
    has_gradient = (logits.grad != 0).any(1)
    assert torch.equal(has_gradient, masks != IGNORED)
    assert logits.grad.isfinite().all()


# -- tokens ----------------------------------------------------------------------------------------------------


def draw_texts(seed=0, width=6, n_classes=3):
    """Give logits (5, width, n_classes) and targets; the second text is empty, the third has a gap."""
    rng = np.random.default_rng(seed)
    targets = np.full((5, width), IGNORED)
    for row, n_tokens in enumerate([4, 0, 6, 1, 3]):
        targets[row, :n_tokens] = rng.integers(0, n_classes, size=n_tokens)
    targets[2, 2] = IGNORED
    return torch.tensor(rng.normal(size=(5, width, n_classes))), torch.tensor(targets)


@pytest.mark.parametrize("over_tokens", ["mean", "sum"])
@pytest.mark.parametrize("options", [{}, {"weight": [0.5, 2.0, 1.0]}, {"label_smoothing": 0.3}, {"ignore_index": 0}])
def test_tokens_are_those_of_a_loop(over_tokens, options):
    logits, targets = draw_texts()
    ignored, smoothing = options.get("ignore_index", IGNORED), options.get("label_smoothing", 0)
    targets = torch.where(targets == IGNORED, ignored, targets)
    details = TokenCrossEntropyLoss(over_tokens=over_tokens, **options).details(logits, targets)
    for row in range(len(targets)):
        losses = []
        for token, code in zip(logits[row].tolist(), targets[row].tolist(), strict=True):
            if code != ignored:
                p, weight = softmax(token), options.get("weight", [1, 1, 1])
                even = -sum(w * math.log(q) for w, q in zip(weight, p, strict=True)) / len(p)
                losses.append((1 - smoothing) * -math.log(p[code]) * weight[code] + smoothing * even)
        np.testing.assert_allclose(details.units.values[row][details.units.mask[row]], losses)
        total = sum(losses) / (max(len(losses), 1) if over_tokens == "mean" else 1)
        assert details.samples[row] == pytest.approx(total)
    assert details.units.is_ragged
    moved = TokenCrossEntropyLoss(classes_dim=1, over_tokens=over_tokens, **options)
    assert torch.equal(moved.details(logits.movedim(2, 1), targets).samples, details.samples)


class Texts(Dataset):
    """Texts as wide as the longest of all; targets ask for each token again."""

    def __init__(self, n_padding=0):
        rng = np.random.default_rng(0)
        self.X = torch.zeros(23, 7 + n_padding, dtype=torch.int64)
        for row in range(1, 23):
            self.X[row, : row % 8] = torch.tensor(rng.integers(1, 5, size=row % 8))
        self.y = torch.where(self.X == 0, IGNORED, self.X)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y[i]


def trim(samples):
    X, y = default_collate(samples)
    width = max(1, int((X > 0).sum(1).max()))
    return X[:, :width], y[:, :width]


def fit_texts(data, **options):
    options = {"lr": 0.0, "max_epochs": 2, "train_split": None, "verbose": 0, **options}
    net = NeuralNet(
        nn.Embedding, module__num_embeddings=6, module__embedding_dim=5, criterion=TokenCrossEntropyLoss, **options
    )
    return ActionScoreEstimator(net, random_state=0).fit(data)


@pytest.mark.parametrize("batch_size", [1, 7, -1])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("padding", [0, 3, "trimmed"])
def test_scores_of_texts_do_not_depend_on_batch_and_padding(batch_size, shuffle, padding):
    whole = fit_texts(Texts(), batch_size=-1)
    options = {"iterator_train__collate_fn": trim} if padding == "trimmed" else {}
    data = Texts(0 if padding == "trimmed" else padding)
    other = fit_texts(data, batch_size=batch_size, iterator_train__shuffle=shuffle, **options)
    np.testing.assert_allclose(other.action_scores_, whole.action_scores_, rtol=1e-6)
    np.testing.assert_array_equal(other.unit_scores_.offsets, whole.unit_scores_.offsets)
    np.testing.assert_allclose(other.unit_scores_.values, whole.unit_scores_.values, rtol=1e-6)
    assert [len(other.unit_scores_[i]) for i in range(23)] == [i % 8 for i in range(23)]
    assert other.action_scores_[[0, 8, 16]].tolist() == [0, 0, 0]  # empty texts
    for i in (1, 7, 15):
        assert other.unit_scores_[i].mean() == pytest.approx(other.action_scores_[i], rel=1e-6)


# -- outputs ---------------------------------------------------------------------------------------------------

COLUMNS = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
SIGNS = (COLUMNS.flip(0) > 0).long()


@pytest.mark.parametrize("weights", [None, [1.0, 0.0, 2.5]])
def test_outputs_are_those_of_a_loop(weights):
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 3.0, 0.5]))
    details = MultiOutputLoss(criterion, weights, names=["a", "b", "c"]).details(COLUMNS, SIGNS)
    expected = np.zeros(5)
    for k, (name, factor) in enumerate(zip("abc", [1.0, 3.0, 0.5], strict=True)):
        p = 1 / (1 + np.exp(-COLUMNS[:, k].double().numpy()))
        losses = np.where(SIGNS[:, k] == 1, -factor * np.log(p), -np.log(1 - p))
        np.testing.assert_allclose(details.components[name], losses, rtol=1e-5)
        expected += losses if weights is None else weights[k] * losses
    np.testing.assert_allclose(details.samples, expected, rtol=1e-5)
    unnamed = MultiOutputLoss(nn.MSELoss()).details(COLUMNS, SIGNS).components
    assert [*unnamed] == ["output_0", "output_1", "output_2"]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_planes_of_outputs_are_averaged_or_added(reduction):
    outputs, targets = torch.randn(2, 3, 4, 4), torch.randint(2, (2, 3, 4, 4))
    components = MultiOutputLoss(nn.L1Loss(reduction=reduction)).details(outputs, targets).components
    gaps = (outputs - targets).abs().flatten(2)
    torch.testing.assert_close(components["output_1"], getattr(gaps, reduction)(2)[:, 1])


def test_ignored_targets_of_an_output_do_not_count():
    logits, codes = torch.randn(2, 3, 2, 4), torch.randint(3, (2, 2, 4))  # classes along the second dimension
    codes[0, 1, :3], codes[1, 0] = IGNORED, IGNORED
    components = MultiOutputLoss(nn.CrossEntropyLoss()).details(logits, codes).components
    torch.testing.assert_close(components["output_1"][0], nn.CrossEntropyLoss()(logits[0, :, 1, 3], codes[0, 1, 3]))
    torch.testing.assert_close(components["output_0"][0], nn.CrossEntropyLoss()(logits[0, :, 0].T, codes[0, 0]))
    assert components["output_0"][1] == 0


class Hidden(nn.Module):
    def forward(self, y_pred, y_true):
        return (y_pred - y_true).mean()


def heads():
    kinds = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]), ignore_index=2)
    return {"kind": kinds, "size": nn.L1Loss(), "mask": SegmentationLoss(), "pixels": nn.MSELoss(reduction="sum")}


OUTPUTS = {"kind": COLUMNS, "size": COLUMNS[:, :1], "mask": torch.randn(5, 1, 2, 2), "pixels": torch.randn(5, 2, 2)}
TARGETS = {
    "kind": torch.tensor([0, 1, 2, 1, 0]),
    "size": torch.arange(5.0),
    "mask": torch.randint(2, (5, 2, 2)),
    "pixels": torch.zeros(5, 2, 2),
}


@pytest.mark.parametrize("as_dict", [True, False])
def test_heads_are_those_of_their_own_criteria(as_dict):
    weights = {"kind": 1.0, "size": 0.1, "mask": 2.0, "pixels": 1.0}
    named = {"losses": heads(), "weights": weights}
    listed = {"losses": [*heads().values()], "weights": [*weights.values()], "names": [*weights]}
    loss = MultiOutputLoss(**(named if as_dict else listed))
    y_pred, y_true = (OUTPUTS, TARGETS) if as_dict else ((*OUTPUTS.values(),), [*TARGETS.values()])
    details = loss.details(y_pred, y_true)
    kinds = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]), ignore_index=2, reduction="none")
    masks = SegmentationLoss().details(OUTPUTS["mask"], TARGETS["mask"])
    expected = {
        "kind": kinds(OUTPUTS["kind"], TARGETS["kind"]),
        "size": (COLUMNS[:, 0] - TARGETS["size"]).abs(),
        "mask": masks.samples,
        "pixels": OUTPUTS["pixels"].square().sum((1, 2)),
    }
    torch.testing.assert_close(details.samples, sum(weights[name] * losses for name, losses in expected.items()))
    expected |= {"mask_dice": masks.components["dice"], "mask_cross_entropy": masks.components["cross_entropy"]}
    assert details.components.keys() == expected.keys()
    for name, losses in expected.items():
        torch.testing.assert_close(details.components[name], losses)
    assert details.unit_components.keys() == {"mask", "pixels"}
    torch.testing.assert_close(details.unit_components["pixels"].values, OUTPUTS["pixels"].square())


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.kind, self.size = nn.Linear(5, 3), nn.Linear(5, 1)

    def forward(self, X):
        return self.kind(X), self.size(X)


def test_heads_in_a_net_record_parts_and_train_as_the_net_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5)).astype(np.float32)
    y = np.stack([rng.integers(0, 3, size=40), rng.normal(size=40)], 1)  # columns of one dtype
    loss = MultiOutputLoss([nn.CrossEntropyLoss(), nn.MSELoss()], names=["kind", "size"], weights=[1, 0.5])
    net = NeuralNet(TwoHeads, criterion=loss, train_split=None, verbose=0, max_epochs=3, batch_size=16)
    seed_everything()
    scorer = ActionScoreEstimator(net).fit(X, y.astype(np.float32))
    seed_everything()
    alone = net.fit(X, y.astype(np.float32))
    assert all(torch.equal(tensors_of(scorer.estimator_)[name], value) for name, value in tensors_of(alone).items())
    parts = scorer.component_scores_
    np.testing.assert_allclose(parts["kind"] + 0.5 * parts["size"], scorer.action_scores_, rtol=1e-6)
    assert [*parts] == ["kind", "size"]
    assert list(scorer.to_frame().filter(like="component_")) == ["component_kind", "component_size"]


# -- what goes wrong -------------------------------------------------------------------------------------------

PLANES, MASK, TWO = torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long), [nn.MSELoss(), nn.MSELoss()]
WRONG = {
    "float mask": (lambda: SegmentationLoss()(PLANES, MASK.float()), r"masks are of torch\.float32; expected codes"),
    "other size": (lambda: SegmentationLoss()(PLANES, MASK[:, 1:]), r"shape \(2, 3, 4, 4\) and masks \(2, 3, 4\)"),
    "no pixels": (lambda: SegmentationLoss()(PLANES[:, 0, 0, 0], MASK[:, 0, 0]), "or one logit per pixel"),
    "no part": (lambda: SegmentationLoss(0, 0), "cross_entropy=0, dice=0; expected weights of 0 or more"),
    "smooth": (lambda: SegmentationLoss(smooth=0), "smooth=0; expected a number above 0"),
    "layout": (lambda: TokenCrossEntropyLoss(classes_dim=2), "classes_dim=2; expected -1, classes last, or 1"),
    "over": (lambda: TokenCrossEntropyLoss(over_tokens="max"), "over_tokens='max'; expected one of 'mean', 'sum'"),
    "tokens": (
        lambda: TokenCrossEntropyLoss()(PLANES[0], MASK[0]),
        r"\(3, 4, 4\) and targets \(4, 4\); .* classes_dim",
    ),
    "names of a dict": (lambda: MultiOutputLoss({"a": TWO[0]}, names=["b"]), "losses is a dict, which has the names"),
    "twice": (lambda: MultiOutputLoss(TWO, names=["a", "a"]), "names has 1 different entries, but there are 2 outputs"),
    "weights": (lambda: MultiOutputLoss(TWO, weights=[1]), "weights has 1 .* there are 2 outputs"),
    "of a name": (lambda: MultiOutputLoss(TWO, weights={"a": 1, "b": 1}), "weights have no 'output_0', only 'a', 'b'"),
    "heads": (lambda: MultiOutputLoss(TWO)(COLUMNS, COLUMNS), "3 outputs for 2 losses; expected one per output"),
    "targets": (lambda: MultiOutputLoss(TWO)((COLUMNS, COLUMNS), [COLUMNS]), "1 targets for 2 losses"),
    "one per sample": (
        lambda: MultiOutputLoss(nn.CrossEntropyLoss())(COLUMNS, SIGNS[:, 0]),
        "gives one loss per sample",
    ),
    "hidden": (lambda: MultiOutputLoss([Hidden()])([COLUMNS], [COLUMNS]), "Hidden returned one number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_goes_wrong_is_said(case):
    with pytest.raises((ValueError, SampleLossError), match=WRONG[case][1]):
        WRONG[case][0]()
