"""The distribution of action scores, by class."""

from typing import Any

import numpy as np

from actscore_sk.inspection.drawing import DARK, LIGHT, MIDDLE, ROW_HEIGHT, Display, make_axes, shortened
from actscore_sk.inspection.scores import check_scores
from actscore_sk.scoring.scorer import fitted_with
from actscore_sk.utils.optional import import_optional

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}


class ActionScoreDisplay(Display):
    """Boxes of the scores of each class: from the 5th to the 95th percentile, quartiles, median.

    Samples that the net held out have boxes of their own, hatched: their losses are of another kind.

    Parameters
    ----------
    table : DataFrame
        A row a box, hardest first: ``group``, ``held_out``, ``n``, ``mean``, and quantiles ``q05`` to ``q95``.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    artists_ : dict
        What ``Axes.bxp`` returns.

    Examples
    --------
    >>> display = ActionScoreDisplay.from_scores([1.0, 2.0, 3.0, 7.0], ["a", "a", "b", "b"])
    >>> display.frame()[["group", "n", "q50"]]
      group  n  q50
    0     b  2  5.0
    1     a  2  1.5
    """

    @classmethod
    def from_estimator(cls, estimator: Any, y: Any = None, *, ax: Any = None) -> "ActionScoreDisplay":
        """Draw the scores of a fitted estimator, by the classes y (n_samples,) if they are given."""
        fitted = fitted_with(estimator, "action_scores_", "fit it first")
        return cls.from_scores(fitted.action_scores_, y, held_out=getattr(fitted, "validation_mask_", None)).plot(ax)

    @classmethod
    def from_scores(cls, scores: Any, y: Any = None, *, held_out: Any = None) -> "ActionScoreDisplay":
        """Summarise scores.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Higher = harder; NaN = no score, left out.
        y : array-like of shape (n_samples,), optional
            Classes, or any other groups.
        held_out : array-like of bool (n_samples,), optional
            Samples that were not trained on.
        """
        pandas = import_optional("pandas", extra="cli", purpose="summarise scores")
        values = check_scores(scores)
        for name, column in (("y", y), ("held_out", held_out)):
            if column is not None and len(column) != len(values):
                raise ValueError(f"{name} has {len(column)} entries, but there are {len(values)} scores")
        samples = pandas.DataFrame({"score": values})
        samples["group"] = "all" if y is None else np.asarray(y, dtype=object)
        samples["held_out"] = False if held_out is None else np.asarray(held_out, dtype=bool)
        parts = samples.dropna(subset="score").groupby(["group", "held_out"], sort=False, dropna=False)["score"]
        table = parts.agg(n="size", mean="mean").reset_index()
        for name, share in QUANTILES.items():
            table[name] = parts.quantile(share).to_numpy()
        order = sorted(range(len(table)), key=lambda i: (-table["q50"][i], str(table["group"][i])))
        return cls(table.iloc[order].reset_index(drop=True))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a new figure, in inches."""
        return 6.4, max(1.6, 0.9 + ROW_HEIGHT * len(self.table))

    def plot(self, ax: Any = None) -> "ActionScoreDisplay":
        """Draw, the hardest class on top."""
        self.figure_, self.ax_ = make_axes(ax, self.size)
        rows = self.table.to_dict("records")
        stats = [
            {"whislo": row["q05"], "q1": row["q25"], "med": row["q50"], "q3": row["q75"], "whishi": row["q95"]}
            for row in rows
        ]
        self.artists_ = self.ax_.bxp(
            stats,
            positions=np.arange(len(rows), 0, -1),
            orientation="horizontal",
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            medianprops={"color": DARK, "linewidth": 2},
        )
        for box, row in zip(self.artists_["boxes"], rows, strict=True):
            box.set(
                facecolor=LIGHT if row["held_out"] else MIDDLE, hatch="///" if row["held_out"] else "", edgecolor=DARK
            )
        labels = [f"{shortened(row['group'])}{', held out' if row['held_out'] else ''} ({row['n']:,})" for row in rows]
        self.ax_.set_yticks(np.arange(len(rows), 0, -1), labels)
        self.ax_.set(xlabel="action score (higher = harder): 5, 25, 50, 75, 95 %", ylim=(0.4, len(rows) + 0.6))
        return self
