"""Class scores and labels behind a criterion's inputs, for the metrics that need them.

Margins and probabilities are the same whatever form the criterion takes them in: logits, log-probabilities,
the probability of one of two classes. Each form is one row of a table.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from actscore_sk.exceptions import SampleLossError

Reader = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def _logits(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    return scores, target


def _binary_logit(logit: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    # The second class has the logit, the first has 0: their softmax is the sigmoid, the margin is +-logit.
    logit = logit.reshape(len(logit))
    return torch.stack([torch.zeros_like(logit), logit], 1), (target.reshape(len(logit)) > 0.5).long()


def _binary_probability(probability: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    return _binary_logit(torch.logit(probability.double(), eps=torch.finfo(torch.float64).eps), target)


def _probabilities(probabilities: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    # log-probabilities are logits whose softmax is the probabilities; the log of 0 must stay finite
    return probabilities.double().clamp(min=torch.finfo(torch.float64).tiny).log(), target


_MULTICLASS = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)
_BINARY: dict[type, Reader] = {
    nn.BCEWithLogitsLoss: _binary_logit,
    nn.SoftMarginLoss: _binary_logit,
    nn.BCELoss: _binary_probability,
}


def read_class_outputs(criterion: Any, inputs: tuple, metrics: str) -> Reader:
    """Choose how to read class scores and labels out of a criterion's inputs.

    Parameters
    ----------
    criterion : callable
        A criterion of a classifier.
    inputs : tuple
        What it is called with; the first batch decides.
    metrics : str
        Names of the metrics that ask, for the message.

    Returns
    -------
    reader : callable
        From ``(y_pred, y_true)`` to logits (n, n_classes), whose softmax are the class probabilities, and
        labels (n,) int64. What a user's own criterion gets is taken for probabilities if the rows are, and
        for logits if not.

    Raises
    ------
    SampleLossError
        If there is no one class label per sample, or the criterion has parameters.
    """
    for kind, reader in _BINARY.items():
        if isinstance(criterion, kind) and inputs[0].numel() == len(inputs[0]):
            return reader
    name = type(criterion).__name__
    if isinstance(criterion, nn.Module) and any(True for _ in criterion.parameters()):
        raise SampleLossError(
            f"{metrics} need class scores, but {name} has parameters: it may have the last layer of the net in it, so "
            "that what it is called with are no class scores yet; keep its parameters in the module, or leave these "
            "metrics out"
        )
    scores, target = (*inputs, None)[:2]
    is_single_label = (
        isinstance(scores, Tensor)
        and isinstance(target, Tensor)
        and scores.ndim == 2
        and scores.shape[1] > 1
        and target.shape == scores.shape[:1]
        and not target.is_floating_point()
    )
    if not is_single_label:
        shapes = ", ".join(str(tuple(part.shape)) for part in inputs if isinstance(part, Tensor))
        raise SampleLossError(
            f"{metrics} need class scores (n_samples, n_classes) and one label per sample, but "
            f"{name} was called with shapes {shapes}; leave these metrics out"
        )
    if not isinstance(criterion, _MULTICLASS) and _are_probabilities(scores):
        return _probabilities
    return _logits


def _are_probabilities(scores: Tensor) -> bool:
    # a softmax in half precision adds up to 1 no closer than this
    return bool((scores >= 0).all() and ((scores.sum(1) - 1).abs() < 1e-3).all())
