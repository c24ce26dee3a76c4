"""Types of arguments that more than one command takes."""

from argparse import ArgumentTypeError

# What NumPy, scikit-learn and torch all accept.
MAX_SEED = 2**32 - 1


def positive_number(text: str) -> int:
    """Read a whole number from 1 on.

    Examples
    --------
    >>> positive_number("20")
    20
    """
    return _whole_number(text, 1, None)


def seed_number(text: str) -> int:
    """Read a seed, a whole number from 0 to ``MAX_SEED``.

    Examples
    --------
    >>> seed_number("-1")
    Traceback (most recent call last):
        ...
    argparse.ArgumentTypeError: expected a whole number from 0 to 4294967295, got '-1'
    """
    return _whole_number(text, 0, MAX_SEED)


def _whole_number(text: str, smallest: int, largest: int | None) -> int:
    """Read a whole number within limits, or name these limits."""
    try:
        number = int(text)
    except ValueError:
        number = smallest - 1
    if number < smallest or (largest is not None and number > largest):
        limits = f"from {smallest} on" if largest is None else f"from {smallest} to {largest}"
        raise ArgumentTypeError(f"expected a whole number {limits}, got {text!r}")
    return number
