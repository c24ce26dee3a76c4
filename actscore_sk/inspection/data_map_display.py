"""The map of a data set: confidence against variability, by correctness."""

from typing import Any

import numpy as np

from actscore_sk.inspection.drawing import Display, make_axes
from actscore_sk.inspection.scores import check_scores
from actscore_sk.scoring.scorer import fitted_with
from actscore_sk.utils.optional import import_optional

METRICS = ("confidence", "variability", "correctness")


class DataMapDisplay(Display):
    """Each sample by how sure the net was of its label, and how much that changed.

    Easy samples are at the top left, hard ones at the bottom left, ambiguous ones on the right (Swayamdipta et al.,
    "Dataset Cartography", EMNLP 2020).

    Parameters
    ----------
    table : DataFrame
        A row a point: the position of the ``sample`` in X, and its three metrics.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    points_ : PathCollection
        A point a row of `frame`.
    colorbar_ : Colorbar
        Of correctness.

    Examples
    --------
    >>> DataMapDisplay.from_scores([0.9, 0.2], [0.1, 0.3], [1.0, 0.0]).frame()
       sample  confidence  variability  correctness
    0       0         0.9          0.1          1.0
    1       1         0.2          0.3          0.0
    """

    @classmethod
    def from_estimator(cls, estimator: Any, *, max_points: int = 10_000, ax: Any = None) -> "DataMapDisplay":
        """Draw the map of a fitted classifier that recorded the three metrics."""
        remedy = f"fit a classifier with metrics={METRICS}"
        found = fitted_with(estimator, "sample_metrics_", remedy).sample_metrics_
        if missing := [name for name in METRICS if name not in found]:
            raise ValueError(f"{', '.join(missing)} were not recorded; {remedy}")
        return cls.from_scores(*(found[name] for name in METRICS), max_points=max_points).plot(ax)

    @classmethod
    def from_scores(
        cls, confidence: Any, variability: Any, correctness: Any, *, max_points: int = 10_000
    ) -> "DataMapDisplay":
        """Take the three metrics (n_samples,); of more than `max_points` samples, as many drawn at random, seed 0."""
        pandas = import_optional("pandas", extra="cli", purpose="draw a map")
        given = zip(METRICS, (confidence, variability, correctness), strict=True)
        columns = {name: check_scores(values, name) for name, values in given}
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"metrics have different lengths: {lengths}; expected those of the same samples")
        table = pandas.DataFrame({"sample": np.arange(len(columns["confidence"])), **columns}).dropna()
        if len(table) > max_points:
            chosen = np.random.default_rng(0).choice(len(table), max_points, replace=False)
            table = table.iloc[np.sort(chosen)]
        return cls(table.reset_index(drop=True))

    def plot(self, ax: Any = None) -> "DataMapDisplay":
        """Draw; smaller and fainter points the more there are."""
        self.figure_, self.ax_ = make_axes(ax, self.size)
        n_points, table = max(len(self.table), 1), self.table
        self.points_ = self.ax_.scatter(
            table["variability"],
            table["confidence"],
            c=table["correctness"],
            cmap=_dark_cividis(),
            vmin=0,
            vmax=1,
            s=float(np.clip(8000 / n_points, 3, 30)),
            alpha=float(np.clip(1500 / n_points, 0.25, 0.9)),
            linewidths=0,
        )
        self.colorbar_ = self.figure_.colorbar(self.points_, ax=self.ax_, label="correctness")
        self.colorbar_.solids.set_alpha(1)
        self.ax_.set(
            xlabel="variability of p(given label)", ylabel="confidence: mean p(given label)", ylim=(-0.03, 1.03)
        )
        return self


def _dark_cividis() -> Any:
    """Cividis without its light end, which would be lost on white."""
    matplotlib = import_optional("matplotlib", extra="plot", purpose="draw")
    colours = import_optional("matplotlib.colors", extra="plot", purpose="draw")
    return colours.ListedColormap(matplotlib.colormaps["cividis"](np.linspace(0, 0.75, 256)))
