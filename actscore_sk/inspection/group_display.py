"""Which groups are harder than the others, with intervals."""

from typing import Any

import numpy as np

from actscore_sk.inspection.drawing import DARK, ROW_HEIGHT, Display, make_axes, shortened
from actscore_sk.inspection.groups import group_difficulty
from actscore_sk.scoring.scorer import fitted_with


class GroupDifficultyDisplay(Display):
    """For each group the probability that one of its samples is harder than one of the others.

    Filled points are groups that differ after correction for the number of groups; the line at 0.5 is no difference.

    Parameters
    ----------
    table : DataFrame
        What `group_difficulty` returns: a row a group.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    intervals_ : LineCollection
        From ``low`` to ``high``; none where one sample has no interval.
    points_ : PathCollection
        At ``harder``.

    Examples
    --------
    >>> display = GroupDifficultyDisplay.from_scores(range(20), ["a"] * 10 + ["b"] * 10)
    >>> display.frame()[["group", "harder", "differs"]]
      group  harder  differs
    0     b     1.0     True
    1     a     0.0     True
    """

    @classmethod
    def from_estimator(cls, estimator: Any, groups: Any, *, ax: Any = None, **options: Any) -> "GroupDifficultyDisplay":
        """Draw the groups of a fitted estimator's samples; options are those of `group_difficulty`.

        Samples that the net held out are left out: their losses are of another kind.
        """
        fitted = fitted_with(estimator, "action_scores_", "fit it first")
        scores = np.array(fitted.action_scores_, dtype=np.float64)
        held_out = getattr(fitted, "validation_mask_", None)
        if held_out is not None:
            scores[held_out] = np.nan
        return cls.from_scores(scores, groups, **options).plot(ax)

    @classmethod
    def from_scores(cls, scores: Any, groups: Any, **options: Any) -> "GroupDifficultyDisplay":
        """Compare groups by scores (n_samples,); options are those of `group_difficulty`."""
        return cls(group_difficulty(scores, groups, **options))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a new figure, in inches."""
        return 6.4, max(1.8, 1.0 + ROW_HEIGHT * len(self.table))

    def plot(self, ax: Any = None) -> "GroupDifficultyDisplay":
        """Draw a row a group, in the order of the table."""
        self.figure_, self.ax_ = make_axes(ax, self.size)
        table, places = self.table, np.arange(len(self.table), 0, -1)
        self.ax_.axvline(0.5, color="0.6", linewidth=1)
        self.intervals_ = self.ax_.hlines(places, table["low"], table["high"], color=DARK, linewidth=1.5)
        fills = [DARK if differs else "white" for differs in table["differs"]]
        self.points_ = self.ax_.scatter(table["harder"], places, c=fills, edgecolors=DARK, s=36, zorder=3)
        several = table["column"].nunique() > 1
        labels = [
            f"{shortened(column, 16) + ': ' if several else ''}{shortened(group)} ({n:,})"
            for column, group, n in zip(table["column"], table["group"], table["n"], strict=True)
        ]
        self.ax_.set_yticks(places, labels)
        self.ax_.set(
            xlabel="P(harder than the other groups); filled: differs",
            xlim=(-0.03, 1.03),
            ylim=(0.4, len(table) + 0.6),
        )
        return self
