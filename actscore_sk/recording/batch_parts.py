"""Parts of the batches that nets pass around: tensors in tuples, lists and dicts, samples along the first dimension.

Only the first dimension is looked at. A tensor that has another size there (a weight per class, a scalar) is no part of
the samples, and is left as it is. A list with one entry per sample, as detectors take targets, is another matter.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor


def map_batch(
    batch: Any, n_samples: int, function: Callable[[Any], Any], other: Callable[[Any], Any] | None = None
) -> Any:
    """Apply a function to each array of one row per sample, and another one to all the rest.

    Parameters
    ----------
    batch : Tensor, ndarray, tuple, list, dict or anything else
        Nested in any way.
    n_samples : int
        Number of samples in it.
    function : callable
        Gets each tensor or array whose first dimension is `n_samples`.
    other : callable, optional
        Gets anything else that is no container. None: it stays as it is.

    Returns
    -------
    batch : the same containers
        With the results in place of their parts; a mapping becomes a dict.

    Examples
    --------
    >>> import torch
    >>> map_batch((torch.zeros(2, 3), {"scale": 2.0}), 2, lambda part: part[:1].shape)
    (torch.Size([1, 3]), {'scale': 2.0})
    """
    if isinstance(batch, (Tensor, np.ndarray)) and batch.ndim and len(batch) == n_samples:
        return function(batch)
    if isinstance(batch, Mapping):
        return {name: map_batch(part, n_samples, function, other) for name, part in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*[map_batch(part, n_samples, function, other) for part in batch])
    if isinstance(batch, (tuple, list)):
        return type(batch)(map_batch(part, n_samples, function, other) for part in batch)
    return batch if other is None else other(batch)


def take_samples(batch: Any, index: Tensor, n_samples: int) -> Any:
    """Return the batch of some of the samples.

    Parameters
    ----------
    batch : Any
        As in `map_batch`. Entries of a list or tuple as long as the batch are samples, unless each of them has samples.
    index : Tensor of int64 (n_taken,)
        Positions in the batch; may repeat.
    n_samples : int
        Number of samples in `batch`.

    Examples
    --------
    >>> import torch
    >>> take_samples({"X": torch.tensor([5.0, 6.0, 7.0]), "n": 3}, torch.tensor([2, 0]), 3)
    {'X': tensor([7., 5.]), 'n': 3}
    >>> take_samples([torch.tensor([5.0, 6.0]), [{"box": 1}, {"box": 2}]], torch.tensor([1, 1]), 2)
    [tensor([6., 6.]), [{'box': 2}, {'box': 2}]]
    """
    if isinstance(batch, Mapping):
        return {name: take_samples(part, index, n_samples) for name, part in batch.items()}
    if isinstance(batch, (tuple, list)):
        is_of_samples = len(batch) == n_samples and not all(_has_samples(part, n_samples) for part in batch)
        if is_of_samples:
            parts = [batch[i] for i in index.tolist()]
        else:
            parts = [take_samples(part, index, n_samples) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return map_batch(
        batch, n_samples, lambda part: part[index.to(part.device) if isinstance(part, Tensor) else index.numpy()]
    )


def _has_samples(part: Any, n_samples: int) -> bool:
    """Return True if there is an array, or a list, of `n_samples` in a part of a batch."""
    if isinstance(part, (Tensor, np.ndarray)):
        return part.ndim > 0 and len(part) == n_samples
    if isinstance(part, Mapping):
        return any(_has_samples(each, n_samples) for each in part.values())
    if isinstance(part, (tuple, list)):
        return len(part) == n_samples or any(_has_samples(each, n_samples) for each in part)
    return False


def like_output(y_true: Any, y_pred: Any) -> Any:
    """Return a target of shape (n,) or (n, 1) in the shape of the output; any other target as it is.

    torch broadcasts (n,) against (n, 1) to (n, n), so that every sample is compared with every target.

    Examples
    --------
    >>> import torch
    >>> like_output(torch.zeros(4), torch.zeros(4, 1)).shape
    torch.Size([4, 1])
    """
    if isinstance(y_true, Tensor) and isinstance(y_pred, Tensor):
        n_dims = y_true.ndim, y_pred.ndim
        if (n_dims == (1, 2) and y_pred.shape[1] == 1) or (n_dims == (2, 1) and y_true.shape[1] == 1):
            return y_true.reshape(y_pred.shape)
    return y_true
