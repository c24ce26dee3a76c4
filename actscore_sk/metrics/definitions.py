"""The metrics as plain NumPy, from whole trajectories: the results that statistics must reach while a net trains.

Every function takes an array ``(n_epochs, n_samples)`` in which NaN marks an epoch that did not visit the
sample, and returns float64 scores ``(n_samples,)``, NaN for a sample that was never visited. The streaming
`Statistic` of a metric sees the same values batch by batch; tests compare it with the function here.
"""

import numpy as np
import numpy.typing as npt

from actscore_sk.metrics.epoch_window import epoch_weights
from actscore_sk.metrics.trajectories import (
    Scores,
    checked,
    checked_shares,
    interpolated,
    is_visited,
    mean_of_visits,
)

EL2N_EPOCHS = 10  # a score of early training: later errors are small for almost every sample


def action_score(
    losses: npt.ArrayLike,
    *,
    reduction: str = "sum",
    held_out_losses: npt.ArrayLike | None = None,
    class_entropy: float | None = None,
) -> Scores:
    """Loss accumulated over the visits, in [0, inf) for a loss that is never negative; higher = harder.

    Parameters
    ----------
    losses : array-like of shape (n_epochs, n_samples)
        Loss of each sample in each epoch; NaN = not visited.
    reduction : {"sum", "mean", "interpolated", "auto"}
        ``"sum"``: total over visits. ``"mean"``: total divided by the number of visits. ``"interpolated"``: total over
        all epochs; an epoch that skipped the sample is filled in linearly between the visits around it, or with the
        nearest visit at either end. ``"auto"``: total over the epochs that count; see `epoch_weights`.
    held_out_losses : array-like of shape (n_epochs,), optional
        Mean loss over held-out samples in each epoch; for "auto".
    class_entropy : float, optional
        Entropy of the class shares, in nats; for "auto". None: nothing is known of classes.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        In the unit of the loss; NaN = never visited.

    Raises
    ------
    ValueError
        If `losses` is not 2-D, `reduction` is unknown, or "auto" does not have one held-out loss per epoch.

    References
    ----------
    Arriaga & Valdenegro-Toro, Unsupervised Difficulty Estimation with Action Scores, arXiv 2011.11461.

    Examples
    --------
    >>> import numpy as np
    >>> action_score([[2.0, 1.0], [1.0, np.nan]])
    array([3., 1.])
    """
    if reduction not in ("sum", "mean", "interpolated", "auto"):
        raise ValueError(f'reduction={reduction!r} is unknown; use "sum", "mean", "interpolated" or "auto"')
    values = checked(losses)
    if reduction == "auto":
        held_out = np.asarray(held_out_losses, dtype=np.float64)
        if held_out.shape != (len(values),):
            raise ValueError(
                f'reduction="auto" needs {len(values)} held_out_losses, one per epoch; got shape {held_out.shape}'
            )
        values = epoch_weights(held_out, class_entropy)[:, None] * values
    if reduction == "mean":
        return mean_of_visits(values)
    if reduction == "interpolated":
        return interpolated(values).sum(axis=0)
    return np.where(is_visited(values).any(axis=0), np.nansum(values, axis=0), np.nan)


def aum(margins: npt.ArrayLike) -> Scores:
    """Area under the margin: mean of (logit of the given label − largest other logit); lower = harder.

    Parameters
    ----------
    margins : array-like of shape (n_epochs, n_samples)
        Margin of each sample in each epoch, in logits; negative = another class won. NaN = not visited.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        In (-inf, inf); NaN = never visited.

    References
    ----------
    Pleiss et al., Identifying Mislabeled Data using the Area Under the Margin Ranking, NeurIPS 2020.

    Examples
    --------
    >>> aum([[4.0, -1.0], [2.0, -3.0]])
    array([ 3., -2.])
    """
    return mean_of_visits(checked(margins))


