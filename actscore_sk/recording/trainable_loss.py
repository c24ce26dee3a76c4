"""The scalar that a net is trained on, where its `get_loss` returned something else or samples have weights."""

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.weighting import SampleWeights
from actscore_sk.recording.criterion_listener import Call


def trainable_loss(loss: Tensor, calls: list[Call], weights: SampleWeights, rows: Tensor) -> Tensor:
    """Return a scalar to train on: a vector, on which skorch cannot train, becomes its mean, as in torch's losses.

    Parameters
    ----------
    loss : Tensor
        Value of `get_loss`: a scalar, in which criteria that reduce have put the weights, or losses (n_samples, ...).
    calls : list of Call
        Calls of criteria that it made.
    weights : SampleWeights
        Weights of samples.
    rows : Tensor of int64 (n_samples,)
        Positions in X of the samples in the batch.

    Raises
    ------
    SampleLossError
        If samples have weights, and the loss is a scalar that they cannot have reached.

    Examples
    --------
    >>> trainable_loss(torch.tensor([1.0, 3.0]), [], SampleWeights(torch.tensor([3.0, 1.0])), torch.tensor([0, 1]))
    tensor(1.5000)
    """
    if not weights.is_used:
        return loss if loss.ndim == 0 else loss.reshape(len(loss), -1).mean(1).mean()
    if loss.ndim:
        losses = loss.reshape(len(loss), -1).mean(1)
        of_samples, amount = weights.of_batch(rows, losses)
        if amount is None:
            amount = of_samples.sum().clamp(min=torch.finfo(losses.dtype).tiny)
        return (of_samples * losses).sum() / amount
    if not calls or not all(call.sample_loss.has_reduction for call in calls):
        name = type(calls[0].sample_loss.criterion).__name__ if calls else "get_loss"
        raise SampleLossError(
            f"weights of samples cannot reach the loss: {name}, or get_loss, reduces the losses of samples itself; "
            "return one loss per sample, or give the criterion a `reduction` that it obeys"
        )
    return loss
