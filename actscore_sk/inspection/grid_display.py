"""The hardest and the easiest images of each class."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from actscore_sk.inspection.drawing import ACCENT, Display, shortened
from actscore_sk.inspection.pictures import as_pictures
from actscore_sk.inspection.scores import check_scores
from actscore_sk.scoring.scorer import fitted_with
from actscore_sk.utils.optional import import_optional

CELL = 0.95  # inches of an image
ENDS = "hardest", "easiest"


class SampleGridDisplay(Display):
    """A row a class: its hardest images, then its easiest ones, each with its score.

    Parameters
    ----------
    table : DataFrame
        A row an image: ``group``, ``end`` ("hardest" or "easiest"), ``rank`` from 1 on, the position of the ``sample``
        in X, ``score``.
    images : ndarray (n_samples, height, width) or (n_samples, height, width, channels), or PictureFiles
        All images.
    boxes : list of ndarray (n_boxes, 4), optional
        Corners (x1, y1, x2, y2) in pixels, to be drawn.
    maps : array-like (n_samples, ...), optional
        Scores of units, drawn over the images.

    Attributes
    ----------
    figure_, axes_ : Figure and ndarray of Axes
        Drawn into, (n_groups, 2 n_shown).

    Examples
    --------
    >>> display = SampleGridDisplay.from_scores([1.0, 5.0, 3.0], np.zeros((3, 8, 8)), n_shown=1)
    >>> display.frame()
      group      end  rank  sample  score
    0   all  hardest     1       1    5.0
    1   all  easiest     1       0    1.0
    """

    def __init__(self, table: Any, images: Any, boxes: Any = None, maps: Any = None) -> None:
        super().__init__(table)
        self.images, self.boxes, self.maps = images, boxes, maps

    @classmethod
    def from_estimator(
        cls, estimator: Any, images: Any, y: Any = None, *, figure: Any = None, **options: Any
    ) -> "SampleGridDisplay":
        """Draw the images that an estimator was fitted on; options are those of `from_scores`."""
        fitted = fitted_with(estimator, "action_scores_", "fit it first")
        return cls.from_scores(fitted.action_scores_, images, y, **options).plot(figure)

    @classmethod
    def from_scores(
        cls,
        scores: Any,
        images: Any,
        y: Any = None,
        *,
        n_shown: int = 5,
        boxes: Sequence[Any] | None = None,
        maps: Any = None,
    ) -> "SampleGridDisplay":
        """Choose images.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Higher = harder; NaN = no score, not shown.
        images : array-like or list of paths
            (n_samples, height, width), with 1, 3 or 4 channels behind them or in front; floats in [0, 1] if they are
            colours, or integers up to 255. Of files, only those that are shown are opened.
        y : array-like of shape (n_samples,), optional
            Classes, or any other groups; a class of fewer images than twice `n_shown` shows some of them twice.
        n_shown : int
            How many hardest, and how many easiest ones.
        boxes : sequence of array-like (n_boxes, 4), or padded (n_samples, n_boxes, 4 or more), optional
            (x1, y1, x2, y2) in pixels; of `pad_boxes`, the class comes first. Rows with a negative class are padding.
        maps : array-like of shape (n_samples, height, width), optional
            Such as `unit_scores_`.
        """
        pandas = import_optional("pandas", extra="cli", purpose="choose images")
        values, pictures = check_scores(scores), as_pictures(images)
        groups = np.full(len(values), "all", dtype=object) if y is None else np.asarray(y, dtype=object)
        lengths = {"scores": len(values), "images": len(pictures), "y": len(groups)}
        lengths |= {} if boxes is None else {"boxes": len(boxes)}
        lengths |= {} if maps is None else {"maps": len(maps)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"lengths differ: {lengths}; expected one of each for a sample")
        rows = []
        for group in sorted(pandas.unique(groups), key=str):
            mine = np.flatnonzero((groups == group) & ~np.isnan(values))
            order = mine[np.argsort(-values[mine], kind="stable")]
            for end, chosen in zip(ENDS, (order[:n_shown], order[::-1][:n_shown]), strict=True):
                rows += [(group, end, rank, sample, values[sample]) for rank, sample in enumerate(chosen, start=1)]
        table = pandas.DataFrame(rows, columns=["group", "end", "rank", "sample", "score"])
        return cls(table, pictures, boxes, maps)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a new figure, in inches."""
        return 0.8 + 2 * self.table["rank"].max() * CELL, 0.4 + self.table["group"].nunique() * (CELL + 0.15)

    def draw_on(self, figure: Any) -> None:
        """Draw into an empty figure."""
        self.plot(figure)

    def plot(self, figure: Any = None) -> "SampleGridDisplay":
        """Draw into a figure or subfigure, or a new one of pyplot."""
        groups, n_shown = list(dict.fromkeys(self.table["group"])), int(self.table["rank"].max())
        if figure is None:
            pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="draw")
            figure = pyplot.figure(figsize=self.size, layout="constrained")
        self.figure_ = figure
        self.axes_ = figure.subplots(len(groups), 2 * n_shown, squeeze=False)
        for axes in self.axes_.flat:
            axes.set(xticks=[], yticks=[], frame_on=False)
        for row in self.table.to_dict("records"):
            column = row["rank"] - 1 + n_shown * ENDS.index(row["end"])
            self._show(self.axes_[groups.index(row["group"]), column], row["sample"], row["score"])
        for axes, group in zip(self.axes_[:, 0], groups, strict=True):
            axes.set_ylabel(shortened(group, 16), fontsize=8)
        for end, axes in zip(ENDS, self.axes_[0, [0, n_shown]], strict=True):
            axes.set_title(end, fontsize=9, loc="left")
        return self

    def _show(self, axes: Any, sample: int, score: float) -> None:
        image = self.images[sample]
        extent = (0, image.shape[1], image.shape[0], 0)
        axes.imshow(image, cmap="gray", extent=extent)
        if self.maps is not None:
            top = float(np.nanmax(self.maps))
            axes.imshow(self.maps[sample], cmap="inferno", alpha=0.55, extent=extent, vmin=0, vmax=top or 1)
        for x1, y1, x2, y2 in _boxes_of(self.boxes, sample):
            axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=ACCENT, linewidth=1.2)
        axes.set_xlabel(f"{score:.3g}", fontsize=7, labelpad=1)


def _boxes_of(boxes: Any, sample: int) -> list[list[float]]:
    """Corners of the boxes of one image."""
    if boxes is None:
        return []
    rows = np.asarray(boxes[sample], dtype=float)
    if not rows.size:
        return []
    if rows.shape[1] > 4:  # the class comes first
        rows = rows[rows[:, 0] >= 0, 1:5]
    return rows.tolist()
