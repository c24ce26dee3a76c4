"""The headline of a page: what to do, each sentence with the rows that it speaks of."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from actscore_sk.inspection.report.cells import as_text
from actscore_sk.inspection.report.comparisons import Comparison
from actscore_sk.inspection.report.labels import LabelFindings
from actscore_sk.inspection.report.views import view_of
from actscore_sk.inspection.scores import membership

if TYPE_CHECKING:
    import pandas as pd

MOST_GROUPS = 6  # that a headline names
HARDEST = 0.1  # share of the rows


class Group(NamedTuple):
    """A group that is harder than the others.

    Parameters
    ----------
    name : str
        Column and group.
    probability : str
        P(harder).
    view : str
        Address of its rows; "" if the page cannot choose them.
    """

    name: str
    probability: str
    view: str


class Headline(NamedTuple):
    """What to do.

    Parameters
    ----------
    sentence, action, view : str
        The most important sentence, what to do, and the address of the rows for it.
    notes : tuple of str
        Warnings and restrictions.
    groups : list of Group
        Groups that are harder than the others, at most 6.
    n_compared, n_harder : int
        Groups that were compared, and those that are harder.
    """

    sentence: str
    action: str
    view: str
    notes: tuple[str, ...]
    groups: list[Group]
    n_compared: int
    n_harder: int


def find_headline(
    scores: np.ndarray, rows: "pd.DataFrame", labels: LabelFindings | None, comparisons: list[Comparison]
) -> Headline:
    """Say what to do.

    Parameters
    ----------
    scores : ndarray of float64 (n_samples,)
        Higher = harder; NaN = no score.
    rows : DataFrame
        Table of the page.
    labels : LabelFindings or None
        What is known of the labels.
    comparisons : list of Comparison
        Groups that were compared.

    Returns
    -------
    headline : Headline
        Wrong labels come first; without any decision about them, the hardest rows.
    """
    found = [(as_text(c.name), group, share) for c in comparisons for group, share in c.harder]
    found.sort(key=lambda entry: -entry[2])
    groups = [
        Group(f"{name} = {as_text(group, 40)}", f"{share:.2f}", _view_of_group(rows, name, group))
        for name, group, share in found[:MOST_GROUPS]
    ]
    n_compared = sum(c.n_groups for c in comparisons)
    notes = () if labels is None else tuple(map(_capital, labels.notes))
    if labels is not None and labels.is_decided:
        sentence, _, action = labels.sentence.partition("; ")
        view = view_of({}, suspects=True) if action else ""
        return Headline(_capital(sentence), action, view, notes, groups, n_compared, len(found))
    sentence, action = _of_hardest(scores)
    return Headline(sentence, action, "#rows", notes, groups, n_compared, len(found))


def _of_hardest(scores: np.ndarray) -> tuple[str, str]:
    """Say how much the hardest tenth holds, and to look at it.

    >>> _of_hardest(np.array([0.0] * 9 + [3.0]))
    ('The hardest 1 of 10 rows has 100% of all loss', 'look at it first')
    """
    known = scores[~np.isnan(scores)]
    n_hardest = max(1, round(HARDEST * len(known)))
    verb, them = ("has", "it") if n_hardest == 1 else ("have", "them")
    if known.min() < 0 or known.sum() <= 0:
        return f"The hardest rows of {len(known):,} are a reason to look", "begin with them"
    share = float(known @ membership(known, n_hardest) / known.sum())
    return f"The hardest {n_hardest:,} of {len(known):,} rows {verb} {share:.0%} of all loss", f"look at {them} first"


def _view_of_group(rows: "pd.DataFrame", name: str, group: str) -> str:
    """Return the address of a group; "" if its column is numbers that were cut into bins."""
    if list(map(str, rows.columns)).count(name) != 1:
        return ""
    column = rows.loc[:, rows.columns.map(str) == name].iloc[:, 0]
    is_text = column.dtype.kind not in "biufc" and (column.dropna().map(str) == group).any()
    return view_of({name: group}) if is_text else ""


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
