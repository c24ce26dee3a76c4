"""The picture of the demo: the labels most likely wrong and the easiest digits, side by side."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

N_COLUMNS = 10
SIZE = (9.6, 7.0)
GAP = 0.08  # inches around each digit
DPI = 150
# Colour is never the only sign: a flipped label also has a thick frame, and the true label below in bold.
FLIPPED = {"edgecolor": "#b2182b", "linewidth": 2.5}
KEPT = {"edgecolor": "0.75", "linewidth": 0.8}


def draw_digits(images: np.ndarray, table: "pd.DataFrame") -> bytes:
    """Draw the extremes of a ranking.

    Parameters
    ----------
    images : ndarray, (n_samples, height, width)
        Grey values, higher = more ink.
    table : DataFrame
        One row per image, with ``given_label``, ``suggested_label``, ``is_issue``, ``true_label``, ``flipped``,
        ``rank`` (1 = hardest) and ``suspicion`` (1 = most likely wrong).

    Returns
    -------
    png : bytes
        A PNG file.
    """
    # a Figure without pyplot: no backend is chosen, and no window opens
    figures = import_optional("matplotlib.figure", extra="cli", purpose="draw the picture of the demo")
    suspects = table.sort_values("suspicion")
    blocks = {
        "Labels most likely wrong: given → suggested (thick frame: label was flipped)": suspects.head(2 * N_COLUMNS),
        "The same, of labels that were not flipped": suspects[~suspects["flipped"]].head(N_COLUMNS),
        "Easiest digits": table.sort_values("rank", ascending=False).head(N_COLUMNS),
    }
    figure = figures.Figure(figsize=SIZE, dpi=DPI)
    figure.set_layout_engine("constrained", w_pad=GAP, h_pad=GAP)
    heights = [len(rows) // N_COLUMNS for rows in blocks.values()]
    panels = figure.subfigures(len(blocks), height_ratios=heights)
    for panel, (title, rows) in zip(panels, blocks.items(), strict=True):
        _draw_block(panel, title, images, rows)
    picture = BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _draw_block(panel: Any, title: str, images: np.ndarray, rows: "pd.DataFrame") -> None:
    """Draw one grid of digits under its title.

    Parameters
    ----------
    panel : SubFigure
        Where to draw.
    title : str
        Above the grid, at its left edge.
    images : ndarray, (n_samples, height, width)
        All images.
    rows : DataFrame
        Those to draw, in order; the index is the position in ``images``.
    """
    panel.suptitle(title, x=GAP / SIZE[0], ha="left", fontsize=11, fontweight="bold")
    grid = panel.subplots(len(rows) // N_COLUMNS, N_COLUMNS, squeeze=False)
    for axes, row in zip(grid.flat, rows.itertuples(), strict=True):
        axes.imshow(images[row.Index], cmap="gray_r")
        axes.set(xticks=[], yticks=[])
        axes.set_title(
            f"{row.given_label} → {row.suggested_label}" if row.is_issue else f"{row.given_label}", fontsize=9
        )
        if row.flipped:
            axes.set_xlabel(f"true {row.true_label}", fontsize=9, fontweight="bold")
        axes.spines[:].set(**FLIPPED if row.flipped else KEPT)
