"""What a report makes of the columns that it is given."""

from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.drawing import Display
from actscore_sk.inspection.grid_display import SampleGridDisplay
from actscore_sk.inspection.score_display import ActionScoreDisplay
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 200  # with more of them the target is no group
MOST_GROUPS = 1000  # of a column; each is compared with all other samples
MOST_BOXES = 30  # with more classes one box is of all samples
GRID_CLASSES, GRID_SHOWN = 20, 4


def as_frame(columns: Any, n_samples: int, name: str) -> "pd.DataFrame":
    """Give columns as a DataFrame whose rows are numbered from 0.

    Raises
    ------
    ValueError
        If there are more or fewer rows than samples.

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
    elif np.ndim(columns) == 1 and not isinstance(columns, dict):
        columns = {name: list(columns)}
    frame = pandas.DataFrame(columns).reset_index(drop=True)
    if len(frame) != n_samples:
        raise ValueError(f"{name} has {len(frame)} rows, but there are {n_samples} scores")
    return frame


def target_column(y: Any) -> "pd.Series":
    """Give targets as a column: single values as they are, anything else as text.

    Examples
    --------
    >>> target_column([[1, 0], [0, 1]]).tolist()
    ['[1, 0]', '[0, 1]']
    """
    pandas = import_optional("pandas", extra="cli", purpose="write a report")
    if isinstance(y, pandas.Series):
        return y.reset_index(drop=True)
    if getattr(y, "ndim", None) == 1:
        return pandas.Series(np.asarray(y))
    values = [value.tolist() if hasattr(value, "tolist") else value for value in y]
    single = all(np.ndim(value) == 0 and not isinstance(value, dict) for value in values)
    return pandas.Series(values if single else [str(value) for value in values])


def is_continuous(target: "pd.Series") -> bool:
    """Tell numbers from classes: numbers are not all whole, or more than 200.

    Examples
    --------
    >>> import pandas as pd
    >>> is_continuous(pd.Series([0.5, 1.5])), is_continuous(pd.Series([1, 2]))
    (True, False)
    """
    types = import_optional("pandas", extra="cli", purpose="write a report").api.types
    if not types.is_numeric_dtype(target) or types.is_bool_dtype(target):
        return False
    known = target.dropna().to_numpy(dtype=float)
    return bool((known % 1 != 0).any()) or len(np.unique(known)) > MOST_CLASSES


def kind_of_target(target: "pd.Series") -> str:
    """Say what the target is.

    Examples
    --------
    >>> import pandas as pd
    >>> kind_of_target(pd.Series(["a", "b"]))
    '2 classes'
    """
    return "numbers" if is_continuous(target) else f"{target.nunique():,} classes"


def compared_groups(target: "pd.Series | None", groups: Any, n_samples: int) -> dict[str, "pd.Series"]:
    """Give the columns to compare: the target first, its classes as classes even if they are numbers.

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
        for name in frame.columns:
            is_number = pandas.api.types.is_numeric_dtype(frame[name])
            if not is_number and frame[name].nunique() > MOST_GROUPS:
                raise ValueError(
                    f"group {str(name)!r} has {frame[name].nunique():,} values; expected at most {MOST_GROUPS:,}: "
                    f"leave it out, or join rare values first"
                )
            columns[str(name)] = frame[name]
    return columns


def own_displays(
    scores: np.ndarray, target: "pd.Series | None", held_out: np.ndarray, pictures: Any
) -> dict[str, Display]:
    """Give the displays that need no more than scores, classes and images."""
    classes = (
        None if target is None or is_continuous(target) else target.map(str, na_action="ignore").fillna("(missing)")
    )
    n_classes = 0 if classes is None else classes.nunique()
    boxed = classes if n_classes <= MOST_BOXES else None
    title = "Scores by class, hardest class on top" if boxed is not None else "Scores of all samples"
    displays: dict[str, Display] = {title: ActionScoreDisplay.from_scores(scores, boxed, held_out=held_out)}
    if pictures is not None:
        shown = classes if n_classes <= GRID_CLASSES else None
        grid = SampleGridDisplay.from_scores(scores, pictures, shown, n_shown=GRID_SHOWN)
        displays["The hardest images on the left, the easiest on the right, with their scores"] = grid
    return displays
