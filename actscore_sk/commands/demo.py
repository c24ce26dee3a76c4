"""``actscore demo``: find the labels that were flipped on purpose among handwritten digits, and what they should be."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from skorch import NeuralNet

from actscore_sk.commands.arguments import seed_number
from actscore_sk.commands.flipped_digits import N_CLASSES, Digits, flip_labels
from actscore_sk.commands.picture import draw_digits
from actscore_sk.commands.progress import EpochWatch, one_thread
from actscore_sk.commands.screen import print_line, show_progress, show_rows
from actscore_sk.commands.tables import write_table
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.default_net import default_net
from actscore_sk.exceptions import CommandError
from actscore_sk.inspection.report.page import ActionScoreReport
from actscore_sk.label_issues.sentence import summarise
from actscore_sk.scoring.fitted_scorer import comparable_scores
from actscore_sk.utils.files import write_atomically
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = 20
N_SHOWN = 10
# The first fit of a process pays for what torch sets up once; it is not counted.
N_TIMED = 3
TITLE = "Handwritten digits, one label in twenty flipped"
OF_DIGITS = ["true_label", "flipped"]

DESCRIPTION = """\
Train a small net on scikit-learn's handwritten digits, after 5% of the labels were flipped on purpose,
and ask which labels look wrong, how many, and what they should be. Takes a few seconds on a CPU and downloads nothing.

Writes action_scores.csv (one row per digit), action_scores.png (the labels most likely wrong, and the easiest digits)
and action_scores.html (the page of `actscore report`: look, judge, save decisions).
"""
EXAMPLES = """\
example:
  actscore demo --output-dir results --seed 7
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser.

    Parameters
    ----------
    parser : ArgumentParser
        Of the command.
    """
    parser.add_argument("--output-dir", metavar="DIR", type=Path, default=Path(), help="where to write (default: here)")
    parser.add_argument(
        "--seed", metavar="N", type=seed_number, default=0, help="of the flips, the net and the batches (%(default)s)"
    )


def run(arguments: Namespace) -> None:
    """Flip, train, write, then show the digits found.

    Parameters
    ----------
    arguments : Namespace
        ``output_dir`` and ``seed``.

    Raises
    ------
    CommandError
        If the files cannot be written.
    """
    directory = _make_directory(arguments.output_dir)
    digits = flip_labels(arguments.seed)
    estimator, seconds = time_fits(digits, arguments.seed)
    table = digits_table(digits, estimator)
    # Drawn before anything is written: without matplotlib there is no half of a result.
    picture = draw_digits(digits.images, table)
    page = ActionScoreReport.from_estimator(estimator, images=digits.images, title=TITLE, data=table[OF_DIGITS]).html()
    paths = [directory / f"action_scores{suffix}" for suffix in (".csv", ".png", ".html")]
    write_table(paths[0], table)
    write_atomically(paths[1], picture)
    write_atomically(paths[2], page.encode())
    _show(table, estimator.noise_rate_interval_, seconds)
    print_line(f"wrote {', '.join(map(str, paths))}")


def time_fits(digits: Digits, seed: int) -> tuple[Any, dict[str, float]]:
    """Fit the net with and without scores, in turns.

    Parameters
    ----------
    digits : Digits
        Fitted on.
    seed : int
        Of each fit: all of them do the same work.

    Returns
    -------
    estimator : ActionScoreClassifier
        Fitted.
    seconds : dict of str to float
        Median time of a fit, ``"plain"`` and ``"scored"``.
    """
    X, y = digits.images.reshape(len(digits.images), -1), digits.given_label
    times: dict[str, list[float]] = {"plain": [], "scored": []}
    n_nets = 1 + 5  # at most: a plain one, and with scores one for each fifth that is held out
    with one_thread(), show_progress("training", n_nets * (1 + N_TIMED) * EPOCHS) as advance:
        net = default_net(X, y, None, kind="classification", n_classes=N_CLASSES, holds_out=True)
        net.set_params(max_epochs=EPOCHS, callbacks=[("epoch_watch", EpochWatch(advance))])
        estimator = ActionScoreClassifier(net, store_probabilities=True, random_state=seed)
        for _ in range(1 + N_TIMED):
            times["plain"].append(_seconds(lambda: _fit_plain(net, X, y, seed)))
            times["scored"].append(_seconds(lambda: estimator.fit(X, y)))
    return estimator, {name: median(values[1:]) for name, values in times.items()}


def digits_table(digits: Digits, estimator: Any) -> "pd.DataFrame":
    """Return one row per digit: its labels, its score and its rank (1 = hardest; as `actscore score` has it).

    Parameters
    ----------
    digits : Digits
        The estimator was fitted on them.
    estimator : ActionScoreClassifier
        Fitted.

    Returns
    -------
    table : DataFrame
        ``row``, ``given_label``, ``suggested_label``, ``wrong_probability``, ``is_issue``, ``true_label``, ``flipped``,
        ``action_score``, ``n_visits``, ``rank`` and ``suspicion`` (1 = most likely wrong).
    """
    pd = import_optional("pandas", extra="cli", purpose="write tables")
    given_label, true_label = digits.given_label, digits.true_label
    table = pd.DataFrame({"row": np.arange(len(given_label)), "given_label": given_label})
    table["suggested_label"] = estimator.suggested_labels_
    table["wrong_probability"] = estimator.wrong_label_proba_
    table["is_issue"] = estimator.is_label_issue_
    table["true_label"] = true_label
    table["flipped"] = given_label != true_label
    table["action_score"] = estimator.action_scores_
    table["n_visits"] = estimator.n_visits_
    for name, values in (("rank", comparable_scores(estimator)), ("suspicion", estimator.wrong_label_scores_)):
        table[name] = pd.Series(values).rank(method="first", ascending=False).astype("int64")
    return table


def _seconds(work: Callable[[], object]) -> float:
    """Measure how long something takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def _fit_plain(net: NeuralNet, X: np.ndarray, y: np.ndarray, seed: int) -> None:
    """Fit without scores from the same seed, and leave torch's random state as it was.

    The net is the one that the estimator clones: watching its epochs costs both fits the same.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net.fit(X, y)


def _make_directory(path: Path) -> Path:
    """Make the directory for the files if it is not there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"cannot make the directory {str(path)!r}: {error.strerror}") from error
    return path


def _show(table: "pd.DataFrame", interval: Any, seconds: dict[str, float]) -> None:
    """Show how many labels look wrong, the first of them, what was found of the flips, and the cost."""
    n_issues, flipped = int(table["is_issue"].sum()), table["flipped"]
    print_line(summarise(len(table), n_issues, interval))
    first = table.nsmallest(N_SHOWN, "suspicion")
    columns = ["row", "given_label", "suggested_label", "wrong_probability", "true_label", "action_score"]
    shown = first[columns].set_axis(["row", "given", "suggested", "p(wrong)", "true", "action_score"], axis=1)
    show_rows("labels most likely wrong", shown, n_fixed=6)
    is_found = flipped & table["is_issue"]
    is_right = is_found & (table["suggested_label"] == table["true_label"])
    print_line(f"{is_found.sum()} of the {flipped.sum()} flipped labels are among the {n_issues} that look wrong")
    print_line(f"{is_right.sum()} of these {is_found.sum()} have the true label as their suggestion")
    print_line(
        f"time of a fit on this machine, median of {N_TIMED} in turns: "
        f"{seconds['scored']:.2f} s with scores and probabilities, {seconds['plain']:.2f} s without"
    )
