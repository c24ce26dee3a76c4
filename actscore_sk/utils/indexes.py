"""Indexes of pandas: they tell that values are in another order than they seem to be."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np


def index_of(values: Any) -> Any:
    """Return the index of a Series or DataFrame of pandas; None of anything else.

    Examples
    --------
    >>> index_of([1.0, 2.0]) is None
    True
    """
    index = getattr(values, "index", None)
    return index if hasattr(index, "get_indexer") else None


def check_order(values: Mapping[str, Any]) -> None:
    """Refuse values of the same samples whose indexes hold the same labels in different orders.

    Parameters
    ----------
    values : dict of str to array-like
        By the name that an error calls them; what has no index is taken as it is.

    Raises
    ------
    ValueError
        If two of them are in different orders: they would be compared by position, each sample with another one.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.Series([3.0, 1.0], index=["a", "b"])
    >>> check_order({"scores": scores, "y": [0, 1]})
    >>> check_order({"scores": scores, "y": scores.sort_values()})
    Traceback (most recent call last):
    ...
    ValueError: y has the index of scores in another order; pass y.loc[scores.index], or arrays in one order
    """
    indexed = [(name, index) for name, column in values.items() if (index := index_of(column)) is not None]
    for (first, own), (second, other) in combinations(indexed, 2):
        if not own.equals(other) and len(own) == len(other) and set(own) == set(other):
            raise ValueError(
                f"{second} has the index of {first} in another order; pass {second}.loc[{first}.index], or arrays in "
                "one order"
            )


def are_shuffled_positions(index: Any) -> bool:
    """Return True for an index of the numbers 0 to n - 1 in another order, such as sorted scores have.

    Examples
    --------
    >>> import pandas as pd
    >>> are_shuffled_positions(pd.Index([1, 0])), are_shuffled_positions(pd.Index([0, 1]))
    (True, False)
    """
    if index is None or getattr(index, "nlevels", 1) > 1 or index.dtype.kind not in "iu":
        return False
    places = index.to_numpy()
    in_order = np.arange(len(places))
    return not np.array_equal(places, in_order) and np.array_equal(np.sort(places), in_order)
