"""The tensors in a batch that a slicer made: lists and dicts of them, nested in any way."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor


def leaves_of(batch: Any) -> list[Tensor]:
    """Return the tensors of a batch, from the first to the last.

    Parameters
    ----------
    batch : Tensor, list or dict
        Lists and dicts may hold each other.

    Examples
    --------
    >>> import torch
    >>> [leaf.tolist() for leaf in leaves_of([{"a": torch.tensor(1), "b": torch.tensor(2)}, torch.tensor(3)])]
    [1, 2, 3]
    """
    if isinstance(batch, Tensor):
        return [batch]
    parts = batch.values() if isinstance(batch, Mapping) else batch
    return [leaf for part in parts for leaf in leaves_of(part)]


def with_leaves(batch: Any, leaves: Iterator[Tensor]) -> Any:
    """Return a batch of the same structure with other tensors, taken one after the other.

    Parameters
    ----------
    batch : Tensor, list or dict
        As in `leaves_of`.
    leaves : iterator of Tensor
        In the order of `leaves_of`.
    """
    if isinstance(batch, Tensor):
        return next(leaves)
    if isinstance(batch, Mapping):
        return {name: with_leaves(part, leaves) for name, part in batch.items()}
    return [with_leaves(part, leaves) for part in batch]


def map_leaves(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """Return the batch with a function applied to each tensor."""
    return with_leaves(batch, map(function, leaves_of(batch)))
