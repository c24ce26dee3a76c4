"""What ``actscore score`` says of the labels of a table."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.commands.screen import print_line, show_rows
from actscore_sk.label_issues.sentence import caution, summarise
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Judgement:
    """Labels of the rows that were trained on.

    Attributes
    ----------
    columns : DataFrame
        ``suggested_label``, ``wrong_probability``, ``is_issue``, ``is_validation``, ``label_rank`` (1 = most likely
        wrong), and ``n_wrong_low`` and ``n_wrong_high``, between which the number of wrong labels lies, in the order of
        the rows. If nothing can be decided, no probability and no number is known, and no row is an issue.
    summary : str
        How many labels look wrong, or why that cannot be said.
    notes : tuple of str
        What to keep in mind.
    is_decided : bool
        False if it cannot be said.
    """

    columns: "pd.DataFrame"
    summary: str
    notes: tuple[str, ...]
    is_decided: bool

    @property
    def of_page(self) -> tuple[str, ...]:
        """What the columns do not tell a page: the notes, or why nothing can be said."""
        return self.notes if self.is_decided else (self.summary,)


def judge_labels(estimator: Any, names: Any) -> Judgement:
    """Ask a fitted classifier which labels look wrong.

    Parameters
    ----------
    estimator : ActionScoreClassifier
        Fitted on class numbers with ``store_probabilities=True``.
    names : sequence
        Label of each class as it is in the table.

    Returns
    -------
    judgement : Judgement
        Of all rows that the estimator was fitted on.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        suggested = [names[code] for code in estimator.suggested_labels_]
        is_decided = hasattr(estimator, "noise_rate_")
    columns = pd.DataFrame({"suggested_label": suggested}).assign(wrong_probability=np.nan, is_issue=False)
    columns["is_validation"] = estimator.validation_mask_
    order = np.argsort(-estimator.wrong_label_scores_, kind="stable")
    columns.loc[order, "label_rank"] = np.arange(1, len(order) + 1)
    bounds = pd.array([pd.NA, pd.NA], dtype="Int64")
    summary, notes = estimator.label_refusal_, []
    if is_decided:
        columns["wrong_probability"], columns["is_issue"] = estimator.wrong_label_proba_, estimator.is_label_issue_
        n_rows, n_issues, interval = len(columns), int(columns["is_issue"].sum()), estimator.noise_rate_interval_
        bounds[:] = np.round(interval * n_rows).astype(np.int64)
        summary = summarise(n_rows, n_issues, interval)
        notes = [caution(n_rows, n_issues), *(str(warning.message) for warning in caught)]
    columns["n_wrong_low"], columns["n_wrong_high"] = bounds
    return Judgement(columns, summary, tuple(filter(None, notes)), is_decided)


def add_labels(table: "pd.DataFrame", known: np.ndarray, judgement: Judgement) -> "pd.DataFrame":
    """Put what is known of the labels beside the scores.

    Parameters
    ----------
    table : DataFrame
        Scores of all rows.
    known : ndarray of bool, (n_rows,)
        The rows that have a label.
    judgement : Judgement
        Of these rows.

    Returns
    -------
    table : DataFrame
        Rows without a label have no suggestion and no probability, and are neither an issue nor held out.
    """
    table = table.join(judgement.columns.set_index(np.flatnonzero(known)))
    for name in ("is_issue", "is_validation"):
        table[name] = table[name].astype("boolean").fillna(False).astype(bool)
    return table.astype(dict.fromkeys(("label_rank", "n_wrong_low", "n_wrong_high"), "Int64"))


def show_labels(first: "pd.DataFrame", features: "pd.DataFrame", judgement: Judgement) -> None:
    """Say how many labels look wrong, and show some of them.

    Parameters
    ----------
    first : DataFrame
        Scores and labels of the rows to show, in this order.
    features : DataFrame
        The other columns of all rows.
    judgement : Judgement
        Its summary and notes are printed before.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    shown = first[["row", "target", "suggested_label", "wrong_probability", "action_score"]]
    shown = shown.set_axis(["row", "given", "suggested", "p(wrong)", "action_score"], axis=1)
    for line in ("", judgement.summary, *judgement.notes):
        print_line(line)
    show_rows("labels most likely wrong", pd.concat([shown, features.loc[first.index]], axis=1), n_fixed=4)
