"""``actscore score``: a score for each row of a table."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from actscore_sk.commands.arguments import positive_number, seed_number
from actscore_sk.commands.labels import add_labels, judge_labels, show_labels
from actscore_sk.commands.program import scoring_program
from actscore_sk.commands.progress import EpochWatch, one_thread
from actscore_sk.commands.screen import print_line, show_progress, show_rows
from actscore_sk.commands.tables import FORMATS, check_output, read_table, table_suffix, write_table
from actscore_sk.commands.targets import TASKS, Target, find_column, read_target
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.default_net import default_net
from actscore_sk.estimators.refit import MAX_HELD_OUT
from actscore_sk.estimators.regressor import ActionScoreRegressor
from actscore_sk.estimators.tables import TablePreprocessor
from actscore_sk.exceptions import CommandError
from actscore_sk.metrics.registry import METRICS, get_metric
from actscore_sk.scoring.scorer import comparable_scores
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

N_HARDEST = 10
NUMERIC, CATEGORICAL = {"number", "date", "duration"}, {"code", "category"}
LEARNERS = ("net", "boosting")
BOOSTING = {"classification": HistGradientBoostingClassifier, "regression": HistGradientBoostingRegressor}
# Trees of the default size learn wrong labels one by one: benchmarks/results/mislabels_learners.md.
SMALL_TREES = {"max_leaf_nodes": 6, "learning_rate": 0.05, "early_stopping": False}
N_ROUNDS = 100
ESTIMATORS: dict[str, Callable[..., Any]] = {
    "classification": partial(ActionScoreClassifier, store_probabilities=True),
    "regression": ActionScoreRegressor,
}

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
Classification adds suggested_label, wrong_probability, is_issue and is_validation (held out). A row without target
is not trained on and has no score. What is printed ends in the lines of Python that give the same scores.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser.

    Parameters
    ----------
    parser : ArgumentParser
        Of the command.
    """
    parser.add_argument("file", metavar="FILE", type=Path, help="table: .csv, .csv.gz, .tsv, .parquet or .pq")
    parser.add_argument("--target", metavar="COLUMN", required=True, help="column to learn from all others")
    parser.add_argument(
        "--output", metavar="OUT", type=Path, help="table to write (default: NAME_action_scores.csv, here)"
    )
    harder = {higher: [n for n, m in METRICS.items() if m.higher_is_harder is higher] for higher in (True, False)}
    directions = f"higher = harder: {', '.join(harder[True])}; lower = harder: {', '.join(harder[False])}"
    parser.add_argument("--metrics", metavar="NAME", nargs="+", default=[], help=f"also these; {directions}")
    parser.add_argument(
        "--epochs",
        metavar="N",
        type=positive_number,
        help="of training (default: 20 to 100, the more the fewer rows); with boosting the number of trees (100)",
    )
    parser.add_argument("--learner", choices=LEARNERS, default="net", help="what is trained (default: %(default)s)")
    parser.add_argument("--seed", metavar="S", type=seed_number, default=0, help="same seed, same scores (%(default)s)")
    parser.add_argument("--task", choices=TASKS, default="auto", help="what the target is; auto: look at its values")


def run(arguments: Namespace) -> None:
    """Read, train, write, then show the hardest rows.

    Parameters
    ----------
    arguments : Namespace
        ``file``, ``target``, ``output``, ``metrics``, ``epochs``, ``learner``, ``seed`` and ``task``.

    Raises
    ------
    CommandError
        If something is wrong with the arguments, the table or the output; nothing is written then.
    """
    source = arguments.file
    output = arguments.output or Path(f"{source.name.removesuffix(table_suffix(source))}_action_scores.csv")
    metrics = metric_names(arguments.metrics)
    check_output(output, source=source)
    frame = read_table(source)
    position = find_column(frame, arguments.target)
    target = read_target(frame.iloc[:, position], arguments.task)
    check_metrics(metrics, target.task)
    features = _features(frame, position)
    preprocessor = TablePreprocessor()
    try:
        X = preprocessor.fit_transform(features[target.known])
    except ValueError as error:
        raise CommandError(f"no feature is left beside the target: {error}") from error
    _describe(source, arguments.target, preprocessor, target)
    options = {name: getattr(arguments, name) for name in ("learner", "epochs", "seed")}
    estimator = _fit(X, target, metrics=metrics, **options)
    table = score_table(frame.iloc[:, position], target.known, estimator)
    judgement = judge_labels(estimator, target.classes) if target.task == "classification" else None
    if judgement is not None:
        table = add_labels(table, target.known, judgement)
    write_table(output, table)
    if judgement is None:
        _show_hardest(table, features)
    else:
        show_labels(table, features, np.flatnonzero(target.known)[judgement.order[:N_HARDEST]], judgement.summary)
    is_decided = judgement is not None and judgement.is_decided
    _show_program(source, arguments.target, target, estimator, is_decided=is_decided)
    print_line(f"wrote {output}")


