"""What ``actscore score`` prints: the columns, the hardest rows, the program."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actscore_sk.commands.program import scoring_program
from actscore_sk.commands.screen import print_line, show_rows
from actscore_sk.commands.targets import Target
from actscore_sk.estimators.tables import TablePreprocessor
from actscore_sk.utils.optional import import_optional
from actscore_sk.utils.reprs import count_of

if TYPE_CHECKING:
    import pandas as pd

N_HARDEST = 10
MOST_LISTED = 100  # columns in a line of the screen
NUMERIC, CATEGORICAL = {"number", "date", "duration"}, {"code", "category"}
USES = {
    "number": "numbers",
    "date": "dates",
    "duration": "durations",
    "code": "numbers and categories",
    "category": "categories",
}


def describe(source: Path, name: str, preprocessor: TablePreprocessor, target: Target) -> None:
    """Describe the table and the use of its columns.

    Parameters
    ----------
    source : Path
        Of the table.
    name : str
        Of the target.
    preprocessor : TablePreprocessor
        Fitted on the other columns.
    target : Target
        The column to predict.
    """
    kinds = preprocessor.column_kinds_
    n_numeric, n_categorical = (sum(kind in group for kind in kinds) for group in (NUMERIC, CATEGORICAL))
    print_line(f"{source}: {len(target.known):,} rows; features: {n_numeric} numeric, {n_categorical} categorical")
    named = zip(preprocessor.feature_names_in_, kinds, strict=True)
    uses: dict[str, list[str]] = {}
    for column, kind in named:
        uses.setdefault(USES.get(kind, ""), []).append(column if kind in USES else f"{column} ({kind})")
    for use in USES.values():
        if use in uses:
            print_line(f"used as {use}: {_listed(uses[use])}")
    ignored = uses.get("", [])
    if ignored:
        print_line(f"ignored: {_listed(ignored)}")
    print_line(f"task: {target.task} of {name!r} ({target.reason})")
    n_missing = int((~target.known).sum())
    if n_missing:
        print_line(f"without target: {count_of(n_missing, 'row')}, not trained on, no score in the output")


def _listed(names: list[str]) -> str:
    """Name columns, not all of very many.

    >>> _listed(["a", "b"])
    'a, b'
    """
    further = f" and {len(names) - MOST_LISTED:,} more (all of them: --json)" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + further


def show_hardest(first: "pd.DataFrame", features: "pd.DataFrame") -> None:
    """Show the rows with the highest scores, with their values.

    Parameters
    ----------
    first : DataFrame
        Scores of these rows.
    features : DataFrame
        The other columns of all rows.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    scores = first[["row", "target", "action_score"]]
    show_rows("hardest rows", pd.concat([scores, features.loc[first.index]], axis=1), n_fixed=3)


def show_program(data: Sequence[str], modules: Sequence[str], estimator: Any, *, is_decided: bool) -> None:
    """Print the lines of Python that repeat the command.

    Parameters
    ----------
    data : sequence of str
        Lines that make ``X`` and ``y``.
    modules : sequence of str
        To be imported for them.
    estimator : ActionScoreClassifier or ActionScoreRegressor
        Fitted.
    is_decided : bool
        If True, the program ends in the table of labels.
    """
    print_line("the same in Python:")
    epochs = getattr(estimator.estimator_, "max_epochs", estimator.n_epochs_)  # trees have none, nor take any
    for line in (
        "",
        *scoring_program(data, estimator, epochs=epochs, modules=modules, is_decided=is_decided),
        "",
    ):
        print_line(line)
