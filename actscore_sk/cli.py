"""The command line: ``actscore demo``, ``score``, ``report`` and ``apply``."""

import importlib
import io
import os
import sys
from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from actscore_sk._version import __version__
from actscore_sk.exceptions import ActionScoreError, CommandError
from actscore_sk.utils.interrupts import INTERRUPTED, ended_at_once, uninterrupted

WRONG_USE = 2
CLOSED_PIPE = 141  # what a shell reports for a program that the closed pipe has ended

# Modules of `actscore_sk.commands` with one line of help; they import torch and pandas, so only one of them is loaded.
COMMANDS = {
    "demo": "find flipped labels among handwritten digits",
    "score": "score the rows of a CSV or Parquet table",
    "report": "write an HTML page about scores",
    "apply": "correct the labels of a table by decisions made on that page",
}

EXAMPLES = """\
examples:
  actscore demo --output-dir results
  actscore score flowers.csv --target species
  actscore report flowers_action_scores.csv --data flowers.csv
  actscore apply decisions.csv --data flowers.csv --output flowers_fixed.csv
"""


class StoreOnce(Action):
    """An option with one value: a second one is refused, where argparse forgets the first in silence."""

    given_to: Namespace | None = None

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Any, option_string: Any = None) -> None:
        """Store the value, once for a namespace."""
        if self.given_to is namespace and option_string is not None:
            parser.error(f"{option_string} is given twice; choose one value")
        self.given_to = namespace
        setattr(namespace, self.dest, values)


class CommandParser(ArgumentParser):
    """A parser that reports wrong arguments in one line, as all other errors are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in (None, "store"):
            self.register("action", name, StoreOnce)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage.

        Parameters
        ----------
        message : str
            The fault that argparse found.
        """
        raise CommandError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: Any = None) -> None:
        (file or sys.stderr).write(message)  # argparse says nothing of a full disk


def build_parser(chosen: str | None = None) -> CommandParser:
    """Build the parser of the program with all of its subcommands.

    Parameters
    ----------
    chosen : str or None
        First argument of the program. Only the module of this command is loaded, and only its parser has arguments.

    Returns
    -------
    parser : CommandParser
        Its result has ``run``, the function that does the work.

    Examples
    --------
    >>> build_parser("score").parse_args(["score", "flowers.csv", "--target", "species"]).seed
    0
    """
    parser = CommandParser(
        prog="actscore",
        description="Measure how hard each sample is to learn, while a net learns it.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"actscore_sk {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, formatter_class=RawDescriptionHelpFormatter)
        if name == chosen:
            module = importlib.import_module(f"actscore_sk.commands.{name}")
            command.description, command.epilog = module.DESCRIPTION, module.EXAMPLES
            module.add_arguments(command)
            command.set_defaults(run=module.run)
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
        130 if the user interrupted it; 141 if nobody reads the output any more.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # the shell has closed it
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A label in a script that the terminal does not know is no reason to lose the results.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # a library that is being loaded may swallow an interrupt, or abort; a caller in Python must not end with it
    loading = ended_at_once if argv is None else uninterrupted
    argv = sys.argv[1:] if argv is None else argv
    try:
        try:
            with loading():
                arguments = build_parser(argv[0] if argv else None).parse_args(argv)
            arguments.run(arguments)
        finally:
            sys.stdout.flush()  # what is not written here is an error without a status when Python ends
    except BrokenPipeError:
        return _fail("nobody reads the output any more", CLOSED_PIPE)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich ends the program on its own account
            return _fail("nobody reads the output any more", CLOSED_PIPE)
        raise
    except (ActionScoreError, ImportError, OSError) as error:
        return _fail(str(error), WRONG_USE)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    return 0


def _fail(message: str, status: int) -> int:
    """Write one line to stderr, whatever breaks the message has, and return the status."""
    with suppress(OSError):
        print("actscore:", " ".join(message.split()), file=sys.stderr, flush=True)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # Python would try again at its end, and fail
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return status
