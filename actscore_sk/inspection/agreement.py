"""How much scores of the same samples agree on which samples are hard."""

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import kendalltau, norm, spearmanr

from actscore_sk.inspection.scores import check_scores, membership
from actscore_sk.metrics.registry import METRICS
from actscore_sk.scoring.fitted_scorer import fitted_with
from actscore_sk.utils.indexes import check_order
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd


def score_agreement(
    scores: Any,
    *,
    k: float = 0.1,
    confidence_level: float = 0.95,
    higher_is_harder: Mapping[str, bool] | None = None,
) -> "pd.DataFrame":
    """Compare scores of the same samples by different nets, seeds, metrics or recordings, two at a time.

    Parameters
    ----------
    scores : dict, DataFrame, or fitted estimator, recorder or tracker
        Of a dict, each entry is a vector (n_samples,), or something fitted, whose action scores are taken; of a
        DataFrame, each column; of something fitted, each of its metrics. At least two vectors. Those that are called
        like a metric with lower = harder (``aum``, ``confidence``, ``correctness``) are turned round.
    k : float or int
        The hardest samples whose overlap is counted: a share in (0, 1), or a number from 1 on.
    confidence_level : float in (0, 1)
        Of the interval of Spearman's rank correlation.
    higher_is_harder : dict of str to bool, optional
        Direction of vectors by name, where it is not that of the metric of this name, or else higher = harder.

    Returns
    -------
    table : DataFrame
        A row per pair:

        - ``first``, ``second``, and ``n``, the samples that both have a score for;
        - ``spearman`` in [-1, 1] with ``low`` and ``high``, by Fisher's transformation with the variance of Bonett and
          Wright (2000); NaN below 4 samples, or where one side is constant;
        - ``kendall``: Kendall's tau-b in [-1, 1];
        - ``overlap``: share of the k hardest of the one that are among the k hardest of the other, in [0, 1]; ties at
          the edge count in part. ``overlap_by_chance``: the share for two random orders, k / n.

    Raises
    ------
    ValueError
        If there are fewer than two vectors, lengths differ, `k` is out of range, or a score is infinite.
    NotFittedError
        If an entry has no scores.
    ImportError
        If pandas is not installed.

    See Also
    --------
    group_difficulty : Which groups of samples are hard.

    Examples
    --------
    >>> table = score_agreement({"seed 0": [1.0, 2.0, 3.0, 4.0, 9.0], "seed 1": [1.0, 3.0, 2.0, 5.0, 7.0]}, k=2)
    >>> table[["first", "second", "n", "spearman", "overlap"]].round(2)
        first  second  n  spearman  overlap
    0  seed 0  seed 1  5       0.9      1.0
    >>> score_agreement({"action_score": [1.0, 2.0, 3.0], "aum": [5.0, 2.0, 1.0]}, k=1)["spearman"].item()
    1.0
    """
    pandas = import_optional("pandas", extra="cli", purpose="compare scores")
    vectors = _turned(_vectors(scores), higher_is_harder or {})
    lengths = {name: len(values) for name, values in vectors.items()}
    if len(vectors) < 2:
        raise ValueError(f"got {len(vectors)} vectors of scores; expected at least two to compare")
    if len(set(lengths.values())) > 1:
        raise ValueError(f"scores have different lengths: {lengths}; expected scores of the same samples, in one order")
    rows = [_compare(a, b, vectors[a], vectors[b], k, confidence_level) for a, b in combinations(vectors, 2)]
    return pandas.DataFrame(rows)


def _vectors(scores: Any) -> dict[str, np.ndarray]:
    """Return each vector by its name."""
    if isinstance(scores, Mapping):
        named = dict(scores)
    elif hasattr(scores, "columns"):
        named = {str(name): scores[name] for name in scores.columns}
    else:
        named = dict(fitted_with(scores, "sample_metrics_", "fit it first, or pass a dict of scores").sample_metrics_)
    check_order({f"scores {name!r}": values for name, values in named.items()})
    return {str(name): check_scores(values, f"scores {name!r}") for name, values in named.items()}


def _turned(vectors: dict[str, np.ndarray], higher_is_harder: Mapping[str, bool]) -> dict[str, np.ndarray]:
    """Turn vectors with lower = harder round."""
    if unknown := [name for name in higher_is_harder if name not in vectors]:
        raise ValueError(f"higher_is_harder has {unknown[0]!r}, but the scores are {', '.join(vectors)}")
    directions = {name: metric.higher_is_harder for name, metric in METRICS.items()} | dict(higher_is_harder)
    return {name: values if directions.get(name, True) else -values for name, values in vectors.items()}


def _compare(first: str, second: str, a: np.ndarray, b: np.ndarray, k: float, confidence_level: float) -> dict:
    # ranks compare only among the same samples: one without a score on either side is left out of both
    known = ~(np.isnan(a) | np.isnan(b))
    a, b, n = a[known], b[known], int(known.sum())
    n_hardest = k * n if 0 < k < 1 else k
    if not 0 < n_hardest <= n or (k >= 1 and k != int(k)):
        raise ValueError(f"k={k}; expected a share between 0 and 1, or a whole number up to the {n} samples in common")
    is_constant = n < 2 or np.ptp(a) == 0 or np.ptp(b) == 0
    spearman = np.nan if is_constant else float(spearmanr(a, b).statistic)
    low, high = _interval(spearman, n, confidence_level)
    return {
        "first": first,
        "second": second,
        "n": n,
        "spearman": spearman,
        "low": low,
        "high": high,
        "kendall": np.nan if is_constant else float(kendalltau(a, b).statistic),
        "overlap": float(np.minimum(membership(a, n_hardest), membership(b, n_hardest)).sum() / n_hardest),
        "overlap_by_chance": n_hardest / n,
    }


def _interval(correlation: float, n: int, confidence_level: float) -> tuple[float, float]:
    if n < 4 or np.isnan(correlation):
        return np.nan, np.nan
    # arctanh of a perfect correlation is infinite
    bounded = np.clip(correlation, -1 + 1e-15, 1 - 1e-15)
    # the variance of ranks is larger than Fisher's 1 / (n - 3), by the factor of Bonett and Wright
    half = norm.ppf((1 + confidence_level) / 2) * np.sqrt((1 + correlation**2 / 2) / (n - 3))
    low, high = np.tanh(np.arctanh(bounded) + np.array([-half, half]))
    return float(low), float(high)
