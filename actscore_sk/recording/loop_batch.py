"""One batch as a training loop passes it: positions, losses, class scores and labels, checked before they count."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class LoopBatch(NamedTuple):
    """Visits that can be recorded; `LoopIntake.check` makes them.

    Parameters
    ----------
    rows : Tensor of int64 (n_visits,)
        Positions of the samples.
    losses : Tensor (n_visits,)
        Their losses.
    logits : Tensor (n_visits, n_classes) or None
        Class scores, if anything needs them.
    targets : Tensor of int64 (n_visits,) or None
        Given classes, if they came.
    held_out : bool
        True if the samples are held out of training.
    """

    rows: Tensor
    losses: Tensor
    logits: Tensor | None
    targets: Tensor | None
    held_out: bool

    @property
    def kind(self) -> tuple:
        """Equal for batches that can be joined."""
        return self.held_out, *(part if part is None else (part.device, part.shape[1:]) for part in self[:4])


def as_losses(losses: Any) -> Tensor:
    """Return losses (n_visits,) as a floating tensor without gradient, on their device.

    Raises
    ------
    ValueError
        If they are not one floating number per visit.

    Examples
    --------
    >>> as_losses([0.5, 2.0])
    tensor([0.5000, 2.0000], dtype=torch.float64)
    """
    values = _as_tensor("losses", losses)
    if values.ndim != 1:
        hint = "reduction='none' in the criterion, and the mean over all but the first dimension, give them"
        raise ValueError(f"losses has shape {tuple(values.shape)}; expected one loss per sample, 1-D: {hint}")
    if not values.is_floating_point() and values.shape[0]:
        raise ValueError(f"losses has dtype {values.dtype}; expected floating numbers, one loss per sample")
    return values


def as_positions(name: str, values: Any, n_visits: int) -> Tensor:
    """Return whole numbers (n_visits,) as int64, on their device.

    Parameters
    ----------
    name : str
        Argument that errors name.
    values : list, ndarray or Tensor of integers (n_visits,)
        Positions of samples, or of classes.
    n_visits : int
        Number of losses.

    Raises
    ------
    ValueError
        If they are not one whole number per loss.

    Examples
    --------
    >>> as_positions("index", [3, 0], 2)
    tensor([3, 0])
    """
    found = _as_tensor(name, values)
    if tuple(found.shape) != (n_visits,):
        raise ValueError(
            f"{name} has shape {tuple(found.shape)}, but there are {n_visits} losses; expected a whole number per loss"
        )
    if n_visits and (found.is_floating_point() or found.is_complex() or found.dtype == torch.bool):
        raise ValueError(f"{name} has dtype {found.dtype}; expected whole numbers, such as int64")
    return found.long()


def as_logits(logits: Any, n_visits: int, n_classes: int | None) -> Tensor:
    """Return class scores (n_visits, n_classes) as a floating tensor without gradient, on their device.

    Raises
    ------
    ValueError
        If they are not one row of at least two numbers per loss, or not `n_classes` numbers.

    Examples
    --------
    >>> as_logits([[2.0, 0.0]], n_visits=1, n_classes=None).shape
    torch.Size([1, 2])
    """
    scores = _as_tensor("logits", logits)
    width = "n_classes" if n_classes is None else n_classes
    if scores.ndim != 2 or len(scores) != n_visits or scores.shape[1] != (n_classes or scores.shape[1]):
        raise ValueError(
            f"logits has shape {tuple(scores.shape)}; expected ({n_visits}, {width}), one row of class scores per loss"
        )
    if scores.shape[1] < 2:
        raise ValueError(
            "logits has one column; expected one per class: torch.stack([-z / 2, z / 2], 1) for one logit z"
        )
    if not scores.is_floating_point():
        raise ValueError(f"logits has dtype {scores.dtype}; expected floating numbers")
    return scores


def _as_tensor(name: str, values: Any) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach() if values.requires_grad else values
    try:
        return torch.tensor(np.asarray(values))  # a copy: arrays of other libraries may be read-only
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{name} is a {type(values).__name__} that is no array of numbers ({error}); pass a tensor, an array or a "
            "list of numbers; torch.stack makes one tensor of a list of tensors"
        ) from error
