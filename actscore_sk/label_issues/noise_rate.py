"""How many labels are wrong, from rows that the net did not train on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from actscore_sk.label_issues.noise_floor import noise_floor

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

# Found on 27 small tables with labels made wrong, five larger ones and CIFAR-10N's "worse" and "aggre" labels.
BY_POSTERIOR, BY_SURE, BY_UNSURE = 5 / 8, 1 / 4, 1 / 8  # weights of the three readings
CAUTION = 0.5  # standard errors that the rate stays below their sum
CONTROL = 0.5  # share of the surplus of held-out rows over all rows that is taken off
MOST = 3.0  # times the share among the surest rows: a rate beyond is hardness
HARD, EASY = 0.3, 0.7  # learnt share of a table whose disagreements are taken for hardness, and for wrong labels
LOW, HIGH = 4.0, 3.0  # standard errors of the interval, around their sum: it covered 86 % of 690 small cells


@dataclass(frozen=True)
class NoiseRate:
    """Share of wrong labels.

    Parameters
    ----------
    rate : float
        In [0, 1].
    low, high : float
        Its confidence interval, low <= rate <= high.
    trust : float
        How far disagreements of the net are taken for wrong labels, not for hardness; in [0, 1].
    """

    rate: float
    low: float
    high: float
    trust: float


def estimate_noise_rate(posterior_mean: float, probabilities: Floats, given: Codes, shift: float = 0.0) -> NoiseRate:
    """Estimate the share of wrong labels by how often, and how surely, a net disagrees with labels it has not seen.

    Three readings, none of them safe alone: the mean posterior p of a wrong label, which misses noise that follows the
    features; the share d of labels that differ from the net's class in the third of the rows where it is surest, and
    which counts noise alone, of few rows; and the same share u where it is least sure, most of which is its own error::

        r = 5/8 p + 1/4 d + 1/8 u − shift        s = max(0, r − e / 2)        e² = (r (1 − r) + 1 / (2 n)) / n

    and at most 3 (k + 1/2) / (m + 1), if k of the m surest rows differ: noise shows among them, hardness does not. The
    fewer rows are held out, the more s stays below r.

    Rows that are hard by nature and noise that follows the features cannot be distinguished by the data, and s counts
    both. It is believed as far as the net has learnt the table. Let f be the floor, which hardness does not explain
    (`noise_floor`), b the share of labels that differ from the net's class, and c that from the commonest class. Then::

        learnt = 1 − max(0, b − f) / max(c − f, .02)        t = clip((learnt − .3) / .4, 0, 1)
        rate = t s + (1 − t) min(s, f)

    Where features say nearly all of the class (t = 1), labels that differ are taken for wrong; where they say little of
    it (t = 0), only the floor is.

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
        Rate, and an interval from 4 e below r to 3 e above r. The harder the table, the nearer its lower end is to that
        of the floor.

    Examples
    --------
    >>> true, own = np.arange(900) % 2, np.repeat([0.99, 0.6], [600, 300])
    >>> wrong = np.r_[np.arange(600) % 10 == 0, np.arange(300) % 10 < 3]
    >>> estimate_noise_rate(0.12, np.where(true == [[0], [1]], own, 1 - own).T, true ^ wrong)
    NoiseRate(rate=0.1...)
    """
    n, differs = len(given), probabilities.argmax(axis=1) != given
    sure, unsure = differing_by_sureness(probabilities, given)
    seen = BY_POSTERIOR * posterior_mean + BY_SURE * sure.mean() + BY_UNSURE * unsure.mean() - shift
    seen = float(np.clip(seen, 0, 1))
    error = float(np.sqrt((seen * (1 - seen) + 0.5 / n) / n))
    most = float(MOST * (sure.sum() + 0.5) / (len(sure) + 1))
    loose = min(max(0.0, seen - CAUTION * error), most)
    floor, floor_low, floor_high = noise_floor(probabilities, given)
    trust = learnt_trust(float(differs.mean()), given, floor)
    rate = trust * loose + (1 - trust) * min(loose, floor)
    low = trust * max(0.0, seen - LOW * error) + (1 - trust) * floor_low
    return NoiseRate(rate, min(rate, low), max(rate, floor_high, min(1.0, seen + HIGH * error)), trust)


def differing_by_sureness(probabilities: Floats, given: Codes) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Mark labels that differ from the net's class, in the third of the rows where it is surest, and least sure.

    >>> sure, unsure = differing_by_sureness(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), np.array([1, 1, 1]))
    >>> sure, unsure
    (array([ True]), array([ True]))
    """
    place = rankdata(probabilities.max(axis=1), method="ordinal") / len(given)
    differs = probabilities.argmax(axis=1) != given
    # One row is the surest, and the least sure.
    return differs[place > 2 / 3], differs[place <= max(1 / 3, place.min())]


def learnt_trust(differing: float, given: Codes, floor: float, *, hard: float = HARD, easy: float = EASY) -> float:
    """Return how far labels that differ from the net's class are taken for wrong ones, by the share that was learnt.

    >>> learnt_trust(0.05, np.array([0, 1]), 0.0), learnt_trust(0.4, np.array([0, 1]), 0.0)
    (1.0, 0.0)
    >>> learnt_trust(0.4, np.array([0, 1]), 0.4)
    1.0
    """
    by_chance = 1 - np.bincount(given).max() / len(given)
    learnt = 1 - max(0.0, differing - floor) / max(by_chance - floor, 0.02)
    return float(np.clip((learnt - hard) / (easy - hard), 0, 1))


def chance_shift(margins: Floats, held_out: npt.NDArray[np.bool_]) -> float:
    """Estimate how many more wrong labels the held-out rows have than all rows, from margins of one kind for all.

    After a second fit on all rows, a negative margin means the same for each of them, and its share among the held-out
    rows less that among all is an accident of the split, of which half is taken for wrong labels.

    >>> chance_shift(np.array([-1.0, 1.0, 1.0, 1.0]), np.array([True, True, False, False]))
    0.125
    """
    negative = margins < 0
    return float(CONTROL * (negative[held_out].mean() - negative.mean()))
