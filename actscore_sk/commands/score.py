"""``actscore score``: a score for each row of a table."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from contextlib import ExitStack, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.commands.arguments import add_reading_options, positive_number, reading_options, seed_number
from actscore_sk.commands.column_findings import find_in_columns, find_in_rows
from actscore_sk.commands.column_names import find_column
from actscore_sk.commands.column_roles import add_kept, choose_columns
from actscore_sk.commands.contents import STANDARD
from actscore_sk.commands.labels import Judgement, add_labels, judge_labels, show_labels
from actscore_sk.commands.metric_names import check_metrics, metric_names
from actscore_sk.commands.missing_cells import describe_missing, texts_that_look_missing
from actscore_sk.commands.nested_cells import plain
from actscore_sk.commands.places import check_output, check_size, check_texts
from actscore_sk.commands.report import check_page
from actscore_sk.commands.report import run as write_report
from actscore_sk.commands.run_summary import summarise_run
from actscore_sk.commands.score_screen import N_HARDEST, USES, describe, show_hardest, show_program
from actscore_sk.commands.screen import print_line
from actscore_sk.commands.streamed_table import READINGS, StreamedTable, is_streamed
from actscore_sk.commands.tables import FORMATS, open_table, table_suffix, write_table
from actscore_sk.commands.targets import TASKS, Target, read_target
from actscore_sk.commands.training import LEARNERS, fit_scorer
from actscore_sk.commands.training_table import WholeTable
from actscore_sk.commands.typed_tables import refuse_options
from actscore_sk.exceptions import CommandError
from actscore_sk.metrics.registry import METRICS
from actscore_sk.scoring.fitted_scorer import comparable_scores
from actscore_sk.utils.memory import return_freed
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# Of the report, beside those that both commands have.
NO_OPTIONS = {"key": None, "target": None, "images": None, "title": None, "watch": False}

DESCRIPTION = """\
Train a small net, or boosted trees, on a table and write how hard each row was to learn, and which labels look wrong.

The action score of a row is its loss, summed over the epochs: higher = harder. For classification a fifth
of the rows is held out, which tells how many labels look wrong, and what they should be. For regression
the target is standardised first, so that the loss is a squared error in units of the target's variance.
"""
EXAMPLES = """\
examples:
  actscore score flowers.csv --target species
  actscore score flowers.csv --target species --metrics aum,forgetting --output hard.parquet
  actscore score flowers.csv --target species --learner boosting
  actscore score houses.parquet --target price --task regression --epochs 50

