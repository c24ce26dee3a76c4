"""Criteria of random configurations, and what the plain loop says of the same units."""

from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from tests.criteria import (
    Counting,
    Focal,
    LearnedTemperature,
    OwnGenerator,
    Random,
    RandomNumpy,
    ReplacedBuffer,
    RunningBuffer,
    Scalar,
    Vector,
)
from tests.fuzz.reference import Loss

CLASS_WEIGHTS = torch.tensor([1.0, 0.25, 2.5])


def _torch_loss(kind, function, reduction="mean", unit_weights=None, own=None, **options):
    """Row of one of torch's losses; `own` are options that the plain loop gives to the function."""
    own = options if own is None else own
    return Loss(
        partial(kind, reduction=reduction, **options),
        lambda criterion, output, target: function(output, target, reduction="none", **own),
        unit_weights,
        reduction,
        weighted=lambda criterion, output, target: function(output, target, reduction="none", **options),
    )


def _own_loss(kind, reduction="mean"):
    return Loss(partial(kind, reduction=reduction), lambda c, o, t: c.each(o, t), None, reduction, has_state=True)


def _weights_of(target):
    return CLASS_WEIGHTS[target]


CLASSES = {
    "cross entropy": _torch_loss(nn.CrossEntropyLoss, F.cross_entropy),
    "cross entropy, sum": _torch_loss(nn.CrossEntropyLoss, F.cross_entropy, "sum"),
    "cross entropy, smooth": _torch_loss(nn.CrossEntropyLoss, F.cross_entropy, label_smoothing=0.2),
    "cross entropy, annealed": Loss(
        nn.CrossEntropyLoss,
        lambda c, o, t: F.cross_entropy(o, t, reduction="none", label_smoothing=c.label_smoothing),
    ),
    "cross entropy, weights": _torch_loss(
        nn.CrossEntropyLoss, F.cross_entropy, unit_weights=_weights_of, own={}, weight=CLASS_WEIGHTS
    ),
    "cross entropy, weights, sum": _torch_loss(
        nn.CrossEntropyLoss, F.cross_entropy, "sum", unit_weights=_weights_of, own={}, weight=CLASS_WEIGHTS
    ),
    "cross entropy, ignored": _torch_loss(
        nn.CrossEntropyLoss, F.cross_entropy, unit_weights=lambda target: target != 1, ignore_index=1
    ),
    "cross entropy, weights, smooth, ignored": _torch_loss(
        nn.CrossEntropyLoss,
        F.cross_entropy,
        unit_weights=lambda target: CLASS_WEIGHTS[target] * (target != 1),
        own={"label_smoothing": 0.3, "ignore_index": 1},
        weight=CLASS_WEIGHTS,
        label_smoothing=0.3,
        ignore_index=1,
    ),
    "margin": _torch_loss(nn.MultiMarginLoss, F.multi_margin_loss),
    "margin, weights": _torch_loss(nn.MultiMarginLoss, F.multi_margin_loss, own={"p": 2}, p=2, weight=CLASS_WEIGHTS),
    "focal": _own_loss(Focal),
    "focal, sum": _own_loss(Focal, "sum"),
    "random": _own_loss(Random),
    "random, NumPy": _own_loss(RandomNumpy),
    "own generator": _own_loss(OwnGenerator),
    "running buffer": _own_loss(RunningBuffer),
    "replaced buffer": _own_loss(ReplacedBuffer),
    "counting": _own_loss(Counting),
    "learned temperature": _own_loss(LearnedTemperature),
    "vector": Loss(Vector, lambda c, o, t: c(o, t), has_state=True),
    "scalar": Loss(Scalar, lambda c, o, t: F.cross_entropy(o, t, reduction="none")),
}
LOG_PROBABILITIES = {
    "likelihood": _torch_loss(nn.NLLLoss, F.nll_loss),
    "likelihood, sum": _torch_loss(nn.NLLLoss, F.nll_loss, "sum"),
    "likelihood, weights": _torch_loss(nn.NLLLoss, F.nll_loss, unit_weights=_weights_of, own={}, weight=CLASS_WEIGHTS),
}
NUMBERS = {
    f"{name}{', sum' if reduction == 'sum' else ''}": _torch_loss(kind, function, reduction)
    for name, kind, function in (
        ("squared", nn.MSELoss, F.mse_loss),
        ("absolute", nn.L1Loss, F.l1_loss),
        ("smooth", nn.SmoothL1Loss, F.smooth_l1_loss),
        ("huber", nn.HuberLoss, F.huber_loss),
    )
    for reduction in ("mean", "sum")
}
LABELS = {
    "logits": _torch_loss(nn.BCEWithLogitsLoss, F.binary_cross_entropy_with_logits),
    "logits, sum": _torch_loss(nn.BCEWithLogitsLoss, F.binary_cross_entropy_with_logits, "sum"),
    "logits, one weight": _torch_loss(
        nn.BCEWithLogitsLoss, F.binary_cross_entropy_with_logits, own={}, pos_weight=torch.tensor(3.0)
    ),
}
SEVERAL_LABELS = LABELS | {
    f"logits, weights{', sum' if reduction == 'sum' else ''}": _torch_loss(
        nn.BCEWithLogitsLoss,
        F.binary_cross_entropy_with_logits,
        reduction,
        own={},
        pos_weight=CLASS_WEIGHTS,
        weight=CLASS_WEIGHTS.flip(0),
    )
    for reduction in ("mean", "sum")
}
SEVERAL_LABELS |= {
    "soft margin": _torch_loss(nn.SoftMarginLoss, F.soft_margin_loss),
    "labels": _torch_loss(nn.MultiLabelSoftMarginLoss, F.multilabel_soft_margin_loss),
    "labels, weights": _torch_loss(
        nn.MultiLabelSoftMarginLoss, F.multilabel_soft_margin_loss, own={}, weight=CLASS_WEIGHTS
    ),
    "poisson": _torch_loss(nn.PoissonNLLLoss, F.poisson_nll_loss, full=True),
}
SHARES = {
    "shares": _torch_loss(nn.CrossEntropyLoss, F.cross_entropy),
    "shares, smooth": _torch_loss(nn.CrossEntropyLoss, F.cross_entropy, label_smoothing=0.2),
    "shares, weights": _torch_loss(nn.CrossEntropyLoss, F.cross_entropy, own={}, weight=CLASS_WEIGHTS),
    "shares, sum": _torch_loss(nn.CrossEntropyLoss, F.cross_entropy, "sum"),
}
DIVERGENCES = {
    f"divergence, {reduction}": _torch_loss(nn.KLDivLoss, F.kl_div, reduction)
    for reduction in ("mean", "sum", "batchmean")
}


