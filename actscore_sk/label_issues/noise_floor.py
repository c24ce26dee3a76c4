"""The share of wrong labels that hardness cannot explain: how often a net disagrees, however sure it is."""

import numpy as np
import numpy.typing as npt

from actscore_sk.label_issues.noise_model import TEMPERATURES, TINY, tempered

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

FLOORS = 0.6 * np.linspace(0, 1, 61) ** 2  # closer where small
DROP = 1.92  # of the log-likelihood; half the 95 % point of chi-squared with one degree of freedom


def noise_floor(probabilities: Floats, given: Codes) -> tuple[float, float, float]:
    """Estimate how often labels differ from the net's class where it is sure of it, and where that may lie.

    Rows that are hard by nature, and wrong labels that follow the features, make a net less sure. Wrong labels that
    have nothing to do with the features differ from a sure net's class, too. Let h be the probability that the net's
    class is not the true one, by softmax of the log-probabilities times a factor. Of K classes, labels that are wrong
    with probability f differ from the net's class with probability ``f + h (1 − f K / (K − 1))``. The likelihood of f
    is that of the best factor. A net that has learnt the noise has it in h, and the floor is too low; one that is sure
    of its own mistakes shows them as a floor.

    Parameters
    ----------
    probabilities : ndarray (n_samples, n_classes)
        Of rows that the net did not train on; at least one row.
    given : ndarray of int (n_samples,)
        Given labels.

    Returns
    -------
    floor : float
        Posterior mean of f, where all values in [0, 0.6] are as likely before.
    low, high : float
        Values of f whose log-likelihood is within 1.92 of the largest: a 95 % interval.

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: A Loss Correction Approach", CVPR 2017, for
    labels as a mixture over true classes; Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, for the
    factor.

    Examples
    --------
    Labels differ in a fifth of the rows where a net is sure of all, and in half of those that another is not sure of:

    >>> wrong = np.arange(500) % 5 == 0
    >>> sure = np.tile([0.99, 0.01], (500, 1))
    >>> hard = np.where(np.arange(500)[:, None] < 100, [0.51, 0.49], [0.999, 0.001])
    >>> noise_floor(sure, wrong.astype(int))
    (0.16..., 0.09..., 0.22...)
    >>> noise_floor(hard, (np.arange(500) < 50).astype(int))
    (0.002..., 0.0, 0.004...)
    """
    n_classes = probabilities.shape[1]
    differs = probabilities.argmax(axis=1) != given
    likelihoods = np.full(len(FLOORS), -np.inf)
    for factor in TEMPERATURES:
        hard = 1 - tempered(probabilities, factor).max(axis=1)
        for place, floor in enumerate(FLOORS):  # one floor at a time: no array of rows times floors
            chances = np.clip(floor + hard * (1 - floor * n_classes / (n_classes - 1)), TINY, 1 - TINY)
            found = np.log(np.where(differs, chances, 1 - chances)).sum()
            likelihoods[place] = max(likelihoods[place], found)
    relative = np.exp(likelihoods - likelihoods.max())
    weights = relative * np.gradient(FLOORS)
    mean = weights @ FLOORS / weights.sum()
    likely = FLOORS[likelihoods >= likelihoods.max() - DROP]
    return float(mean), float(likely[0]), float(likely[-1])
