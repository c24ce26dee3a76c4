"""Has a net learnt anything about the labels of rows that it has not seen? Without that, nothing can be decided."""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from actscore_sk.label_issues.barely_trained import refuse_barely_trained

SURE_TO_LEARN = 3.0  # standard errors above chance; nets that share rows err together, so it is much
NOTHING_HELD_OUT = (
    "how many labels are wrong cannot be said: the net trained on all rows, and nothing shows what it learnt; hold "
    "some out (train_split=ValidSplit(5); held_out=True of a tracker); the ranking and the suggestions are there"
)
ONE_CLASS = (
    "how many labels are wrong cannot be said: all held-out rows are of one class, and nothing shows how well the "
    "net tells it from others; hold out rows of several classes, drawn at random"
)
NOTHING_LEARNT = (
    "how many labels are wrong cannot be said: the net learnt nothing that can be told from chance, what it gives the "
    "labels of {n} held-out rows ranks {z:.1f} standard errors above what it gives shuffled labels, and {least:g} are "
    "needed; train it better, hold out more rows, or look whether the labels belong to theirs"
)


def refuse(probabilities: npt.NDArray[np.float64], given: npt.NDArray[np.int64]) -> str | None:
    """Return the reason why nothing can be decided, one sentence, or None if it can.

    A net that learnt something gives the rows of a class a higher probability of it than other rows, however rare the
    class is: by ranks, at least 3 standard errors more than labels that were shuffled, see `learnt_z`. The loss is no
    such test: among labels that were shuffled, it came below the entropy of the class shares in some epoch of 4 in 10
    trainings. A net that has learnt something may have hardly begun, see `refuse_barely_trained`.

    Parameters
    ----------
    probabilities : ndarray (n_held_out, n_classes)
        Averages over the window, of rows that the net did not train on.
    given : ndarray of int (n_held_out,)
        Their labels.

    Examples
    --------
    >>> probabilities = np.linspace(0.01, 0.99, 40)[:, None] * [1, -1] + [0, 1]
    >>> refuse(probabilities, np.arange(40) % 2)
    'how many ... labels of 40 held-out rows ranks -0.3 standard errors above what it gives shuffled labels, ...'
    >>> refuse(probabilities, np.repeat([1, 0], 20)) is None
    True
    """
    n = len(given)
    if n == 0:
        return NOTHING_HELD_OUT
    if (given == given[0]).all():
        return ONE_CLASS
    z = learnt_z(probabilities, given)
    if z > SURE_TO_LEARN:
        return refuse_barely_trained(probabilities, given)
    return NOTHING_LEARNT.format(n=n, z=z, least=SURE_TO_LEARN)


def learnt_z(probabilities: npt.NDArray[np.float64], given: npt.NDArray[np.int64]) -> float:
    """Return by how many standard errors the probabilities of given labels rank higher than those of shuffled labels.

    The statistic is the sum of the ranks of the given labels' probabilities, each among the rows of its class's column;
    of two classes it is Wilcoxon's rank sum. Mean and variance are those over all permutations of the labels.

    Parameters
    ----------
    probabilities : ndarray (n_samples, n_classes)
        Of rows that the net did not train on.
    given : ndarray of int (n_samples,)
        Their labels.

    References
    ----------
    Hoeffding, "A Combinatorial Central Limit Theorem", Annals of Mathematical Statistics 22(4), 1951, eq. 9-10.

    Examples
    --------
    >>> probabilities = np.array([[0.7, 0.3], [0.8, 0.2], [0.6, 0.4], [0.9, 0.1]])
    >>> [round(learnt_z(probabilities, np.array(given)), 2) for given in ([0, 0, 1, 1], [1, 0, 1, 0])]
    [0.0, 1.55]
    """
    n, own, sums, squares = len(given), 0.0, np.zeros(len(given)), 0.0
    for code, count in enumerate(np.bincount(given)):
        if count:
            ranks = rankdata(probabilities[:, code])
            own += ranks[given == code].sum()
            sums += count * ranks
            squares += count * (ranks @ ranks)
    variance = (squares - sums @ sums / n) / (n - 1)
    return float((own - n * (n + 1) / 2) / np.sqrt(variance)) if variance > 0 else 0.0
