"""Groups compared on a page: for each column the groups that differ, a picture and a table."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from actscore_sk.inspection.drawing import three_digits
from actscore_sk.inspection.group_display import GroupDifficultyDisplay
from actscore_sk.inspection.groups import group_difficulty
from actscore_sk.inspection.report.cells import as_text
from actscore_sk.inspection.report.figures import Figure, draw_figure
from actscore_sk.inspection.report.tables import Table, make_table
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

MOST_SHOWN = 30  # groups of a column in its table and picture
MOST_NAMED = 8  # groups in a sentence
MOST_DRAWN = 40  # columns with a picture and a table


class Comparison(NamedTuple):
    """Groups of one column.

    Parameters
    ----------
    name : str
        Of the column.
    finding : str
        A sentence: how many groups differ, and which of them are harder.
    figure : Figure
        A `GroupDifficultyDisplay`.
    table : Table
        A row per group, those that differ in bold.
    n_groups : int
        All groups; table and picture show at most 30.
    harder : list of (str, float)
        Groups that are harder than the others, hardest first, with P(harder).
    """

    name: str
    finding: str
    figure: Figure
    table: Table
    n_groups: int
    harder: list[tuple[str, float]]


def compare_columns(scores: np.ndarray, groups: dict[str, Any], held_out: np.ndarray) -> list[Comparison]:
    """Compare the groups of each column, corrected for the number of groups in all of them.

    Parameters
    ----------
    scores : ndarray of float64 (n_samples,)
        Higher = harder.
    groups : dict of str to array-like (n_samples,)
        Columns, as `group_difficulty` takes them.
    held_out : ndarray of bool (n_samples,)
        Samples to leave out: their scores are validation losses.

    Returns
    -------
    comparisons : list of Comparison
        One per column, in the order of `groups`; of more than 40, those with the most distant groups that differ.
    """
    if not groups:
        return []
    results = group_difficulty(np.where(held_out, np.nan, scores), groups)
    parts = {name: results[results["column"] == name].reset_index(drop=True) for name in groups}
    # each has a picture: hundreds of columns would fill the page
    drawn = sorted(parts, key=lambda name: -_distance(parts[name]))[:MOST_DRAWN]
    return [_compare_column(name, part) for name, part in parts.items() if name in drawn]


def _distance(results: "pd.DataFrame") -> float:
    """Return how far the groups that differ are from the others, 0 if none does."""
    return float((results.loc[results["differs"], "harder"] - 0.5).abs().max()) if results["differs"].any() else 0.0


def _compare_column(column: str, results: "pd.DataFrame") -> Comparison:
    name, shown, finding = as_text(column), results.head(MOST_SHOWN), _finding(results)
    figure = draw_figure(GroupDifficultyDisplay(shown), f"Difficulty of the groups of {name}: {finding}")
    table = make_table(_as_texts(shown), shown["differs"])
    return Comparison(name, finding, figure, table, len(results), _harder(results))


def _harder(results: "pd.DataFrame") -> list[tuple[str, float]]:
    """Return the groups that are harder than the others, hardest first."""
    found = results[results["differs"] & (results["harder"] > 0.5)].sort_values("harder", ascending=False)
    return list(zip(found["group"].map(str), found["harder"].astype(float), strict=True))


def _finding(results: "pd.DataFrame") -> str:
    differing = results[results["differs"]]
    harder = [as_text(group) for group, _ in _harder(results)]
    found = f"{len(differing)} of {len(results)} groups differ from the others"
    if not harder:
        return f"{found}."
    return f"{found}; harder: {', '.join(harder[:MOST_NAMED])}{' and others' if len(harder) > MOST_NAMED else ''}."


def _as_texts(results: "pd.DataFrame") -> "pd.DataFrame":
    """Round the figures of each group for reading."""
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    rows = results.to_dict("records")
    return pandas.DataFrame(
        {
            "group": [as_text(row["group"]) for row in rows],
            "samples": [f"{row['n']:,}" for row in rows],
            "mean": [three_digits(row["mean"]) for row in rows],
            "median": [three_digits(row["median"]) for row in rows],
            "IQR": [three_digits(row["iqr"]) for row in rows],
            "lift": [f"{row['lift']:.2f}" for row in rows],
            "P(harder)": [_interval(row) for row in rows],
            "p, corrected": [_probability(row["p_adjusted"]) for row in rows],
            "differs": [_verdict(row) for row in rows],
        }
    )


def _interval(row: dict[str, Any]) -> str:
    """Write an estimate and its interval; a group of one sample has no interval."""
    if np.isnan(row["harder"]):
        return ""
    bounds = "" if np.isnan(row["low"]) else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['harder']:.2f}{bounds}"


def _probability(value: float) -> str:
    """Write a p-value with three digits."""
    if np.isnan(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _verdict(row: dict[str, Any]) -> str:
    if not row["differs"]:
        return "no"
    return "harder" if row["harder"] > 0.5 else "easier"
