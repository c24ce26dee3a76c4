"""A display as a picture inside a page."""

import warnings
from base64 import b64encode
from copy import copy
from io import BytesIO
from typing import NamedTuple

from actscore_sk.inspection.display import Display
from actscore_sk.inspection.grid_display import SampleGridDisplay
from actscore_sk.utils.optional import import_optional

DPI = 144  # of the file, for screens with twice the usual density
SHOWN_DPI = 96  # of the page: CSS pixels per inch


class Figure(NamedTuple):
    """A drawn display.

    Parameters
    ----------
    source : str
        Data URI of a PNG.
    width, height : int
        In CSS pixels.
    caption : str
        Stands below the picture, and in its place where it cannot be seen.
    kind : {"chart", "photos"}
        A dark page turns the light of charts round, and leaves photos as they are.
    """

    source: str
    width: int
    height: int
    caption: str
    kind: str


def draw_figure(display: Display, caption: str) -> Figure:
    """Draw a display for a page.

    Parameters
    ----------
    display : Display
        It is left as it is: the figure that it was drawn into before stays its own.
    caption : str
        Describes the picture.

    Returns
    -------
    figure : Figure
        In the size that the display asks for.
    """
    figures = import_optional("matplotlib.figure", extra="plot", purpose="draw")
    canvas = figures.Figure(figsize=display.size, layout="constrained", dpi=DPI)
    content = BytesIO()
    copy(display).draw_on(canvas)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box is drawn; the page has the text itself
        canvas.savefig(content, format="png")
    width, height = (round(side * SHOWN_DPI) for side in display.size)
    source = f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
    return Figure(source, width, height, caption, "photos" if isinstance(display, SampleGridDisplay) else "chart")
