"""The base of displays: numbers first, then a picture of them."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from actscore_sk.inspection.drawing import make_axes
from actscore_sk.utils.reprs import count_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Display(ABC):
    """A picture whose numbers are computed before it is drawn.

    Parameters
    ----------
    table : DataFrame
        The numbers, as `frame` returns them.
    """

    figure_: "Figure"
    ax_: "Axes"  # a grid has `axes_` instead

    def __init__(self, table: "pd.DataFrame") -> None:
        self.table = table

    def __repr__(self) -> str:
        """Return what it holds, and how to see it."""
        columns = ", ".join(map(str, self.table.columns))
        rows = count_of(len(self.table), "row")
        return f"<{type(self).__name__}: {rows} of {columns}; .plot() draws them, .frame() returns them>"

    def frame(self) -> "pd.DataFrame":
        """Return the numbers that are drawn.

        Returns
        -------
        table : DataFrame
            Columns are those of the parameter ``table`` of the display.
        """
        return self.table

    @abstractmethod
    def plot(self, ax: Any = None, /) -> "Display":
        """Draw, into new axes of pyplot if None."""

    def _open(self, ax: Any) -> None:
        """Set the figure and axes to draw into; None: new ones of pyplot."""
        self.figure_, self.ax_ = make_axes(ax, self.size)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a new figure, in inches."""
        return 6.4, 4.0

    def draw_on(self, figure: Any) -> None:
        """Draw into an empty figure.

        Parameters
        ----------
        figure : Figure or SubFigure
            Of about `size`.
        """
        self.plot(figure.subplots())
