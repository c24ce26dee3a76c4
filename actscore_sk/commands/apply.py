"""``actscore apply``: put decisions about labels into a table."""

import csv
import io
from argparse import ArgumentParser, Namespace
from pathlib import Path

from actscore_sk.commands.arguments import add_reading_options, reading_options
from actscore_sk.commands.decisions import Decision, find_labels, read_decisions
from actscore_sk.commands.editable_table import open_cells, spellings
from actscore_sk.commands.joined_rows import same_label
from actscore_sk.commands.places import check_directory, check_output
from actscore_sk.commands.screen import print_line
from actscore_sk.commands.tables import table_suffix
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.files import write_atomically

DESCRIPTION = """\
Correct the labels of a table by the decisions that the page of `actscore report` saves: change labels, drop rows, and
leave everything else as it is. A log says what was done to which row.
"""
EXAMPLES = """\
example:
  actscore score flowers.csv --target species
  actscore report flowers_action_scores.csv --data flowers.csv
  actscore apply decisions.csv --data flowers.csv --output flowers_fixed.csv

DECISIONS is a CSV with the columns row (from 0), given_label, decision (keep, relabel or drop) and new_label. The table
must hold the given labels in these rows: in any other table nothing is changed. Tables of text keep each cell as it was
written; a new label is spelled as the table spells it elsewhere.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser.

    Parameters
    ----------
    parser : ArgumentParser
        Of the command.
    """
    parser.add_argument("decisions", metavar="DECISIONS", type=Path, help="CSV that the page has saved")
    parser.add_argument("--data", metavar="FILE", type=Path, required=True, help="table that was judged")
    parser.add_argument("--output", metavar="FIXED", type=Path, required=True, help="corrected table, of the same kind")
    parser.add_argument("--target", metavar="COLUMN", help="of the labels (default: the one that holds the given ones)")
    parser.add_argument("--log", metavar="LOG", type=Path, help="what was done (default: FIXED with _log.csv)")
    add_reading_options(parser.add_argument_group("reading of --data"), with_missing=False)


def run(arguments: Namespace) -> None:
    """Read, compare, correct, write.

    Parameters
    ----------
    arguments : Namespace
        ``decisions``, ``data``, ``output``, ``target``, ``log``, ``sep``, ``decimal``, and ``encoding``.

    Raises
    ------
    CommandError
        If the decisions are not about this table, or a file cannot be read or written; nothing is written then.
    """
    source, output = arguments.data, arguments.output
    suffix = table_suffix(output)
    log = arguments.log or output.with_name(f"{output.name[: -len(suffix)]}_log.csv")
    for read in (source, arguments.decisions):
        check_output(output, source=read)
        check_directory(log, source=read)
    if log.absolute() == output.absolute():
        raise CommandError(f"the log and the corrected table have one name: {str(log)!r}")
    if table_suffix(source) != suffix:
        raise CommandError(f"the table is {table_suffix(source)}, and the output {suffix}; choose one kind")
    decisions = read_decisions(arguments.decisions)
    table = open_cells(source, reading_options(arguments))
    place = find_labels(table, decisions, arguments.target, source)
    column = table.column(place)
    known = spellings(column, table.labels(place))
    known |= {text: text for text in column}  # 007 and 7 may both be labels
    changes = {d.row: _spelled(d.new_label, known) for d in decisions if d.kind == "relabel"}
    dropped = {d.row for d in decisions if d.kind == "drop"}
    if len(dropped) == len(table.rows):
        raise CommandError("the decisions drop all rows")
    content = table.encode(place, changes, dropped)
    write_atomically(output, content)
    write_atomically(log, _log_of(decisions, table.names[place], column, changes, dropped))
    _say(decisions, table.names[place], sorted({new for new in changes.values() if same_label(new) not in known}))
    print_line(f"wrote {output} and {log}")


def _spelled(label: str, known: dict[str, str]) -> str:
    return known.get(label) or known.get(same_label(label), label)


def _log_of(
    decisions: list[Decision], name: str, column: list[str], changes: dict[int, str], dropped: set[int]
) -> bytes:
    """Write what was done to each row, and where it is now."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "column", "decision", "old_label", "new_label", "new_row"])
    n_dropped = 0
    for row, _, kind, _ in decisions:
        n_dropped += row in dropped
        where = "" if row in dropped else row - n_dropped
        new = "" if row in dropped else changes.get(row, column[row])
        writer.writerow([row, name, kind, column[row], new, where])
    return text.getvalue().encode()


def _say(decisions: list[Decision], name: str, new_classes: list[str]) -> None:
    counts = [sum(d.kind == kind for d in decisions) for kind in ("relabel", "drop", "keep")]
    print_line("{!r}: {:,} labels changed, {:,} rows dropped, {:,} labels kept".format(name, *counts))
    if new_classes:
        print_line(f"new among the labels: {', '.join(map(repr, new_classes))}")
