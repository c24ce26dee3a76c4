"""The loss of single-shot detectors, image by image, part by part and box by box."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from actscore_sk.losses.box_targets import check_boxes, read_targets
from actscore_sk.losses.boxes import decode, encode
from actscore_sk.losses.details import DetailedLoss, LossDetails, Units
from actscore_sk.losses.matching import match

_CLASSIFICATIONS = ("cross_entropy", "focal")
_RANGES = {
    "iou_threshold": (1e-6, 1.0),
    "negative_ratio": (0.0, float("inf")),
    "min_negatives": (1, float("inf")),
    "alpha": (0.0, 1.0),
    "gamma": (0.0, float("inf")),
    "localization_weight": (0.0, float("inf")),
}


class MultiBoxLoss(DetailedLoss):
    """Loss of a detector that predicts, for each of many anchors, an offset and a class.

    It is that of SSD [1]_.

    Every box gets an anchor of its own, and each further anchor that overlaps a box by `iou_threshold` or more is its,
    too. Matched anchors pay for their offsets (smooth L1) and their class; of the others, those that look least like
    background pay for it. All is divided by the number of anchors matched in *this* image, at least 1, and negatives
    are mined in each image: unlike in SSD, what an image scores does not depend on its neighbours in the batch. So
    images count alike, not boxes.

    Parameters
    ----------
    anchors : array-like (n_anchors, 4)
        (x1, y1, x2, y2), as from `make_anchors`.
    classification : {"cross_entropy", "focal"}
        Cross-entropy with hard negatives, or the focal loss -a (1 - p)^gamma log(p) of all anchors [2]_, where p is the
        softmax probability of the right class. For the latter, let the net start with a bias that makes background
        likely, p = .99 say: negatives are many.
    iou_threshold : float
        Least overlap of a further anchor, in (0, 1].
    negative_ratio : float
        Negatives that count, for each matched anchor. Not for "focal".
    min_negatives : int
        Negatives that count at least, 1 or more: also an image without boxes has a loss. Not for "focal".
    alpha : float
        Weight of positives in the focal loss, in [0, 1]; that of negatives is ``1 - alpha``.
    gamma : float
        Exponent that lowers the focal loss of anchors with the right class; 0 = not at all.
    localization_weight : float
        Weight of the loss of offsets; 0 or more.
    reduction : {"mean", "sum", "none"}
        Reduction of the losses of images to the loss that is trained on.

    Raises
    ------
    ValueError
        If a box has no area, is not finite, or has an unknown class, or if an image has more boxes than there are
        anchors: before the first update in `ActionScoreEstimator`, elsewhere when the batch comes. Boxes that are on a
        device are not checked, which would make the host wait for it.

    Notes
    -----
    ``y_pred`` is a pair (boxes, logits), or a dict with these entries: offsets (n_images, n_anchors, 4) as `decode`
    takes them, and logits (n_images, n_anchors, n_classes + 1), background first. Of a pair, skorch's `predict` returns
    the first only, and its `forward` both; dicts of several batches it cannot join, `forward_iter` yields one each.

    ``y_true`` is a tensor (n_images, max_boxes, 5) of rows (class, x1, y1, x2, y2), class -1 for padding, as from
    `pad_boxes`; or a list of dicts "boxes" (n_boxes, 4) and "labels" (n_boxes,), which a ``collate_fn`` makes. In rows,
    classes count from 0. In dicts, as for torchvision's detectors, from 1.

    `ActionScoreEstimator` records the components "localization", "positive" and "negative", which add up to the loss of
    the image; and for each box, in order, the mean over its anchors of localization and positive, together
    (`unit_scores_`) and apart (`unit_component_scores_`). An object without an annotation has no box to score: it
    shows in "negative".

    References
    ----------
    .. [1] W. Liu et al. *SSD: Single Shot MultiBox Detector.* ECCV 2016.
    .. [2] T.-Y. Lin et al. *Focal Loss for Dense Object Detection.* ICCV 2017.

    Examples
    --------
    >>> from actscore_sk.losses.boxes import make_anchors
    >>> from actscore_sk.losses.box_targets import pad_boxes
    >>> anchors = make_anchors((32, 32), [(4, 4)], [[8]], aspect_ratios=[1.0])
    >>> loss = MultiBoxLoss(anchors)
    >>> y_true = torch.from_numpy(pad_boxes([[[0, 0, 8, 8], [8, 8, 20, 16]], []], [[0, 1], []]))
    >>> y_pred = torch.zeros(2, 16, 4), torch.zeros(2, 16, 3)
    >>> details = loss.details(y_pred, y_true)
    >>> details.components["localization"], details.units.values[0]
    (tensor([1.7637, 0.0000]), tensor([1.0986, 4.6259]))
    """

    def __init__(
        self,
        anchors: Any,
        *,
        classification: str = "cross_entropy",
        iou_threshold: float = 0.5,
        negative_ratio: float = 3.0,
        min_negatives: int = 3,
        alpha: float = 0.25,
        gamma: float = 2.0,
        localization_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        anchors = torch.as_tensor(anchors)
        anchors = anchors if anchors.is_floating_point() else anchors.float()
        if anchors.ndim != 2 or anchors.shape[1] != 4 or not (anchors[:, 2:] > anchors[:, :2]).all():
            raise ValueError(
                f"anchors have shape {tuple(anchors.shape)}; expected (n_anchors, 4), rows (x1, y1, x2, y2) with "
                "x1 < x2 and y1 < y2, as from make_anchors"
            )
        self.anchors: Tensor
        self.register_buffer("anchors", anchors)
        self.classification = classification
        self.iou_threshold = iou_threshold
        self.negative_ratio = negative_ratio
        self.min_negatives = min_negatives
        self.alpha = alpha
        self.gamma = gamma
        self.localization_weight = localization_weight
        self._check_options()

    def details(self, y_pred: Any, y_true: Any) -> LossDetails:
        """Compute the losses of images, of their three parts, and of boxes.

        Parameters
        ----------
        y_pred : tuple (boxes, logits) or dict
            Offsets (n_images, n_anchors, 4) and logits (n_images, n_anchors, n_classes + 1).
        y_true : tensor (n_images, max_boxes, 5) or list of dict
            Boxes and their classes; see the notes of the class.

        Returns
        -------
        details : LossDetails
            With the components and ragged units that the notes of the class describe.
        """
        offsets, logits = self._read_outputs(y_pred)
        targets = self._read_targets(y_true, logits)
        is_box, boxes = targets[..., 0] >= 0, targets[..., 1:]
        matched = match(boxes, is_box, self.anchors, self.iou_threshold)
        localization = self._offset_losses(offsets, boxes, matched)
        classified = self._class_losses(logits, targets, matched)
        is_positive = matched >= 0
        sums = {
            "localization": localization.sum(1),
            "positive": torch.where(is_positive, classified, 0).sum(1),
            "negative": self._negative(classified, is_positive),
        }
        # the image's own divisor: the number of positives in the batch would tie images to their neighbours
        components = {name: part / is_positive.sum(1).clamp(min=1) for name, part in sums.items()}
        unit_components = {
            "localization": Units(_mean_of_anchors(localization, matched, is_box), is_box, is_ragged=True),
            "positive": Units(_mean_of_anchors(classified, matched, is_box), is_box, is_ragged=True),
        }
        units = unit_components["localization"].values + unit_components["positive"].values
        samples = components["localization"] + components["positive"] + components["negative"]
        return LossDetails(samples, components, Units(units, is_box, is_ragged=True), unit_components)

    def check_targets(self, y_true: Any) -> None:
        """Raise ValueError if a box cannot be learnt.

        Parameters
        ----------
        y_true : tensor or ndarray (n_images, max_boxes, 5) or list of dict
            Targets of all images.
        """
        targets = read_targets(y_true)
        check_boxes(targets)
        self._check_amounts(targets)

    def decode(self, boxes: Tensor) -> Tensor:
        """Turn predicted offsets into boxes.

        Parameters
        ----------
        boxes : tensor (n_images, n_anchors, 4)
            Offsets, as the net returns them.

        Returns
        -------
        boxes : tensor (n_images, n_anchors, 4)
            Rows (x1, y1, x2, y2) in the unit of the anchors; not clipped to the image.
        """
        return decode(boxes, self.anchors.to(boxes.device))

    def _check_options(self) -> None:
        if self.classification not in _CLASSIFICATIONS:
            expected = " or ".join(map(repr, _CLASSIFICATIONS))
            raise ValueError(f"classification={self.classification!r}; expected {expected}")
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}={getattr(self, name)}; expected a number from {low:g} to {high:g}")

    def _read_outputs(self, y_pred: Any) -> tuple[Tensor, Tensor]:
        """Offsets and logits, at least in single precision."""
        is_dict = isinstance(y_pred, Mapping)
        found = [y_pred[name] for name in ("boxes", "logits") if name in y_pred] if is_dict else y_pred
        is_pair = isinstance(found, (tuple, list)) and len(found) == 2
        shapes = [tuple(part.shape) for part in found] if is_pair else type(y_pred).__name__
        n_anchors = len(self.anchors)
        if not is_pair or shapes[0][1:] != (n_anchors, 4) or len(shapes[1]) != 3 or shapes[1][1] != n_anchors:
            raise ValueError(
                f"the net returned {shapes}; expected a pair (boxes, logits), or a dict of them, of shapes (n_images, "
                f"{n_anchors}, 4) and (n_images, {n_anchors}, n_classes + 1): one row per anchor"
            )
        # autocast returns half precision, in which sums over thousands of anchors lose digits
        boxes, logits = (part.to(torch.promote_types(part.dtype, torch.float32)) for part in found)
        return boxes, logits

    def _read_targets(self, y_true: Any, logits: Tensor) -> Tensor:
        targets = read_targets(y_true).to(logits.device)
        if targets.is_cpu:
            check_boxes(targets, logits.shape[2] - 1)
        self._check_amounts(targets)
        return targets

    def _check_amounts(self, targets: Tensor) -> None:
        # asked only where the padding is that wide: the answer makes the host wait
        if targets.shape[1] > len(self.anchors):
            amounts = (targets[..., 0] >= 0).sum(1)
            if int(amounts.max()) > len(self.anchors):
                raise ValueError(
                    f"image {int(amounts.argmax())} has {int(amounts.max())} boxes, but there are {len(self.anchors)} "
                    "anchors, and each box needs one of its own; lay more of them, or cut the image into tiles"
                )

    def _offset_losses(self, offsets: Tensor, boxes: Tensor, matched: Tensor) -> Tensor:
        """Loss of the offsets of each anchor (n_images, n_anchors), 0 for background."""
        slots = matched.clamp(min=0)[..., None].expand(-1, -1, 4)
        gaps = offsets - encode(boxes.gather(1, slots), self.anchors)
        # background points at the first box, which may be padding: anything
        gaps = torch.where((matched >= 0)[..., None], gaps, 0)
        return self.localization_weight * F.smooth_l1_loss(gaps, torch.zeros_like(gaps), reduction="none").sum(2)

    def _class_losses(self, logits: Tensor, targets: Tensor, matched: Tensor) -> Tensor:
        """Loss of the class of each anchor (n_images, n_anchors), that of background included."""
        is_positive = matched >= 0
        labels = targets[..., 0].long().gather(1, matched.clamp(min=0)) + 1
        labels = torch.where(is_positive, labels, 0)
        log_p = logits.log_softmax(2).gather(2, labels[..., None])[..., 0]
        if self.classification == "cross_entropy":
            return -log_p
        wrong = (-log_p.expm1()).clamp(min=torch.finfo(log_p.dtype).tiny)  # the slope of a root at 0 is infinite
        return -torch.where(is_positive, self.alpha, 1 - self.alpha) * wrong**self.gamma * log_p

    def _negative(self, classified: Tensor, is_positive: Tensor) -> Tensor:
        """Sum of the losses of the negatives that count in each image (n_images,)."""
        if self.classification == "focal":
            return torch.where(is_positive, 0, classified).sum(1)
        hardest = classified.masked_fill(is_positive, -torch.inf).sort(dim=1, descending=True, stable=True).values
        wanted = (self.negative_ratio * is_positive.sum(1)).clamp(min=self.min_negatives)
        wanted = torch.minimum(wanted, (~is_positive).sum(1))
        ranks = torch.arange(classified.shape[1], device=classified.device)
        return torch.where(ranks + 1 <= wanted[:, None], hardest, 0).sum(1)


def _mean_of_anchors(losses: Tensor, matched: Tensor, is_box: Tensor) -> Tensor:
    """Mean of losses (n_images, n_anchors) over the anchors of each box (n_images, width); 0 for padding."""
    slots = torch.arange(is_box.shape[1], device=losses.device)
    is_its = matched[:, None] == slots[:, None]
    return torch.where(is_its, losses.detach()[:, None], 0).sum(2) / is_its.sum(2).clamp(min=1)
