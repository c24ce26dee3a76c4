"""The loss of a learner that knows the shares of the classes only: what a held-out loss is compared with."""

from typing import Any

from torch import Tensor, nn

from actscore_sk.data.own_targets import targets_in
from actscore_sk.metrics.epoch_window import class_entropy
from actscore_sk.metrics.measurements import precise_dtype
from actscore_sk.recording.books import HALF_PRECISION, HALF_PRECISION_TOLERANCE, TOLERANCE

# Only a cross-entropy in nats can be compared with an entropy.
_MULTICLASS = (nn.CrossEntropyLoss, nn.NLLLoss)
_BINARY = (nn.BCEWithLogitsLoss, nn.BCELoss)


def entropy_of_classes(net: Any, dataset: Any) -> float | None:
    """Return the entropy of the class shares, if the net learns classes by a cross-entropy.

    Parameters
    ----------
    net : NeuralNet
        Initialised.
    dataset : Dataset
        Of all samples; its targets are read if they are in an attribute, and nothing is loaded for them.

    Returns
    -------
    entropy : float or None
        In nats; None where the loss is no cross-entropy, or the targets are unknown or no classes.

    Examples
    --------
    >>> import torch
    >>> from skorch import NeuralNetClassifier
    >>> net = NeuralNetClassifier(nn.Linear, criterion=nn.CrossEntropyLoss, module__in_features=2,
    ...                           module__out_features=2).initialize()
    >>> entropy_of_classes(net, torch.utils.data.TensorDataset(torch.zeros(4, 2), torch.tensor([0, 1, 1, 0])))
    0.693...
    """
    criterion = getattr(net, "criterion_", None)
    targets = targets_in(dataset)
    if targets is None or not isinstance(criterion, (*_MULTICLASS, *_BINARY)):
        return None
    if isinstance(criterion, _BINARY):
        is_single = targets.ndim > 0 and targets.size == len(targets)
        return class_entropy(targets.reshape(-1) > 0.5) if is_single else None
    is_class = targets.ndim == 1 and targets.dtype.kind in "iu"
    return class_entropy(targets) if is_class else None


class HeldOutEntropy:
    """The same for a loop, whose criterion nobody knows: held-out losses are compared with the cross-entropy.

    Examples
    --------
    >>> import torch
    >>> logits, labels, entropy = torch.tensor([[2.0, 0.0], [1.0, 3.0]]), torch.tensor([0, 1]), HeldOutEntropy()
    >>> entropy.note(nn.functional.cross_entropy(logits, labels, reduction="none"), logits, labels)
    >>> entropy.compute(labels)
    0.693...
    >>> entropy.note(torch.zeros(2), logits, labels)
    >>> entropy.compute(labels) is None
    True
    """

    def __init__(self) -> None:
        self._differs: Tensor | None = None

    def note(self, losses: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Compare a block of held-out visits; the host does not wait for it."""
        scores = logits.to(precise_dtype(logits.device))
        given = labels.to(scores.device).clamp(0, scores.shape[1] - 1)[:, None]  # a loss without class differs anyway
        expected = -scores.log_softmax(1).gather(1, given)[:, 0]
        tolerance = HALF_PRECISION_TOLERANCE if losses.dtype in HALF_PRECISION else TOLERANCE
        differs = ((losses - expected).abs() > tolerance * (1 + expected)).any()
        self._differs = differs if self._differs is None else self._differs | differs

    def compute(self, targets: Tensor | None) -> float | None:
        """Return the entropy of the shares of classes in `targets`, negative = not known; the host waits.

        None if there are no class scores to compare losses with, or a loss is no cross-entropy.
        """
        if targets is None or self._differs is None or bool(self._differs):
            return None
        return class_entropy(targets[targets >= 0].cpu())
