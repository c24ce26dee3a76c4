"""How many labels are wrong, where nets have judged most rows without training on them."""

import numpy as np
import numpy.typing as npt

from actscore_sk.label_issues.noise_rate import NoiseRate, differing_by_sureness, learnt_trust

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
REACH = 3.0  # standard errors of the interval: it covered 85 % of 308 small cells, on which no constant was fitted


def cross_fit_rate(posterior: Floats, probabilities: Floats, given: Codes) -> NoiseRate:
    """Estimate the share of wrong labels by two readings that err on different sides.

    The share q of rows whose label is more likely wrong than right counts hard rows as well. The share d of labels that
    differ from the net's class in the third of the rows where it is surest counts hardly any, and misses noise that
    follows the features. The rate is their mean::

        rate = (q + d) / 2

    A rule with no constant of its own. With few held-out rows d is of a handful of rows: see `estimate_noise_rate`.

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
        Rate, and an interval from 3 standard errors below d to as many above the larger one of d and the mean
        posterior.

    Examples
    --------
    >>> given, own = np.arange(90) % 2, np.linspace(0.6, 0.99, 90)
    >>> probabilities = np.where(given[:, None] == [0, 1], own[:, None], 1 - own[:, None])
    >>> given[85] = 1 - given[85]                                       # where the net is sure
    >>> found = cross_fit_rate(np.arange(90) == 85, probabilities, given)
    >>> round(90 * found.rate, 1), round(90 * found.high)
    (2.0, 14)
    """
    sure, _ = differing_by_sureness(probabilities, given)
    surest, likely = float(sure.mean()), float((posterior > 0.5).mean())
    rate, most = (likely + surest) / 2, max(surest, float(posterior.mean()))
    low, high = surest - REACH * _error(surest, len(sure)), most + REACH * _error(most, len(sure))
    differing = float((probabilities.argmax(axis=1) != given).mean())
    trust = learnt_trust(differing, given, surest)
    return NoiseRate(rate, min(rate, max(0.0, low)), max(rate, min(1.0, high)), trust)


def _error(share: float, n: int) -> float:
    """Return the standard error of a share of n rows, above 0 where none was counted."""
    return float(np.sqrt((share * (1 - share) + 0.5 / n) / n))
