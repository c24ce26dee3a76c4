"""Pacing functions: how fast a curriculum grows.

Each maps the progress p in [0, 1] to the growth in [0, 1], as in X. Wu, E. Dyer, B. Neyshabur, "When Do Curricula
Work?", ICLR 2021, arXiv:2012.03107.
"""

import math
from collections.abc import Callable

PACINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda p: p,
    "root": math.sqrt,
    "exponential": lambda p: math.expm1(10 * p) / math.expm1(10),
    "step": lambda p: math.floor(p),
}


def share_of_data(epoch: int, *, pacing: str, start_fraction: float, full_at: float, n_epochs: int) -> float:
    """Return the share of the samples that an epoch draws from.

    Parameters
    ----------
    epoch : int
        Number of the epoch, from 0 on.
    pacing : {"linear", "root", "exponential", "step"}
        Growth: p, the square root of p, an exponential that is flat at first, or nothing until the end.
    start_fraction : float in (0, 1]
        Share in epoch 0.
    full_at : float in [0, 1]
        Share of the epochs after which the share of the samples is 1.
    n_epochs : int
        Number of epochs in all.

    Returns
    -------
    share : float in (0, 1]

    Examples
    --------
    >>> [round(share_of_data(t, pacing="linear", start_fraction=0.2, full_at=0.5, n_epochs=8), 9) for t in range(6)]
    [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    """
    end = full_at * n_epochs
    progress = epoch / end if epoch < end - 1e-9 else 1.0  # 0.28 * 25 is 7 and a rounding error
    return start_fraction + (1 - start_fraction) * PACINGS[pacing](progress)