The output has one row for each row of FILE, in the same order: row (from 0), target, action_score, further
metrics, n_visits and rank (1 = hardest; a row held out of training has the rank that it has among those held out).
Classification adds suggested_label, wrong_probability, is_issue, is_validation (held out), label_rank (1 = most likely
wrong) and, the same in all rows, between which numbers that of wrong labels lies (n_wrong_low, n_wrong_high).
A row without target is not trained on and has no score. What is printed ends in the lines of Python that give the
same scores.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser.

    Parameters
    ----------
    parser : ArgumentParser
        Of the command.
    """
    parser.add_argument("file", metavar="FILE", type=Path, help=f"table: {', '.join(FORMATS)}; - is standard input")
    parser.add_argument("--target", metavar="COLUMN", required=True, help="column to learn from all others")
    parser.add_argument(
        "--output",
        metavar="OUT",
        type=Path,
        help="table to write, or - (default: NAME_action_scores.csv, here)",
    )
    harder = {higher: [n for n, m in METRICS.items() if m.higher_is_harder is higher] for higher in (True, False)}
    directions = f"higher = harder: {', '.join(harder[True])}; lower = harder: {', '.join(harder[False])}"
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    parser.add_argument("--metrics", metavar="NAME", help=f"also these; {directions}", **several)
    parser.add_argument(
        "--epochs",
        metavar="N",
        type=positive_number,
        help="of training (default: 20 to 100, the more the fewer rows); with boosting the number of trees (100)",
    )
    parser.add_argument("--learner", choices=LEARNERS, default="net", help="what is trained (default: %(default)s)")
    parser.add_argument("--seed", metavar="S", type=seed_number, default=0, help="same seed, same scores (%(default)s)")
    parser.add_argument("--task", choices=TASKS, default="auto", help="what the target is; auto: look at its values")
    add_reading_options(parser)
    parser.add_argument("--features", metavar="COLUMN", help="learn from these columns alone", **several)
    parser.add_argument("--drop", metavar="COLUMN", help="do not learn from these columns", **several)
    parser.add_argument("--id", metavar="COLUMN", help="names of rows: written, not learnt from", **several)
    kept: dict[str, Any] = {"nargs": "*", "action": "extend"}
    parser.add_argument("--keep-columns", metavar="COLUMN", help="write these beside the scores, or all", **kept)
    parser.add_argument(
        "--report", metavar="PAGE", type=Path, help="also write this HTML page, as `actscore report` does"
    )
    parser.add_argument(
        "--read",
        choices=READINGS,
        default="auto",
        help="Parquet in memory, or in parts; auto: in parts if it would take over half of the free memory",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON, and all else to standard error")


def run(arguments: Namespace) -> None:
    """Read, train, write, then show the hardest rows.

    Parameters
    ----------
    arguments : Namespace
        ``file``, ``target``, ``output``, ``metrics``, ``epochs``, ``learner``, ``seed``, ``task``, ``sep``,
        ``decimal``, ``encoding``, ``na``, ``features``, ``drop``, ``id``, ``keep_columns``, ``report``,
        ``quiet`` and ``json``.

    Raises
    ------
    CommandError
        If something is wrong with the arguments, the table or the output; nothing is written then.
    """
    # the table alone, or the summary alone, goes to standard output
    results = sys.stdout
    with ExitStack() as stack:
        if arguments.quiet:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nowhere))
        elif arguments.json or arguments.output == STANDARD:
            stack.enter_context(redirect_stdout(sys.stderr))
        summary = _score(arguments)
    if arguments.json:
        results.write(json.dumps(summary, indent=2, default=plain, allow_nan=False) + "\n")


def _print_findings(data: Any, missing: Any, target: int, found: Iterable[str]) -> None:
    """Print how the table was read, which cells are missing, and what to look at."""
    texts = texts_that_look_missing(data.head, target, takes_na=data.takes_na)
    lines = [data.how, describe_missing(data.head, missing), *texts, *(f"look at: {finding}" for finding in found)]
    for line in filter(None, lines):
        print_line(line)


def _score(arguments: Namespace) -> dict[str, Any]:
    source = arguments.file
    output, metrics = _output(arguments), metric_names(arguments.metrics)
    reading = reading_options(arguments)
    data = _open(arguments)
    return_freed()  # what reading took comes on top of all that follows
    check_size(output, data.n_rows)
    position = find_column(data.head, arguments.target)
    column, target = _read_target(data, position, arguments.task)
    check_metrics(metrics, target.task)
    named = {"features": arguments.features, "drop": arguments.drop, "ids": arguments.id}
    roles = choose_columns(data.head, arguments.target, **named, keep=arguments.keep_columns)
    check_texts(output, data.as_written([position, *roles.kept]))
    try:
        encoded = data.encode(roles.features, target)
    except ValueError as error:
        raise CommandError(f"no feature is left beside the target: {error}") from error
    describe(source, arguments.target, encoded.preprocessor, target)
    is_used = [kind in USES for kind in encoded.preprocessor.column_kinds_]
    found = [*find_in_columns(encoded.looked_at.loc[:, is_used], encoded.target), *find_in_rows(encoded.X, target)]
    _print_findings(data, reading.missing, position, found)
    options = {name: getattr(arguments, name) for name in ("learner", "epochs", "seed", "quiet")}
    X, preprocessor = encoded.X, encoded.preprocessor
    del encoded  # the columns of the rows with a target may be a copy, and training needs X alone
    return_freed()
    estimator = fit_scorer(X, target, metrics=metrics, **options)
    del X  # most of what a large table takes
    table = score_table(column, target.known, estimator)
    judgement = judge_labels(estimator, target.classes) if target.task == "classification" else None
    if judgement is not None:
        table = add_labels(table, target.known, judgement)
    write_table(output, add_kept(table, data.as_written(roles.kept)))
    first = _show_first(table, judgement, data, roles.features)
    is_decided = judgement is not None and judgement.is_decided
    as_written = column is data.written.get(position)
    lines = data.program(arguments.target, roles.program, target.program, as_written=as_written)
    show_program(lines, data.modules, estimator, is_decided=is_decided)
    if output != STANDARD:
        print_line(f"wrote {output}")
    if arguments.report is not None:
        page = {"file": output, "data": source, "output": arguments.report, "score": "action_score", "group": []}
        page["notes"] = () if judgement is None else judgement.of_page
        write_report(Namespace(**(vars(arguments) | NO_OPTIONS | page)))
    facts = {name: getattr(arguments, name) for name in ("file", "target", "report", "learner", "seed")}
    facts |= {"output": output, "metrics": metrics, "reading": data.how, "findings": found}
    return summarise_run(target, preprocessor, estimator, judgement, first, **facts)


def _read_target(data: Any, position: int, task: str) -> "tuple[pd.Series, Target]":
    """Read the target; classes that are written with zeros in front are texts, since 007 and 7 may be two."""
    column = data.columns([position]).iloc[:, 0]
    target = read_target(column, task, takes_na=data.takes_na)
    if target.task != "classification":
        return column, target
    if column.dtype == object:  # labels are texts, those of lists and of mixed types as well
        return column.map(str, na_action="ignore"), target
    if position not in data.written:
        return column, target
    labels = read_target(data.written[position], "classification", takes_na=data.takes_na)
    reason = f"{labels.n_classes:,} different codes, some with zeros in front; --task overrides"
    return data.written[position], replace(labels, reason=reason if task == "auto" else target.reason)


def _show_first(table: "pd.DataFrame", judgement: Judgement | None, data: Any, places: list[int]) -> "pd.DataFrame":
    """Show the rows to look at first, and return their scores."""
    first = table.nsmallest(N_HARDEST, "rank" if judgement is None else "label_rank")
    features = data.take(first.index, places)
    if judgement is None:
        show_hardest(first, features)
    else:
        show_labels(first, features, judgement)
    return first


def _open(arguments: Namespace) -> WholeTable | StreamedTable:
    """Open the table, whole or in parts."""
    source, reading = arguments.file, reading_options(arguments)
    if not is_streamed(source, table_suffix(source), arguments.read):
        return WholeTable(open_table(source, reading))
    if arguments.report is not None:
        raise CommandError("--report reads the table whole, which is read in parts; leave it out, or use --read whole")
    refuse_options(source, reading)
    return StreamedTable(source)


def _output(arguments: Namespace) -> Path:
    """Return the file of the scores, after a look at the places of all that will be written."""
    source = arguments.file
    name = "stdin" if source == STANDARD else source.name.removesuffix(table_suffix(source))
    output = arguments.output or Path(f"{name}_action_scores.csv")
    check_output(output, source=source)
    if arguments.json and output == STANDARD:
        raise CommandError("--json and --output - would both fill standard output; choose another output")
    if arguments.json and sys.__stdout__ is None:
        raise CommandError("standard output is closed, so --json has no place")
    if arguments.report is not None:
        check_page(arguments.report, source, output)
        if STANDARD in (source, output):
            raise CommandError("--report reads the table and its scores again, so neither can be -")
    return output


def score_table(column: "pd.Series", known: np.ndarray, estimator: Any) -> "pd.DataFrame":
    """Put the scores beside the rows of the input.

    Parameters
    ----------
    column : Series
        The target as it was given, of all rows.
    known : ndarray of bool, (n_rows,)
        The rows that the estimator was fitted on.
    estimator : ActionScoreClassifier or ActionScoreRegressor
        Fitted.

    Returns
    -------
    table : DataFrame
        Rows that were not trained on have NaN for scores and rank, and no visits.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    scores = pd.DataFrame(estimator.sample_metrics_, index=np.flatnonzero(known))
    table = pd.DataFrame({"row": np.arange(len(known)), "target": column}).join(scores)
    table["n_visits"] = 0
    table.loc[known, "n_visits"] = estimator.n_visits_
    comparable = pd.Series(comparable_scores(estimator), index=scores.index)
    # "first" makes ranks unique; the nullable dtype leaves them whole numbers beside missing ones
    table["rank"] = comparable.rank(method="first", ascending=False).astype("Int64")
    return table
