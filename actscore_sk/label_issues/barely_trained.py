"""Has the training of a net hardly begun? It then ranks rows well, and is sure of none."""

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from actscore_sk.label_issues.noise_model import TINY
from actscore_sk.metrics.epoch_window import class_entropy

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
LEAST_GAIN = 0.15  # of the loss that the class shares leave
FACTORS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
MODEST = 4.0  # a net that was trained longer asks for less where it gains so little, with up to 40 % of labels wrong
N_STEPS = 5  # towards the shares of the classes; they are reached to a few per cent
BARELY_TRAINED = (
    "how many labels are wrong cannot be said: the training of the net has hardly begun, what it says of {n} held-out "
    "rows is {gain:.0%} better than to know how common each class is, and would be better if it were {factor:g} times "
    "as sure; train it for more epochs, or with a higher learning rate (AdaBoost of several classes is never surer)"
)


def refuse_barely_trained(probabilities: Floats, given: Codes) -> str | None:
    """Return the reason why nothing can be decided, one sentence, or None if the net was trained.

    After a few small steps a net tells classes apart without being sure of any row. Any rate of wrong labels, none and
    most of them, explains that. Labels that are wrong leave it unsure, too, but as unsure as it should be: its
    log-probabilities need no factor to fit the labels of rows that it has not seen. So a net is refused if its loss is
    less than 15 % below the entropy of the class shares, while log-probabilities 4 times as large, or more, fit best.

    The factor and a term for each class, of which its share follows, are fitted together: weights of classes in the
    loss of a net make the rare ones too likely, and say nothing of how long it was trained. Probabilities of AdaBoost
    for several classes are as modest however long it learns, and tell as little of labels.

    Parameters
    ----------
    probabilities : ndarray (n_held_out, n_classes)
        Averages over the window, of rows that the net did not train on.
    given : ndarray of int (n_held_out,)
        Their labels, of two classes at least.

    References
    ----------
    Alexandari, Kundaje & Shrikumar, "Maximum Likelihood with Bias-Corrected Calibration is Hard-To-Beat at Label Shift
    Adaptation", ICML 2020, for the factor and the terms.

    Examples
    --------
    >>> given = np.arange(40) % 2
    >>> trained = np.where(given[:, None] == [0, 1], 0.9, 0.1)
    >>> barely = np.where(given[:, None] == [0, 1], 0.51, 0.49)
    >>> refuse_barely_trained(barely, given)
    'how many ... what it says of 40 held-out rows is 3% better than to know how common each class is, ...'
    >>> refuse_barely_trained(trained, given) is None
    True
    """
    if gain(probabilities, given, 1.0, n_steps=0) >= LEAST_GAIN:  # in most cases, so that the rest need not be fast
        return None
    found = gain(probabilities, given, 1.0)
    best = max(FACTORS, key=lambda factor: gain(probabilities, given, factor))
    if found >= LEAST_GAIN or best < MODEST:
        return None
    return BARELY_TRAINED.format(n=len(given), gain=found, factor=best)


def gain(probabilities: Floats, given: Codes, factor: float, *, n_steps: int = N_STEPS) -> float:
    """Return by how much a loss is below the entropy of the class shares, as a share of it; 1 = no loss.

    The loss is that of log-probabilities times a factor, plus a term per class that leads to its share.

    >>> round(gain(np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1]), 1.0), 4)
    0.0
    """
    shares = np.bincount(given, minlength=probabilities.shape[1]) / len(given)
    logits = factor * np.log(probabilities + TINY)
    for _ in range(n_steps):
        logits += np.log(shares + TINY) - np.log(softmax(logits, axis=1).mean(axis=0) + TINY)
    likelihoods = np.log(softmax(logits, axis=1)[np.arange(len(given)), given] + TINY)
    return float(1 + likelihoods.mean() / class_entropy(given))
