"""How labels go wrong, from rows that the net did not train on: given against true classes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import softmax

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
TEMPERATURES = np.geomspace(0.5, 16, 11)  # factors of the logits; averaged probabilities are too cautious
TINY = 1e-6  # a probability that a net's arithmetic cannot tell from 0


def confident_joint(probabilities: Floats, given: Codes) -> Floats:
    """Count rows by given and true class, those taken as true in which the net is as sure as it is of that class.

    Parameters
    ----------
    probabilities : ndarray (n_samples, n_classes)
        Of rows that the net did not train on.
    given : ndarray of int (n_samples,)
        Given labels.

    Returns
    -------
    joint : ndarray of float64 (n_classes, n_classes)
        Rows that are given i and are truly j at [i, j]; a row sums to how often i is given.

    References
    ----------
    Northcutt, Jiang & Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70, 2021, eq. 1–2.

    Examples
    --------
    >>> sure = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9]])
    >>> confident_joint(sure, np.array([0, 0, 1, 0]))
    array([[2., 1.],
           [0., 1.]])
    """
    n_classes = probabilities.shape[1]
    counts = np.bincount(given, minlength=n_classes).astype(np.float64)
    own = np.bincount(given, probabilities[np.arange(len(given)), given], minlength=n_classes)
    # A class that nobody was given has no threshold, and no row is taken for it.
    thresholds = np.where(counts > 0, own / np.maximum(counts, 1), np.inf)
    reached = probabilities >= thresholds - 1e-9  # a class of one row reaches its own mean, whatever the rounding
    true, is_sure = np.where(reached, probabilities, -1).argmax(axis=1), reached.any(axis=1)
    joint = np.zeros((n_classes, n_classes))
    np.add.at(joint, (given[is_sure], true[is_sure]), 1)
    rows = joint.sum(axis=1)
    scaled = joint * (counts / np.maximum(rows, 1))[:, None]
    return np.where(rows[:, None] > 0, scaled, np.diag(counts))


@dataclass(frozen=True)
class NoiseModel:
    """Model of label noise: the labels that each true class is given, and how much surer than the net one may be.

    Parameters
    ----------
    transition : ndarray (n_classes, n_classes)
        P(given j | true i) at [i, j]; rows sum to 1.
    true_shares : ndarray (n_classes,)
        Share of each true class; sums to 1.
    temperature : float
        Factor of the log-probabilities, > 0; above 1 = surer.
    """

    transition: Floats
    true_shares: Floats
    temperature: float

    @classmethod
    def fit(cls, probabilities: Floats, given: Codes) -> "NoiseModel":
        """Read the transition off the confident joint, and choose the temperature by likelihood.

        As many rows as there are classes, with noise that is the same for all classes and of the average rate, are
        added to each true class, so that a class with few rows is not without noise.

        Examples
        --------
        >>> sure = np.array([[0.99, 0.01]] * 9 + [[0.01, 0.99]] * 10)
        >>> model = NoiseModel.fit(sure, np.array([0] * 8 + [1] * 11))
        >>> model.transition.round(2)
        array([[0.9 , 0.1 ],
               [0.01, 0.99]])
        """
        n_classes = probabilities.shape[1]
        joint = confident_joint(probabilities, given)
        rate = 1 - np.trace(joint) / joint.sum()
        uniform = np.full((n_classes, n_classes), rate / (n_classes - 1))
        np.fill_diagonal(uniform, 1 - rate)
        rows = joint.sum(axis=0)
        transition = (joint.T + n_classes * uniform) / (rows[:, None] + n_classes)
        shares = (rows + 1) / (rows.sum() + n_classes)
        likelihoods = [
            np.log((tempered(probabilities, factor) * transition[:, given].T).sum(axis=1) + TINY).sum()
            for factor in TEMPERATURES
        ]
        return cls(transition, shares, float(TEMPERATURES[int(np.argmax(likelihoods))]))

    def probability_wrong(self, probabilities: Floats, given: Codes) -> Floats:
        """Return the posterior probability that a given label is not the true class (n_samples,), by Bayes' rule.

        ``P(true = i | x, given = j)`` is proportional to ``P(true = i | x) P(given = j | true = i)``.

        >>> model = NoiseModel(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0.5, 0.5]), 1.0)
        >>> model.probability_wrong(np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1])).round(3)
        array([0.012, 0.5  ])
        """
        weights = tempered(probabilities, self.temperature) * self.transition[:, given].T
        right = weights[np.arange(len(given)), given]
        return 1 - right / np.maximum(weights.sum(axis=1), TINY**2)

    def matrix(self, rate: float) -> Floats:
        """Return the noise matrix of a given rate: P(given i | true j) at [i, j], columns sum to 1, as cleanlab's.

        The odds of a wrong label are multiplied, for all classes by one factor, until its rate is the one asked for.

        >>> model = NoiseModel(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0.5, 0.5]), 1.0)
        >>> model.matrix(0.15).round(2)
        array([[0.9, 0.2],
               [0.1, 0.8]])
        >>> model.matrix(0.0)
        array([[1., 0.],
               [0., 1.]])
        """
        wrong = 1 - self.transition.diagonal()
        if rate <= 0 or not wrong.any():
            return np.eye(len(wrong))

        def at(log_factor: float) -> Floats:
            return wrong * np.exp(log_factor) / (1 - wrong + wrong * np.exp(log_factor))

        reach = 50.0  # e^50: beyond any odds of a float
        wanted = np.clip(rate, self.true_shares @ at(-reach), self.true_shares @ at(reach))
        wrong_now = at(brentq(lambda log_factor: self.true_shares @ at(log_factor) - wanted, -reach, reach))
        off = self.transition * (1 - np.eye(len(wrong)))
        spread = off / np.where(wrong > 0, wrong, 1)[:, None]
        return (spread * wrong_now[:, None] + np.diag(1 - wrong_now)).T


def tempered(probabilities: Floats, factor: float) -> Floats:
    """Make probabilities (n_samples, n_classes) surer, for a factor above 1, or less sure.

    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3)
    array([[0.941, 0.059]])
    """
    return softmax(factor * np.log(probabilities + TINY), axis=1)
