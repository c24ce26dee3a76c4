"""Output on the screen: lines, tables and the progress of a training."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

# Longer values end in an ellipsis, so that one of them does not push all other columns off the screen.
MAX_CELL = 24
CELL_PADDING = 3
LONG_NUMBER = 1e9
SILENCE = 10.0  # seconds without a word in a log
MIDNIGHT = " 00:00:00"  # what pandas writes behind a date


def make_console(*, stderr: bool = False) -> "Console":
    """Make the console of the results (stdout) or of the progress (stderr); it takes text as it is.

    Parameters
    ----------
    stderr : bool
        If True, it writes to stderr.

    Returns
    -------
    console : rich.console.Console
        Neither markup in square brackets nor names of emoji in the text mean anything to it.
    """
    rich = import_optional("rich.console", extra="cli", purpose="write to the screen")
    return rich.Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def print_line(text: str) -> None:
    """Print a line to stdout; it is not broken at the edge of the screen, since it may hold the name of a file.

    Parameters
    ----------
    text : str
        May hold anything from a file; characters that cannot be printed become question marks.
    """
    make_console().print(_printable(text), soft_wrap=True)


def show_rows(title: str, frame: "pd.DataFrame", *, n_fixed: int) -> None:
    """Print a table: the first columns always, then as many of the others as the screen is wide.

    Parameters
    ----------
    title : str
        Line above the table.
    frame : DataFrame
        All of its rows are printed; names of columns may repeat.
    n_fixed : int
        Columns that a narrow screen keeps.
    """
    rich = import_optional("rich.table", extra="cli", purpose="write to the screen")
    box = import_optional("rich.box", extra="cli", purpose="write to the screen")
    console = make_console()
    table = rich.Table(title=_printable(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    columns = [[name, *frame.iloc[:, position]] for position, name in enumerate(frame.columns)]
    columns = [[_cell(value) for value in column] for column in columns]
    for position in range(max(n_fixed, _count_fitting(columns, console.width))):
        justify = "right" if _is_number(frame.iloc[0, position]) else "left"
        table.add_column(columns[position][0], justify=justify, no_wrap=True)
    for row in list(zip(*columns, strict=True))[1:]:
        table.add_row(*row[: len(table.columns)])
    console.print()
    console.print(table)


@contextmanager
def show_progress(title: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Show a bar on stderr while the block runs; a line now and then if stderr is not a terminal.

    Parameters
    ----------
    title : str
        Words before the bar.
    total : int
        Steps until it is full.
    quiet : bool
        If True, nothing is shown.

    Yields
    ------
    advance : function
        Moves the bar by one step.
    """
    rich = import_optional("rich.progress", extra="cli", purpose="write to the screen")
    console = make_console(stderr=True)
    columns = (rich.TextColumn(title), rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeRemainingColumn())
    # Drawn only when it moves: a thread that redraws it would run beside the training, and in its timings.
    bar = rich.Progress(*columns, console=console, disable=quiet or not console.is_terminal, auto_refresh=False)
    with bar:
        task = bar.add_task(title, total=total)
        said, n_done = time.monotonic(), 0

        def advance() -> None:
            nonlocal said, n_done
            n_done += 1
            bar.advance(task)
            bar.refresh()
            if not quiet and not console.is_terminal and time.monotonic() - said > SILENCE:
                said = time.monotonic()
                console.print(f"{title}: {n_done} of {total}")

        yield advance


def _count_fitting(columns: list[list[str]], width: int) -> int:
    """Count the first columns that fit on the screen side by side.

    Examples
    --------
    >>> _count_fitting([["row", "10"], ["target", "tulip"], ["colour", "red"]], width=20)
    2
    """
    # each column begins with its name, so a long name counts as a long value does
    widths = [max(map(len, column)) + CELL_PADDING for column in columns]
    return int((np.cumsum(widths) + CELL_PADDING <= width).sum())


def _cell(value: Any) -> str:
    """Write a value of a table in few letters; missing is empty.

    Examples
    --------
    >>> [_cell(value) for value in (True, None, 2.0, 0.25, 0.00012, "north" * 6)]
    ['True', '', '2', '0.25', '0.00012', 'northnorthnorthnorthnor…']
    """
    if _is_number(value):
        return "" if value != value else _number(value)
    if not isinstance(value, str) and str(value) in ("<NA>", "NaT", "None"):
        return ""
    text = _printable(str(value).removesuffix(MIDNIGHT))
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def _number(value: Any) -> str:
    """Write a number: two decimals where they tell something, three digits elsewhere."""
    if float(value).is_integer():
        return f"{value:.0f}" if abs(value) < LONG_NUMBER else f"{value:.3g}"
    return f"{value:.2f}" if 0.1 <= abs(value) < LONG_NUMBER else f"{value:.3g}"


def _is_number(value: Any) -> bool:
    """Return True for values that are shown as numbers, at the right of their column."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _printable(text: str) -> str:
    """Replace characters that move the cursor or colour the screen: the text comes from a file."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
