"""The label that a row should have, if its given one is wrong."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Codes = npt.NDArray[np.int64]


def suggest_labels(probabilities: Floats, given: Codes) -> tuple[Codes, npt.NDArray[np.float64]]:
    """Return the likeliest class of each row apart from the given one, and its probability if the given one is wrong.

    The given label is left out because a net learns it, right or wrong; and an average over epochs is asked, which is
    right more often than the last epoch.

    Parameters
    ----------
    probabilities : ndarray of float32 or float64 (n_samples, n_classes)
        Class probabilities, averaged over the window. They are not copied.
    given : ndarray of int (n_samples,)
        Given labels.

    Returns
    -------
    suggested : ndarray of int64 (n_samples,)
        Never the given label; the first of equal ones.
    share : ndarray of float64 (n_samples,)
        Its share of the probability that the given label leaves, in [0, 1]; even shares if it leaves none.

    Examples
    --------
    >>> suggest_labels(np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]]), np.array([0, 1]))
    (array([1, 0]), array([0.75      , 0.85714286]))
    """
    suggested, share = np.empty(len(given), dtype=np.int64), np.empty(len(given))
    for start in range(0, len(given), ROWS):  # a copy of some rows at a time: probabilities can be most of the memory
        rows = slice(start, start + ROWS)
        others = probabilities[rows].astype(np.float64)
        others[np.arange(len(others)), given[rows]] = -1
        suggested[rows] = others.argmax(axis=1)
        others[others < 0] = 0
        left, top = others.sum(axis=1), others.max(axis=1)
        share[rows] = np.where(left > 0, top / np.where(left > 0, left, 1), 1 / (others.shape[1] - 1))
    return suggested, share


ROWS = 4096
