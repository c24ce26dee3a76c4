"""How many labels are wrong, where nets have judged most rows without training on them."""

import numpy as np
import numpy.typing as npt

from actscore_sk.label_issues.noise_floor import noise_floor
from actscore_sk.label_issues.noise_rate import NoiseRate, differing_by_sureness, learnt_trust

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
MIXED, LEARNT = 0.5, 0.9  # learnt share of a table of which the mean is taken, and of one without hard rows
REACH = 3.0  # standard errors of the interval; how often it covers: benchmarks/results/label_issues_*.md


def cross_fit_rate(posterior: Floats, probabilities: Floats, given: Codes) -> NoiseRate:
    """Estimate the share of wrong labels by three readings that err on different sides.

    The share q of rows whose label is more likely wrong than right counts hard rows as well. The share d of labels that
    differ from the net's class in the third of the rows where it is surest counts fewer of them, and misses noise that
    follows the features. The floor f counts none, and misses more; see `noise_floor`. Where features say nearly all of
    the class there are no hard rows, and q is the rate; else it is the mean of the three. With the learnt share of
    `estimate_noise_rate`::

        t = clip((learnt - .5) / .4, 0, 1)        rate = t q + (1 - t) (q + d + f) / 3

    Where few rows are judged, d is of a handful of rows: see `estimate_noise_rate`.

    Parameters
    ----------
    posterior : ndarray (n_judged,)
        Probabilities of a wrong label; see `NoiseModel.probability_wrong`.
    probabilities : ndarray (n_judged, n_classes)
        Averages over the window, by nets that did not train on the row.
    given : ndarray of int (n_judged,)
        Given labels.

    Returns
    -------
    estimate : NoiseRate
        Rate, and an interval: from the lower end of the floor's, or 3 standard errors below d if that is less, to 3
        standard errors above d or the mean posterior.

    Examples
    --------
    >>> given, own = np.arange(90) % 2, np.linspace(0.6, 0.99, 90)
    >>> probabilities = np.where(given[:, None] == [0, 1], own[:, None], 1 - own[:, None])
    >>> given[85] = 1 - given[85]                                       # where the net is sure
    >>> found = cross_fit_rate(np.arange(90) == 85, probabilities, given)
    >>> round(90 * found.rate, 1), round(90 * found.high)
    (1.0, 14)
    """
    sure, _ = differing_by_sureness(probabilities, given)
    surest, likely = float(sure.mean()), float((posterior > 0.5).mean())
    floor, floor_low, _ = noise_floor(probabilities, given)
    differing = float((probabilities.argmax(axis=1) != given).mean())
    is_easy = learnt_trust(differing, given, floor, hard=MIXED, easy=LEARNT)
    rate = is_easy * likely + (1 - is_easy) * (likely + surest + floor) / 3
    most = max(surest, float(posterior.mean()))
    low = min(rate, floor_low, max(0.0, surest - REACH * _error(surest, len(sure))))
    high = max(rate, min(1.0, most + REACH * _error(most, len(sure))))
    return NoiseRate(rate, low, high, learnt_trust(differing, given, floor))


def _error(share: float, n: int) -> float:
    """Return the standard error of a share of n rows, above 0 where none was counted."""
    return float(np.sqrt((share * (1 - share) + 0.5 / n) / n))
