"""Which groups are harder than the others, with intervals."""

from typing import Any

import numpy as np

from actscore_sk.inspection.display import Display
from actscore_sk.inspection.drawing import DARK, ROW_HEIGHT, finish_axes, shortened, width_for
from actscore_sk.inspection.groupings import MOST_GROUPS
from actscore_sk.inspection.groups import group_difficulty
from actscore_sk.scoring.fitted_scorer import fitted_with


class GroupDifficultyDisplay(Display):
    """For each group the probability that one of its samples is harder than one of the others.

    Filled points are groups that differ after correction for the number of groups; the line at 0.5 is no difference.

    Parameters
    ----------
    table : DataFrame
        A row per group, as `group_difficulty` returns it.
    n_compared : int, optional
        Groups that were compared, if `table` holds a part of them.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    intervals_ : LineCollection
        From ``low`` to ``high``; a group of one sample has none.
    points_ : PathCollection
        At ``harder``.

    See Also
    --------
    group_difficulty : The numbers, and their meaning.
    ActionScoreDisplay : The scores of each group.

    Examples
    --------
    >>> display = GroupDifficultyDisplay.from_scores(range(20), ["a"] * 10 + ["b"] * 10)
    >>> display.frame()[["group", "harder", "differs"]]
      group  harder  differs
    0     b     1.0     True
    1     a     0.0     True
    """

    intervals_: Any
    points_: Any

    def __init__(self, table: Any, n_compared: int | None = None) -> None:
        super().__init__(table)
        self.n_compared: int = len(table) if n_compared is None else n_compared

    @classmethod
    def from_estimator(cls, estimator: Any, groups: Any, *, ax: Any = None, **options: Any) -> "GroupDifficultyDisplay":
        """Draw the groups of the samples of a fitted estimator.

        Samples that the net held out are left out: their scores are validation losses.

        Parameters
        ----------
        estimator : object
            Fitted, with ``action_scores_``; or a Pipeline, search or sampler around one.
        groups : array-like of shape (n_samples,), DataFrame or dict of columns
            As in `group_difficulty`.
        ax : Axes, optional
            Where to draw.
        **options : dict
            ``max_groups``, and the options of `group_difficulty`.

        Returns
        -------
        display : GroupDifficultyDisplay
            Drawn.
        """
        fitted = fitted_with(estimator, "action_scores_", "fit it first")
        scores = np.array(fitted.action_scores_, dtype=np.float64)
        held_out = getattr(fitted, "validation_mask_", None)
        if held_out is not None:
            scores[held_out] = np.nan
        return cls.from_scores(scores, groups, **options).plot(ax)

    @classmethod
    def from_scores(
        cls, scores: Any, groups: Any, *, max_groups: int = MOST_GROUPS, **options: Any
    ) -> "GroupDifficultyDisplay":
        """Compare groups.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Higher = harder; NaN = no score, left out.
        groups : array-like of shape (n_samples,), DataFrame or dict of columns
            As in `group_difficulty`.
        max_groups : int
            Of more groups in a column, those that are furthest from 0.5 are shown. All are compared, and all count in
            the correction.
        **options : dict
            Options of `group_difficulty`.

        Returns
        -------
        display : GroupDifficultyDisplay
            Not drawn yet: call `plot`.
        """
        if max_groups < 1:
            raise ValueError(f"max_groups={max_groups}; expected at least 1")
        table = group_difficulty(scores, groups, **options)
        distances = (table["harder"] - 0.5).abs().fillna(0)
        # of each column on its own: a column of many groups would crowd out the others
        ranks = distances.groupby(table["column"]).rank(method="first", ascending=False)
        return cls(table[ranks <= max_groups].reset_index(drop=True), len(table))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a new figure, in inches."""
        return width_for(self._labels()), max(2.0, 1.3 + ROW_HEIGHT * len(self.table))

    def _labels(self) -> list[str]:
        several = self.table["column"].nunique() > 1
        return [
            f"{shortened(column, 16) + ': ' if several else ''}{shortened(group)} ({n:,})"
            for column, group, n in zip(self.table["column"], self.table["group"], self.table["n"], strict=True)
        ]

    def plot(self, ax: Any = None) -> "GroupDifficultyDisplay":
        """Draw a row per group, in the order of the table.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: new axes of pyplot.

        Returns
        -------
        display : GroupDifficultyDisplay
            Itself.
        """
        self._open(ax)
        table, places = self.table, np.arange(len(self.table), 0, -1)
        self.ax_.axvline(0.5, color="0.6", linewidth=1)
        self.intervals_ = self.ax_.hlines(places, table["low"], table["high"], color=DARK, linewidth=1.5)
        fills = [DARK if differs else "white" for differs in table["differs"]]
        self.points_ = self.ax_.scatter(table["harder"], places, c=fills, edgecolors=DARK, s=36, zorder=3)
        self.ax_.set_yticks(places, self._labels())
        shown = f"{len(table):,} of {self.n_compared:,} groups" if len(table) < self.n_compared else "Groups"
        finish_axes(
            self.ax_,
            f"{shown}, each against all others",
            xlabel="P(harder than the others); filled: differs",
            xlim=(-0.03, 1.03),
            ylim=(0.4, len(table) + 0.6),
        )
        return self