def lengths(output, target):
    """Lengths of outputs, and those of targets, which have them in their first column."""
    return torch.full((output.shape[1],), output.shape[0]), target[:, 0]


class OwnCTC(nn.CTCLoss):
    """Knows the lengths itself."""

    def forward(self, output, target):
        return super().forward(output, target[:, 1:], *lengths(output, target))


def _ctc_units(criterion, output, target):
    return F.ctc_loss(output, target[:, 1:], *lengths(output, target), reduction="none")


def _ctc(reduction):
    return Loss(partial(OwnCTC, reduction=reduction), _ctc_units, reduction=reduction)


SEQUENCES = {"sequences": _ctc("mean"), "sequences, sum": _ctc("sum")}
SEQUENCES |= {
    "sequences, torch's": Loss(
        nn.CTCLoss,
        _ctc_units,
        sizes=lambda target: target[:, 0],
        call=lambda criterion, output, target: criterion(output, target[:, 1:], *lengths(output, target)),
    )
}
PIXELS = {
    "pixels": _torch_loss(nn.CrossEntropyLoss, F.cross_entropy),
    "pixels, ignored": _torch_loss(
        nn.CrossEntropyLoss, F.cross_entropy, unit_weights=lambda target: target != 2, ignore_index=2
    ),
    "pixels, sum": _torch_loss(nn.CrossEntropyLoss, F.cross_entropy, "sum"),
}
