"""What ``actscore score --json`` prints: one object about a run, for a program that reads it."""

from typing import TYPE_CHECKING, Any

from actscore_sk._version import __version__
from actscore_sk.commands.labels import Judgement
from actscore_sk.commands.targets import Target
from actscore_sk.commands.typed_tables import records_of
from actscore_sk.estimators.tables import TablePreprocessor

if TYPE_CHECKING:
    import pandas as pd


def summarise_run(
    target: Target,
    preprocessor: TablePreprocessor,
    estimator: Any,
    judgement: Judgement | None,
    first: "pd.DataFrame",
    /,
    **facts: Any,
) -> dict[str, Any]:
    """Collect what a program may want to know of a run.

    Parameters
    ----------
    target : Target
        The column to predict.
    preprocessor : TablePreprocessor
        Fitted on the columns that are learnt from.
    estimator : ActionScoreClassifier or ActionScoreRegressor
        Fitted.
    judgement : Judgement or None
        Of the labels; None for regression.
    first : DataFrame
        Rows to look at first.
    **facts : dict
        Further entries.

    Returns
    -------
    summary : dict
        ``columns`` says how each was used, ``labels`` how many look wrong, or why that cannot be said; None for
        regression.
    """
    names = zip(preprocessor.feature_names_in_, preprocessor.column_kinds_, strict=True)
    return {
        "version": __version__,
        **facts,
        "task": target.task,
        "classes": [str(label) for label in target.classes],
        "n_rows": len(target.known),
        "n_scored": int(target.known.sum()),
        "n_epochs": int(estimator.n_epochs_),
        "columns": [{"name": str(name), "use": kind} for name, kind in names],
        "labels": None if judgement is None else _about_labels(estimator, judgement),
        "first_rows": records_of(first),
    }


def _about_labels(estimator: Any, judgement: Judgement) -> dict[str, Any]:
    columns, is_decided = judgement.columns, judgement.is_decided
    low, high = (int(columns[name].iloc[0]) if is_decided else None for name in ("n_wrong_low", "n_wrong_high"))
    return {
        "summary": judgement.summary,
        "notes": judgement.notes,
        "is_decided": is_decided,
        "n_labels": len(columns),
        "n_issues": int(columns["is_issue"].sum()) if is_decided else None,
        "n_wrong_low": low,
        "n_wrong_high": high,
        "noise_rate": float(estimator.noise_rate_) if is_decided else None,
        "noise_rate_interval": estimator.noise_rate_interval_.tolist() if is_decided else None,
    }
