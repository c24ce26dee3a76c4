"""Types of arguments that more than one command takes."""

import codecs
from argparse import ArgumentTypeError, Namespace, _ActionsContainer

from actscore_sk.commands.dialects import DECIMALS, ReadOptions

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


def separator(text: str) -> str:
    """Read a separator of cells: a letter, or the word tab.

    Examples
    --------
    >>> separator("tab"), separator(";")
    ('\\t', ';')
    """
    letter = "\t" if text in ("tab", "\\t") else text
    if len(letter) != 1 or letter in '\r\n"':
        raise ArgumentTypeError(f"expected one letter, or tab, got {text!r}")
    return letter


def encoding_name(text: str) -> str:
    """Read the name of an encoding that Python knows.

    Examples
    --------
    >>> encoding_name("latin1")
    'iso8859-1'
    """
    try:
        return codecs.lookup(text).name
    except LookupError as error:
        raise ArgumentTypeError(f"no encoding {text!r}; such are utf-8, utf-16, cp1252, latin-1") from error


def add_reading_options(parser: _ActionsContainer, *, with_missing: bool = True) -> None:
    """Add the options that say how a table is read.

    Parameters
    ----------
    parser : ArgumentParser or group of arguments
        Of a command.
    with_missing : bool
        If False, ``--na`` is left out: a cell that is written again stays as it is.
    """
    parser.add_argument("--sep", metavar="LETTER", type=separator, help="between cells, or tab (default: detected)")
    parser.add_argument("--decimal", choices=DECIMALS, help="before the digits of a fraction (default: detected)")
    parser.add_argument("--encoding", metavar="NAME", type=encoding_name, help="of the file (default: detected)")
    if not with_missing:
        parser.set_defaults(na=[])
        return
    texts = "texts that count as missing; else only empty cells do"
    parser.add_argument("--na", metavar="TEXT", nargs="+", action="extend", default=[], help=texts)


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
    >>> reading_options(Namespace(na=["NA,n/a", "?"], sep=None, decimal=None, encoding=None)).missing
    ('NA', 'n/a', '?')
    """
    texts = [text for value in arguments.na for text in value.split(",") if text]
    return ReadOptions(tuple(dict.fromkeys(texts)), arguments.sep, arguments.decimal, arguments.encoding)


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
