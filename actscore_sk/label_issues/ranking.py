"""Ranking of labels, the most likely wrong first: a ranking of all rows by their margins over the window of epochs."""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
CLASS_SHARE = 0.25  # of the distance of a class from the average; 0.15 to 0.5 rank alike


def wrong_label_scores(margins: npt.ArrayLike, given: npt.ArrayLike, held_out: npt.ArrayLike | None = None) -> Floats:
    """Rank labels by how wrong they look: minus the margin, less a quarter of how hard the class is.

    A class that is hard as a whole would fill the top of the ranking with labels that are right. With m_j the mean
    score of class j and m that of all rows, ``score = -margin - 0.25 (m_j - m)``.

    Parameters
    ----------
    margins : array-like of shape (n_samples,)
        Logit of the given label less the largest other one, averaged over the window (see `epoch_weights`); lower =
        harder. NaN = never visited.
    given : array-like of int (n_samples,)
        Given labels, 0 to n_classes − 1.
    held_out : array-like of bool (n_samples,), optional
        Rows that the net did not train on. Their margins are lower for that reason alone, so each gets the score that
        has its rank among the rows trained on. Leave it out if all margins are of one kind.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        In (−inf, inf), higher = more likely wrong; NaN for a row without a margin.

    References
    ----------
    Pleiss et al., "Identifying Mislabeled Data using the Area Under the Margin Ranking", NeurIPS 2020, for the margin.

    Examples
    --------
    >>> wrong_label_scores([3.0, -2.0, 3.0, 4.0], [0, 0, 1, 1])
    array([-3.375,  1.625, -2.625, -3.625])
    >>> wrong_label_scores([3.0, 2.0, -1.0, -5.0], [0, 0, 0, 0], held_out=[False, False, True, True])
    array([-3.  , -2.  , -2.75, -2.25])
    """
    scores, codes = -np.asarray(margins, dtype=np.float64), np.asarray(given)
    known = np.isfinite(scores)
    if held_out is not None:
        scores = as_if_trained(scores, np.asarray(held_out, dtype=bool), known)
    counts = np.bincount(codes[known], minlength=1)
    sums = np.bincount(codes[known], scores[known], minlength=1)
    means = sums / np.maximum(counts, 1)
    overall = scores[known].mean() if known.any() else np.nan
    centred = np.full(len(scores), np.nan)
    centred[known] = scores[known] - CLASS_SHARE * (means[codes[known]] - overall)
    return centred


def as_if_trained(scores: Floats, held_out: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> Floats:
    """Replace the score of each held-out row by that of equal rank among the rows trained on.

    >>> three = np.array([1.0, 2.0, 9.0])
    >>> as_if_trained(three, np.array([False, False, True]), np.isfinite(three))
    array([1. , 2. , 1.5])
    """
    mine, others = held_out & known, ~held_out & known
    if not mine.any() or not others.any():
        return scores
    shares = (rankdata(scores[mine]) - 0.5) / mine.sum()
    scores = scores.copy()
    scores[mine] = np.quantile(scores[others], shares)
    return scores
