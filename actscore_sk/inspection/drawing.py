"""What all displays draw with: axes, and colours that stay apart in grey and without colour vision."""

from abc import ABC, abstractmethod
from typing import Any

from actscore_sk.utils.optional import import_optional

DARK, MIDDLE, LIGHT = "#1b3a57", "#5b84b1", "#c9d8e8"  # of one hue: 22, 50 and 84 % as light as white
ACCENT = "#b5541c"
LINES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
ROW_HEIGHT = 0.32  # inches of a row of a horizontal plot


class Display(ABC):
    """A picture whose numbers were computed before: `frame` gives them, `plot` draws them.

    Parameters
    ----------
    table : DataFrame
        What `frame` returns.
    """

    def __init__(self, table: Any) -> None:
        self.table = table

    def frame(self) -> Any:
        """Give the numbers that are drawn, a DataFrame."""
        return self.table

    @abstractmethod
    def plot(self, ax: Any = None, /) -> "Display":
        """Draw, into new axes of pyplot if None."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a new figure, in inches."""
        return 6.4, 4.0

    def draw_on(self, figure: Any) -> None:
        """Draw into an empty figure."""
        self.plot(figure.subplots())


def make_axes(ax: Any, size: tuple[float, float]) -> tuple[Any, Any]:
    """Give a figure and axes to draw into: those that are passed, or new ones of pyplot.

    Parameters
    ----------
    ax : Axes or None
        Where to draw.
    size : tuple of float
        Width and height of a new figure, in inches.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if ax is not None:
        return ax.figure, ax
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="draw")
    return pyplot.subplots(figsize=size, layout="constrained")


def shortened(label: Any, length: int = 32) -> str:
    """Write a label, not longer than `length`, and without what matplotlib takes for formulas.

    Examples
    --------
    >>> shortened("a" * 40, 8)
    'aaaaaaa…'
    """
    text = " ".join(str(label).split()).replace("$", r"\$")
    return text if len(text) <= length else text[: length - 1] + "…"
