"""Scores as a table, one row per sample."""

from typing import Any

import numpy as np

from actscore_sk.data.parts import parts_of
from actscore_sk.utils.arrays import as_array
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


def target_columns(name: str, y: Any) -> dict[str, np.ndarray]:
    """Return y as named columns of a table, however its targets are nested; images and sequences are left out.

    Examples
    --------
    >>> target_columns("target", (np.array([1, 2]), np.array([[3, 4], [5, 6]])))
    {'target_0': array([1, 2]), 'target_1_0': array([3, 5]), 'target_1_1': array([4, 6])}
    """
    parts = parts_of(y)
    if parts is not None:
        columns = (target_columns(f"{name}_{part}", value) for part, value in parts.items())
        return {key: column for found in columns for key, column in found.items()}
    values = as_array(y)
    if values.ndim > 2:
        return {}
    if values.ndim == 1:
        return {name: values}
    return {f"{name}_{i}": column for i, column in enumerate(values.reshape(len(values), -1).T)}
