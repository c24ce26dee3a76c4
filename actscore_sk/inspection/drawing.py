"""Common ground of displays: axes, names of samples, and colours that stay apart in grey and without colour vision."""

from typing import Any

import numpy as np

from actscore_sk.utils.optional import import_optional

DARK, MIDDLE, LIGHT = "#1b3a57", "#5b84b1", "#c9d8e8"  # of one hue: 22, 50 and 84 % as light as white
ACCENT = "#b5541c"
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}  # that a summary shows, by column
LINES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
ROW_HEIGHT = 0.32  # inches of a row of a horizontal plot
AXES_WIDTH, LETTER_WIDTH = 4.6, 0.083  # inches of axes of rows, and of a letter of their labels
HEAVY_TAIL = 10  # times the bulk of the values: a longer tail would squeeze them on a linear axis
DARKEST_SHARE = 0.75  # of cividis: its light end is lost on white


def make_axes(ax: Any, size: tuple[float, float]) -> tuple[Any, Any]:
    """Return a figure and axes to draw into.

    Parameters
    ----------
    ax : Axes or None
        Where to draw; None: new axes of pyplot.
    size : tuple of float
        Width and height of a new figure, in inches.

    Returns
    -------
    figure, axes : Figure and Axes
        The layout of a new figure makes room for all labels.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `ax` is something else.
    """
    if ax is not None:
        if not hasattr(ax, "figure"):
            raise TypeError(f"ax={ax!r}; expected axes of matplotlib, such as pyplot.gca(), or None")
        return ax.figure, ax
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="draw")
    return pyplot.subplots(figsize=size, layout="constrained")


def width_for(labels: list[str]) -> float:
    """Return the width of a new figure with rows, in inches.

    Parameters
    ----------
    labels : list of str
        Of the rows, to the left of the axes.

    Returns
    -------
    width : float
        At least 6.4: the axes are wide enough for title and label below, however long the labels of the rows are.
    """
    return max(6.4, AXES_WIDTH + LETTER_WIDTH * max(map(len, labels), default=0))


def finish_axes(ax: Any, title: str, **labels: Any) -> None:
    """Set title and labels, and take away the frame where names of samples cross it.

    Parameters
    ----------
    ax : Axes
        Where a display is drawn.
    title : str
        Describes the picture.
    **labels : dict
        Properties for ``Axes.set``, such as ``xlabel``.
    """
    ax.set_title(title, fontsize="medium", loc="left")
    ax.set(**labels)
    ax.spines[["top", "right"]].set_visible(False)


def stretch_axis(ax: Any, which: str, scale: float, largest: float) -> None:
    """Make an axis linear near 0 and logarithmic beyond, if a few values would squeeze all others.

    Parameters
    ----------
    ax : Axes
        Where a display is drawn.
    which : {"x", "y"}
        The axis.
    scale : float
        Size of the bulk of the values, at least 0: up to here the axis is about linear.
    largest : float
        Largest absolute value; up to 10 times `scale` nothing is done.
    """
    if not 0 < HEAVY_TAIL * scale < largest:
        return
    ticker = import_optional("matplotlib.ticker", extra="plot", purpose="draw")
    # asinh has no kink between its linear and its logarithmic part, as symlog has
    getattr(ax, f"set_{which}scale")("asinh", linear_width=scale)
    axis = getattr(ax, f"{which}axis")
    axis.set_major_locator(ticker.SymmetricalLogLocator(base=10, linthresh=scale, subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")


def shortened(label: Any, length: int = 32) -> str:
    """Write a label, not longer than `length`, and without dollar signs that matplotlib takes for formulas.

    Parameters
    ----------
    label : object
        Written as ``str`` writes it, in one line.
    length : int
        Most characters.

    Returns
    -------
    text : str
        A longer label has "…" in its middle: paths and names of classes often differ at their end.

    Examples
    --------
    >>> shortened("photos/holiday/cat_17.jpg", 14)
    'photos…_17.jpg'
    """
    text = " ".join(str(label).split())
    if len(text) > length:
        tail = length // 2
        text = f"{text[: length - tail - 1]}…{text[-tail:]}"
    return text.replace("$", r"\$")


def three_digits(number: float) -> str:
    """Write a number with three digits, and one from 1,000 on as a whole, up to ten millions.

    Parameters
    ----------
    number : float
        Of any size.

    Returns
    -------
    text : str
        For reading.

    Examples
    --------
    >>> [three_digits(number) for number in (0.01234, 51731.2, 4e9)]
    ['0.0123', '51,731', '4e+09']
    """
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e7 else f"{number:.3g}"


def sample_names(names: Any, n_samples: int) -> np.ndarray:
    """Return the names of samples in a plot.

    Parameters
    ----------
    names : array-like of shape (n_samples,) or None
        Names of the samples; None: "#" and the position in X.
    n_samples : int
        As many names are expected.

    Returns
    -------
    names : ndarray of object (n_samples,)
        Texts.

    Raises
    ------
    ValueError
        If there are more or fewer names than samples.

    Examples
    --------
    >>> sample_names(None, 2)
    array(['#0', '#1'], dtype=object)
    """
    if names is None:
        return np.array([f"#{sample}" for sample in range(n_samples)], dtype=object)
    if len(names) != n_samples:
        raise ValueError(f"names has {len(names)} entries, but there are {n_samples} samples")
    return np.array(list(map(str, names)), dtype=object)


def name_point(ax: Any, place: tuple[float, float], name: str) -> Any:
    """Write the name of a sample to the right of its point.

    Parameters
    ----------
    ax : Axes
        Where the point is.
    place : tuple of float
        Its coordinates.
    name : str
        Shortened to 20 characters.

    Returns
    -------
    text : Annotation
        A layout that makes room for labels makes room for it, too.
    """
    return ax.annotate(
        shortened(name, 20), place, (4, 0), textcoords="offset points", fontsize=7, va="center", color="0.2"
    )


def dark_cividis() -> Any:
    """Return cividis without its light end: lightness tells values apart, also in grey and without colour vision.

    Returns
    -------
    colours : Colormap
        From dark blue, low, to ochre, high.
    """
    matplotlib = import_optional("matplotlib", extra="plot", purpose="draw")
    colours = import_optional("matplotlib.colors", extra="plot", purpose="draw")
    # the light end is yellow, which does not show on a white page
    return colours.ListedColormap(matplotlib.colormaps["cividis"](np.linspace(0, DARKEST_SHARE, 256)))