def metric_names(given: list[str]) -> tuple[str, ...]:
    """Split the values of ``--metrics`` and check them; the action score always comes first.

    Parameters
    ----------
    given : list of str
        Names, or several of them with commas between.

    Returns
    -------
    names : tuple of str
        Each once.

    Raises
    ------
    CommandError
        If there is no such metric, with the names there are.

    Examples
    --------
    >>> metric_names(["aum,el2n", "forgetting", "aum"])
    ('action_score', 'aum', 'el2n', 'forgetting')
    """
    names = [name for value in given for name in value.split(",") if name]
    try:
        return tuple(dict.fromkeys(get_metric(name).name for name in ("action_score", *names)))
    except ValueError as error:
        raise CommandError(str(error)) from error


def check_metrics(names: tuple[str, ...], task: str) -> None:
    """Refuse metrics that need classes where there are none.

    Parameters
    ----------
    names : tuple of str
        Metrics to record.
    task : {"classification", "regression"}
        What the net learns.

    Raises
    ------
    CommandError
        Naming the first such metric and those that are possible.
    """
    possible = [name for name, metric in METRICS.items() if metric.regression_measurement or task == "classification"]
    for name in names:
        if name not in possible:
            raise CommandError(f"the metric {name!r} needs classes; {task} has {', '.join(possible)}")


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


def _features(frame: "pd.DataFrame", position: int) -> "pd.DataFrame":
    """Return the columns beside the target, each under a name of its own."""
    # columns are taken by position: in a CSV file two may have one name
    features = frame.drop(columns=frame.columns[position])
    names = [str(name) for name in features.columns]
    repeated = [names[:i].count(name) for i, name in enumerate(names)] if len(set(names)) < len(names) else None
    if repeated:
        features.columns = [f"{name}.{n}" if n else name for name, n in zip(names, repeated, strict=True)]
    return features


def _fit(
    X: np.ndarray, target: Target, *, learner: str, metrics: tuple[str, ...], epochs: int | None, seed: int
) -> Any:
    """Train the library's default net, with a bar on the screen, or boosted trees on the rows with a target.

    Parameters
    ----------
    X : ndarray of float32, (n_known, n_features)
        Features.
    target : Target
        Of the same rows, in the same order.
    learner : {"net", "boosting"}
        What is trained.
    metrics : tuple of str
        Recorded in the one training.
    epochs : int or None
        None: as many as the default net takes for so many rows, or 100 trees.
    seed : int
        Decides the net's first weights and the order of the batches.

    Returns
    -------
    estimator : ActionScoreClassifier or ActionScoreRegressor
        Fitted; its scores are aligned with the rows of ``X``.
    """
    if learner == "boosting":
        trees = BOOSTING[target.task](max_iter=epochs or N_ROUNDS, **SMALL_TREES)
        return ESTIMATORS[target.task](trees, metrics=metrics, random_state=seed).fit(X, target.values)
    is_judged = target.task == "classification"
    net = default_net(X, target.values, None, kind=target.task, n_classes=target.n_classes, holds_out=is_judged)
    # set on the net and not passed to fit, since `EpochWatch` compares with it
    net.set_params(max_epochs=epochs or net.max_epochs)
    n_epochs = net.max_epochs * (2 if is_judged and len(X) < 5 * MAX_HELD_OUT else 1)  # at most
    with one_thread(), show_progress("training", n_epochs) as advance:
        net.set_params(callbacks=[("epoch_watch", EpochWatch(advance))])
        estimator = ESTIMATORS[target.task](net, metrics=metrics, random_state=seed)
        return estimator.fit(X, target.values)


def _describe(source: Path, name: str, preprocessor: TablePreprocessor, target: Target) -> None:
    """Describe the table and the use of its columns."""
    kinds = preprocessor.column_kinds_
    n_numeric, n_categorical = (sum(kind in group for kind in kinds) for group in (NUMERIC, CATEGORICAL))
    print_line(f"{source}: {len(target.known):,} rows; features: {n_numeric} numeric, {n_categorical} categorical")
    named = zip(preprocessor.feature_names_in_, kinds, strict=True)
    ignored = [f"{column} ({kind})" for column, kind in named if kind not in NUMERIC | CATEGORICAL]
    if ignored:
        print_line(f"ignored: {', '.join(ignored)}")
    print_line(f"task: {target.task} of {name!r} ({target.reason})")
    n_missing = int((~target.known).sum())
    if n_missing:
        print_line(f"without target: {n_missing:,} rows, not trained on, no score in the output")


def _show_hardest(table: "pd.DataFrame", features: "pd.DataFrame") -> None:
    """Show the rows with the highest scores, with their values."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    rows = table.nsmallest(N_HARDEST, "rank").index
    scores = table.loc[rows, ["row", "target", "action_score"]]
    show_rows("hardest rows", pd.concat([scores, features.loc[rows]], axis=1), n_fixed=3)


def _show_program(source: Path, name: str, target: Target, estimator: Any, *, is_decided: bool) -> None:
    """Print the lines of Python that repeat the command."""
    read = FORMATS[table_suffix(source)].write_program(source)
    print_line("the same in Python:")
    epochs = getattr(estimator.estimator_, "max_epochs", estimator.n_epochs_)  # trees have none, nor take any
    options = {"epochs": epochs, "is_decided": is_decided}
    for line in ("", *scoring_program(read, name, target.program, estimator, **options), ""):
        print_line(line)
