"""How many labels are wrong, from rows that the net did not train on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

# Found on eight small tables with labels made wrong, five larger ones and CIFAR-10N's "worse" and "aggre" labels.
SURE_SHARE = 2 / 3  # of the held-out rows, by how sure the net is of any class
UNSURE_WEIGHT = 1 / 8  # by their number it would be 1/3: most disagreement there is the net's own error
CAUTION = 1.0  # standard error that the rate stays below what disagreement says
CONTROL = 0.5  # how much of what the held-out rows have more of than all rows is taken off
LOW, HIGH = 3.0, 2.0  # standard errors of the interval, around what disagreement says


@dataclass(frozen=True)
class NoiseRate:
    """Share of wrong labels.

    Parameters
    ----------
    rate : float
        In [0, 1].
    low, high : float
        Where it may lie: low <= rate <= high.
    """

    rate: float
    low: float
    high: float


def estimate_noise_rate(probabilities: Floats, given: Codes, shift: float = 0.0) -> NoiseRate:
    """Estimate the share of wrong labels by how often a net disagrees with labels that it has not seen.

    Where the net is sure, it is nearly always right, and disagreement means a wrong label; where it is unsure,
    disagreement is mostly its own error. So with d the share of labels that differ from the net's class among the surer
    two thirds of the rows, and u that among the others::

        r = 7/8 d + 1/8 u − shift        rate = max(0, r − e)        e² = (r (1 − r) + 1 / (2 n)) / n

    Rows that are hard by nature and noise that follows the features cannot be told apart by anything in the data: the
    former are counted in part, the latter not wholly. To stay below what disagreement says, by less the more rows are
    held out, flags fewer labels of clean data; the estimate is about right for noise that does not depend on features.

    Parameters
    ----------
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
    >>> estimate_noise_rate(sure, given)
    NoiseRate(rate=0.113..., low=0.091..., high=0.147...)
    """
    n = len(given)
    is_sure = rankdata(probabilities.max(axis=1), method="ordinal") > (1 - SURE_SHARE) * n
    differs = probabilities.argmax(axis=1) != given
    sure, unsure = differs[is_sure].mean(), differs[~is_sure].mean() if not is_sure.all() else 0.0
    seen = float(np.clip((1 - UNSURE_WEIGHT) * sure + UNSURE_WEIGHT * unsure - shift, 0, 1))
    error = float(np.sqrt((seen * (1 - seen) + 0.5 / n) / n))
    low, high = max(0.0, seen - LOW * error), min(1.0, seen + HIGH * error)
    return NoiseRate(max(0.0, seen - CAUTION * error), low, high)


def chance_shift(margins: Floats, held_out: npt.NDArray[np.bool_]) -> float:
    """How much more wrong labels the held-out rows seem to have than all rows, from margins of one kind for all.

    After a second fit on all rows, a negative margin means the same for each of them, and its share among the held-out
    rows less that among all is an accident of the split, of which half is taken for wrong labels.

    >>> chance_shift(np.array([-1.0, 1.0, 1.0, 1.0]), np.array([True, True, False, False]))
    0.125
    """
    negative = margins < 0
    return float(CONTROL * (negative[held_out].mean() - negative.mean()))
