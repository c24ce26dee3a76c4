"""Targets of any kind as columns of a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def columns_of(name: str, values: Any) -> dict[str, Any]:
    """Give each target a column, however they are nested.

    >>> columns_of("target", (np.array([1, 2]), np.array([[3, 4], [5, 6]])))
    {'target_0': array([1, 2]), 'target_1_0': array([3, 5]), 'target_1_1': array([4, 6])}
    """
    if isinstance(values, (Mapping, tuple)):
        parts = values.items() if isinstance(values, Mapping) else enumerate(values)
        return {key: column for part, value in parts for key, column in columns_of(f"{name}_{part}", value).items()}
    values = np.asarray(values)
    if values.ndim > 2:  # images, sequences, boxes: no columns of a table
        return {}
    if values.ndim == 1:
        return {name: values}
    return {f"{name}_{i}": column for i, column in enumerate(values.reshape(len(values), -1).T)}
