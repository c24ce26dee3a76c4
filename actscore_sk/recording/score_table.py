"""Scores as a table, one row per sample."""

from typing import Any

import numpy as np

from actscore_sk.utils.optional import import_optional


def score_table(fitted: Any, targets: dict[str, np.ndarray], index: Any = None) -> Any:
    """Return the fitted attributes of a scorer as a DataFrame.

    Parameters
    ----------
    fitted : object
        With `action_scores_`, `sample_metrics_`, `component_scores_`, `n_visits_` and `validation_mask_`.
    targets : dict of str to ndarray (n_samples,)
        Columns of targets by name.
    index : Index, optional
        Of the DataFrame; anything but an index of pandas counts as None.

    Returns
    -------
    frame : DataFrame
        Columns ``index`` (position of the sample), those of targets, one for each metric, ``component_...`` for each
        part of the loss, ``n_visits``, ``is_validation``.

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    pandas = import_optional("pandas", extra="cli", purpose="build a DataFrame")
    metrics = fitted.sample_metrics_
    columns = {"index": np.arange(len(metrics["action_score"])), **targets, **metrics}
    columns |= {f"component_{name}": scores for name, scores in fitted.component_scores_.items()}
    columns |= {"n_visits": fitted.n_visits_, "is_validation": fitted.validation_mask_}
    return pandas.DataFrame(columns, index=index if isinstance(index, pandas.Index) else None)
