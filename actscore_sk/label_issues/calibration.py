"""From a ranking to probabilities: calibrated on rows that the net did not train on, of one average."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

Floats = npt.NDArray[np.float64]
EDGE = 1e-6  # no probability is nearer to 0 or 1 than that
SURE = 1e-3  # and no posterior
RESTRAINT = 0.8  # power of the odds: a model that is fitted to few rows is too sure of them


def spread_posterior(scores: Floats, held_out: npt.NDArray[np.bool_], posterior: Floats) -> Floats:
    """Estimate the posterior of all rows from held-out rows with the same score, by isotonic regression.

    Parameters
    ----------
    scores : ndarray (n_samples,)
        Of all rows, on one scale; higher = more likely wrong.
    held_out : ndarray of bool (n_samples,)
        Rows whose posterior is known; at least one.
    posterior : ndarray (n_held_out,)
        Their probabilities of a wrong label; see `NoiseModel.probability_wrong`.

    Returns
    -------
    probabilities : ndarray of float64 (n_samples,)
        In [0, 1], never descending with the score.

    References
    ----------
    Zadrozny & Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates", KDD 2002.

    Examples
    --------
    >>> spread_posterior(np.array([1.0, 4.0, 2.5]), np.array([True, True, False]), np.array([0.1, 0.7]))
    array([0.1, 0.7, 0.4])
    """
    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores[held_out], posterior)
    return curve.predict(scores)


def of_average(probabilities: Floats, average: float) -> Floats:
    """Multiply all odds, to the power of 0.8, by one factor, so that the probabilities have a given average.

    Posteriors near 0.9 were right in 0.8 of the cases, on tables with labels made wrong: hence the power. Their average
    alone is too low where noise follows the features. An average of 0 becomes half a row: that none was
    found does not say that none can be wrong.

    Parameters
    ----------
    probabilities : ndarray (n_samples,)
        In [0, 1].
    average : float
        In [0, 1].

    Returns
    -------
    probabilities : ndarray of float64 (n_samples,)
        In (0, 1), in the same order.

    References
    ----------
    Saerens, Latinne & Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities: A Simple
    Procedure", Neural Computation 14(1), 2002.

    Examples
    --------
    >>> of_average(np.array([0.2, 0.5]), 0.525).round(2)
    array([0.39, 0.66])
    """
    odds = RESTRAINT * logit(np.clip(probabilities, SURE, 1 - SURE))
    reach = 2 * logit(1 - EDGE)
    half_a_row = max(0.5 / len(odds), EDGE)
    wanted = np.clip(average, half_a_row, 1 - half_a_row)
    wanted = np.clip(wanted, expit(odds - reach).mean(), expit(odds + reach).mean())
    factor = brentq(lambda log_factor: expit(odds + log_factor).mean() - wanted, -reach, reach)
    return expit(odds + factor)
