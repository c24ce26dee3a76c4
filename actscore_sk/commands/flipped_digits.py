"""The handwritten digits of scikit-learn, with some labels flipped on purpose."""

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits

FLIPPED_PART = 0.05
N_CLASSES = 10
MAX_GREY = 16.0


@dataclass(frozen=True)
class Digits:
    """Images of digits, some of them with a wrong label.

    Attributes
    ----------
    images : ndarray of float32, (n_samples, 8, 8)
        From 0 (paper) to 1 (ink).
    given_label, true_label : ndarray of int64, (n_samples,)
        The label to train on, and the right one.
    """

    images: np.ndarray
    given_label: np.ndarray
    true_label: np.ndarray


def flip_labels(seed: int) -> Digits:
    """Load the digits and change the label of some of them, to each other class as likely.

    Parameters
    ----------
    seed : int
        Decides which labels are flipped, and to what.

    Returns
    -------
    digits : Digits

    Examples
    --------
    >>> digits = flip_labels(seed=0)
    >>> digits.images.shape, int((digits.given_label != digits.true_label).sum())
    ((1797, 8, 8), 90)
    """
    bunch = load_digits()
    true_label = bunch.target.astype(np.int64)
    rng = np.random.default_rng(seed)
    n_flipped = round(FLIPPED_PART * len(true_label))
    flipped = rng.choice(len(true_label), n_flipped, replace=False)
    given_label = true_label.copy()
    # 1 to K - 1 added modulo K: every other class is as likely, and none keeps its label
    given_label[flipped] += rng.integers(1, N_CLASSES, n_flipped)
    return Digits((bunch.images / MAX_GREY).astype(np.float32), given_label % N_CLASSES, true_label)
