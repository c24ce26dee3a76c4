"""The loss of a text that is made of its own tokens alone, however far it was padded."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from actscore_sk.losses.details import DetailedLoss, LossDetails, Units, mean_of_units

_OVER_TOKENS = ("mean", "sum")


class TokenCrossEntropyLoss(DetailedLoss):
    """Cross-entropy of the tokens of each text, without those that pad it.

    Texts count alike, however long they are: torch's own mean divides by the tokens of the batch, so that the weight
    of a text depends on its neighbours.

    Parameters
    ----------
    ignore_index : int
        Target of tokens that do not count, padding among them. A text that has no other has loss 0 and no units.
    classes_dim : {-1, 1}
        Where the logits have their classes: last, (n_samples, n_tokens, n_classes), as from a transformer; or second,
        (n_samples, n_classes, n_tokens), as from a convolution.
    over_tokens : {"mean", "sum"}
        How the losses of tokens become that of a text.
    weight : sequence of float or tensor (n_classes,), optional
        Weight of each class; the mean of a text is taken over the number of its tokens.
    label_smoothing : float
        As in `torch.nn.CrossEntropyLoss`.
    reduction : {"mean", "sum", "none"}
        Reduction of the losses of texts to the loss that is trained on.

    Notes
    -----
    Targets are codes of classes, (n_samples, n_tokens), integers. Units are ragged: the cross-entropies of the tokens
    that count, in order, 0 or more; higher = harder.

    Examples
    --------
    >>> logits = torch.zeros(2, 3, 4)                                            # two texts, three tokens, four classes
    >>> details = TokenCrossEntropyLoss().details(logits, torch.tensor([[1, 3, -100], [-100, -100, -100]]))
    >>> details.samples, details.units.mask.sum(1)
    (tensor([1.3863, 0.0000]), tensor([2, 0]))
    """

    def __init__(
        self,
        ignore_index: int = -100,
        classes_dim: int = -1,
        over_tokens: str = "mean",
        weight: Sequence[float] | Tensor | None = None,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if classes_dim not in (-1, 1):
            raise ValueError(f"classes_dim={classes_dim}; expected -1, classes last, or 1, classes before tokens")
        if over_tokens not in _OVER_TOKENS:
            raise ValueError(f"over_tokens={over_tokens!r}; expected one of {', '.join(map(repr, _OVER_TOKENS))}")
        self.ignore_index = ignore_index
        self.classes_dim = classes_dim
        self.over_tokens = over_tokens
        self.label_smoothing = label_smoothing
        self.weight: Tensor | None
        self.register_buffer("weight", None if weight is None else torch.as_tensor(weight, dtype=torch.float32))

    def details(self, y_pred: Tensor, y_true: Tensor) -> LossDetails:
        """Compute the losses of the texts in a batch, and of their tokens.

        Parameters
        ----------
        y_pred : tensor
            Logits, (n_samples, n_tokens, n_classes) or (n_samples, n_classes, n_tokens) as `classes_dim` says.
        y_true : tensor of int64 (n_samples, n_tokens)
            Codes of classes.

        Returns
        -------
        details : LossDetails
            Ragged units: the tokens that count.

        Raises
        ------
        ValueError
            If the targets do not fit the logits.
        """
        logits = y_pred.movedim(self.classes_dim, 1) if y_pred.ndim == 3 else y_pred
        if logits.ndim != 3 or logits.shape[::2] != y_true.shape:
            layout = (
                "(n_samples, n_tokens, n_classes)" if self.classes_dim == -1 else "(n_samples, n_classes, n_tokens)"
            )
            raise ValueError(
                f"logits have shape {tuple(y_pred.shape)} and targets {tuple(y_true.shape)}; expected {layout} and "
                "(n_samples, n_tokens); classes_dim says where the classes are"
            )
        tokens = F.cross_entropy(
            logits,
            y_true.long(),
            weight=None if self.weight is None else self.weight.to(logits.dtype),
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            reduction="none",
        )
        # ragged: the width of a batch is that of its longest text, and says nothing about the others
        units = Units(tokens, y_true != self.ignore_index, is_ragged=True)
        return LossDetails(mean_of_units(units) if self.over_tokens == "mean" else tokens.sum(1), units=units)
