"""Samples whose loss is NaN or infinite: an error at once on the CPU, at the end of the epoch elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

import torch
from skorch import NeuralNetClassifier
from torch import Tensor, nn

from actscore_sk.exceptions import NonFiniteLossError
from actscore_sk.recording.first_rows import N_NAMED, FirstRows


class BadSamples:
    """Positions of the first samples with a loss that is no number.

    Parameters
    ----------
    device : torch.device
        Of the losses.

    Examples
    --------
    >>> bad = BadSamples(torch.device("cpu"))
    >>> bad.note(torch.tensor([4, 7]), torch.tensor([1.0, torch.inf]))
    >>> bad.check(epoch=3)
    Traceback (most recent call last):
        ...
    actscore_sk.exceptions.NonFiniteLossError: the loss became NaN or infinite in epoch 3, ... positions [7]; ...
    """

    def __init__(self, device: torch.device) -> None:
        self._first = FirstRows(device)

    def note(self, rows: Tensor, losses: Tensor) -> None:
        """Keep the positions of the first samples whose loss is NaN or infinite, for the error at the epoch's end."""
        if not losses.is_cpu or not isfinite(losses.sum().item()):
            self._first.note(rows, ~losses.isfinite())

    def merge(self, other: "BadSamples") -> None:
        """Take over what another one has noted of the same samples."""
        self._first.merge(other._first)

    def check(self, epoch: int) -> None:
        """Raise NonFiniteLossError, which names the epoch and the samples, if there are any; the host waits for it."""
        _refuse(self._first.found(), epoch)


@contextmanager
def naming_the_criterion(net: Any) -> Iterator[None]:
    """Say in an error of a loss that is no number if the criterion asks for what the module may not return.

    Parameters
    ----------
    net : NeuralNet
        In training.

    Raises
    ------
    NonFiniteLossError
        That of the block, with a sentence on skorch's `NLLLoss` where the net has it.
    """
    try:
        yield
    except NonFiniteLossError as error:
        if not (isinstance(net, NeuralNetClassifier) and isinstance(net.criterion_, nn.NLLLoss)):
            raise
        raise NonFiniteLossError(
            "with NLLLoss, skorch takes the logarithm of the module's output: let it end in a softmax, or, if it "
            f"returns logits, set criterion=torch.nn.CrossEntropyLoss. If it does end in one: {error}"
        ) from error


def check_losses(rows: Tensor, losses: Tensor, epoch: int) -> None:
    """Raise NonFiniteLossError before an update, on the CPU, where looking costs nothing.

    Parameters
    ----------
    rows : Tensor of int64 (n_visits,)
        Positions of the samples.
    losses : Tensor of shape (n_visits,)
        Their losses.
    epoch : int
        Number of the running epoch.
    """
    if losses.is_cpu and not isfinite(losses.sum().item()):
        _refuse(rows[~losses.isfinite().to(rows.device)][:N_NAMED].tolist(), epoch)


def _refuse(samples: list[int], epoch: int) -> None:
    if samples:
        raise NonFiniteLossError(
            f"the loss became NaN or infinite in epoch {epoch}, first for the samples at positions {samples}; check "
            "these rows and targets, lower the learning rate or clip the gradient"
        )