def forgetting(correct: npt.ArrayLike) -> Scores:
    """Number of changes from right to wrong between consecutive visits, in [0, n_visits]; higher = harder.

    Parameters
    ----------
    correct : array-like of shape (n_epochs, n_samples)
        1 where the net predicted the given label, 0 where it did not; NaN = not visited.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        NaN = never visited.

    Raises
    ------
    ValueError
        If a value is outside of [0, 1].

    Notes
    -----
    The paper sets a sample that was never learnt to infinity. Here it gets its number of visits: it still ranks
    hardest, and no sample has more events than wrong visits.

    References
    ----------
    Toneva et al., An Empirical Study of Example Forgetting during Deep Neural Network Learning, ICLR 2019.

    Examples
    --------
    >>> forgetting([[1, 0, 1], [0, 0, 1], [1, 0, 1], [0, 0, 1]])
    array([2., 4., 0.])
    """
    values = checked_shares(correct, "correct")
    visited = is_visited(values)
    previous, ever = np.zeros((2, values.shape[1]), dtype=bool)
    events = np.zeros(values.shape[1])
    for row, here in zip(values, visited, strict=True):
        right = row > 0
        events += previous & here & ~right
        previous = np.where(here, right, previous)
        ever |= right
    n_visits = visited.sum(axis=0)
    return np.where(n_visits > 0, np.where(ever, events, n_visits), np.nan)


def el2n(errors: npt.ArrayLike, *, k: int = EL2N_EPOCHS) -> Scores:
    """Mean l2 norm of (probabilities − one-hot label) in the first `k` epochs, in [0, √2]; higher = harder.

    Parameters
    ----------
    errors : array-like of shape (n_epochs, n_samples)
        Norm of each sample in each epoch; NaN = not visited.
    k : int
        Number of epochs that count, from the first. Later errors are small for almost every sample.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        NaN = not visited in the first `k` epochs.

    Raises
    ------
    ValueError
        If `k` is negative.

    References
    ----------
    Paul et al., Deep Learning on a Data Diet, NeurIPS 2021.

    Examples
    --------
    >>> el2n([[1.0, 0.5], [0.5, 0.25], [0.0, 0.0]], k=2)
    array([0.75 , 0.375])
    """
    if k < 0:
        raise ValueError(f"k={k}; expected a number of epochs")
    return mean_of_visits(checked(errors)[:k])


def confidence(probabilities: npt.ArrayLike) -> Scores:
    """Mean probability of the given label, in [0, 1]; lower = harder.

    Parameters
    ----------
    probabilities : array-like of shape (n_epochs, n_samples)
        Probability of the given label of each sample in each epoch; NaN = not visited.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        NaN = never visited.

    Raises
    ------
    ValueError
        If a probability is outside of [0, 1].

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020.

    Examples
    --------
    >>> confidence([[0.5, 1.0], [0.25, 1.0]])
    array([0.375, 1.   ])
    """
    return mean_of_visits(checked_shares(probabilities, "probabilities"))


def variability(probabilities: npt.ArrayLike) -> Scores:
    """Population standard deviation of the probability of the given label, in [0, 0.5]; higher = harder.

    Parameters
    ----------
    probabilities : array-like of shape (n_epochs, n_samples)
        Probability of the given label of each sample in each epoch; NaN = not visited. For a regression net the losses
        take their place, and the score has the unit of the loss.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        0 for one visit; NaN = never visited.

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020.

    Examples
    --------
    >>> variability([[0.5, 1.0], [0.25, 1.0]])
    array([0.125, 0.   ])
    """
    values = checked(probabilities)
    return np.sqrt(mean_of_visits((values - mean_of_visits(values)) ** 2))


def correctness(correct: npt.ArrayLike) -> Scores:
    """Share of the visits at which the net predicted the given label, in [0, 1]; lower = harder.

    Parameters
    ----------
    correct : array-like of shape (n_epochs, n_samples)
        1 where the net predicted the given label, 0 where it did not; NaN = not visited.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        NaN = never visited.

    Raises
    ------
    ValueError
        If a value is outside of [0, 1].

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020.

    Examples
    --------
    >>> correctness([[1, 0], [1, 1]])
    array([1. , 0.5])
    """
    return mean_of_visits(checked_shares(correct, "correct"))
