"""One call from the records of a fit to a decision about each label."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from actscore_sk.label_issues.calibration import of_average, spread_posterior
from actscore_sk.label_issues.cross_fit_rate import cross_fit_rate
from actscore_sk.label_issues.learnt import refuse
from actscore_sk.label_issues.noise_model import NoiseModel
from actscore_sk.label_issues.noise_rate import NoiseRate, chance_shift, estimate_noise_rate
from actscore_sk.label_issues.ranking import wrong_label_scores
from actscore_sk.label_issues.suggestion import suggest_labels

JUDGED = 0.5  # share of the rows that are judged by a net which did not train on them; above, several nets share them
MOST = 0.5  # labels, of which the net must show some to be wrong; a class is what most of its labels say
FEW_ROWS = 200  # held out; below, the estimated rate is off by a third of itself or more
HARDLY_LEARNT = 0.5  # trust in disagreements; below, most of them are taken for hardness
TOO_HARD = (
    "wrong labels and hard rows look alike to this net, which differs from {differing:.0%} of the held-out labels: "
    "{low:.0%} to {high:.0%} of all may be wrong, and {rate:.1%} are flagged, with caution; "
    "a better net or more features would tell more"
)
TOO_UNSURE = (
    "how many labels are wrong cannot be said: the net differs from {differing:.0%} of {n} held-out labels, and any "
    "share up to {high:.0%} of all may be wrong; a better net or more features would tell more"
)


@dataclass(frozen=True)
class LabelIssues:
    """Decisions about each given label, and the rate of wrong ones.

    Parameters
    ----------
    wrong_label_scores : ndarray of float64 (n_samples,)
        Ranking, higher = more likely wrong; NaN for a row never visited.
    suggested_labels : ndarray of int64 (n_samples,)
        Likeliest class apart from the given one.
    suggested_share : ndarray of float64 (n_samples,)
        How likely that is if the given label is wrong, in [0, 1].
    refusal : str or None
        Why nothing more can be said; then all below is None.
    wrong_label_proba : ndarray of float64 (n_samples,) or None
        Calibrated probability that the given label is wrong; NaN for a row never visited.
    is_label_issue : ndarray of bool (n_samples,) or None
        The ``round(noise_rate * n_samples)`` rows with the highest scores.
    noise_rate : float or None
        Share of wrong labels, in [0, 1].
    noise_rate_interval : ndarray of float64 (2,) or None
        Its confidence interval, low <= rate <= high.
    noise_matrix : ndarray of float64 (n_classes, n_classes) or None
        P(given i | true j) at [i, j]; columns sum to 1.
    """

    wrong_label_scores: npt.NDArray[np.float64]
    suggested_labels: npt.NDArray[np.int64]
    suggested_share: npt.NDArray[np.float64]
    refusal: str | None = None
    wrong_label_proba: npt.NDArray[np.float64] | None = None
    is_label_issue: npt.NDArray[np.bool_] | None = None
    noise_rate: float | None = None
    noise_rate_interval: npt.NDArray[np.float64] | None = None
    noise_matrix: npt.NDArray[np.float64] | None = None

    @property
    def suggested_probability(self) -> npt.NDArray[np.float64] | None:
        """Probability that the suggested label is right, (n_samples,): that of a wrong label times its share."""
        return None if self.wrong_label_proba is None else self.wrong_label_proba * self.suggested_share


def find_label_issues(
    margins: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    given: npt.ArrayLike,
    held_out: npt.ArrayLike,
    *,
    held_out_probabilities: npt.ArrayLike | None = None,
) -> LabelIssues:
    """Find the labels that look wrong, their number, and the labels they should be, from the records of one fit.

    Parameters
    ----------
    margins : array-like of shape (n_samples,)
        Logit of the given label less the largest other one, averaged over the window (see `epoch_weights`); NaN =
        never visited.
    probabilities : array-like of shape (n_samples, n_classes)
        Class probabilities, averaged over the window; float32 is not copied.
    given : array-like of int (n_samples,)
        Given labels, 0 to n_classes − 1.
    held_out : array-like of bool (n_samples,)
        Rows that a net has judged without training on them. If none, or if that net learnt nothing, there is a
        ranking and a refusal. All of them: a test set.
    held_out_probabilities : array-like of shape (n_held_out, n_classes), optional
        Of the held-out rows by the net that did not train on them, where `margins` and `probabilities` are those of a
        second net that trained on all rows, or means of several that hold out other rows each.

    Returns
    -------
    issues : LabelIssues
        For all rows, in the order given.

    Raises
    ------
    ValueError
        If shapes do not fit, there are fewer than two classes, or a label is no class.

    Warns
    -----
    UserWarning
        If fewer than 200 rows are held out; or else, if the net has learnt so little that most of what differs is taken
        for hardness.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> true = rng.integers(3, size=900)
    >>> given = np.where(rng.random(900) < 0.1, (true + 1) % 3, true)
    >>> logits = 4 * np.eye(3)[true] + rng.normal(size=(900, 3))
    >>> probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    >>> own = logits[np.arange(900), given]
    >>> margins = own - np.where(np.eye(3)[given] > 0, -np.inf, logits).max(1)
    >>> issues = find_label_issues(margins, probabilities, given, np.arange(900) < 300)
    >>> (given != true).sum(), issues.is_label_issue.sum(), (900 * issues.noise_rate_interval).round()
    (np.int64(92), np.int64(63), array([ 13., 112.]))
    >>> bool((issues.suggested_labels == true)[issues.is_label_issue].all())
    True
    """
    given, held_out = np.asarray(given, dtype=np.int64), np.asarray(held_out, dtype=bool)
    margins, probabilities = np.asarray(margins, dtype=np.float64), np.asarray(probabilities)
    _check(margins, probabilities, given, held_out)
    has_second_fit = held_out_probabilities is not None
    scores = wrong_label_scores(margins, given, None if has_second_fit else held_out)
    suggested, share = suggest_labels(probabilities, given)
    judged = held_out & np.isfinite(scores)
    seen = np.asarray(held_out_probabilities)[judged[held_out]] if has_second_fit else probabilities[judged]
    seen, labels, known = seen.astype(np.float64), given[judged], np.isfinite(scores)
    refusal = refuse(seen, labels)
    if refusal is not None:
        return LabelIssues(scores, suggested, share, refusal)
    model = NoiseModel.fit(seen, labels)
    posterior = model.probability_wrong(seen, labels)
    spread = spread_posterior(scores[known], judged[known], posterior)
    if judged.sum() > JUDGED * known.sum():
        found = cross_fit_rate(posterior, seen, labels)
    else:
        shift = chance_shift(margins[known], judged[known]) if has_second_fit else 0.0
        found = estimate_noise_rate(float(spread.mean()), seen, labels, shift)
    n, differing = len(labels), float((seen.argmax(axis=1) != labels).mean())
    if found.low <= 0 and found.rate > MOST:
        refusal = TOO_UNSURE.format(differing=differing, n=n, high=found.high)
        return LabelIssues(scores, suggested, share, refusal)
    _warn(found, n, differing)
    if has_second_fit:  # its rows tell the order of probabilities better, all of them being of one kind
        everywhere = model.probability_wrong(probabilities[known].astype(np.float64), given[known])
        everywhere[judged[known]] = posterior
        spread = spread_posterior(scores[known], np.ones(len(everywhere), dtype=bool), everywhere)
    probability = np.full(len(given), np.nan)
    probability[known] = of_average(spread, found.rate)
    return LabelIssues(
        scores,
        suggested,
        share,
        None,
        probability,
        highest(scores, round(found.rate * len(given))),
        found.rate,
        np.array([found.low, found.high]),
        model.matrix(found.rate),
    )


def _warn(found: NoiseRate, n: int, differing: float) -> None:
    """Say how little is known, of n rows, or of a net that differs from many labels."""
    if n < FEW_ROWS:
        told = f"only {n} rows were held out: how many labels are wrong is a rough estimate below {FEW_ROWS}"
    elif found.trust < HARDLY_LEARNT:
        told = TOO_HARD.format(differing=differing, low=found.low, high=found.high, rate=found.rate)
    else:
        return
    warnings.warn(told, stacklevel=3)


def highest(scores: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.bool_]:
    """Mark the n rows with the highest scores, of equal ones the first; NaN is lowest.

    >>> highest(np.array([1.0, 3.0, np.nan, 3.0]), 1)
    array([False,  True, False, False])
    """
    order = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")
    marked = np.zeros(len(scores), dtype=bool)
    marked[order[: min(n, int(np.isfinite(scores).sum()))]] = True
    return marked


def _check(
    margins: npt.NDArray[np.float64],
    probabilities: npt.NDArray[np.floating],
    given: npt.NDArray[np.int64],
    held_out: npt.NDArray[np.bool_],
) -> None:
    n = len(given)
    if margins.shape != (n,) or held_out.shape != (n,) or probabilities.shape[:1] != (n,) or probabilities.ndim != 2:
        raise ValueError(
            f"expected margins ({n},), held_out ({n},) and probabilities ({n}, n_classes) for {n} labels; got "
            f"{margins.shape}, {held_out.shape} and {probabilities.shape}"
        )
    n_classes = probabilities.shape[1]
    if n_classes < 2:
        raise ValueError(f"label issues need at least 2 classes, got {n_classes}; with one, no label can be wrong")
    if n and not 0 <= given.min() <= given.max() < n_classes:
        raise ValueError(f"labels must be 0 to {n_classes - 1}, as probabilities have {n_classes} columns; encode them")
