"""How many labels look wrong, in one sentence."""

from collections.abc import Sequence


def summarise(n_rows: int, n_issues: int, interval: Sequence[float] | None) -> str:
    """Say how many labels look wrong, and how many to look at: as many as there may be, unless `caution` comes first.

    Parameters
    ----------
    n_rows, n_issues : int
        Number of labels, and of those that look wrong.
    interval : sequence of two floats, or None
        Where the share of wrong labels may lie, if that is known.

    Returns
    -------
    sentence : str

    Examples
    --------
    >>> summarise(344, 17, (0.035, 0.064))
    'about 17 of 344 labels look wrong (12 to 22); look at the first 22'
    >>> summarise(90, 0, (0.0, 0.004))
    'about 0 of 90 labels look wrong (0 to 0)'
    >>> summarise(90, 3, None)
    'about 3 of 90 labels look wrong; look at the first 3'
    >>> summarise(90, 50, (0.5, 0.6))
    'about 50 of 90 labels look wrong (45 to 54)'
    """
    low, high = (n_issues, n_issues) if interval is None else (round(share * n_rows) for share in interval)
    bounds = "" if interval is None else f" ({low:,} to {high:,})"
    advice = f"; look at the first {high:,}" if high and caution(n_rows, n_issues) is None else ""
    return f"about {n_issues:,} of {n_rows:,} labels look wrong{bounds}{advice}"


def caution(n_rows: int, n_issues: int) -> str | None:
    """Say what to make sure of first, where more labels look wrong than right; None elsewhere.

    Parameters
    ----------
    n_rows, n_issues : int
        Number of labels, and of those that look wrong.

    Returns
    -------
    sentence : str or None

    Examples
    --------
    >>> caution(344, 17)
    >>> caution(10, 6)[:40]
    'more labels look wrong than right: first'
    """
    if n_issues <= n_rows / 2:
        return None
    return (
        "more labels look wrong than right: first make sure that they belong to their rows, and that the class can be "
        "told from what is learnt from"
    )
