"""The loss of an image that is made of its own pixels alone: cross-entropy and Dice."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from actscore_sk.losses.details import DetailedLoss, LossDetails, Units, mean_of_units


class SegmentationLoss(DetailedLoss):
    """Pixel-wise cross-entropy and Dice of each image.

    The loss of an image is ``cross_entropy * C + dice * D``. C is the mean cross-entropy of its pixels, and D one
    minus the soft Dice coefficient of Milletari et al. (V-Net, 3DV 2016), where p is the probability of a class at a
    pixel, and g is 1 at the pixels of that class, else 0:

        D = 1 - (2 sum p g + smooth) / (sum p^2 + sum g^2 + smooth)

    Sums run over the pixels of one image and never over the batch, so that no image depends on its neighbours. With
    several classes, D is the mean over those in the mask of the image; with binary logits, it is that of class 1.

    Parameters
    ----------
    cross_entropy, dice : float
        Weights of the two parts, at least 0. Both parts are recorded, and without these weights.
    ignore_index : int
        Value of pixels that do not count. An image that has no other has loss 0.
    weight : sequence of float or tensor (n_classes,), optional
        Weight of each class in the cross-entropy; the mean of an image is taken over the number of its pixels.
    smooth : float
        Additive smoothing of the Dice coefficient, > 0: about how many false-positive pixels are forgiven in an image
        without the class.
    reduction : {"mean", "sum", "none"}
        Reduction of the losses of images to the loss that is trained on.

    Notes
    -----
    Logits are (n_samples, n_classes, ...) with masks (n_samples, ...) of codes 0..n_classes-1, or (n_samples, 1, ...)
    or (n_samples, ...) with masks of 0 and 1. Masks are integers or booleans.

    The parts are "cross_entropy", 0 or more, and "dice", 0 to 1; higher = harder. Units are the cross-entropies of
    pixels, shaped like the masks.

    Examples
    --------
    >>> mask = torch.tensor([[[0, 1], [-100, 1]]])                               # one image, a pixel ignored
    >>> sure, unsure = (size * (2 * (mask == 1).float() - 1)[:, None] for size in (20.0, 0.0))
    >>> details = SegmentationLoss(smooth=1e-6).details(sure, mask)
    >>> details.samples.round(decimals=4), details.units.mask.sum()
    (tensor([0.]), tensor(3))
    >>> {name: part.round(decimals=4) for name, part in SegmentationLoss().details(unsure, mask).components.items()}
    {'cross_entropy': tensor([0.6931]), 'dice': tensor([0.2000])}
    """

    def __init__(
        self,
        cross_entropy: float = 1.0,
        dice: float = 1.0,
        ignore_index: int = -100,
        weight: Sequence[float] | Tensor | None = None,
        smooth: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if cross_entropy < 0 or dice < 0 or cross_entropy + dice == 0:
            raise ValueError(f"cross_entropy={cross_entropy}, dice={dice}; expected weights of 0 or more, not both 0")
        if smooth <= 0:
            raise ValueError(f"smooth={smooth}; expected a number above 0, or an image without the class has no Dice")
        self.cross_entropy = cross_entropy
        self.dice = dice
        self.smooth = smooth
        self.ignore_index = ignore_index
        self.weight: Tensor | None
        self.register_buffer("weight", None if weight is None else torch.as_tensor(weight, dtype=torch.float32))

    def details(self, y_pred: Tensor, y_true: Tensor) -> LossDetails:
        """Compute the losses of the images in a batch, of their two parts, and of their pixels.

        Parameters
        ----------
        y_pred : tensor
            Logits (n_samples, n_classes, ...), or one logit per pixel; see the notes of the class.
        y_true : tensor (n_samples, ...)
            Masks of integers or booleans.

        Returns
        -------
        details : LossDetails
            Parts "cross_entropy" and "dice"; units shaped like the masks.

        Raises
        ------
        ValueError
            If the masks do not fit the logits, or are not integers.
        """
        logits, mask, is_binary = self._as_classes(y_pred, y_true)
        counts = mask != self.ignore_index
        weight = None if self.weight is None else self.weight.to(logits.dtype)
        pixels = F.cross_entropy(logits, mask, weight=weight, ignore_index=self.ignore_index, reduction="none")
        units = Units(pixels.reshape(y_true.shape), counts.reshape(y_true.shape))
        parts = {"cross_entropy": mean_of_units(units), "dice": self._dice(logits, mask, counts, is_binary)}
        return LossDetails(self.cross_entropy * parts["cross_entropy"] + self.dice * parts["dice"], parts, units)

    def _as_classes(self, y_pred: Tensor, y_true: Tensor) -> tuple[Tensor, Tensor, bool]:
        """Return logits (n, n_classes, n_pixels), masks (n, n_pixels), and True if there is one logit per pixel."""
        if y_true.is_floating_point():
            raise ValueError(f"masks are of {y_true.dtype}; expected codes of classes: cast them to int64")
        if y_true.ndim > 1 and y_pred.shape == y_true.shape:
            logits, is_binary = y_pred.flatten(1)[:, None], True
        elif y_pred.ndim > 2 and y_pred.shape[:1] + y_pred.shape[2:] == y_true.shape:
            logits, is_binary = y_pred.flatten(2), y_pred.shape[1] == 1
        else:
            raise ValueError(
                f"logits have shape {tuple(y_pred.shape)} and masks {tuple(y_true.shape)}; expected (n_samples, "
                "n_classes, ...) and (n_samples, ...), or one logit per pixel"
            )
        if is_binary:  # two classes have the same probabilities with the logits 0 and that one
            logits = torch.cat([torch.zeros_like(logits), logits], 1)
        return logits, y_true.long().flatten(1), is_binary

    def _dice(self, logits: Tensor, mask: Tensor, counts: Tensor, is_binary: bool) -> Tensor:
        classes = torch.arange(int(is_binary), logits.shape[1], device=mask.device)
        is_class = (mask[:, None] == classes[:, None]) & counts[:, None]
        # pixels that do not count are 0 in p and in g, so they are in none of the sums
        p = logits.softmax(1)[:, int(is_binary) :] * counts[:, None]
        shared, n_pixels = (p * is_class).sum(2), is_class.sum(2)
        losses = 1 - (2 * shared + self.smooth) / (p.square().sum(2) + n_pixels + self.smooth)
        if is_binary:
            return losses[:, 0]
        return mean_of_units(Units(losses, n_pixels > 0))
