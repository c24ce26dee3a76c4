"""How hard the samples of each group are, and which differences the data carry."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.groupings import MISSING, cut_into_bins, is_continuous
from actscore_sk.inspection.scores import check_scores, membership
from actscore_sk.inspection.superiority import adjust, superiority
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

HARDEST = 0.1  # share of the samples that the lift is about
MOST_WHOLE = 20  # different whole numbers that are groups; more of them are cut into bins
CORRECTIONS = ("holm", "fdr_bh", None)


def group_difficulty(
    scores: Any,
    groups: Any,
    *,
    crossed: bool = False,
    n_bins: int = 5,
    correction: str | None = "holm",
    confidence_level: float = 0.95,
) -> "pd.DataFrame":
    """Compare the difficulty of groups of samples: classes, attributes, binned numbers.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Higher = harder, such as `action_scores_`. Samples without a score (NaN) are left out.
    groups : array-like of shape (n_samples,), DataFrame or dict of str to array-like
        One column or several. Missing values are a group, ``"(missing)"``. Up to 20 different integers are groups, such
        as classes. More of them, fractions and dates are cut into bins of about as many samples each, if there are more
        than `n_bins` values: pass more than 20 integer classes as strings, or as a categorical.
    crossed : bool
        Compare the combinations of several columns, and not one column after the other.
    n_bins : int
        How many bins, at least 2.
    correction : {"holm", "fdr_bh"} or None
        For the number of groups that are compared, all columns together: Holm's, or the false discovery rate of
        Benjamini and Hochberg. None: no correction.
    confidence_level : float in (0, 1)
        Of the intervals, one group at a time; a group differs if its corrected p-value is below 1 minus this.

    Returns
    -------
    table : DataFrame
        A row per group, columns in the order given, and the hardest group of a column (by median) first:

        - ``column``, ``group``, ``n``;
        - ``mean``, ``median`` and ``iqr``, the distance of the quartiles, in units of the scores;
        - ``in_hardest``: share of the group that is among the hardest tenth of all samples, ties at its edge in part;
          ``lift``: that, divided by a tenth;
        - ``harder``: probability that a sample of the group is harder than one of the others, 0.5 = no difference, with
          ``low`` and ``high``, and ``p_value``, by the test of Brunner and Munzel (2000);
        - ``p_adjusted``; ``differs``: True if the data carry a difference.

    Raises
    ------
    ValueError
        If lengths differ, a score is infinite, no sample has a score, or an option is not one of those above.
    ImportError
        If pandas is not installed.

    See Also
    --------
    GroupDifficultyDisplay : The table as a picture.
    score_agreement : Do other seeds, nets or metrics find the same samples hard?

    Notes
    -----
    A difference is no explanation: small groups, wrong labels and unequal visits make scores high, too. Samples that
    the net held out have validation losses; leave them out, or compare them among themselves.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> site = np.repeat(["a", "b", "c"], [50, 50, 20])
    >>> scores = rng.exponential(size=120) + (site == "c")
    >>> table = group_difficulty(scores, {"site": site})
    >>> table[["group", "n", "lift", "harder", "p_adjusted", "differs"]].round(2)
      group   n  lift  harder  p_adjusted  differs
    0     c  20   0.5    0.74        0.00     True
    1     b  50   1.4    0.45        0.42    False
    2     a  50   0.8    0.41        0.17    False
    """
    pandas = import_optional("pandas", extra="cli", purpose="compare groups")
    _check_options(n_bins, correction, confidence_level)
    values = check_scores(scores)
    columns = _columns(pandas, scores, groups, len(values), n_bins)
    if crossed:
        columns = _crossed(columns)
    known = ~np.isnan(values)
    is_hardest = membership(values[known], HARDEST * known.sum())
    rows = []
    for name, labels in columns.items():
        rows += _compare(name, labels[known], values[known], is_hardest, confidence_level)
    table = pandas.DataFrame(rows)
    table["p_adjusted"] = adjust(table["p_value"].to_numpy(), correction)
    table["differs"] = (table["p_adjusted"] < 1 - confidence_level).to_numpy()
    return table


def _check_options(n_bins: int, correction: str | None, confidence_level: float) -> None:
    if n_bins < 2:
        raise ValueError(f"n_bins={n_bins}; expected at least 2")
    if correction not in CORRECTIONS:
        raise ValueError(f"correction={correction!r}; expected one of {', '.join(map(repr, CORRECTIONS))}")
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level={confidence_level}; expected a number between 0 and 1")


def _columns(pandas: Any, scores: Any, groups: Any, n_samples: int, n_bins: int) -> dict[str, np.ndarray]:
    """Return each column as labels (n_samples,), texts or other objects."""
    if isinstance(groups, Mapping):
        named = dict(groups)
    elif hasattr(groups, "columns"):
        check_names(groups.columns, "groups")
        named = {str(name): groups[name] for name in groups.columns}
    else:
        named = {str(getattr(groups, "name", None) or "group"): groups}
    if not named:
        raise ValueError("groups has no columns; expected at least one")
    return {name: _labels(pandas, scores, column, name, n_samples, n_bins) for name, column in named.items()}


def check_names(names: Any, owner: str) -> None:
    """Refuse columns of which two have one name.

    Examples
    --------
    >>> check_names(["a", "a"], "groups")
    Traceback (most recent call last):
    ...
    ValueError: groups has 2 columns called 'a'; rename all but one
    """
    for name, n_times in Counter(map(str, names)).items():
        if n_times > 1:
            raise ValueError(f"{owner} has {n_times} columns called {name!r}; rename all but one")


def _labels(pandas: Any, scores: Any, column: Any, name: str, n_samples: int, n_bins: int) -> np.ndarray:
    if hasattr(column, "to_pandas"):
        column = column.to_pandas()
    if not isinstance(column, pandas.Series) and np.ndim(column) != 1:
        raise ValueError(f"groups {name!r} has {np.ndim(column)} dimensions; expected one label per sample")
    series = pandas.Series(column)
    if len(series) != n_samples:
        raise ValueError(f"groups {name!r} has {len(series)} labels, but there are {n_samples} scores; they must align")
    both = isinstance(column, pandas.Series) and isinstance(scores, pandas.Series)
    if both and not scores.index.equals(column.index):
        raise ValueError(
            f"scores and groups {name!r} have different indexes; align them with .reindex, or pass arrays in one order"
        )
    types = pandas.api.types
    is_date = types.is_datetime64_any_dtype(series) or types.is_timedelta64_dtype(series)
    if (is_date or is_continuous(series, MOST_WHOLE)) and series.nunique() > n_bins:
        series = cut_into_bins(series, n_bins)[0]
    labels = series.astype(object).to_numpy(dtype=object, na_value=MISSING)
    if odd := [label for label in labels if isinstance(label, (list, dict, set, np.ndarray))]:
        raise ValueError(f"groups {name!r} has {odd[0]!r}; expected a text, number, truth value or date per sample")
    return np.array([label.isoformat() if hasattr(label, "isoformat") else label for label in labels], dtype=object)


def _crossed(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    combined = np.empty(len(next(iter(columns.values()))), dtype=object)
    combined[:] = [", ".join(map(str, labels)) for labels in zip(*columns.values(), strict=True)]
    return {", ".join(columns): combined}


def _compare(
    name: str, labels: np.ndarray, scores: np.ndarray, is_hardest: np.ndarray, confidence_level: float
) -> list[dict[str, Any]]:
    """Describe each group of a column, the one with the largest median first."""
    pandas = import_optional("pandas", extra="cli", purpose="compare groups")
    codes, groups = pandas.factorize(labels)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(groups) + 1))
    rows, ordered = [], np.sort(scores)
    for group, start, stop in zip(groups, starts, islice(starts, 1, None), strict=False):
        members = order[start:stop]
        mine = scores[members]
        low, median, high = np.quantile(mine, [0.25, 0.5, 0.75])
        in_hardest = float(is_hardest[members].mean())
        found = superiority(mine, ordered, confidence_level)
        rows.append(
            {
                "column": name,
                "group": group,
                "n": len(mine),
                "mean": float(mine.mean()),
                "median": float(median),
                "iqr": float(high - low),
                "in_hardest": in_hardest,
                "lift": in_hardest / HARDEST,
                "harder": found.estimate,
                "low": found.low,
                "high": found.high,
                "p_value": found.p_value,
            }
        )
    return sorted(rows, key=lambda row: (-row["median"], -row["mean"], str(row["group"])))
