"""The section of a report that compares groups: a table and a picture for each column."""

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.group_display import GroupDifficultyDisplay
from actscore_sk.inspection.groups import group_difficulty
from actscore_sk.inspection.report.html import element, figure, paragraph, table
from actscore_sk.inspection.report.rows import as_text
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

MOST_GROUPS = 30  # of a column, in its table and picture
NOTE = (
    "P(harder) is the probability that a sample of the group is harder than one of the others: 0.5 = no difference; "
    "in brackets its 95 % interval. Lift: how many times as often as any sample one of the group is among the hardest "
    "tenth. A group differs (bold) if its p-value is below 5 % after Holm's correction for all groups on this page. "
    "A difference is no cause: a group may be hard since it is rare, since its labels are wrong, or since it is hard."
)


def compare_groups(scores: np.ndarray, groups: dict[str, Any], held_out: np.ndarray) -> str:
    """Write the comparison of all columns.

    Parameters
    ----------
    scores : ndarray (n_samples,)
        Higher = harder.
    groups : dict of str to array-like (n_samples,)
        Columns, as `group_difficulty` takes them.
    held_out : ndarray of bool (n_samples,)
        Left out: their losses are of another kind.
    """
    results = group_difficulty(np.where(held_out, np.nan, scores), groups)
    content = [paragraph(NOTE)]
    if held_out.any():
        content.append(paragraph(f"Without the {held_out.sum():,} samples that were held out of training."))
    for name in groups:
        content += _compare_column(name, results[results["column"] == name].reset_index(drop=True))
    return "".join(content)


def _compare_column(name: str, results: "pd.DataFrame") -> list[str]:
    differing = results[results["differs"]]
    harder = [as_text(group) for group in differing.loc[differing["harder"] > 0.5, "group"]]
    found = f"{len(differing)} of {len(results)} groups differ from the others"
    found += f"; harder: {', '.join(harder[:8])}{' and others' if len(harder) > 8 else ''}." if harder else "."
    shown = results.head(MOST_GROUPS)
    content = [element("h3", escape(as_text(name))), paragraph(found)]
    if len(shown) < len(results):
        content.append(paragraph(f"The {MOST_GROUPS} hardest by median are shown, of {len(results):,}."))
    content.append(figure(GroupDifficultyDisplay(shown), f"Difficulty of the groups of {as_text(name)}: {found}"))
    inner = element("table", table(_as_texts(shown), bold=shown["differs"]))
    content.append(element("div", inner, class_="wide", tabindex="0", role="region", **{"aria-label": as_text(name)}))
    return content


def _as_texts(results: "pd.DataFrame") -> "pd.DataFrame":
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    rows = results.to_dict("records")
    return pandas.DataFrame(
        {
            "group": [as_text(row["group"]) for row in rows],
            "samples": [f"{row['n']:,}" for row in rows],
            "mean": [f"{row['mean']:.3g}" for row in rows],
            "median": [f"{row['median']:.3g}" for row in rows],
            "IQR": [f"{row['iqr']:.3g}" for row in rows],
            "lift": [f"{row['lift']:.2f}" for row in rows],
            "P(harder)": [_interval(row) for row in rows],
            "p, corrected": [_probability(row["p_adjusted"]) for row in rows],
            "differs": [_verdict(row) for row in rows],
        }
    )


def _interval(row: dict[str, Any]) -> str:
    """Estimate and interval; one sample has none."""
    if np.isnan(row["harder"]):
        return ""
    bounds = "" if np.isnan(row["low"]) else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['harder']:.2f}{bounds}"


def _probability(value: float) -> str:
    if np.isnan(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _verdict(row: dict[str, Any]) -> str:
    if not row["differs"]:
        return "no"
    return "harder" if row["harder"] > 0.5 else "easier"
