"""Losses over epochs: of all samples as bands, and of chosen ones as lines."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from actscore_sk.inspection.display import Display
from actscore_sk.inspection.drawing import (
    ACCENT,
    DARK,
    LIGHT,
    LINES,
    MARKERS,
    MIDDLE,
    QUANTILES,
    finish_axes,
    sample_names,
    shortened,
    stretch_axis,
)
from actscore_sk.scoring.fitted_scorer import fitted_with
from actscore_sk.utils.optional import import_optional

MOST_MARKERS = 20  # of a line: more of them hide it


class TrajectoryDisplay(Display):
    """Quantile bands of the losses of all samples in each epoch, and lines of chosen ones.

    If a line rises above 10 times the bands, the axis is linear near 0 and logarithmic beyond.

    Parameters
    ----------
    table : DataFrame
        A row per epoch: ``epoch``, quantiles ``q05`` to ``q95`` of the losses, and a column for each chosen sample.
    n_samples : int
        All samples.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    bands_ : list of PolyCollection
        From 5 to 95 %, and from 25 to 75 %.
    median_ : Line2D
        The median.
    lines_ : list of Line2D
        One per chosen sample.

    See Also
    --------
    DataMapDisplay : Mean and spread of the probability of the given label.

    Examples
    --------
    >>> display = TrajectoryDisplay.from_scores([[4.0, 1.0, 2.0], [2.0, 1.0, 0.0]], samples=[0])
    >>> display.frame()[["epoch", "q50", "#0"]]
       epoch  q50   #0
    0      1  2.0  4.0
    1      2  1.0  2.0
    """

    bands_: list[Any]
    median_: Any

    def __init__(self, table: Any, n_samples: int) -> None:
        super().__init__(table)
        self.n_samples = n_samples

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, samples: Sequence[int] = (), names: Any = None, ax: Any = None
    ) -> "TrajectoryDisplay":
        """Draw the trajectories of a fitted estimator.

        Parameters
        ----------
        estimator : object
            Fitted with ``store_trajectories=True``; or a Pipeline, search or sampler around it.
        samples : sequence of int
            Positions in X of samples that get a line.
        names : array-like of shape (n_samples,), optional
            Names of all samples; without them samples are called by their position in X.
        ax : Axes, optional
            Where to draw.

        Returns
        -------
        display : TrajectoryDisplay
            Drawn.
        """
        fitted = fitted_with(estimator, "trajectories_", "fit it with store_trajectories=True")
        return cls.from_scores(fitted.trajectories_, samples=samples, names=names).plot(ax)

    @classmethod
    def from_scores(cls, trajectories: Any, *, samples: Sequence[int] = (), names: Any = None) -> "TrajectoryDisplay":
        """Summarise trajectories.

        Parameters
        ----------
        trajectories : array-like of shape (n_epochs, n_samples)
            Loss of each sample in each epoch; NaN = not visited, left out of the bands and a gap in a line.
        samples : sequence of int
            Positions in X of samples that get a line; negative ones count from the end.
        names : array-like of shape (n_samples,), optional
            Names of all samples; without them samples are called by their position in X.

        Returns
        -------
        display : TrajectoryDisplay
            Not drawn yet: call `plot`.

        Raises
        ------
        IndexError
            If a position is not in X.
        """
        pandas = import_optional("pandas", extra="cli", purpose="summarise trajectories")
        values = np.asarray(trajectories, dtype=np.float64)
        if values.ndim != 2 or not values.size:
            raise ValueError(f"trajectories have shape {values.shape}; expected (n_epochs, n_samples), none of them 0")
        table = pandas.DataFrame({"epoch": np.arange(1, len(values) + 1)})
        called, seen = sample_names(names, values.shape[1]), [row[~np.isnan(row)] for row in values]
        for name, share in QUANTILES.items():
            table[name] = [np.quantile(row, share) if len(row) else np.nan for row in seen]
        for sample in samples:
            if not -values.shape[1] <= sample < values.shape[1]:
                raise IndexError(f"sample {sample} is not in X, which has {values.shape[1]} samples")
            table[called[sample]] = values[:, sample]
        return cls(table, values.shape[1])

    def plot(self, ax: Any = None) -> "TrajectoryDisplay":
        """Draw bands, median and lines.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: new axes of pyplot.

        Returns
        -------
        display : TrajectoryDisplay
            Itself.
        """
        self._open(ax)
        # a band needs two places: that of a single epoch begins before it and ends after it
        table = self.table if len(self.table) > 1 else self.table.loc[[0, 0]]
        epochs = table["epoch"].to_numpy() + (0 if len(self.table) > 1 else np.array([-0.25, 0.25]))
        self.bands_ = [
            self.ax_.fill_between(epochs, table[low], table[high], color=colour, label=label, linewidth=0)
            for low, high, colour, label in (("q05", "q95", LIGHT, "5 to 95 %"), ("q25", "q75", MIDDLE, "25 to 75 %"))
        ]
        (self.median_,) = self.ax_.plot(epochs, table["q50"], color=DARK, linewidth=2, label="median")
        self.lines_: list[Any] = []
        for i, name in enumerate(table.columns[1 + len(QUANTILES) :]):
            style: dict[str, Any] = {"linestyle": LINES[i % len(LINES)], "marker": MARKERS[i % len(MARKERS)]}
            style["markevery"] = max(1, len(table) // MOST_MARKERS)
            label = shortened(name, 20)
            self.lines_ += self.ax_.plot(epochs, table[name], color=ACCENT, markersize=4, label=label, **style)
        # one sample that is lost for an epoch would press the bands of all others flat
        shown = table.iloc[:, 1:].to_numpy()
        if not np.isnan(shown).all():
            stretch_axis(self.ax_, "y", float(np.nanmax(table["q95"])), float(np.nanmax(np.abs(shown))))
        finish_axes(self.ax_, f"Losses of {self.n_samples:,} samples", xlabel="epoch", ylabel="loss")
        self.ax_.locator_params(axis="x", integer=True)
        if len(self.table) == 1:
            self.ax_.set_xticks(self.table["epoch"])
        self.ax_.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        return self
