"""One HTML page about scored samples, in one file that needs no network."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.data_map_display import METRICS, DataMapDisplay
from actscore_sk.inspection.drawing import Display
from actscore_sk.inspection.pictures import as_pictures, thumbnail
from actscore_sk.inspection.report.columns import (
    as_frame,
    compared_groups,
    is_continuous,
    kind_of_target,
    own_displays,
    target_column,
)
from actscore_sk.inspection.report.groups import compare_groups
from actscore_sk.inspection.report.html import facts, figure, page, paragraph, section, table
from actscore_sk.inspection.report.rows import as_text, encode_rows
from actscore_sk.inspection.scores import check_scores, membership
from actscore_sk.inspection.trajectory_display import TrajectoryDisplay
from actscore_sk.scoring.scorer import fitted_with
from actscore_sk.utils.files import write_atomically
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

PAGE_BYTES = 9_500_000  # of pictures, tables and rows; with style and script the page stays below 10 MB
N_PICTURES = 200  # rows with an image, the hardest ones
N_WITHOUT_SCRIPT = 20  # rows that a browser without JavaScript shows
MEANING = (
    "The action score of a sample is its loss, accumulated over training: higher = harder. Wrong labels are usually "
    "among the hardest samples, and so are rare and ambiguous ones: a high score is a reason to look, and no proof."
)


class ActionScoreReport:
    """A page with a summary, comparisons of groups, displays, and rows that can be filtered and sorted.

    The page is one file without references to others. Its policy lets no other script run, all text in it is escaped.

    Parameters
    ----------
    scores : ndarray (n_samples,)
        Higher = harder; NaN = no score.
    rows : DataFrame
        What is shown of each sample, in the order of `scores`.
    groups : dict of str to array-like (n_samples,)
        Compared with `group_difficulty`.
    displays : dict of str to Display
        Titles and displays, drawn one below the other.
    summary : dict of str to str
        Facts beside those that follow from the scores.
    held_out : ndarray of bool (n_samples,)
        Samples that were not trained on.
    pictures : ndarray or PictureFiles or None
        Images of the samples.
    title : str
        Of the page.

    Examples
    --------
    >>> report = ActionScoreReport.from_scores([0.5, 2.5, 1.5], ["cat", "dog", "cat"])
    >>> report.frame()
       rank  row target  action_score
    1     1    1    dog           2.5
    2     2    2    cat           1.5
    0     3    0    cat           0.5
    >>> "<h1>Action scores</h1>" in report.html()
    True
    """

    def __init__(
        self,
        scores: np.ndarray,
        rows: "pd.DataFrame",
        *,
        groups: Mapping[str, Any],
        displays: Mapping[str, Display],
        summary: Mapping[str, str],
        held_out: np.ndarray,
        pictures: Any,
        title: str,
    ) -> None:
        self.scores, self.rows, self.groups, self.displays = scores, rows, dict(groups), dict(displays)
        self.summary, self.held_out, self.pictures, self.title = dict(summary), held_out, pictures, title

    @classmethod
    def from_estimator(cls, estimator: Any, y: Any = None, **options: Any) -> "ActionScoreReport":
        """Report on the samples that an estimator was fitted on.

        Parameters
        ----------
        estimator : object
            Fitted, with ``action_scores_``; or a Pipeline, search or sampler around one. Its other metrics become
            columns; trajectories and a data map are drawn if it recorded them.
        y : array-like of shape (n_samples,), optional
            Targets; without them those of ``fit``, as far as the estimator kept them.
        **options : dict
            ``data``, ``groups``, ``images``, ``displays`` and ``title`` of `from_scores`.
        """
        pandas = import_optional("pandas", extra="cli", purpose="write a report")
        fitted = fitted_with(estimator, "action_scores_", "fit it first")
        rows = (
            fitted.to_frame()
            if hasattr(fitted, "to_frame")
            else pandas.DataFrame(index=range(len(fitted.action_scores_)))
        )
        if y is None and "target" in rows:
            y = rows["target"].to_numpy()
        own = rows.drop(columns=["index", "target", "action_score", "is_validation"], errors="ignore")
        data = options.pop("data", None)
        if data is not None:
            own = pandas.concat([own.reset_index(drop=True), as_frame(data, len(rows), "data")], axis=1)
        summary, displays = _of_training(fitted)
        displays |= dict(options.pop("displays", None) or {})
        held_out = getattr(fitted, "validation_mask_", None)
        report = cls.from_scores(fitted.action_scores_, y, data=own, held_out=held_out, displays=displays, **options)
        report.summary |= summary
        return report

    @classmethod
    def from_scores(
        cls,
        scores: Any,
        y: Any = None,
        *,
        data: Any = None,
        groups: Any = None,
        held_out: Any = None,
        images: Any = None,
        displays: Mapping[str, Display] | None = None,
        title: str = "Action scores",
    ) -> "ActionScoreReport":
        """Report on scores.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Higher = harder; NaN = no score.
        y : array-like of shape (n_samples,), optional
            Targets, of any kind. Up to 200 classes are compared as groups; numbers in bins.
        data : DataFrame or dict of columns, optional
            More to show of each sample, such as features, names, other metrics.
        groups : DataFrame, dict of columns, or one column, optional
            Attributes to compare; as in `group_difficulty`.
        held_out : array-like of bool (n_samples,), optional
            Samples that were not trained on; their scores are losses of validation, and compared with no group.
        images : array-like or sequence of paths, optional
            One a sample, as in `SampleGridDisplay`. The 200 hardest are shown with their rows.
        displays : dict of str to display, optional
            More displays, by title.
        title : str
            Of the page.

        Raises
        ------
        ValueError
            If lengths differ, a score is infinite, no sample has a score, or a group has more than 1,000 values.
        ImportError
            If pandas or matplotlib is not installed.
        """
        values = check_scores(scores)
        masked = np.zeros(len(values), dtype=bool) if held_out is None else np.asarray(held_out, dtype=bool)
        pictures = None if images is None else as_pictures(images)
        target = None if y is None else target_column(y)
        for name, column in (("y", target), ("held_out", masked), ("images", pictures)):
            if column is not None and len(column) != len(values):
                raise ValueError(f"{name} has {len(column)} entries, but there are {len(values)} scores")
        compared = compared_groups(target, groups, len(values))
        return cls(
            values,
            _rows(values, target, masked, compared, data),
            groups=compared,
            displays=own_displays(values, target, masked, pictures) | dict(displays or {}),
            summary={} if target is None else {"Target": kind_of_target(target)},
            held_out=masked,
            pictures=pictures,
            title=title,
        )

    def frame(self) -> "pd.DataFrame":
        """Give the rows of the page, hardest first; rows without a score are last."""
        return self.rows.sort_values("rank", kind="stable")

    def save(self, path: Any) -> None:
        """Write the page to a file, wholly or not at all.

        Raises
        ------
        OSError
            If the system refuses.
        """
        write_atomically(Path(path), self.html().encode(errors="replace"))

    def html(self) -> str:
        """Give the page as text, less than 10 MB; if there are too many rows for that, it has the hardest ones."""
        sections = {("summary", "Summary"): section("summary", "Summary", facts(self._facts()), paragraph(MEANING))}
        if self.groups:
            compared = compare_groups(self.scores, self.groups, self.held_out)
            sections["groups", "Groups"] = section("groups", "Groups", compared)
        drawn = [figure(display, title) for title, display in self.displays.items()]
        sections["pictures", "Pictures"] = section("pictures", "Pictures", *drawn)
        rows = self.frame()
        pictures = self._thumbnails(rows["row"].to_numpy()[:N_PICTURES])
        room = PAGE_BYTES - sum(len(each.encode(errors="replace")) for each in sections.values())
        data, n_rows = encode_rows(rows, {"pictures": pictures or None}, max_bytes=room)
        note = "Click on the head of a column to sort. The address keeps what you filter and sort."
        if n_rows < len(rows):
            note += f" To keep the page small, it has the {n_rows:,} hardest of {len(rows):,} rows."
        first = rows.head(N_WITHOUT_SCRIPT).astype(object)
        first = first.where(first.notna(), "").map(as_text)
        return page(
            self.title,
            sections,
            rows_title="Hardest rows",
            rows_note=escape(note),
            rows_table=table(first),
            data=data,
        )

    def _thumbnails(self, samples: np.ndarray) -> dict[int, str]:
        """Images of the first rows, by their place in the table of the page."""
        if self.pictures is None:
            return {}
        return {place: thumbnail(self.pictures[sample]) for place, sample in enumerate(samples)}

    def _facts(self) -> dict[str, str]:
        known = self.scores[~np.isnan(self.scores)]
        low, median, high = np.quantile(known, [0.05, 0.5, 0.95])
        found = {"Samples": f"{len(self.scores):,}"}
        if len(known) < len(self.scores):
            found["Without a score"] = f"{len(self.scores) - len(known):,}"
        if self.held_out.any():
            found["Held out of training"] = f"{self.held_out.sum():,}"
        found |= self.summary
        found["Score: median"] = f"{median:.3g}"
        found["Score: 5 to 95 %"] = f"{low:.3g} to {high:.3g}"
        if known.min() >= 0 and known.sum() > 0:
            share = float(known @ membership(known, len(known) / 10) / known.sum())
            found["Share of all loss in the hardest tenth"] = f"{share:.0%}"
        return found


def _rows(
    scores: np.ndarray, target: "pd.Series | None", held_out: np.ndarray, groups: dict[str, Any], data: Any
) -> "pd.DataFrame":
    """Give the table of the page, in the order of the samples."""
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    rank = pandas.Series(scores).rank(method="first", ascending=False).astype("Int64")
    rows = pandas.DataFrame({"rank": rank, "row": np.arange(len(scores))})
    if target is not None:
        rows["target"] = target if is_continuous(target) else target.map(str, na_action="ignore").astype(object)
    rows["action_score"] = scores
    if held_out.any():
        rows["held out"] = held_out
    further = pandas.DataFrame() if data is None else as_frame(data, len(scores), "data")
    for name, column in groups.items():
        if name not in rows and name not in further.columns:
            rows[name] = column
    return pandas.concat([rows, further], axis=1) if len(further.columns) else rows


def _of_training(fitted: Any) -> tuple[dict[str, str], dict[str, Display]]:
    """What is known of the training beside the scores."""
    summary: dict[str, str] = {}
    displays: dict[str, Display] = {}
    if hasattr(fitted, "n_epochs_"):
        summary["Epochs"] = f"{fitted.n_epochs_:,}"
    if hasattr(fitted, "n_visits_"):
        fewest, most = int(np.min(fitted.n_visits_)), int(np.max(fitted.n_visits_))
        summary["Visits of a sample"] = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    if getattr(fitted, "trajectories_", None) is not None:
        hardest = np.argsort(-np.nan_to_num(fitted.action_scores_, nan=-np.inf), kind="stable")[:3]
        title = "Losses over epochs: all samples, and the three hardest"
        displays[title] = TrajectoryDisplay.from_scores(fitted.trajectories_, samples=hardest.tolist())
    found = getattr(fitted, "sample_metrics_", {})
    if all(name in found for name in METRICS):
        title = "Data map: easy samples at the top, hard ones at the bottom, ambiguous ones on the right"
        displays[title] = DataMapDisplay.from_scores(*(found[name] for name in METRICS))
    return summary, displays
