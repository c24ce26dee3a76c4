"""The distribution of action scores, by class."""

from typing import Any

import numpy as np

from actscore_sk.inspection.display import Display
from actscore_sk.inspection.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    ROW_HEIGHT,
    finish_axes,
    name_point,
    sample_names,
    shortened,
    stretch_axis,
    width_for,
)
from actscore_sk.inspection.groupings import MOST_GROUPS, Grouping, group_targets, join_easier
from actscore_sk.inspection.score_boxes import OF_BOX, beyond_boxes, from_top_to_bottom, quantiles_of_boxes
from actscore_sk.inspection.scores import check_scores
from actscore_sk.scoring.fitted_scorer import fitted_with
from actscore_sk.utils.indexes import check_order
from actscore_sk.utils.optional import import_optional


class ActionScoreDisplay(Display):
    """Boxes of the scores of each group, with the samples beyond them; the hardest sample of each group is named.

    A box has the quartiles and the median, its whiskers end at the 5th and the 95th percentile, and a tick is a sample
    beyond. Samples that the net held out have boxes of their own, hatched: their scores are validation losses. If the
    hardest scores are more than 10 times the upper quartiles, the axis is linear near 0 and logarithmic beyond.

    Parameters
    ----------
    table : DataFrame
        A row per box, from top to bottom: ``group``, ``held_out``, ``n`` samples, ``mean``, and quantiles ``q05`` to
        ``q95``.
    outliers : DataFrame
        A row per sample beyond the whiskers, hardest first: ``group``, ``held_out``, position of the ``sample`` in X,
        its ``name``, ``score``.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    artists_ : dict
        Artists of the boxes, as ``Axes.bxp`` returns them.
    outliers_ : Line2D
        A point per row of `outliers`.

    See Also
    --------
    GroupDifficultyDisplay : Differences between groups, with intervals.
    SampleGridDisplay : Images of the hardest samples.

    Examples
    --------
    >>> display = ActionScoreDisplay.from_scores([1.0, 2.0, 3.0, 7.0], ["a", "a", "b", "b"])
    >>> display.frame()[["group", "n", "q50"]]
      group  n  q50
    0     b  2  5.0
    1     a  2  1.5
    >>> display.outliers[["sample", "score"]].head(1)
       sample  score
    0       3    7.0
    """

    artists_: dict[str, Any]
    outliers_: Any

    def __init__(self, table: Any, outliers: Any) -> None:
        super().__init__(table)
        self.outliers = outliers

    @classmethod
    def from_estimator(cls, estimator: Any, y: Any = None, *, ax: Any = None, **options: Any) -> "ActionScoreDisplay":
        """Draw the scores of a fitted estimator.

        Parameters
        ----------
        estimator : object
            Fitted, with ``action_scores_``; or a Pipeline, search or sampler around one.
        y : array-like of shape (n_samples,), optional
            Targets or any other groups.
        ax : Axes, optional
            Where to draw.
        **options : dict
            ``max_groups``, ``n_bins`` and ``names`` of `from_scores`.

        Returns
        -------
        display : ActionScoreDisplay
            Drawn.
        """
        fitted = fitted_with(estimator, "action_scores_", "fit it first")
        held_out = getattr(fitted, "validation_mask_", None)
        return cls.from_scores(fitted.action_scores_, y, held_out=held_out, **options).plot(ax)

    @classmethod
    def from_scores(
        cls,
        scores: Any,
        y: Any = None,
        *,
        held_out: Any = None,
        max_groups: int = MOST_GROUPS,
        n_bins: int = 5,
        names: Any = None,
    ) -> "ActionScoreDisplay":
        """Summarise scores.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Higher = harder; NaN = no score, left out.
        y : array-like of shape (n_samples,), optional
            Classes, integers too, or any other groups, the hardest on top. Numbers (fractions, or more than 200
            different integers) are cut into bins, the highest on top.
        held_out : array-like of bool (n_samples,), optional
            Samples that were not trained on.
        max_groups : int
            With more groups, the easier ones by median share a box at the bottom.
        n_bins : int
            Bins of numbers, of about as many samples each.
        names : array-like of shape (n_samples,), optional
            Names of the samples, such as files; without them samples are called by their position in X.

        Returns
        -------
        display : ActionScoreDisplay
            Not drawn yet: call `plot`.
        """
        pandas = import_optional("pandas", extra="cli", purpose="summarise scores")
        values = check_scores(scores)
        check_order({"scores": scores, "y": y, "held_out": held_out})
        for name, column in (("y", y), ("held_out", held_out)):
            if column is not None and len(column) != len(values):
                raise ValueError(f"{name} has {len(column)} entries, but there are {len(values)} scores")
        all_one = Grouping(np.full(len(values), "all", dtype=object), [])
        groups, ordered = all_one if y is None else group_targets(y, n_bins)
        groups, joined = (groups, None) if ordered else join_easier(groups, values, max_groups)
        samples = pandas.DataFrame({"group": groups, "score": values})
        samples["held_out"] = False if held_out is None else np.asarray(held_out, dtype=bool)
        samples["sample"], samples["name"] = np.arange(len(values)), sample_names(names, len(values))
        samples = samples.dropna(subset="score")
        table = quantiles_of_boxes(samples)
        table = from_top_to_bottom(table, [*ordered[::-1], joined])
        return cls(table, beyond_boxes(samples, table))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a new figure, in inches."""
        return width_for(self._labels()), max(1.8, 1.2 + ROW_HEIGHT * len(self.table))

    def _labels(self) -> list[str]:
        rows = self.table.to_dict("records")
        return [f"{shortened(row['group'])}{', held out' if row['held_out'] else ''} ({row['n']:,})" for row in rows]

    def plot(self, ax: Any = None) -> "ActionScoreDisplay":
        """Draw a row per box.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: new axes of pyplot.

        Returns
        -------
        display : ActionScoreDisplay
            Itself.
        """
        self._open(ax)
        rows, places = self.table.to_dict("records"), np.arange(len(self.table), 0, -1)
        ends = {"whislo": "q05", "q1": "q25", "med": "q50", "q3": "q75", "whishi": "q95"}
        self.artists_ = self.ax_.bxp(
            [{end: row[name] for end, name in ends.items()} for row in rows],
            positions=places,
            orientation="horizontal",
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            medianprops={"color": DARK, "linewidth": 2},
        )
        for box, row in zip(self.artists_["boxes"], rows, strict=True):
            face, hatch = (LIGHT, "///") if row["held_out"] else (MIDDLE, "")
            box.set(facecolor=face, hatch=hatch, edgecolor=DARK)
        self._plot_outliers(places)
        self.ax_.set_yticks(places, self._labels())
        finish_axes(
            self.ax_,
            f"Action scores of {self.table['n'].sum():,} samples",
            xlabel="action score (higher = harder)\nbox: quartiles and median; line: 5 to 95 %; ticks: samples beyond",
            ylim=(0.4, len(rows) + 0.6),
        )
        return self

    def _plot_outliers(self, places: np.ndarray) -> None:
        """Draw a tick per sample beyond the whiskers, and name the hardest one of each box."""
        pandas = import_optional("pandas", extra="cli", purpose="draw scores")
        boxes = pandas.MultiIndex.from_frame(self.table[OF_BOX])
        rows = boxes.get_indexer(pandas.MultiIndex.from_frame(self.outliers[OF_BOX]))
        (self.outliers_,) = self.ax_.plot(
            self.outliers["score"],
            places[rows],
            linestyle="",
            marker="|",
            markersize=7,
            markeredgewidth=0.8,
            color=DARK,
            alpha=0.6,
            rasterized=len(self.outliers) > 2000,  # a vector per sample would make large files
        )
        scale = float(self.table["q75"].abs().max())
        stretch_axis(self.ax_, "x", scale, float(self.outliers["score"].abs().max()))
        above = self.outliers["score"].to_numpy() > self.table["q95"].to_numpy()[rows]
        hardest = self.outliers[above].drop_duplicates(OF_BOX)
        for place, score, name in zip(places[rows[hardest.index]], hardest["score"], hardest["name"], strict=True):
            name_point(self.ax_, (score, place), name)
