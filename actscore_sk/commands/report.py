"""``actscore report``: one HTML page about scored samples."""

import pickle
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.exceptions import NotFittedError

from actscore_sk.commands.screen import print_line
from actscore_sk.commands.tables import check_directory, read_table
from actscore_sk.commands.targets import find_column
from actscore_sk.exceptions import CommandError
from actscore_sk.inspection.report.page import ActionScoreReport
from actscore_sk.metrics.registry import METRICS
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

SAVED = (".joblib", ".pkl", ".pickle")
POSITIONS = ("row", "index")  # of a sample in the data, as `actscore score` and `to_frame` write them
HELD_OUT = "is_validation"
EVERY_ROW = ("rank", *POSITIONS, HELD_OUT)

DESCRIPTION = """\
Write one HTML page about the scores of a table: a summary, which classes and groups are hard, pictures, and the
hardest rows with a filter and sort. The page is one file and needs no network.
"""
EXAMPLES = """\
examples:
  actscore score flowers.csv --target species
  actscore report flowers_action_scores.csv --data flowers.csv
  actscore report flowers_action_scores.csv --data flowers.csv --group region year --output flowers.html
  actscore report photos_action_scores.csv --data photos.csv --images file
  actscore report fitted.joblib

FILE is a table with a column of scores (higher = harder), such as those of `actscore score` and `to_frame()`, or a
fitted estimator saved with joblib or pickle. To load such a file is to run code that is in it: open only your own.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser.

    Parameters
    ----------
    parser : ArgumentParser
        Of the command.
    """
    parser.add_argument(
        "file", metavar="FILE", type=Path, help=f"scores: a table, or a fitted run ({', '.join(SAVED)})"
    )
    parser.add_argument("--output", metavar="OUT", type=Path, help="page to write (default: NAME_report.html, here)")
    parser.add_argument("--data", metavar="TABLE", type=Path, help="the rows that were scored, shown beside the scores")
    parser.add_argument("--score", metavar="COLUMN", default="action_score", help="of the scores (%(default)s)")
    parser.add_argument("--target", metavar="COLUMN", help="classes or numbers (target, if there is such a column)")
    parser.add_argument("--group", metavar="COLUMN", nargs="+", default=[], help="compare the groups of these columns")
    parser.add_argument("--images", metavar="COLUMN", help="paths of image files, from the directory of their table")
    parser.add_argument("--title", help="of the page")


def run(arguments: Namespace) -> None:
    """Read, compare, write.

    Parameters
    ----------
    arguments : Namespace
        ``file``, ``output``, ``data``, ``score``, ``target``, ``group``, ``images`` and ``title``.

    Raises
    ------
    CommandError
        If something is wrong with the arguments or the files; nothing is written then.
    """
    source = arguments.file
    name = source.name.partition(".")[0]
    output = arguments.output or Path(f"{name}_report.html")
    check_directory(output, source=source)
    if output.suffix.lower() not in (".html", ".htm"):
        raise CommandError(f"unknown kind of page {str(output)!r}; expected .html")
    fitted = _load(source) if source.suffix.lower() in SAVED else None
    try:
        scores = read_table(source) if fitted is None else fitted.to_frame()
        report = _report(scores, fitted, arguments, title=arguments.title or f"Action scores of {name}")
        report.save(output)
    except (ValueError, NotFittedError) as error:
        raise CommandError(str(error)) from error
    print_line(f"wrote {output}")


def _report(scores: "pd.DataFrame", fitted: Any, arguments: Namespace, *, title: str) -> ActionScoreReport:
    """Find the columns, and make the report of them."""
    rows = scores if arguments.data is None else _join(scores, read_table(arguments.data))
    target = arguments.target or ("target" if "target" in rows else None)
    y = None if target is None else _column(rows, target)
    groups = {group: _column(rows, group) for group in arguments.group}
    options: dict[str, Any] = {"groups": groups or None, "images": _image_files(rows, arguments), "title": title}
    further = rows.drop(columns=[name for name in rows if name in (arguments.score, target, *EVERY_ROW)])
    if fitted is not None:
        own = rows.iloc[:, scores.shape[1] :]
        return ActionScoreReport.from_estimator(fitted, y, data=own if own.shape[1] else None, **options)
    # a table of scores alone has no estimator behind it to say which rows were held out
    held_out = _column(rows, HELD_OUT).astype(bool) if HELD_OUT in rows else None
    return ActionScoreReport.from_scores(_scores(rows, arguments.score), y, data=further, held_out=held_out, **options)


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


def _join(scores: "pd.DataFrame", data: "pd.DataFrame") -> "pd.DataFrame":
    """Put the rows of the data beside their scores, by position."""
    names = [name for name in POSITIONS if name in scores]
    places = scores[names[0]].to_numpy() if names else np.arange(len(scores))
    if not names and len(scores) != len(data):
        raise CommandError(
            f"{len(scores)} scores but {len(data)} rows of data, and no column row that says which belong"
        )
    if places.min() < 0 or places.max() >= len(data):
        raise CommandError(
            f"scores are of rows up to {places.max()}, but the data have {len(data)}; are they of another table?"
        )
    # the scores may be sorted or filtered; their column of positions says where each row came from
    beside = data.iloc[places].reset_index(drop=True)
    pandas = import_optional("pandas", extra="cli", purpose="read tables")
    return pandas.concat([scores.reset_index(drop=True), beside.loc[:, ~beside.columns.isin(scores.columns)]], axis=1)


def _column(rows: "pd.DataFrame", name: str) -> "pd.Series":
    return rows.iloc[:, find_column(rows, name)]


def _scores(rows: "pd.DataFrame", name: str) -> np.ndarray:
    """Return the scores as numbers, higher = harder."""
    if name in METRICS and not METRICS[name].higher_is_harder:
        raise CommandError(f"{name} is lower = harder; write a column with its negative, and choose that")
    column = _column(rows, name)
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise CommandError(f"the column {name!r} does not hold numbers") from error


def _image_files(rows: "pd.DataFrame", arguments: Namespace) -> list[Path] | None:
    """Paths in a column; relative ones begin at the table that holds them."""
    if arguments.images is None:
        return None
    # as in HTML: a table moves together with the files that it names
    directory = (arguments.data or arguments.file).parent
    files = [directory / str(name) for name in _column(rows, arguments.images)]
    if missing := [file for file in files if not file.is_file()]:
        raise CommandError(
            f"no such image: {str(missing[0])!r}{f', nor {len(missing) - 1} others' if missing[1:] else ''}"
        )
    return files
