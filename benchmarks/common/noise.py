"""Labels made wrong on purpose."""

import numpy as np


def choose(n_samples: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the positions (n_wrong,) of a share of the samples."""
    return rng.choice(n_samples, size=round(share * n_samples), replace=False)


def uniform(y: np.ndarray, share: float, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Give a share of the samples any other class, each with equal chance.

    >>> uniform(np.zeros(4, dtype=int), 0.5, 2, np.random.default_rng(0)).sum()
    np.int64(2)
    """
    wrong = choose(len(y), share, rng)
    y = y.copy()
    y[wrong] = (y[wrong] + rng.integers(1, n_classes, size=len(wrong))) % n_classes
    return y


def pair(y: np.ndarray, share: float, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Give a share of the samples the class after theirs, the last one the first: harder, since it is regular.

    >>> pair(np.array([0, 1, 2]), 1.0, 3, np.random.default_rng(0))
    array([1, 2, 0])
    """
    wrong = choose(len(y), share, rng)
    y = y.copy()
    y[wrong] = (y[wrong] + 1) % n_classes
    return y


NOISE = {"uniform": uniform, "pair": pair}
