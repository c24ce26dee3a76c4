"""Trajectories (n_epochs, n_samples) as arrays, NaN = not visited: checked, filled, averaged."""

import warnings

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]

_MANY_EPOCHS = 150  # so many rows are rather samples than epochs
_ROUNDING = 1e-6  # of probabilities in single precision


def checked(values: npt.ArrayLike) -> Scores:
    """Return values as an array (n_epochs, n_samples); warn if the axes look interchanged.

    >>> checked([[1, 2, 3]]).shape
    (1, 3)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(
            f"expected shape (n_epochs, n_samples), got {array.ndim}-D input of shape {array.shape}; "
            "one epoch alone is values[None, :]"
        )
    n_epochs, n_samples = array.shape
    if n_epochs >= _MANY_EPOCHS and n_epochs > 2 * n_samples:
        warnings.warn(
            f"{n_epochs} epochs of {n_samples} samples: the first axis is that of epochs; if yours is that of "
            "samples, pass values.T",
            UserWarning,
        )
    return array


def checked_shares(values: npt.ArrayLike, name: str) -> Scores:
    """Return values as an array (n_epochs, n_samples); raise ValueError if they are no probabilities."""
    array = checked(values)
    low, high = np.nanmin(array, initial=0.0), np.nanmax(array, initial=1.0)
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(f"{name} has values from {low:.3g} to {high:.3g}; expected them in [0, 1], and no logits")
    return array


def interpolated(values: Scores) -> Scores:
    """Fill the epochs without a visit in linearly, per sample.

    >>> interpolated(np.array([[1.0], [np.nan], [2.0]])).ravel()
    array([1. , 1.5, 2. ])
    """
    epochs, filled = np.arange(len(values)), values.copy()
    for sample, seen in enumerate(is_visited(values).T):
        if seen.any():
            filled[:, sample] = np.interp(epochs, epochs[seen], values[seen, sample])
    return filled


def is_visited(values: Scores) -> npt.NDArray[np.bool_]:
    """Mark the visits (n_epochs, n_samples)."""
    return ~np.isnan(values)


def mean_of_visits(values: Scores) -> Scores:
    """Return the means over the visits (n_samples,); NaN = none."""
    # np.nanmean warns about samples without a visit; here they are ordinary.
    n_visits = is_visited(values).sum(axis=0)
    missing = np.full(values.shape[1], np.nan)
    return np.divide(np.nansum(values, axis=0), n_visits, out=missing, where=n_visits > 0)
