"""One batch as a training loop passes it: positions, losses, class scores and labels, checked before they count."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from actscore_sk.recording.first_rows import FirstRows


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


class Suspects:
    """Rows that must not be, noted on a device that is not waited for, until the host waits anyway.

    Examples
    --------
    >>> suspects = Suspects()
    >>> rows = torch.tensor([4, 9])
    >>> suspects.note("positions {rows} are too large", rows, rows > 5)
    >>> suspects.settle()
    Traceback (most recent call last):
    ...
    ValueError: positions [9] are too large
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, torch.device], FirstRows] = {}

    def note(self, sentence: str, rows: Tensor, is_wrong: Tensor) -> None:
        """Look at one block.

        Parameters
        ----------
        sentence : str
            Of the error, with ``{rows}`` in it.
        rows : Tensor of int64 (n_visits,)
            Numbers to name.
        is_wrong : Tensor of bool (n_visits,)
            On the same device.
        """
        key = sentence, rows.device
        if key not in self._first:
            self._first[key] = FirstRows(rows.device)
        self._first[key].note(rows, is_wrong)

    def settle(self) -> None:
        """Raise ValueError for what was noted; the host waits for the device."""
        for (sentence, _), first in self._first.items():
            if rows := first.found():
                raise ValueError(sentence.format(rows=rows))
