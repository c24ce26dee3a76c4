"""From a ranking to probabilities: calibrated on rows that the net did not train on, of one average."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

Floats = npt.NDArray[np.float64]
EDGE = 1e-6  # no probability is nearer to 0 or 1 than that


def wrong_label_probability(scores: Floats, held_out: npt.NDArray[np.bool_], posterior: Floats, rate: float) -> Floats:
    """Turn scores into probabilities of a wrong label whose average is the rate.

    Isotonic regression of the posterior of the held-out rows on their scores gives the shape; then all odds are
    multiplied by one factor. Without it, posteriors are too low where noise follows the features.

    Parameters
    ----------
    scores : ndarray (n_samples,)
        Of all rows, on one scale; higher = more likely wrong.
    held_out : ndarray of bool (n_samples,)
        Rows whose posterior is known.
    posterior : ndarray (n_held_out,)
        Their probabilities of a wrong label; see `NoiseModel.probability_wrong`.
    rate : float
        Share of wrong labels, in [0, 1].

    Returns
    -------
    probabilities : ndarray of float64 (n_samples,)
        In (0, 1), never descending with the score; equal ones are told apart by the score.

    References
    ----------
    Zadrozny & Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates", KDD 2002;
    for the factor: Saerens, Latinne & Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori
    Probabilities: A Simple Procedure", Neural Computation 14(1), 2002.

    Examples
    --------
    >>> known = np.array([True, True, True, False])
    >>> wrong_label_probability(np.array([1.0, 2.0, 4.0, 3.0]), known, np.array([0.1, 0.1, 0.6]), 0.2875).round(2)
    array([0.1 , 0.1 , 0.6 , 0.35])
    """
    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores[held_out], posterior)
    odds = logit(np.clip(curve.predict(scores), EDGE, 1 - EDGE))
    reach = 2 * logit(1 - EDGE)
    # Half a row of all: a rate of 0 says that none was found, not that none can be wrong.
    wanted = np.clip(rate, max(0.5 / len(scores), EDGE), 1 - max(0.5 / len(scores), EDGE))
    wanted = np.clip(wanted, expit(odds - reach).mean(), expit(odds + reach).mean())
    factor = brentq(lambda log_factor: expit(odds + log_factor).mean() - wanted, -reach, reach)
    return expit(odds + factor)
