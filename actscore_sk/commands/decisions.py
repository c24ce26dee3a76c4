"""Decisions about labels, as the page of `actscore report` saves them, and the column that they are about."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

from actscore_sk.commands.editable_table import TextCells, TypedCells
from actscore_sk.commands.joined_rows import same_label
from actscore_sk.commands.spreadsheet_cells import unescaped
from actscore_sk.exceptions import CommandError

HEADS = ("row", "given_label", "decision", "new_label")
KINDS = ("keep", "relabel", "drop")


class Decision(NamedTuple):
    """What a reader decided about one label.

    Parameters
    ----------
    row : int
        Position from 0.
    given_label : str
        Label that the reader saw.
    kind : {"keep", "relabel", "drop"}
    new_label : str
        Empty unless the label is to be changed.
    """

    row: int
    given_label: str
    kind: str
    new_label: str


def read_decisions(path: Path) -> list[Decision]:
    """Read a file of decisions.

    Parameters
    ----------
    path : Path
        CSV with the columns ``row``, ``given_label``, ``decision``, ``new_label``; others are ignored.

    Returns
    -------
    decisions : list of Decision
        By row, each row once.

    Raises
    ------
    CommandError
        If a column is missing, or an entry is none of those that are possible; with its line.
    """
    if not path.exists():
        raise CommandError(f"no such file: {str(path)!r}")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"cannot read decisions from {str(path)!r}: {error}") from error
    heads = lines[0] if lines else []
    if missing := [head for head in HEADS if head not in heads]:
        raise CommandError(f"{str(path)!r} lacks the column {missing[0]}; expected {', '.join(HEADS)}")
    places = [heads.index(head) for head in HEADS]
    found: dict[int, Decision] = {}
    for number, line in enumerate(lines[1:], start=2):
        if len(line) < len(heads):
            raise CommandError(f"line {number} of {str(path)!r} has {len(line)} cells, the head {len(heads)}")
        decision = _read_line(*(line[place] for place in places), where=f"line {number} of {str(path)!r}")
        if found.setdefault(decision.row, decision) != decision:
            raise CommandError(f"line {number} of {str(path)!r}: another decision about row {decision.row} came before")
    if not found:
        raise CommandError(f"{str(path)!r} has no decisions")
    return [found[row] for row in sorted(found)]


def _read_line(row: str, given: str, kind: str, new: str, *, where: str) -> Decision:
    kind = kind.strip().lower()
    if not row.strip().isdecimal():
        raise CommandError(f"{where}: row {row!r}; expected a position from 0 on")
    if kind not in KINDS:
        raise CommandError(f"{where}: decision {kind!r}; expected {', '.join(KINDS)}")
    if (kind == "relabel") != bool(new):
        fault = "relabel needs a new_label" if kind == "relabel" else f"{kind} has the new_label {new!r}"
        raise CommandError(f"{where}: {fault}")
    return Decision(int(row), unescaped(given), kind, unescaped(new))


def find_labels(table: TextCells | TypedCells, decisions: list[Decision], target: str | None, source: Path) -> int:
    """Find the column that holds the given labels.

    Parameters
    ----------
    table : TextCells or TypedCells
        To correct.
    decisions : list of Decision
        About its rows.
    target : str or None
        Name of the column; None: the one that holds all given labels.
    source : Path
        Of the table, for messages.

    Returns
    -------
    place : int
        Position of the column.

    Raises
    ------
    CommandError
        If a row is not in the table, or if no column, or more than one, holds the given labels.
    """
    last = decisions[-1].row
    if last >= len(table.rows):
        raise CommandError(f"a decision is about row {last}, but {str(source)!r} has {len(table.rows)} rows, from 0 on")
    if target is not None:
        if table.names.count(target) != 1:
            raise CommandError(
                f"{table.names.count(target)} columns of {str(source)!r} are called {target!r}; expected one"
            )
        place = table.names.index(target)
        column, labels = table.column(place), table.labels(place)
        for row, given, *_ in decisions:
            if labels[row] != same_label(given):
                raise CommandError(
                    f"row {row} of {str(source)!r} has {column[row]!r} in {target!r}, but the decision is about "
                    f"{given!r}; expected the table that was judged"
                )
        return place
    places = [place for place in range(len(table.names)) if _holds(table.labels(place), decisions)]
    if len(places) == 1:
        return places[0]
    if not places:
        raise CommandError(
            f"no column of {str(source)!r} holds the given labels; expected the table that was judged (--target COLUMN "
            f"shows the first difference)"
        )
    names = " and ".join(repr(table.names[place]) for place in places)
    raise CommandError(f"the columns {names} hold the given labels; choose one with --target")


def _holds(labels: list[str], decisions: list[Decision]) -> bool:
    return all(labels[row] == same_label(given) for row, given, *_ in decisions)
