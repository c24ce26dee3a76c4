"""The loss of a net that knows the shares of the classes only, read off the data before training."""

from typing import Any

from torch import nn

from actscore_sk.data.containers import targets_in
from actscore_sk.metrics.epoch_window import class_entropy

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
