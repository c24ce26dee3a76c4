"""The map of a data set: confidence against variability, by correctness."""

from typing import Any

import numpy as np

from actscore_sk.inspection.display import Display
from actscore_sk.inspection.drawing import dark_cividis, finish_axes, name_point, sample_names
from actscore_sk.inspection.scores import check_scores
from actscore_sk.scoring.fitted_scorer import fitted_with
from actscore_sk.utils.optional import import_optional

METRICS = ("confidence", "variability", "correctness")
LINE, NAME = 0.04, 0.1  # height of a line of names, in units of confidence, and width of a name, of variability


class DataMapDisplay(Display):
    """Each sample by how sure the net was of its label, and by how much that changed.

    Easy samples are at the top left, hard ones at the bottom left, ambiguous ones on the right (Swayamdipta et al.,
    "Dataset Cartography", EMNLP 2020).

    Parameters
    ----------
    table : DataFrame
        A row per point: the position of the ``sample`` in X, its ``name``, and its three metrics.
    n_samples : int, optional
        All samples, if `table` holds a part of them.
    n_named : int
        How many samples are named: those with the lowest confidence.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    points_ : PathCollection
        A point per row of `frame`.
    colorbar_ : Colorbar
        Of correctness.

    See Also
    --------
    TrajectoryDisplay : Losses over epochs.

    Examples
    --------
    >>> DataMapDisplay.from_scores([0.9, 0.2], [0.1, 0.3], [1.0, 0.0]).frame()
       sample name  confidence  variability  correctness
    0       0   #0         0.9          0.1          1.0
    1       1   #1         0.2          0.3          0.0
    """

    points_: Any
    colorbar_: Any

    def __init__(self, table: Any, n_samples: int | None = None, n_named: int = 3) -> None:
        super().__init__(table)
        self.n_samples: int = len(table) if n_samples is None else n_samples
        self.n_named = n_named

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **options: Any) -> "DataMapDisplay":
        """Draw the map of a fitted classifier.

        Parameters
        ----------
        estimator : object
            Fitted with the three metrics among its ``metrics``; or a Pipeline, search or sampler around it.
        ax : Axes, optional
            Where to draw.
        **options : dict
            ``max_points``, ``n_named`` and ``names`` of `from_scores`.

        Returns
        -------
        display : DataMapDisplay
            Drawn.

        Raises
        ------
        ValueError
            If a metric was not recorded.
        """
        remedy = f"fit a classifier with metrics={METRICS}"
        found = fitted_with(estimator, "sample_metrics_", remedy).sample_metrics_
        if missing := [name for name in METRICS if name not in found]:
            raise ValueError(f"{', '.join(missing)} were not recorded; {remedy}")
        return cls.from_scores(*(found[name] for name in METRICS), **options).plot(ax)

    @classmethod
    def from_scores(
        cls,
        confidence: Any,
        variability: Any,
        correctness: Any,
        *,
        max_points: int = 10_000,
        n_named: int = 3,
        names: Any = None,
    ) -> "DataMapDisplay":
        """Lay out samples by their metrics.

        Parameters
        ----------
        confidence, variability, correctness : array-like of shape (n_samples,)
            Mean and standard deviation of the probability of the given label, and share of visits that were right.
        max_points : int
            Of more samples, as many are drawn at random (seed 0), and those that are named.
        n_named : int
            How many samples are named: those with the lowest confidence.
        names : array-like of shape (n_samples,), optional
            Names of the samples; without them samples are called by their position in X.

        Returns
        -------
        display : DataMapDisplay
            Not drawn yet: call `plot`.
        """
        pandas = import_optional("pandas", extra="cli", purpose="draw a map")
        given = zip(METRICS, (confidence, variability, correctness), strict=True)
        columns = {name: check_scores(values, name) for name, values in given}
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"metrics have different lengths: {lengths}; expected those of the same samples")
        n_samples = len(columns["confidence"])
        called = sample_names(names, n_samples)
        table = pandas.DataFrame({"sample": np.arange(n_samples), "name": called, **columns}).dropna()
        n_known = len(table)
        if n_known > max_points:
            chosen = np.random.default_rng(0).permutation(n_known)
            hardest = np.argsort(table["confidence"].to_numpy(), kind="stable")[: min(n_named, max_points)]
            chosen = np.concatenate([hardest, chosen[~np.isin(chosen, hardest)]])[:max_points]
            table = table.iloc[np.sort(chosen)]
        return cls(table.reset_index(drop=True), n_known, n_named)

    def plot(self, ax: Any = None) -> "DataMapDisplay":
        """Draw points, the smaller and fainter the more there are.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: new axes of pyplot.

        Returns
        -------
        display : DataMapDisplay
            Itself.
        """
        self._open(ax)
        n_points, table = max(len(self.table), 1), self.table
        self.points_ = self.ax_.scatter(
            table["variability"],
            table["confidence"],
            c=table["correctness"],
            cmap=dark_cividis(),
            vmin=0,
            vmax=1,
            s=float(np.clip(8000 / n_points, 3, 30)),
            alpha=float(np.clip(1500 / n_points, 0.5, 0.9)),
            linewidths=0,
            rasterized=n_points > 2000,  # a vector per sample would make large files
        )
        placed: list[tuple[float, float]] = []
        for row in table.nsmallest(self.n_named, "confidence").to_dict("records"):
            x, y = row["variability"], row["confidence"]
            # from below upwards: a name that would be written over another one goes above it
            y = max([y, *(above + LINE for near, above in placed if abs(near - x) < NAME)])
            placed.append((x, y))
            name_point(self.ax_, (x, y), row["name"])
        self.colorbar_ = self.figure_.colorbar(self.points_, ax=self.ax_, label="correctness", alpha=1)
        drawn = f"{len(table):,} of {self.n_samples:,}" if len(table) < self.n_samples else f"{len(table):,}"
        finish_axes(
            self.ax_,
            f"Data map of {drawn} samples",
            xlabel="variability: standard deviation of p(given label)",
            ylabel="confidence: mean p(given label)",
            ylim=(-0.03, 1.03),
        )
        return self
