"""Losses over epochs: what all samples do, and what some of them do."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from actscore_sk.inspection.drawing import ACCENT, DARK, LIGHT, LINES, MARKERS, MIDDLE, Display, make_axes
from actscore_sk.scoring.scorer import fitted_with
from actscore_sk.utils.optional import import_optional

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}


class TrajectoryDisplay(Display):
    """Quantile bands of the losses of all samples in each epoch, and lines of chosen ones.

    Parameters
    ----------
    table : DataFrame
        A row an epoch: ``epoch``, quantiles ``q05`` to ``q95`` of the losses, and a column for each chosen sample.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    bands_ : list of PolyCollection
        From 5 to 95 %, and from 25 to 75 %.
    median_ : Line2D
        The median.
    lines_ : list of Line2D
        One a chosen sample.

    Examples
    --------
    >>> display = TrajectoryDisplay.from_scores([[4.0, 1.0, 2.0], [2.0, 1.0, 0.0]], samples=[0])
    >>> display.frame()[["epoch", "q50", "sample 0"]]
       epoch  q50  sample 0
    0      1  2.0       4.0
    1      2  1.0       2.0
    """

    @classmethod
    def from_estimator(cls, estimator: Any, *, samples: Sequence[int] = (), ax: Any = None) -> "TrajectoryDisplay":
        """Draw the trajectories of a fitted estimator, with the samples at some positions in X."""
        fitted = fitted_with(estimator, "trajectories_", "fit it with store_trajectories=True")
        return cls.from_scores(fitted.trajectories_, samples=samples).plot(ax)

    @classmethod
    def from_scores(cls, trajectories: Any, *, samples: Sequence[int] = ()) -> "TrajectoryDisplay":
        """Summarise losses (n_epochs, n_samples); NaN = not visited, left out of the bands and a gap in a line."""
        pandas = import_optional("pandas", extra="cli", purpose="summarise trajectories")
        values = np.asarray(trajectories, dtype=np.float64)
        if values.ndim != 2 or not values.size:
            raise ValueError(f"trajectories have shape {values.shape}; expected (n_epochs, n_samples), none of them 0")
        table = pandas.DataFrame({"epoch": np.arange(1, len(values) + 1)})
        seen = [row[~np.isnan(row)] for row in values]
        for name, share in QUANTILES.items():
            table[name] = [np.quantile(row, share) if len(row) else np.nan for row in seen]
        for sample in samples:
            if not -values.shape[1] <= sample < values.shape[1]:
                raise IndexError(f"sample {sample} is not in X, which has {values.shape[1]} samples")
            table[f"sample {sample}"] = values[:, sample]
        return cls(table)

    def plot(self, ax: Any = None) -> "TrajectoryDisplay":
        """Draw."""
        self.figure_, self.ax_ = make_axes(ax, self.size)
        epochs, table = self.table["epoch"], self.table
        self.bands_ = [
            self.ax_.fill_between(epochs, table[low], table[high], color=colour, label=label, linewidth=0)
            for low, high, colour, label in (("q05", "q95", LIGHT, "5 to 95 %"), ("q25", "q75", MIDDLE, "25 to 75 %"))
        ]
        (self.median_,) = self.ax_.plot(epochs, table["q50"], color=DARK, linewidth=2, label="median")
        self.lines_ = []
        for i, name in enumerate(name for name in table.columns if name.startswith("sample ")):
            style = {"linestyle": LINES[i % len(LINES)], "marker": MARKERS[i % len(MARKERS)]}
            self.lines_ += self.ax_.plot(epochs, table[name], color=ACCENT, markersize=4, label=name, **style)
        self.ax_.set(xlabel="epoch", ylabel="loss")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        return self
