"""Accuracy against the share of the data that is kept, or against the score beyond which samples are left out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import t

from actscore_sk.inspection.display import Display
from actscore_sk.inspection.drawing import (
    DARK,
    LINES,
    MARKERS,
    dark_cividis,
    finish_axes,
    make_axes,
    shortened,
    width_for,
)
from actscore_sk.inspection.searched import AXES, read_search
from actscore_sk.utils.optional import import_optional

COLUMNS = ("strategy", "repeat", "value")
LABELS = {"share_kept": "share of the data kept", "threshold": "threshold: samples with a score beyond are left out"}
MOST_LINES = 6  # that are told apart by their dashes


class PruningCurveDisplay(Display):
    """A line per strategy, with the interval of its mean over seeds or cross-validation folds.

    Parameters
    ----------
    table : DataFrame
        A row per point: ``strategy``, ``share_kept`` in [0, 1] or ``threshold`` in units of the score, ``n`` repeats,
        ``mean``, ``low`` and ``high``, NaN with one repeat; ``parameters``, if others were searched: the best ones.
    max_groups : int
        Of more strategies, those with the best points are drawn.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure
        Drawn into.
    lines_ : list of Line2D
        One per strategy.
    bands_ : list of PolyCollection
        Their intervals.

    See Also
    --------
    ActionScorePruner : The sampler whose threshold is searched.

    Examples
    --------
    >>> results = {"strategy": ["hardest"] * 4, "share_kept": [0.5, 0.5, 1.0, 1.0], "repeat": [0, 1, 0, 1]}
    >>> display = PruningCurveDisplay.from_scores(results | {"value": [0.7, 0.8, 0.9, 0.9]})
    >>> display.frame()[["strategy", "share_kept", "n", "mean"]]
      strategy  share_kept  n  mean
    0  hardest         0.5  2  0.75
    1  hardest         1.0  2  0.90
    """

    def __init__(self, table: Any, max_groups: int = MOST_LINES) -> None:
        super().__init__(table)
        self.max_groups = max_groups

    @classmethod
    def from_estimator(
        cls, search: Any, *, metric: str | None = None, by: str | None = None, ax: Any = None, **options: Any
    ) -> "PruningCurveDisplay":
        """Draw a fitted search over the `threshold` of an `ActionScorePruner`, and over its `strategy` if searched.

        Parameters
        ----------
        search : GridSearchCV or the like
            Fitted. If it searched over other parameters as well, a point has the best of them, see `from_cv_results`.
        metric : str, optional
            Of several metrics that were searched; without it the one that the search was refitted for.
        by : {"fraction", "score"}, optional
            Thresholds to draw, if the search has both.
        ax : Axes, optional
            Where to draw.
        **options : dict
            ``max_groups`` and ``confidence_level`` of `from_scores`.

        Returns
        -------
        display : PruningCurveDisplay
            Drawn.

        Raises
        ------
        ValueError
            If `search` is no fitted search over a threshold.
        """
        if not hasattr(search, "cv_results_"):
            raise ValueError(f"{type(search).__name__} has no cv_results_; expected a fitted search over threshold")
        refit = getattr(search, "refit", None)
        metric = metric or (refit if isinstance(refit, str) else "score")
        settings = search.estimator.get_params() if hasattr(search, "estimator") else {}
        return cls.from_cv_results(search.cv_results_, settings=settings, metric=metric, by=by, **options).plot(ax)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
        metric: str = "score",
        by: str | None = None,
        **options: Any,
    ) -> "PruningCurveDisplay":
        """Read the results of a search.

        Parameters
        ----------
        cv_results : dict
            ``cv_results_`` of a search; a repeat is a cross-validation fold.
        settings : dict, optional
            Parameters of the estimator that was searched, for the strategy and the meaning of the threshold where they
            were not searched; without it the threshold is a fraction.
        metric : str
            As in ``mean_test_<metric>``.
        by : {"fraction", "score"}, optional
            Thresholds to draw, if the search has both.
        **options : dict
            ``max_groups`` and ``confidence_level`` of `from_scores`.

        Returns
        -------
        display : PruningCurveDisplay
            Of candidates with one strategy and threshold, the one with the best mean over folds is kept, and the column
            ``parameters`` names its other parameters. The best of many is too high by chance, at each point alike if
            the grid is the same there. Not drawn yet: call `plot`.
        """
        found = read_search(cv_results, settings or {}, metric, by)
        # a mean over the other parameters would blame the threshold for their bad values
        best: dict[tuple, int] = {}
        means = found.values.mean(axis=1)
        for candidate, point in enumerate(zip(found.strategies, found.places, strict=True)):
            if point not in best or means[candidate] > means[best[point]]:
                best[point] = candidate
        rows: dict[str, list] = {name: [] for name in (*COLUMNS, found.axis, "parameters")}
        for (strategy, place), candidate in best.items():
            for fold, value in enumerate(found.values[candidate]):
                entries = strategy, fold, value, place, found.others[candidate]
                for name, entry in zip(rows, entries, strict=True):
                    rows[name].append(entry)
        if not any(found.others):
            del rows["parameters"]
        return cls.from_scores(rows, **options)

    @classmethod
    def from_scores(
        cls, results: Any, *, confidence_level: float = 0.95, max_groups: int = MOST_LINES
    ) -> "PruningCurveDisplay":
        """Summarise results.

        Parameters
        ----------
        results : DataFrame or dict of columns
            A row per fit: ``strategy``, ``share_kept`` in [0, 1] or ``threshold``, ``repeat`` (seed or fold),
            ``value``; and ``parameters``, if a point has some.
        confidence_level : float in (0, 1)
            Of Student's interval of the mean over repeats; folds of one data set overlap, which makes it too narrow.
        max_groups : int
            Of more strategies, those with the best points are drawn.

        Returns
        -------
        display : PruningCurveDisplay
            Not drawn yet: call `plot`.

        Raises
        ------
        ValueError
            If a column is missing.
        """
        pandas = import_optional("pandas", extra="cli", purpose="summarise results")
        frame = pandas.DataFrame(results)
        axis = next((name for name in AXES.values() if name in frame.columns), "share_kept")
        if missing := [name for name in ("strategy", axis, "repeat", "value") if name not in frame.columns]:
            raise ValueError(
                f"results lack {', '.join(missing)}; expected the columns strategy, share_kept (or threshold), "
                "repeat, value"
            )
        keys = ["strategy", axis, *(["parameters"] if "parameters" in frame.columns else [])]
        rows = []
        for key, part in frame.groupby(keys, sort=False)["value"]:
            n, mean = len(part), part.mean()
            half = t.ppf((1 + confidence_level) / 2, n - 1) * part.std() / np.sqrt(n) if n > 1 else np.nan
            point = dict(zip(keys, key, strict=True)) | {"n": n, "mean": mean, "low": mean - half, "high": mean + half}
            rows.append(point)
        table = pandas.DataFrame(rows).sort_values(["strategy", axis], ignore_index=True)
        return cls(table[[name for name in table if name != "parameters"] + keys[2:]], max_groups)

    def plot(self, ax: Any = None) -> "PruningCurveDisplay":
        """Draw a line per strategy; the legend names the best of the other parameters, and where they are the best.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: new axes of pyplot.

        Returns
        -------
        display : PruningCurveDisplay
            Itself.
        """
        self.lines_: list[Any] = []
        self.bands_: list[Any] = []
        axis = next(name for name in AXES.values() if name in self.table.columns)
        best = self.table.groupby("strategy")["mean"].max().nlargest(self.max_groups).index
        parts = [(name, part) for name, part in self.table.groupby("strategy", sort=False) if name in best]
        names = [_named(strategy, part, axis) for strategy, part in parts]
        # the legend is to the right of the axes, and would take their width
        self.figure_, self.ax_ = make_axes(ax, (width_for("\n".join(names).split("\n")), self.size[1]))
        for i, (name, (_, part)) in enumerate(zip(names, parts, strict=True)):
            colour = DARK if len(parts) == 1 else dark_cividis()(i / (len(parts) - 1))
            style: dict[str, Any] = {"linestyle": LINES[i % len(LINES)], "marker": MARKERS[i % len(MARKERS)]}
            self.lines_ += self.ax_.plot(part[axis], part["mean"], color=colour, markersize=5, label=name, **style)
            band = self.ax_.fill_between(part[axis], part["low"], part["high"], color=colour, alpha=0.15, lw=0)
            self.bands_.append(band)
        left_out = self.table["strategy"].nunique() - len(parts)
        title = f"Models trained on part of the data{f' ({left_out} strategies not shown)' if left_out else ''}"
        finish_axes(self.ax_, title, xlabel=LABELS[axis], ylabel="score on test data")
        self.ax_.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        return self


def _named(strategy: Any, part: Any, axis: str) -> str:
    """Return the entry of a line in the legend: strategy, and the best parameters from which place to which."""
    lines = [shortened(strategy)]
    if "parameters" in part:
        runs = (part["parameters"] != part["parameters"].shift()).cumsum()
        for _, run in part.groupby(runs):
            first, last = run[axis].min(), run[axis].max()
            where = f"{first:g}" if first == last else f"{first:g} to {last:g}"
            lines.append(f"  {where}: {shortened(run['parameters'].iloc[0], 40)}")
    return "\n".join(lines)
