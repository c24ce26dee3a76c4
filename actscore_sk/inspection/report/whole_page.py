"""All that a page shows, put together: headline, evidence, groups, pictures, rows."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.groupings import is_continuous
from actscore_sk.inspection.report.comparisons import compare_columns
from actscore_sk.inspection.report.confusion import count_pairs
from actscore_sk.inspection.report.encoded_rows import EncodedRows, encode_rows
from actscore_sk.inspection.report.figures import draw_figure
from actscore_sk.inspection.report.headline import HARDEST, find_headline
from actscore_sk.inspection.report.histogram import Histogram, draw_histogram
from actscore_sk.inspection.report.html import render_page
from actscore_sk.inspection.report.rows import FIXED, column_of, directions, first_rows
from actscore_sk.inspection.report.summary import facts_of_scores, facts_of_spread
from actscore_sk.inspection.thumbnails import thumbnail

if TYPE_CHECKING:
    import pandas as pd

PAGE_BYTES = 9_900_000  # a page with more rows than fit has the first ones
N_PICTURES = 200  # rows with an image, the first ones of the page
EVERYWHERE = "report.frame() in Python"  # has all rows


def write_page(report: Any, order: np.ndarray, reload: int) -> str:
    """Return a report as HTML.

    Parameters
    ----------
    report : ActionScoreReport
        Nothing of it is changed.
    order : ndarray of int (n_samples,)
        Positions of its rows, in the order of the page.
    reload : int
        Seconds after which the page loads itself anew; 0: never.

    Returns
    -------
    page : str
        Less than 10 MB in UTF-8.
    """
    rows = report.rows.iloc[order]
    comparisons = compare_columns(report.scores, report.groups, report.held_out)
    facts = facts_of_scores(report.scores, report.held_out) | report.summary | facts_of_spread(report.scores)
    fill_in = partial(
        render_page,
        title=report.title,
        facts=facts,
        headline=find_headline(report.scores, rows, report.labels, comparisons),
        histogram=_histogram(report),
        confusion=count_pairs(_target(report.rows), report.labels),
        comparisons=comparisons,
        n_columns_compared=len(report.groups),
        n_held_out=int(report.held_out.sum()),
        figures=[draw_figure(display, title) for title, display in report.displays.items()],
        first_rows=first_rows(rows),
        n_rows=len(rows),
        n_columns=rows.shape[1],
        source=report.source or EVERYWHERE,
    )
    # How many rows fit depends on all the rest of the page: fill in the rest, and weigh it.
    empty = fill_in(rows=EncodedRows("", len(rows), rows.shape[1], 0))
    room = PAGE_BYTES - len(empty.encode(errors="replace"))
    n_fixed = sum(name in FIXED for name in dict.fromkeys(rows.columns))
    extras = _extras(report, rows, order, reload)
    return fill_in(rows=encode_rows(rows, extras, max_bytes=room, n_fixed=n_fixed))


def _extras(report: Any, rows: "pd.DataFrame", order: np.ndarray, reload: int) -> dict[str, Any]:
    """Return what the script of the page needs beside the rows."""
    target = _target(rows)
    # all classes, those of rows that the page has no room for, too
    classes = None
    if target is not None and not is_continuous(target):
        classes = sorted(target.dropna().map(str).unique().tolist())
    n_suspects = 0 if report.labels is None else report.labels.n_to_look_at
    return {
        "pictures": _thumbnails(report.pictures, order[:N_PICTURES]),
        "directions": directions(rows),
        "n_suspects": n_suspects if report.labels is not None and report.labels.is_decided else 0,
        "classes": classes,
        "n_rows_in_all": len(rows),
        "source": report.source or EVERYWHERE,
        "title": report.title,
        "reload": reload,
    }


def _target(rows: "pd.DataFrame") -> "pd.Series | None":
    return column_of(rows, "target") if "target" in rows.columns[:3] else None


def _thumbnails(pictures: Any, samples: np.ndarray) -> dict[int, str] | None:
    """Encode the images of the first rows, by their place in the table of the page."""
    return None if pictures is None else {i: thumbnail(pictures[sample]) for i, sample in enumerate(samples)}


def _histogram(report: Any) -> Histogram:
    """Draw the values that decide: of the ranking of labels if they are judged, else the scores."""
    labels = report.labels
    if labels is not None and labels.is_decided:
        return draw_histogram(labels.ranking, labels.is_issue, axis=labels.ranking_name, beyond="look wrong")
    scores = np.where(report.held_out, np.nan, report.scores)
    scores = report.scores if np.isnan(scores).all() else scores
    edge = np.nanquantile(scores, 1 - HARDEST)
    return draw_histogram(scores, scores > edge, axis="action score", beyond="are the hardest tenth")
