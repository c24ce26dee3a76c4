"""The few figures at the top of a page."""

from typing import Any

import numpy as np

from actscore_sk.inspection.drawing import three_digits
from actscore_sk.inspection.scores import membership


def facts_of_scores(scores: np.ndarray, held_out: np.ndarray) -> dict[str, str]:
    """Count samples.

    Parameters
    ----------
    scores : ndarray of float64 (n_samples,)
        NaN = no score.
    held_out : ndarray of bool (n_samples,)
        Samples that were not trained on.

    Returns
    -------
    facts : dict of str to str
        Names and figures as they are to be read; nothing that is 0.

    Examples
    --------
    >>> facts_of_scores(np.array([1.0, np.nan]), np.array([False, False]))
    {'Samples': '2', 'Without a score': '1'}
    """
    facts = {"Samples": f"{len(scores):,}"}
    if n_missing := int(np.isnan(scores).sum()):
        facts["Without a score"] = f"{n_missing:,}"
    if n_held_out := int(held_out.sum()):
        facts["Held out of training"] = f"{n_held_out:,}"
    return facts


def facts_of_spread(scores: np.ndarray) -> dict[str, str]:
    """Describe how scores are distributed.

    Parameters
    ----------
    scores : ndarray of float64 (n_samples,)
        NaN = no score, left out.

    Returns
    -------
    facts : dict of str to str
        Median, range, and, where no score is negative, the share of the total that the hardest tenth holds.

    Examples
    --------
    >>> facts_of_spread(np.array([0.0] * 9 + [3.0]))["Share of all loss in the hardest tenth"]
    '100%'
    """
    known = scores[~np.isnan(scores)]
    low, median, high = np.quantile(known, [0.05, 0.5, 0.95])
    facts = {"Score: median": three_digits(median), "Score: 5 to 95 %": f"{three_digits(low)} to {three_digits(high)}"}
    if known.min() >= 0 and known.sum() > 0:
        share = float(known @ membership(known, len(known) / 10) / known.sum())
        facts["Share of all loss in the hardest tenth"] = f"{share:.0%}"
    return facts


def facts_of_training(fitted: Any) -> dict[str, str]:
    """Describe the training that gave the scores.

    Parameters
    ----------
    fitted : object
        With ``n_epochs_`` and ``n_visits_``, or without.

    Returns
    -------
    facts : dict of str to str
        Of those attributes that it has.
    """
    facts = {}
    if hasattr(fitted, "n_epochs_"):
        facts["Epochs"] = f"{fitted.n_epochs_:,}"
    if hasattr(fitted, "n_visits_"):
        fewest, most = int(np.min(fitted.n_visits_)), int(np.max(fitted.n_visits_))
        facts["Visits of a sample"] = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    return facts
