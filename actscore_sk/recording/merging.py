"""Two records of the same samples: have they recorded alike, so that they can become one."""

from typing import Any

import numpy as np
from torch import Tensor

from actscore_sk.metrics.reductions import REDUCTIONS


def check_states(mine: Any, other: Any) -> None:
    """Check that two `SampleState` are of the same samples, epochs and metrics.

    Raises
    ------
    ValueError
        If they are not.
    """
    for name in ("n_samples", "epoch", "reduction", "metrics"):
        if getattr(mine, name) != getattr(other, name):
            one, two = (_plain(getattr(state, name)) for state in (mine, other))
            raise ValueError(f"states with {name} {one} and {two} cannot be merged; both must record alike")


def check_records(mine: Any, other: Any) -> None:
    """Check that two `ScoreRecord` have trajectories or none, and weigh epochs alike.

    Raises
    ------
    ValueError
        If one of them alone has trajectories, or the two went by different losses of held-out samples, or class shares.
    """
    if (mine.trajectories is None) != (other.trajectories is None):
        raise ValueError("only one of the records has trajectories; set store_trajectories alike to merge them")
    reduction = mine.settings.reduction
    is_equal = np.array_equal(mine.held_out_losses, other.held_out_losses, equal_nan=True)
    if mine.settings.has_window and not is_equal:
        name = f'reduction="{reduction}"' if REDUCTIONS[reduction].needs_held_out else "store_probabilities=True"
        raise ValueError(
            f"{name} weighs epochs by the loss of held-out samples, which was {mine.held_out_losses} "
            f"and {other.held_out_losses}; pass the same held_out_loss to end_epoch of both"
        )
    one, two = mine.settings.class_entropy, other.settings.class_entropy
    if mine.held_out_losses and mine.settings.has_window and one != two:
        raise ValueError(
            f"the two weigh epochs by class shares with an entropy of {one} and {two}; pass held_out_loss to end_epoch "
            "of both, which then count all epochs up to the best one"
        )


def sum_of(mine: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Return the sum of two tensors, on the device of the first; None counts as nothing."""
    return other if mine is None else mine if other is None else mine + other.to(mine.device)


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, list) else getattr(value, "name", value)
