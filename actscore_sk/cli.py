"""The command line: ``actscore demo``, ``actscore score`` and ``actscore report``."""

import io
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import NoReturn

from actscore_sk._version import __version__
from actscore_sk.commands import demo, report, score
from actscore_sk.exceptions import ActionScoreError, CommandError

WRONG_USE = 2
INTERRUPTED = 130

EXAMPLES = """\
examples:
  actscore demo --output-dir results
  actscore score flowers.csv --target species
  actscore report flowers_action_scores.csv --data flowers.csv
"""


class CommandParser(ArgumentParser):
    """A parser that reports wrong arguments in one line, as all other errors are."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage.

        Parameters
        ----------
        message : str
            What argparse found wrong.
        """
        raise CommandError(f"{message} (see {self.prog} --help)")


def build_parser() -> CommandParser:
    """Build the parser of the program with all of its subcommands.

    Returns
    -------
    parser : CommandParser
        Its result has ``run``, the function that does the work.

    Examples
    --------
    >>> build_parser().parse_args(["score", "flowers.csv", "--target", "species"]).epochs
    20
    """
    parser = CommandParser(
        prog="actscore",
        description="Measure how hard each sample is to learn, while a net learns it.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"actscore_sk {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (demo, score, report):
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the name of the program; those of the process if None.

    Returns
    -------
    status : int
        0 if the command did its work; 2 if it could not, with one line on stderr that says why;
        130 if the user interrupted it.
    """
    for stream in (sys.stdout, sys.stderr):
        # A label in a script that the terminal does not know is no reason to lose the results.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        arguments = build_parser().parse_args(argv)
        arguments.run(arguments)
    except (ActionScoreError, ImportError, OSError) as error:
        return _fail(str(error), WRONG_USE)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    return 0


def _fail(message: str, status: int) -> int:
    """Write one line to stderr, whatever breaks the message has, and give the status back."""
    print("actscore:", " ".join(message.split()), file=sys.stderr)
    return status
