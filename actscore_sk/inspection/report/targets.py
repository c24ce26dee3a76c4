"""Columns that a report is given: targets that are classes or numbers, and groups to compare."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.groupings import MOST_CLASSES, is_continuous
from actscore_sk.inspection.groups import check_names
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

MOST_COMPARED = 1000  # groups of a column; each is compared with all other samples


def as_frame(columns: Any, n_samples: int, name: str) -> "pd.DataFrame":
    """Return columns as a DataFrame whose rows are numbered from 0.

    Parameters
    ----------
    columns : DataFrame, Series, dict of columns or array-like (n_samples,)
        Of pandas, polars or Python.
    n_samples : int
        As many rows are expected.
    name : str
        Of a single column without a name, and in errors.

    Returns
    -------
    frame : DataFrame (n_samples, n_columns)
        Its rows are in the given order, whatever their index was.

    Raises
    ------
    ValueError
        If there are more or fewer rows than samples, or no columns at all.

    Examples
    --------
    >>> as_frame({"a": [1, 2]}, 2, "data").shape
    (2, 1)
    """
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    if hasattr(columns, "to_pandas"):
        columns = columns.to_pandas()
    if isinstance(columns, pandas.Series):
        columns = columns.to_frame(columns.name or name)
    elif np.ndim(columns) == 1 and not isinstance(columns, Mapping):
        columns = {name: list(columns)}
    elif np.ndim(columns) == 0 and not isinstance(columns, Mapping):
        raise ValueError(f"{name} is {columns!r}; expected a DataFrame, a dict of columns, or one column")
    frame = pandas.DataFrame(columns).reset_index(drop=True)
    if len(frame) != n_samples:
        raise ValueError(f"{name} has {len(frame)} rows, but there are {n_samples} scores")
    return frame


def kind_of_target(target: "pd.Series") -> str:
    """Describe a target in two words.

    Parameters
    ----------
    target : Series (n_samples,)
        Classes or numbers.

    Returns
    -------
    description : str
        The number of classes, or "numbers".

    Examples
    --------
    >>> import pandas as pd
    >>> kind_of_target(pd.Series(["a", "b"]))
    '2 classes'
    """
    return "numbers" if is_continuous(target) else f"{target.nunique():,} classes"


def compared_groups(target: "pd.Series | None", groups: Any, n_samples: int) -> dict[str, "pd.Series"]:
    """Collect the columns whose groups a report compares.

    Parameters
    ----------
    target : Series (n_samples,) or None
        Compared first, if it is numbers or 2 to 200 classes.
    groups : DataFrame, dict of columns, one column or None
        Compared after it.
    n_samples : int
        As many rows are expected.

    Returns
    -------
    columns : dict of str to Series (n_samples,)
        For `group_difficulty`; classes are texts, so that it does not cut them into bins.

    Raises
    ------
    ValueError
        If a column has more than 1,000 values that are no numbers.
    """
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    columns = {}
    if target is not None and is_continuous(target):
        columns["target"] = target
    elif target is not None and 1 < target.nunique() <= MOST_CLASSES:
        columns["target"] = target.map(str, na_action="ignore").astype(object)
    if groups is not None:
        frame = as_frame(groups, n_samples, "group")
        check_names(frame.columns, "group")
        for name in frame.columns:
            is_number = pandas.api.types.is_numeric_dtype(frame[name])
            if not is_number and frame[name].nunique() > MOST_COMPARED:
                raise ValueError(
                    f"group {str(name)!r} has {frame[name].nunique():,} values; expected at most {MOST_COMPARED:,}: "
                    f"leave it out, or join rare values first"
                )
            columns[str(name)] = frame[name]
    return columns
