"""Does a step pass the samples of a batch on in the order of the loader?

A `train_step` or `train_step_single` of a net's own may change a batch before it goes through the net: scale it, add
noise to it. If it shuffles or sorts it, outputs and targets still belong together, so that neither the loss nor its
books show anything; but the losses would go to the rows of other samples.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from actscore_sk.exceptions import IndexTrackingError

_MOST_LOOKS = 8  # at changed batches; to compare them makes the host wait for a GPU


class BatchOrder:
    """Compare the first batches that a net has changed with those that the loader gave it.

    Examples
    --------
    >>> X, y = torch.tensor([[1.0], [2.0]]), torch.tensor([0, 1])
    >>> BatchOrder().check((X, y), 2 * X, y)                                    # other values in the same places
    >>> BatchOrder().check((X, y), X.flip(0), y.flip(0))
    Traceback (most recent call last):
    actscore_sk.exceptions.IndexTrackingError: a training step passes the samples of its batch on in another order ...
    """

    def __init__(self) -> None:
        self._n_looks = 0

    def check(self, batch: Any, X: Any, y: Any) -> None:
        """Raise IndexTrackingError if samples have other places than in the batch.

        Parameters
        ----------
        batch : tuple
            X and y, as the loader yielded them.
        X, y : Any
            What the net's `get_loss` was called with; an X of None is not known. Both are compared.
        """
        if self._n_looks >= _MOST_LOOKS or not isinstance(batch, (tuple, list)) or len(batch) != 2:
            return
        changed = [pair for pair in zip(batch, (X, y), strict=True) if pair[0] is not pair[1]]
        self._n_looks += bool(changed)
        if any(_is_reordered(own, given) for own, given in changed):
            raise IndexTrackingError(
                "a training step passes the samples of its batch on in another order than the loader, so the losses "
                "would go to other samples; leave the order as it is in train_step and train_step_single, and shuffle "
                "or sort in a sampler"
            )


def _is_reordered(own: Any, given: Any) -> bool:
    """Return True if a tensor of one batch holds the rows of the other at other places."""
    pairs = zip(_tensors(own), _tensors(given), strict=False)
    return any(one.shape == two.shape and _has_moved_rows(one, two.to(one.device)) for one, two in pairs)


def _has_moved_rows(one: Tensor, two: Tensor) -> bool:
    if torch.equal(one, two):
        return False
    # different rows in order, and how often each is there
    (rows, times), (others, theirs) = [torch.unique(each, dim=0, return_counts=True) for each in (one, two)]
    return rows.shape == others.shape and torch.equal(rows, others) and torch.equal(times, theirs)


def _tensors(part: Any) -> list[Tensor]:
    """Return the tensors in a part of a batch that have rows."""
    if isinstance(part, Tensor):
        return [part] if part.ndim else []
    parts = part.values() if isinstance(part, Mapping) else part if isinstance(part, (tuple, list)) else ()
    return [tensor for each in parts for tensor in _tensors(each)]
