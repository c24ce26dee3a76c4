"""``actscore report``: one HTML page about scored samples."""

import pickle
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.exceptions import NotFittedError

from actscore_sk.commands.arguments import add_reading_options, reading_options
from actscore_sk.commands.joined_rows import POSITIONS, JoinedRows, join_rows
from actscore_sk.commands.places import check_directory
from actscore_sk.commands.screen import print_line
from actscore_sk.commands.tables import read_scores, read_table
from actscore_sk.commands.watch import TRAJECTORIES, read_trajectories, watch_trajectories
from actscore_sk.exceptions import CommandError
from actscore_sk.inspection.report.labels import ALL_COLUMNS, COLUMNS, labels_of_columns, truths
from actscore_sk.inspection.report.page import ActionScoreReport
from actscore_sk.metrics.registry import METRICS
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

SAVED = (".joblib", ".pkl", ".pickle")
HELD_OUT = "is_validation"
EVERY_ROW = ("rank", *POSITIONS, HELD_OUT, *ALL_COLUMNS)

DESCRIPTION = """\
Write one HTML page about the scores of a table: how many labels look wrong, which classes and groups are hard,
pictures, and the rows, those to look at first on top, with filters and a place for your verdict. The page is one file
and needs no network.
"""
EXAMPLES = """\
examples:
  actscore score flowers.csv --target species
  actscore report flowers_action_scores.csv --data flowers.csv
  actscore report flowers_action_scores.csv --data flowers.csv --group region year --output flowers.html
  actscore report photos_action_scores.csv --data photos.csv --images file
  actscore report fitted.joblib
  actscore report losses.npy --data flowers.csv --target species --watch

FILE is a table with a column of scores (higher = harder), such as those of `actscore score` and `to_frame()`; the file
of `store_trajectories=`, also while another process trains; or a fitted estimator saved with joblib or pickle. To load
such a file is to run code that is in it: open only your own.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser.

    Parameters
    ----------
    parser : ArgumentParser
        Of the command.
    """
    kinds = f"scores: a table, losses of all epochs ({TRAJECTORIES}), or a fitted run ({', '.join(SAVED)})"
    parser.add_argument("file", metavar="FILE", type=Path, help=kinds)
    parser.add_argument("--output", metavar="OUT", type=Path, help="page to write (default: NAME_report.html, here)")
    parser.add_argument("--data", metavar="TABLE", type=Path, help="the rows that were scored, shown beside the scores")
    parser.add_argument("--key", metavar="COLUMN", help="of both tables: which rows belong together (default: row)")
    parser.add_argument("--score", metavar="COLUMN", default="action_score", help="of the scores (%(default)s)")
    parser.add_argument("--target", metavar="COLUMN", help="classes or numbers (target, if there is such a column)")
    parser.add_argument(
        "--group", metavar="COLUMN", nargs="+", action="extend", default=[], help="compare the groups of these columns"
    )
    parser.add_argument("--images", metavar="COLUMN", help="paths of image files, from the directory of their table")
    parser.add_argument("--title", help="of the page")
    parser.add_argument(
        "--watch", action="store_true", help=f"of a {TRAJECTORIES} file: write the page anew after each epoch"
    )
    add_reading_options(parser.add_argument_group("reading of --data"))
    parser.set_defaults(notes=())  # which `actscore score --report` knows


def run(arguments: Namespace) -> None:
    """Read, compare, write.

    Parameters
    ----------
    arguments : Namespace
        ``file``, ``output``, ``data``, ``key``, ``score``, ``target``, ``group``, ``images``, ``title``, ``watch``,
        ``notes``, ``sep``, ``decimal``, ``encoding`` and ``na``.

    Raises
    ------
    CommandError
        If something is wrong with the arguments or the files; nothing is written then.
    """
    source = arguments.file
    name = source.name.partition(".")[0]
    output = arguments.output or Path(f"{name}_report.html")
    check_page(output, *filter(None, (source, arguments.data)))
    arguments.title = arguments.title or f"Action scores of {name}"
    if arguments.watch and source.suffix.lower() != TRAJECTORIES:
        raise CommandError(f"--watch needs a file of trajectories ({TRAJECTORIES}), got {str(source)!r}")
    if arguments.key is not None and arguments.data is None:
        raise CommandError("--key says which rows of --data belong to the scores; --data is missing")
    data = None if arguments.data is None else read_table(arguments.data, reading_options(arguments))
    try:
        if source.suffix.lower() == TRAJECTORIES:
            write = _writer_of_trajectories(data, arguments, output)
            if arguments.watch:
                watch_trajectories(source, write, output)
                return
            write(read_trajectories(source), 0)
        else:
            _report(source, data, arguments).save(output)
    except (ValueError, NotFittedError) as error:
        raise CommandError(str(error)) from error
    print_line(f"wrote {output}")


