"""Boxes drawn over an image, coloured by their scores."""

from typing import Any

import numpy as np

from actscore_sk.inspection.drawing import ACCENT
from actscore_sk.utils.optional import import_optional

THIN, THICK = 1.0, 2.4  # points


class BoxOverlay:
    """Boxes of all images; lighter and thicker = harder, which is also seen in grey.

    Parameters
    ----------
    boxes : sequence of array-like (n_boxes, 4), or padded (n_samples, n_boxes, 4 or more)
        (x1, y1, x2, y2) in pixels; of `pad_boxes`, the class comes first. Rows with a negative class are padding.
    scores : sequence of array-like (n_boxes,), optional
        Score of each box that is no padding; higher = harder.

    Examples
    --------
    >>> BoxOverlay([[[0, 0, 4, 4]], []]).corners(0)
    array([[0., 0., 4., 4.]])
    """

    def __init__(self, boxes: Any, scores: Any = None) -> None:
        self.boxes, self.scores = boxes, scores
        if scores is not None:
            known = np.concatenate([np.asarray(scores[i], dtype=float) for i in range(len(scores))])
            known = known[np.isfinite(known)]
            self.low, self.high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)

    def corners(self, sample: int) -> np.ndarray:
        """Return the boxes of one image.

        Parameters
        ----------
        sample : int
            Position of the image.

        Returns
        -------
        corners : ndarray of float (n_boxes, 4)
            Without padding.
        """
        rows = np.asarray(self.boxes[sample], dtype=float)
        if not rows.size:
            return np.empty((0, 4))
        return rows[rows[:, 0] >= 0, 1:5] if rows.shape[1] > 4 else rows

    def draw(self, axes: Any, sample: int) -> None:
        """Draw the boxes of one image, the hardest last.

        Parameters
        ----------
        axes : Axes
            With the image, in pixels.
        sample : int
            Position of the image.

        Raises
        ------
        ValueError
            If there are not as many scores as boxes.
        """
        corners = self.corners(sample)
        if self.scores is None:
            for box in corners:
                axes.plot(*_outline(box), color=ACCENT, linewidth=THIN)
            return
        scores = np.asarray(self.scores[sample], dtype=float)
        if len(scores) != len(corners):
            raise ValueError(f"image {sample} has {len(corners)} boxes, but {len(scores)} scores of boxes")
        shares = (np.nan_to_num(scores, nan=self.low) - self.low) / ((self.high - self.low) or 1)
        # the hardest last, so that no other covers it
        for box in np.argsort(shares, kind="stable"):
            width = THIN + (THICK - THIN) * shares[box]
            axes.plot(*_outline(corners[box]), color="black", linewidth=width + 1)  # stays visible on light images
            axes.plot(*_outline(corners[box]), color=_colours()(shares[box]), linewidth=width)

    def add_scale(self, figure: Any, axes: Any) -> None:
        """Explain the colours, if boxes have scores.

        Parameters
        ----------
        figure : Figure or SubFigure
            Drawn into.
        axes : ndarray of Axes
            Beside which the scale stands.
        """
        if self.scores is None:
            return
        cm = import_optional("matplotlib.cm", extra="plot", purpose="draw")
        colours = import_optional("matplotlib.colors", extra="plot", purpose="draw")
        norm = colours.Normalize(self.low, self.high)
        scale = figure.colorbar(cm.ScalarMappable(norm, _colours()), ax=axes, aspect=15)
        scale.ax.tick_params(labelsize=7)
        scale.set_label("score of a box", fontsize=8)


def _outline(box: np.ndarray) -> tuple[list[float], list[float]]:
    x1, y1, x2, y2 = box
    return [x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1]


def _colours() -> Any:
    return import_optional("matplotlib", extra="plot", purpose="draw").colormaps["cividis"]
