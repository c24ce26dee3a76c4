"""Accuracy against the share of the data that is kept."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import t

from actscore_sk.inspection.drawing import DARK, LINES, MARKERS, Display, make_axes, shortened
from actscore_sk.utils.optional import import_optional

COLUMNS = ("strategy", "share_kept", "repeat", "value")


class PruningCurveDisplay(Display):
    """A line a strategy, with the interval of its mean over seeds or folds.

    Parameters
    ----------
    table : DataFrame
        A row a point: ``strategy``, ``share_kept``, ``n`` repeats, ``mean``, ``low`` and ``high``, NaN with one repeat.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    lines_ : list of Line2D
        One a strategy.
    bands_ : list of PolyCollection
        Their intervals.

    Examples
    --------
    >>> results = {"strategy": ["hardest"] * 4, "share_kept": [0.5, 0.5, 1.0, 1.0], "repeat": [0, 1, 0, 1]}
    >>> display = PruningCurveDisplay.from_scores(results | {"value": [0.7, 0.8, 0.9, 0.9]})
    >>> display.frame()[["strategy", "share_kept", "n", "mean"]]
      strategy  share_kept  n  mean
    0  hardest         0.5  2  0.75
    1  hardest         1.0  2  0.90
    """

    @classmethod
    def from_estimator(cls, search: Any, *, ax: Any = None) -> "PruningCurveDisplay":
        """Draw a fitted search over the `threshold` of an `ActionScorePruner`, and over its `strategy` if searched."""
        if not hasattr(search, "cv_results_"):
            raise ValueError(f"{type(search).__name__} has no cv_results_; expected a fitted search over threshold")
        return cls.from_cv_results(search.cv_results_).plot(ax)

    @classmethod
    def from_cv_results(cls, cv_results: Mapping[str, Any]) -> "PruningCurveDisplay":
        """Read `cv_results_` of a search: a repeat is a fold; thresholds are shares that are dropped."""
        thresholds = _parameter(cv_results, "threshold")
        if thresholds is None:
            raise ValueError("no parameter named threshold was searched; expected one such as pruner__threshold")
        strategies = _parameter(cv_results, "strategy")
        rows: dict[str, list] = {name: [] for name in COLUMNS}
        folds = [name for name in cv_results if name.startswith("split") and name.endswith("_test_score")]
        for candidate, threshold in enumerate(thresholds):
            if not isinstance(threshold, int | float | np.number):
                raise ValueError(f"threshold={threshold!r} is no share of the data; search over numbers")
            strategy = "pruner" if strategies is None else strategies[candidate]
            for fold in folds:
                point = (strategy, 1 - float(threshold), fold, float(cv_results[fold][candidate]))
                for name, value in zip(COLUMNS, point, strict=True):
                    rows[name].append(value)
        return cls.from_scores(rows)

    @classmethod
    def from_scores(cls, results: Any, *, confidence_level: float = 0.95) -> "PruningCurveDisplay":
        """Summarise results.

        Parameters
        ----------
        results : DataFrame or dict of columns
            A row a fit: ``strategy``, ``share_kept`` in [0, 1], ``repeat`` (seed or fold), ``value``.
        confidence_level : float in (0, 1)
            Of Student's interval of the mean over repeats; folds of one data set overlap, which makes it too narrow.
        """
        pandas = import_optional("pandas", extra="cli", purpose="summarise results")
        frame = pandas.DataFrame(results)
        if missing := [name for name in COLUMNS if name not in frame.columns]:
            raise ValueError(f"results lack {', '.join(missing)}; expected the columns {', '.join(COLUMNS)}")
        rows = []
        for (strategy, share), part in frame.groupby(["strategy", "share_kept"], sort=False)["value"]:
            n, mean = len(part), part.mean()
            half = t.ppf((1 + confidence_level) / 2, n - 1) * part.std() / np.sqrt(n) if n > 1 else np.nan
            rows.append((strategy, share, n, mean, mean - half, mean + half))
        table = pandas.DataFrame(rows, columns=["strategy", "share_kept", "n", "mean", "low", "high"])
        return cls(table.sort_values(["strategy", "share_kept"], ignore_index=True))

    def plot(self, ax: Any = None) -> "PruningCurveDisplay":
        """Draw."""
        self.figure_, self.ax_ = make_axes(ax, self.size)
        self.lines_, self.bands_ = [], []
        cmap = import_optional("matplotlib", extra="plot", purpose="draw").colormaps["cividis"]
        parts = list(self.table.groupby("strategy", sort=False))
        for i, (strategy, part) in enumerate(parts):
            colour = DARK if len(parts) == 1 else cmap(0.85 * i / (len(parts) - 1))
            style = {"linestyle": LINES[i % len(LINES)], "marker": MARKERS[i % len(MARKERS)], "markersize": 5}
            label = shortened(strategy)
            self.lines_ += self.ax_.plot(part["share_kept"], part["mean"], color=colour, label=label, **style)
            band = self.ax_.fill_between(part["share_kept"], part["low"], part["high"], color=colour, alpha=0.15, lw=0)
            self.bands_.append(band)
        self.ax_.set(xlabel="share of the data kept", ylabel="score on test data")
        self.ax_.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        return self


def _parameter(cv_results: Mapping[str, Any], name: str) -> list | None:
    """Values of the searched parameter of that name, wherever it is nested."""
    found = [key for key in cv_results if key == f"param_{name}" or key.endswith(f"__{name}")]
    return list(cv_results[found[0]]) if found else None