def check_page(page: Path, *sources: Path) -> None:
    """Refuse a page that could not be written, before any time is spent on it.

    Parameters
    ----------
    page : Path
        File to write later.
    *sources : Path
        Files that are read.

    Raises
    ------
    CommandError
        If the suffix is not that of a page, or the place is none.
    """
    for source in sources:
        check_directory(page, source=source)
    if page.suffix.lower() not in (".html", ".htm"):
        raise CommandError(f"unknown kind of page {str(page)!r}; expected .html")


def _report(source: Path, data: "pd.DataFrame | None", arguments: Namespace) -> ActionScoreReport:
    """Find the columns, and make the report of them."""
    fitted = _load(source) if source.suffix.lower() in SAVED else None
    rows = join_rows(read_scores(source) if fitted is None else fitted.to_frame(), data, arguments.key)
    target, y = _target(rows, arguments.target)
    options = _options(rows, arguments) | {"source": _source(arguments)}
    if fitted is not None:
        return ActionScoreReport.from_estimator(fitted, y, data=rows.data, **options)
    scores = rows.scores
    # a table of scores alone has no estimator behind it to say which rows were held out
    held_out = truths(scores[HELD_OUT]) if HELD_OUT in scores else None
    if all(name in scores for name in COLUMNS) and y is not None:
        found = labels_of_columns(scores[[name for name in ALL_COLUMNS if name in scores]], len(scores))
        options["labels"] = replace(found, notes=arguments.notes) if arguments.notes else found
    further = _further_columns(rows, {arguments.score, target, *EVERY_ROW})
    return ActionScoreReport.from_scores(_scores(rows, arguments.score), y, data=further, held_out=held_out, **options)


def _target(rows: JoinedRows, named: str | None) -> tuple[str | None, "pd.Series | None"]:
    """Return the name and the values of the target: the column that is named, or else "target" of the scores."""
    if named is not None:
        return named, rows.column(named)
    # that is what was learnt, whatever a column of the data is called
    return ("target", rows.scores["target"]) if "target" in rows.scores else (None, None)


def _further_columns(rows: JoinedRows, shown: set[str | None]) -> "pd.DataFrame":
    """Return the columns beside those that are shown in any case: of the scores, then of the data."""
    further = rows.scores.drop(columns=[name for name in rows.scores if name in shown])
    if rows.data is None:
        return further
    pandas = import_optional("pandas", extra="cli", purpose="read tables")
    return pandas.concat([further, rows.data], axis=1)


def _source(arguments: Namespace) -> str:
    """Name the files that have all rows and columns."""
    return " and ".join(str(file) for file in (arguments.file, arguments.data) if file is not None)


def _options(rows: JoinedRows, arguments: Namespace) -> dict[str, Any]:
    groups = {group: rows.column(group) for group in arguments.group}
    images = _image_files(rows, arguments)
    return {"groups": groups or None, "images": images, "title": arguments.title, "positions": rows.positions}


def _writer_of_trajectories(data: "pd.DataFrame | None", arguments: Namespace, output: Path) -> Any:
    """Return a function that writes the page of trajectories; data and their columns are read once."""
    rows = None if data is None else JoinedRows(data, None, np.arange(len(data)))
    y = None if arguments.target is None or rows is None else rows.column(arguments.target)
    options = {"title": arguments.title} if rows is None else _options(rows, arguments)
    options |= {"data": data, "source": _source(arguments)}

    def write(trajectories: np.ndarray, reload: int) -> None:
        if data is not None and len(data) != trajectories.shape[1]:
            raise CommandError(f"trajectories of {trajectories.shape[1]} samples, but {len(data)} rows of data")
        ActionScoreReport.from_trajectories(trajectories, y, **options).save(output, reload=reload)

    return write


def _load(path: Path) -> Any:
    """Read a fitted estimator."""
    if not path.exists():
        raise CommandError(f"no such file: {str(path)!r}")
    try:
        fitted = joblib.load(path)
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, AttributeError, IndexError, ImportError) as error:
        raise CommandError(f"cannot load {str(path)!r}: {error}") from error
    if not hasattr(fitted, "to_frame"):
        raise CommandError(
            f"{str(path)!r} holds a {type(fitted).__name__}; expected a fitted ActionScoreClassifier or the like"
        )
    return fitted


def _scores(rows: JoinedRows, name: str) -> np.ndarray:
    """Return the scores as numbers, higher = harder."""
    if name in METRICS and not METRICS[name].higher_is_harder:
        raise CommandError(f"{name} is lower = harder; write a column with its negative, and choose that")
    column = rows.scores[name] if list(rows.scores.columns).count(name) == 1 else rows.column(name)
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise CommandError(f"the column {name!r} does not hold numbers") from error


def _image_files(rows: JoinedRows, arguments: Namespace) -> list[Path] | None:
    """Paths in a column; relative ones begin at the table that holds them."""
    if arguments.images is None:
        return None
    # as in HTML: a table moves together with the files that it names
    directory = (arguments.data or arguments.file).parent
    files = [directory / str(name) for name in rows.column(arguments.images)]
    if missing := [file for file in files if not file.is_file()]:
        raise CommandError(
            f"no such image: {str(missing[0])!r}{f', nor {len(missing) - 1} others' if missing[1:] else ''}"
        )
    return files
