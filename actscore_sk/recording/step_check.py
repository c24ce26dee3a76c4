"""A training step of the net's own: does it train on the loss that `get_loss` returned?"""

import warnings
from typing import Any

from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.recording.books import agrees


def check_trained(net: Any, name: str, loss: Tensor, returned: list[Tensor], *, warns: bool) -> bool:
    """Compare the loss of a step with the first one that `get_loss` returned in it, whose samples are scored.

    A step that divides it by a whole number, as gradients are accumulated, gets a warning.

    Parameters
    ----------
    net : NeuralNet
        In training.
    name : {"train_step_single", "train_step"}
        The method.
    loss : Tensor
        What it returned; a scalar, or with a mean that is one.
    returned : list of Tensor
        Losses that `get_loss` returned in it.
    warns : bool
        False if the warning has come already.

    Returns
    -------
    is_part : bool
        True if the step trains on a whole part of the loss.

    Raises
    ------
    SampleLossError
        If it trains on something else.
    """
    trained, recorded = float(loss.detach().mean()), float(returned[0].detach())
    if agrees(trained, recorded):
        return False
    share = recorded / trained if trained else 0.0
    if len(returned) == 1 and share > 1 and agrees(share, round(share)):
        if warns:
            warnings.warn(
                f"{name} trains on 1/{round(share)} of the loss that get_loss returns; scores are sums of the whole",
                UserWarning,
            )
        return True
    raise SampleLossError(
        f"{name} of {type(net).__name__} trains on a loss of {trained:.6g}, but the first of its {len(returned)} "
        f"calls of get_loss returned {recorded:.6g}, so that the rest would be missing from the scores; let one "
        "call of get_loss return the whole loss; if only the first call is trained on, let the step return its loss"
    )
