"""A histogram of scores inside a page, drawn by the page's own style: light or dark, as wide as the screen."""

from typing import NamedTuple

import numpy as np

from actscore_sk.inspection.drawing import three_digits

N_BINS = 48
N_TICKS = 5
LOWEST_BAR = 0.012  # of the height: one row among 100,000 is still seen


class Bar(NamedTuple):
    """Rows in one interval.

    Parameters
    ----------
    left, width, height : float
        In [0, 1], of the picture.
    is_beyond : bool
        True beyond the cut.
    title : str
        What is told to a pointer on the bar.
    """

    left: float
    width: float
    height: float
    is_beyond: bool
    title: str


class Histogram(NamedTuple):
    """Bars, a cut, and texts around them.

    Parameters
    ----------
    bars : list of Bar
        From left to right.
    cut : float or None
        Where the rows beyond begin, in [0, 1].
    ticks : list of str
        Values at equal distances, from the left edge to the right one.
    axis : str
        Name of the values.
    tallest : int
        Rows in the highest bar.
    caption : str
        Stands below, and instead of the picture where it cannot be seen.
    """

    bars: list[Bar]
    cut: float | None
    ticks: list[str]
    axis: str
    tallest: int
    caption: str


def draw_histogram(values: np.ndarray, is_beyond: np.ndarray, *, axis: str, beyond: str) -> Histogram:
    """Count values, and find the cut that separates those beyond.

    Parameters
    ----------
    values : ndarray of float64 (n_samples,)
        NaN is left out; at least one is a number.
    is_beyond : ndarray of bool (n_samples,)
        The samples with the highest values.
    axis : str
        Name of the values.
    beyond : str
        Describes these samples, after their number.

    Returns
    -------
    histogram : Histogram
        The cut is at the edge of a bar: none has samples of both sides.

    Examples
    --------
    >>> values = np.arange(10.0)
    >>> draw_histogram(values, values >= 8, axis="score", beyond="look wrong").caption
    'Histogram of score of 10 rows; 2 beyond the cut at 7.5 look wrong.'
    """
    known = ~np.isnan(values)
    values, is_beyond = values[known], is_beyond[known]
    low, high = _round_ends(float(values.min()), float(values.max()))
    cut = _cut_between(values, is_beyond)
    width = (high - low) / N_BINS
    # edges begin at the cut, so that no bar has rows of both sides; what sticks out at the ends is empty
    start = low if cut is None else cut - np.ceil((cut - low) / width) * width
    edges = start + width * np.arange(N_BINS + 2)
    counts = np.histogram(values, edges)[0]
    tallest = int(counts.max())
    shares = np.clip((edges - low) / (high - low), 0, 1)
    bars = [
        Bar(
            float(shares[i]),
            float(shares[i + 1] - shares[i]),
            max(int(count) / tallest, LOWEST_BAR),
            cut is not None and edges[i] > cut - width / 2,
            f"{count:,} rows from {three_digits(edges[i])} to {three_digits(edges[i + 1])}",
        )
        for i, count in enumerate(counts)
        if count
    ]
    ticks = [three_digits(tick) for tick in np.linspace(low, high, N_TICKS)]
    at = "" if cut is None else f"; {int(is_beyond.sum()):,} beyond the cut at {three_digits(cut)} {beyond}"
    place = None if cut is None else (cut - low) / (high - low)
    return Histogram(bars, place, ticks, axis, tallest, f"Histogram of {axis} of {len(values):,} rows{at}.")


def _cut_between(values: np.ndarray, is_beyond: np.ndarray) -> float | None:
    """Return the middle between both sides; None if one of them is empty, or if they overlap."""
    if not is_beyond.any() or is_beyond.all():
        return None
    below, above = float(values[~is_beyond].max()), float(values[is_beyond].min())
    return (below + above) / 2 if below <= above else None


def _round_ends(low: float, high: float) -> tuple[float, float]:
    """Widen a range to round numbers, so that ticks are short.

    >>> _round_ends(0.13, 9.2)
    (0.0, 10.0)
    """
    if low == high:
        return low - 0.5, high + 0.5
    step = 10.0 ** np.floor(np.log10((high - low) / (N_TICKS - 1)))
    for factor in (1, 2, 2.5, 5, 10, 20):
        start = np.floor(low / (factor * step)) * factor * step
        if start + (N_TICKS - 1) * factor * step >= high:
            break
    return float(start), float(start + (N_TICKS - 1) * factor * step)
