"""How many labels are wrong, from rows that the net did not train on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

# Found on seventeen small tables with labels made wrong, five larger ones and CIFAR-10N's "worse" and "aggre" labels.
BY_POSTERIOR, BY_SURE, BY_UNSURE = 5 / 8, 1 / 4, 1 / 8  # weights of the three readings
CAUTION = 0.5  # standard errors that the rate stays below their sum
CONTROL = 0.5  # share of the surplus of held-out rows over all rows that is taken off
LOW, HIGH = 3.0, 2.0  # standard errors of the interval, around their sum


@dataclass(frozen=True)
class NoiseRate:
    """Share of wrong labels.

    Parameters
    ----------
    rate : float
        In [0, 1].
    low, high : float
        Its confidence interval, low <= rate <= high.
    """

    rate: float
    low: float
    high: float


def estimate_noise_rate(posterior_mean: float, probabilities: Floats, given: Codes, shift: float = 0.0) -> NoiseRate:
    """Estimate the share of wrong labels by how often, and how surely, a net disagrees with labels it has not seen.

    Three readings, none of them safe alone: the mean posterior p of a wrong label, which misses noise that follows the
    features; the share d of labels that differ from the net's class in the third of the rows where it is surest, and
    which counts noise alone, of few rows; and the same share u where it is least sure, most of which is its own error::

        r = 5/8 p + 1/4 d + 1/8 u − shift        rate = max(0, r − e / 2)        e² = (r (1 − r) + 1 / (2 n)) / n

    Rows that are hard by nature and noise that follows the features cannot be distinguished by the data: the
    former are counted in part, the latter not wholly. The fewer rows are held out, the more the rate stays below r,
    which flags fewer labels of clean data.

    Parameters
    ----------
    posterior_mean : float
        Mean probability of a wrong label over all rows; see `spread_posterior`.
    probabilities : ndarray (n_held_out, n_classes)
        Averages over the window, of rows that the net did not train on.
    given : ndarray of int (n_held_out,)
        Given labels.
    shift : float
        How much more wrong labels the held-out rows have than all rows, by chance; see `chance_shift`.

    Returns
    -------
    estimate : NoiseRate
        Rate, and an interval from 3 e below r to 2 e above it.

    Examples
    --------
    >>> sure = np.array([[0.99, 0.01]] * 600 + [[0.6, 0.4]] * 300)
    >>> given = np.array([1] * 60 + [0] * 540 + [1] * 90 + [0] * 210)
    >>> estimate_noise_rate(0.12, sure, given)
    NoiseRate(rate=0.107..., low=0.080..., high=0.133...)
    """
    n = len(given)
    place = rankdata(probabilities.max(axis=1), method="ordinal") / n
    differs = probabilities.argmax(axis=1) != given
    # One row is the surest, and the least sure.
    sure, unsure = differs[place > 2 / 3].mean(), differs[place <= max(1 / 3, place.min())].mean()
    seen = BY_POSTERIOR * posterior_mean + BY_SURE * sure + BY_UNSURE * unsure - shift
    return _with_interval(float(np.clip(seen, 0, 1)), n)


def interval_around(rate: float, n_held_out: int) -> NoiseRate | None:
    """Return an estimate with its interval, from the rate alone: that of a table that was written earlier.

    Parameters
    ----------
    rate : float
        As of `estimate_noise_rate`; the mean of calibrated probabilities is the same number.
    n_held_out : int
        Number of rows that it was estimated from.

    Returns
    -------
    estimate : NoiseRate or None
        None for a rate of 0, which may be that of many intervals, and without held-out rows.

    Examples
    --------
    >>> estimate = interval_around(0.107, 900)
    >>> round(estimate.low, 3), round(estimate.high, 3)
    (0.081, 0.133)
    """
    # the rate stays half an error below the sum of the readings, so that the sum is found by search
    if not n_held_out or not 0 < rate < _with_interval(1.0, n_held_out).rate:
        return None
    return _with_interval(float(brentq(lambda seen: _with_interval(seen, n_held_out).rate - rate, rate, 1)), n_held_out)


def _with_interval(seen: float, n: int) -> NoiseRate:
    """Return the estimate for the sum of the readings, of n held-out rows."""
    error = float(np.sqrt((seen * (1 - seen) + 0.5 / n) / n))
    low, high = max(0.0, seen - LOW * error), min(1.0, seen + HIGH * error)
    return NoiseRate(max(0.0, seen - CAUTION * error), low, high)


def chance_shift(margins: Floats, held_out: npt.NDArray[np.bool_]) -> float:
    """Estimate how many more wrong labels the held-out rows have than all rows, from margins of one kind for all.

    After a second fit on all rows, a negative margin means the same for each of them, and its share among the held-out
    rows less that among all is an accident of the split, of which half is taken for wrong labels.

    >>> chance_shift(np.array([-1.0, 1.0, 1.0, 1.0]), np.array([True, True, False, False]))
    0.125
    """
    negative = margins < 0
    return float(CONTROL * (negative[held_out].mean() - negative.mean()))
