"""A report: one HTML page about scored samples, in one file that needs no network."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.display import Display
from actscore_sk.inspection.groupings import target_column
from actscore_sk.inspection.pictures import as_pictures
from actscore_sk.inspection.report.displays import (
    checked_displays,
    displays_of_boxes,
    displays_of_scores,
    displays_of_training,
    displays_of_trajectories,
)
from actscore_sk.inspection.report.folders import class_names, path_column
from actscore_sk.inspection.report.labels import LabelFindings, labels_of_columns, labels_of_fit
from actscore_sk.inspection.report.notebook import describe_report, notebook_view
from actscore_sk.inspection.report.rows import columns_of_fit, order_of_rows, page_rows
from actscore_sk.inspection.report.summary import facts_of_training
from actscore_sk.inspection.report.targets import compared_groups, kind_of_target
from actscore_sk.inspection.report.whole_page import write_page
from actscore_sk.inspection.scores import check_scores
from actscore_sk.scoring.fitted_scorer import fitted_with
from actscore_sk.utils.files import write_atomically
from actscore_sk.utils.indexes import check_order, index_of

if TYPE_CHECKING:
    import pandas as pd


class ActionScoreReport:
    """A page with a summary, comparisons of groups, displays, and rows that can be filtered and sorted.

    The page is one file that refers to no other. All text in it is escaped, and its Content-Security-Policy allows its
    own style and script and nothing else. Make one with `from_estimator` or `from_scores`.

    Parameters
    ----------
    scores : ndarray (n_samples,)
        Higher = harder; NaN = no score.
    rows : DataFrame
        Columns to show, in the order of `scores`, with ``rank`` and ``row``.
    groups : dict of str to array-like (n_samples,)
        Compared with `group_difficulty`.
    displays : dict of str to Display
        Titles and displays, drawn one below the other.
    summary : dict of str to str
        Facts beside those that follow from the scores.
    held_out : ndarray of bool (n_samples,)
        Samples that were not trained on.
    pictures : ndarray (n_samples, ...), PictureFiles or None
        Images of the samples.
    title : str
        Title of the page.
    labels : LabelFindings, optional
        What is known of the labels.
    source : str, optional
        Where all rows are, for a page that has not all of them.

    See Also
    --------
    group_difficulty : The comparison as a table.
    ActionScoreDisplay : The distribution of scores as a picture.

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
        labels: LabelFindings | None = None,
        source: str | None = None,
    ) -> None:
        self.labels = labels
        self.source = source
        self.scores = scores
        self.rows = rows
        self.held_out = held_out
        self.pictures = pictures
        self.title = title
        self.groups: dict[str, Any] = dict(groups)
        self.displays: dict[str, Display] = dict(displays)
        self.summary: dict[str, str] = dict(summary)

    @classmethod
    def from_estimator(cls, estimator: Any, y: Any = None, **options: Any) -> "ActionScoreReport":
        """Report on the samples that an estimator was fitted on.

        Parameters
        ----------
        estimator : object
            Fitted, with ``action_scores_``; or a Pipeline, search or sampler around one. Its other metrics become
            columns; trajectories and a data map are drawn if it recorded them, and labels that look wrong come first
            if it has ``store_probabilities=True``.
        y : array-like of shape (n_samples,), optional
            Targets; without them those of ``fit``, as far as the estimator kept them.
        **options : dict
            ``data``, ``groups``, ``images``, ``displays``, ``title``, ``labels`` and ``source`` of `from_scores`.

        Returns
        -------
        report : ActionScoreReport
            Nothing is drawn before `html` or `save`.

        Raises
        ------
        NotFittedError
            If nothing in `estimator` has scores.
        """
        fitted = fitted_with(estimator, "action_scores_", "fit it first")
        own, targets = columns_of_fit(fitted, options.pop("data", None))
        y = targets if y is None else y
        displays = displays_of_training(fitted) | displays_of_boxes(fitted, options.get("images"))
        displays |= checked_displays(options.pop("displays", None))
        options.setdefault("labels", labels_of_fit(fitted))
        held_out = getattr(fitted, "validation_mask_", None)
        report = cls.from_scores(fitted.action_scores_, y, data=own, held_out=held_out, displays=displays, **options)
        report.summary |= facts_of_training(fitted)
        return report

    @classmethod
    def from_trajectories(cls, trajectories: Any, y: Any = None, **options: Any) -> "ActionScoreReport":
        """Report on losses of all epochs, also of a training that still runs.

        Parameters
        ----------
        trajectories : array-like of shape (n_epochs, n_samples)
            Loss of each sample in each epoch; NaN = not visited. Their sums are the scores.
        y : array-like of shape (n_samples,), optional
            Targets.
        **options : dict
            Options of `from_scores`. The trajectories are drawn, too.
        """
        losses = np.asarray(trajectories)
        scores = np.where(np.isnan(losses).all(axis=0), np.nan, np.nansum(losses, axis=0, dtype=np.float64))
        displays = displays_of_trajectories(losses, scores) | checked_displays(options.pop("displays", None))
        report = cls.from_scores(scores, y, displays=displays, **options)
        report.summary["Epochs"] = f"{len(losses):,}"
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
        labels: Any = None,
        source: str | None = None,
        positions: Any = None,
    ) -> "ActionScoreReport":
        """Report on scores from anywhere.

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
            Samples that were not trained on. Their scores are validation losses: comparisons of groups leave them out.
        images : array-like, sequence of paths, or Dataset, optional
            One per sample, as in `SampleGridDisplay`. The 200 hardest are shown with their rows. A data set of folders,
            such as torchvision's ``ImageFolder``, also has the paths, the names of classes, and targets.
        displays : dict of str to display, optional
            More displays, by title.
        title : str
            Title of the page.
        labels : DataFrame or dict of columns, optional
            What is known of the labels: ``suggested_label``, ``wrong_probability`` and ``is_issue``, as `label_issues`
            or the command ``actscore score`` have them; and its ``label_rank``, ``n_wrong_low``, ``n_wrong_high``.
        source : str, optional
            Where all rows are, such as a file; the page names it if it has not all of them.
        positions : array-like of int (n_samples,), optional
            Position of each sample in the table that the decisions of a reader are applied to; without it, that in
            `scores`.

        Returns
        -------
        report : ActionScoreReport
            Nothing is drawn before `html` or `save`.

        Raises
        ------
        ValueError
            If lengths differ, a score is infinite, no sample has a score, or a group has more than 1,000 values.
        ImportError
            If pandas or matplotlib is not installed.
        """
        values = check_scores(scores)
        check_order({"scores": scores, "y": y, "data": data, "held_out": held_out})
        index = next(filter(lambda found: found is not None, map(index_of, (scores, y, data))), None)
        masked = np.zeros(len(values), dtype=bool) if held_out is None else np.asarray(held_out, dtype=bool)
        pictures = None if images is None else as_pictures(images)
        y = class_names(images, y)
        target = None if y is None else target_column(y)
        for name, column in (("y", target), ("held_out", masked), ("images", pictures)):
            if column is not None and len(column) != len(values):
                raise ValueError(f"{name} has {len(column)} entries, but there are {len(values)} scores")
        compared = compared_groups(target, groups, len(values))
        if labels is not None and not isinstance(labels, LabelFindings):
            labels = labels_of_columns(labels, len(values), target, index)
        return cls(
            values,
            page_rows(values, target, masked, labels, compared | path_column(images), data, positions),
            groups=compared,
            displays=displays_of_scores(values, target, masked, pictures) | checked_displays(displays),
            summary={} if target is None else {"Target": kind_of_target(target)},
            held_out=masked,
            pictures=pictures,
            title=title,
            labels=labels,
            source=source,
        )

    def __repr__(self) -> str:
        """Return the headline of the page."""
        return describe_report(self)

    def _repr_html_(self) -> str:
        """Return the headline and the first rows, for a notebook."""
        return notebook_view(self)

    def frame(self) -> "pd.DataFrame":
        """Return the rows of the page.

        Returns
        -------
        rows : DataFrame
            A row per sample: those whose labels are to be looked at, if that is known, then the others, hardest first.
            ``rank`` of the score from 1 on, ``row`` (position), target, ``suggested_label``, ``wrong_probability`` and
            ``is_issue`` if they are known, score, ``label_rank`` (1 = most likely wrong), and further columns. Samples
            without a score have no rank, and are last.
        """
        return self.rows.iloc[order_of_rows(self.rows, self.labels)]

    def save(self, path: Any, *, reload: int = 0) -> None:
        """Write the page to a file, wholly or not at all.

        Parameters
        ----------
        path : str or path-like
            Should end in ``.html``; a file of that name is replaced.
        reload : int
            As in `html`.

        Raises
        ------
        OSError
            If the system refuses.
        """
        write_atomically(Path(path), self.html(reload=reload).encode(errors="replace"))

    def html(self, *, reload: int = 0) -> str:
        """Return the page as text.

        Parameters
        ----------
        reload : int
            Seconds after which the page loads itself anew, while nobody types in it; 0: never.

        Returns
        -------
        page : str
            Less than 10 MB in UTF-8; if there are too many rows or columns for that, it has the first ones of `frame`,
            and says so.
        """
        return write_page(self, order_of_rows(self.rows, self.labels), reload)
