"""A fitted search over a pruner, read as points of a curve."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

AXES = {"fraction": "share_kept", "score": "threshold"}  # meaning of a threshold, by the pruner's parameter `by`
DEFAULTS = {"strategy": "pruner", "by": "fraction"}  # of the pruner, where a search and its estimator name none


class Searched(NamedTuple):
    """Candidates of a search.

    Parameters
    ----------
    axis : {"share_kept", "threshold"}
        The meaning of `places`.
    places : ndarray of float (n_candidates,)
        Share of the data that is kept, or the score beyond which samples are left out.
    strategies : list (n_candidates,)
        Of the pruner.
    others : list of str (n_candidates,)
        All further parameters, such as "n_neighbors=5"; empty if there are none.
    values : ndarray of float (n_candidates, n_folds)
        Test scores.
    """

    axis: str
    places: np.ndarray
    strategies: list
    others: list[str]
    values: np.ndarray


def read_search(cv_results: Mapping[str, Any], settings: Mapping[str, Any], metric: str, by: str | None) -> Searched:
    """Read the results of a search over the threshold of an `ActionScorePruner`.

    Parameters
    ----------
    cv_results : dict
        ``cv_results_`` of the search.
    settings : dict
        Parameters of the estimator that was searched, for those of the pruner that were not.
    metric : str
        As in the names ``split0_test_<metric>``.
    by : {"fraction", "score"} or None
        Candidates to read, if both meanings of a threshold were searched.

    Returns
    -------
    searched : Searched
        Those candidates, in the order of the search.

    Raises
    ------
    ValueError
        If no threshold was searched, if one is not a number, if thresholds of both meanings were searched and `by` does
        not choose, or if there is no such metric.
    """
    key = _threshold_key(cv_results)
    prefix, thresholds = key[: -len("threshold")], list(cv_results[key])
    meanings, strategies = (_of_candidates(name, prefix, cv_results, settings) for name in ("by", "strategy"))
    chosen = _chosen(thresholds, meanings, by)
    # the pruner's thresholds are shares to leave out; a curve is read by the share that stays
    axis = AXES[meanings[chosen[0]]]
    places = np.array([float(thresholds[i]) for i in chosen])
    own = {key, *(prefix + name for name in DEFAULTS)}
    further = [name for name in cv_results if name.startswith("param_") and name not in own]
    return Searched(
        axis,
        1 - places if axis == "share_kept" else places,
        [strategies[i] for i in chosen],
        [", ".join(_named(further, cv_results, i)) for i in chosen],
        _test_scores(cv_results, metric)[chosen],
    )


def _of_candidates(name: str, prefix: str, cv_results: Mapping[str, Any], settings: Mapping[str, Any]) -> list:
    """Return a parameter of the pruner for each candidate: searched, set in the estimator, or the default."""
    fixed = settings.get(prefix.removeprefix("param_") + name) or DEFAULTS[name]
    searched = cv_results.get(prefix + name, [None] * len(cv_results[f"{prefix}threshold"]))
    return [value or fixed for value in searched]  # masked, and so false, where one of several grids lacks it


def _chosen(thresholds: list, meanings: list, by: str | None) -> list[int]:
    """Return the candidates to read: those that have a threshold of one meaning."""
    if by is None and len(set(meanings)) > 1:
        raise ValueError("the search has thresholds of both meanings of by=; draw one: by='fraction' or by='score'")
    has_one = [i for i, threshold in enumerate(thresholds) if threshold is not np.ma.masked]
    chosen = [i for i in has_one if meanings[i] == (by or meanings[has_one[0]])]
    if not chosen:
        raise ValueError(f"by={by!r}, but the search has by={meanings[has_one[0]]!r} only")
    for threshold in (thresholds[i] for i in chosen):
        if isinstance(threshold, str) or np.ndim(threshold):
            raise ValueError(f"threshold={threshold!r} is no single number; search over numbers")
    return chosen


def _threshold_key(cv_results: Mapping[str, Any]) -> str:
    """Find the searched threshold, wherever the pruner is nested."""
    found = [key for key in cv_results if key == "param_threshold" or re.fullmatch(r"param_.*__threshold", key)]
    if not found:
        raise ValueError("no parameter named threshold was searched; expected one such as pruner__threshold")
    return found[0]


def _named(names: list[str], cv_results: Mapping[str, Any], candidate: int) -> list[str]:
    """Write parameters without the names of the steps they belong to, unless two are alike."""
    short = [name.rpartition("__")[2].removeprefix("param_") for name in names]
    if len(set(short)) < len(short):
        short = [name.removeprefix("param_") for name in names]
    values = [cv_results[name][candidate] for name in names]
    return [f"{name}={value}" for name, value in zip(short, values, strict=True) if value is not np.ma.masked]


def _test_scores(cv_results: Mapping[str, Any], metric: str) -> np.ndarray:
    """Return the scores of all folds, (n_candidates, n_folds)."""
    names = [name for name in cv_results if re.fullmatch(rf"split\d+_test_{re.escape(metric)}", name)]
    if not names:
        known = sorted({found[1] for name in cv_results if (found := re.fullmatch(r"split\d+_test_(.*)", name))})
        raise ValueError(f"the search has no metric {metric!r}; it has {', '.join(known)}")
    return np.column_stack([np.asarray(cv_results[name], dtype=float) for name in names])
