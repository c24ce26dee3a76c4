"""Types of arguments that more than one command takes."""

from argparse import ArgumentTypeError, Namespace, _ActionsContainer

from actscore_sk.commands.text_tables import ReadOptions

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


def add_reading_options(parser: _ActionsContainer) -> None:
    """Add the options that say how a table is read.

    Parameters
    ----------
    parser : ArgumentParser or group of arguments
        Of a command.
    """
    parser.add_argument(
        "--na",
        metavar="TEXT",
        nargs="+",
        action="extend",
        default=[],
        help="texts that count as missing; else only empty cells do",
    )


def reading_options(arguments: Namespace) -> ReadOptions:
    """Collect what the user says about the reading of a table.

    Parameters
    ----------
    arguments : Namespace
        With the options of `add_reading_options`. One text may be several, with commas between.

    Returns
    -------
    options : ReadOptions

    Examples
    --------
    >>> reading_options(Namespace(na=["NA,n/a", "?"])).missing
    ('NA', 'n/a', '?')
    """
    texts = [text for value in arguments.na for text in value.split(",") if text]
    return ReadOptions(tuple(dict.fromkeys(texts)))


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
