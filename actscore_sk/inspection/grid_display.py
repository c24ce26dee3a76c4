"""The hardest and the easiest images of each class, whole ones or boxes."""

from typing import Any

import numpy as np

from actscore_sk.inspection.box_overlay import BoxOverlay
from actscore_sk.inspection.display import Display
from actscore_sk.inspection.drawing import sample_names, shortened, three_digits
from actscore_sk.inspection.groupings import Grouping, group_targets, hardest_first
from actscore_sk.inspection.pictures import BoxCrops, as_pictures
from actscore_sk.inspection.scores import check_scores
from actscore_sk.inspection.thumbnails import shrunk
from actscore_sk.scoring.fitted_scorer import fitted_with
from actscore_sk.utils.indexes import check_order
from actscore_sk.utils.optional import import_optional

CELL, BOXED_CELL, GAP = 0.95, 1.7, 0.32  # inches of an image, of one with boxes, and of the text below it
ENDS = "hardest", "easiest"
MOST_ROWS = 10  # groups that are shown unless more are asked for
CORNERS = ["x1", "y1", "x2", "y2"]


class SampleGridDisplay(Display):
    """A row per class: its hardest images, then its easiest ones, each with its name and score.

    Parameters
    ----------
    table : DataFrame
        A row per image: ``group``, ``end`` ("hardest" or "easiest"), ``rank`` from 1 on, the position of the ``sample``
        in X, its ``name``, ``score``.
    images : ndarray (n_samples, height, width) or (n_samples, height, width, channels), or PictureFiles
        All images.
    overlay : BoxOverlay, optional
        Boxes to draw.
    maps : array-like (n_samples, ...), optional
        Scores of units, drawn over the images.
    n_groups : int, optional
        Groups in all, if `table` holds a part of them.

    Attributes
    ----------
    figure_, axes_ : Figure and ndarray of Axes
        Drawn into, (n_groups, 2 n_shown).

    See Also
    --------
    ActionScoreDisplay : The distribution of scores of each class.

    Examples
    --------
    >>> display = SampleGridDisplay.from_scores([1.0, 5.0, 3.0], np.zeros((3, 8, 8)), n_shown=1)
    >>> display.frame()
      group      end  rank  sample name  score
    0   all  hardest     1       1   #1    5.0
    1   all  easiest     1       0   #0    1.0
    """

    def __init__(
        self, table: Any, images: Any, overlay: BoxOverlay | None = None, maps: Any = None, n_groups: int | None = None
    ) -> None:
        super().__init__(table)
        self.images = images
        self.overlay = overlay
        self.maps = maps
        self.n_groups: int = table["group"].nunique() if n_groups is None else n_groups

    @classmethod
    def from_estimator(
        cls, estimator: Any, images: Any, y: Any = None, *, figure: Any = None, **options: Any
    ) -> "SampleGridDisplay":
        """Draw the images that an estimator was fitted on.

        Parameters
        ----------
        estimator : object
            Fitted, with ``action_scores_``; or a Pipeline, search or sampler around one.
        images : array-like, sequence of paths, or Dataset
            As in `from_scores`.
        y : array-like of shape (n_samples,), optional
            Classes, or any other groups.
        figure : Figure or SubFigure, optional
            Where to draw.
        **options : dict
            Further options of `from_scores`.

        Returns
        -------
        display : SampleGridDisplay
            Drawn.
        """
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
        max_groups: int = MOST_ROWS,
        n_bins: int = 5,
        boxes: Any = None,
        box_scores: Any = None,
        maps: Any = None,
        names: Any = None,
    ) -> "SampleGridDisplay":
        """Choose images.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Higher = harder; NaN = no score, not shown.
        images : array-like, sequence of paths, or Dataset
            (n_samples, height, width), with 1, 3 or 4 channels behind them or in front; floats in [0, 1] if they are
            colours, or integers up to 255. Of files and data sets, only the images that are shown are read.
        y : array-like of shape (n_samples,), optional
            Classes, or any other groups, the hardest on top; numbers are cut into bins. A class of fewer images than
            twice `n_shown` shows some of them twice.
        n_shown : int
            How many hardest, and how many easiest ones.
        max_groups : int
            Of more groups, the hardest by median are shown.
        n_bins : int
            Bins of numbers.
        boxes : sequence of array-like (n_boxes, 4), or padded (n_samples, n_boxes, 4 or more), optional
            (x1, y1, x2, y2) in pixels; of `pad_boxes`, the class comes first. Rows with a negative class are padding.
        box_scores : sequence of array-like (n_boxes,), optional
            Score of each box, such as ``unit_scores_``: harder boxes are drawn lighter and thicker.
        maps : array-like of shape (n_samples, height, width), optional
            Scores of pixels, such as ``unit_scores_``.
        names : array-like of shape (n_samples,), optional
            Names of the samples, such as files; without them samples are called by their position in X.

        Returns
        -------
        display : SampleGridDisplay
            Not drawn yet: call `plot`.
        """
        values, pictures = check_scores(scores), as_pictures(images)
        check_order({"scores": scores, "y": y})
        if n_shown < 1:
            raise ValueError(f"n_shown={n_shown}; expected at least 1")
        grouping = Grouping(np.full(len(values), "all", dtype=object), []) if y is None else group_targets(y, n_bins)
        lengths = {"scores": len(values), "images": len(pictures), "y": len(grouping.labels)}
        given = {"boxes": boxes, "box_scores": box_scores, "maps": maps}
        lengths |= {name: len(part) for name, part in given.items() if part is not None}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"lengths differ: {lengths}; expected one of each per sample")
        groups = grouping.ordered[::-1] or hardest_first(grouping.labels, values)
        table = _choose(values, grouping.labels, groups[:max_groups], n_shown, sample_names(names, len(values)))
        overlay = None if boxes is None else BoxOverlay(boxes, box_scores)
        return cls(table, pictures, overlay, maps, len(groups))

    @classmethod
    def from_boxes(cls, boxes: Any, images: Any, **options: Any) -> "SampleGridDisplay":
        """Choose boxes, and cut them out of their images.

        Parameters
        ----------
        boxes : DataFrame
            A row per box with ``image``, ``box``, ``class``, ``x1``, ``y1``, ``x2``, ``y2`` in pixels and ``score``, as
            `ActionScoreEstimator.unit_frame` returns it.
        images : array-like, sequence of paths, or Dataset
            All images.
        **options : dict
            ``n_shown`` and ``max_groups`` of `from_scores`.

        Returns
        -------
        display : SampleGridDisplay
            ``sample`` is the position of a box in `boxes`. Not drawn yet: call `plot`.
        """
        crops = BoxCrops(as_pictures(images), boxes["image"].to_numpy(), boxes[CORNERS].to_numpy(dtype=float))
        names = [f"#{image}, box {box}" for image, box in zip(boxes["image"], boxes["box"], strict=True)]
        return cls.from_scores(boxes["score"], crops, boxes["class"].astype(object), names=names, **options)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a new figure, in inches."""
        cell = CELL if self.overlay is None else BOXED_CELL
        for_scale = 0 if self.overlay is None or self.overlay.scores is None else 0.8
        width = 0.8 + 2 * self.table["rank"].max() * cell + for_scale
        # wide images need lower rows; files and boxes are not opened to find out
        _, height, length = getattr(self.images, "shape", (0, 1, 1))[:3]
        return width, 0.6 + self.table["group"].nunique() * (cell * min(1, height / length) + GAP)

    def draw_on(self, figure: Any) -> None:
        """Draw into an empty figure.

        Parameters
        ----------
        figure : Figure or SubFigure
            Of about `size`.
        """
        self.plot(figure)

    def plot(self, figure: Any = None) -> "SampleGridDisplay":
        """Draw a row per group.

        Parameters
        ----------
        figure : Figure or SubFigure, optional
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        display : SampleGridDisplay
            Itself.
        """
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
            self._show(self.axes_[groups.index(row["group"]), column], row)
        for axes, group in zip(self.axes_[:, 0], groups, strict=True):
            axes.set_ylabel(shortened(group, 16), fontsize=8)
        for end, axes in zip(ENDS, self.axes_[0, [0, n_shown]], strict=True):
            axes.set_title(end, fontsize=9, loc="left")
        if len(groups) < self.n_groups:
            figure.suptitle(f"{len(groups)} of {self.n_groups:,} groups", fontsize="medium", x=0.01, ha="left")
        if self.overlay is not None:
            self.overlay.add_scale(figure, self.axes_)
        return self

    def _show(self, axes: Any, row: dict) -> None:
        image = self.images[row["sample"]]
        extent = (0, image.shape[1], image.shape[0], 0)
        axes.imshow(shrunk(image), cmap="gray", extent=extent)
        if self.maps is not None:
            top = float(np.nanmax(self.maps))
            axes.imshow(self.maps[row["sample"]], cmap="inferno", alpha=0.55, extent=extent, vmin=0, vmax=top or 1)
        if self.overlay is not None:
            self.overlay.draw(axes, row["sample"])
        axes.set_xlabel(f"{shortened(row['name'], 14)}\n{three_digits(row['score'])}", fontsize=7, labelpad=1)


def _choose(scores: np.ndarray, labels: np.ndarray, groups: list, n_shown: int, names: np.ndarray) -> Any:
    """Take the samples at both ends of each group."""
    pandas = import_optional("pandas", extra="cli", purpose="choose images")
    rows = []
    for group in groups:
        mine = np.flatnonzero((labels == group) & ~np.isnan(scores))
        order = mine[np.argsort(-scores[mine], kind="stable")]
        for end, chosen in zip(ENDS, (order[:n_shown], order[::-1][:n_shown]), strict=True):
            rows += [(group, end, rank, i, names[i], scores[i]) for rank, i in enumerate(chosen, start=1)]
    return pandas.DataFrame(rows, columns=["group", "end", "rank", "sample", "name", "score"])
