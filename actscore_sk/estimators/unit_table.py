"""Scores of units as a table: boxes with their class and corners, any other units by their position."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from actscore_sk.losses.box_targets import read_targets
from actscore_sk.losses.ragged_scores import RaggedScores
from actscore_sk.utils.arrays import as_array
from actscore_sk.utils.optional import import_optional

CORNERS = ("x1", "y1", "x2", "y2")


def unit_table(scores: Any, parts: Mapping[str, Any], y: Any = None) -> Any:
    """Return one row per unit.

    Parameters
    ----------
    scores : ndarray (n_samples, ...) or RaggedScores
        Scores of units.
    parts : dict of str to the like
        Scores of the parts of units.
    y : array-like (n_images, max_boxes, 5), sequence of dicts, or anything else
        Targets. Boxes are recognised where units are ragged.

    Returns
    -------
    table : DataFrame
        For boxes ``image``, ``box``, ``class``, ``x1`` to ``y2``; for other units ``sample`` and ``unit``, the position
        in the flattened array of the sample. Then the parts, and ``score``.

    Raises
    ------
    ValueError
        If the boxes of y are not those that were scored.

    Examples
    --------
    >>> unit_table(np.array([[1.0, 2.0], [3.0, 4.0]]), {})
       sample  unit  score
    0       0     0    1.0
    1       0     1    2.0
    2       1     0    3.0
    3       1     1    4.0
    """
    pandas = import_optional("pandas", extra="cli", purpose="build a DataFrame")
    is_ragged = isinstance(scores, RaggedScores)
    counts = np.diff(scores.offsets) if is_ragged else np.full(len(scores), np.prod(scores.shape[1:], dtype=int))
    starts = np.cumsum(counts) - counts
    samples, places = np.repeat(np.arange(len(counts)), counts), np.arange(counts.sum()) - np.repeat(starts, counts)
    if is_ragged and _are_boxes(y):
        columns = {"image": samples, "box": places, **_boxes(y, counts)}
    else:
        columns = {"sample": samples, "unit": places}
    columns |= {name: _flat(part) for name, part in parts.items()}
    return pandas.DataFrame({**columns, "score": _flat(scores)})


def _flat(scores: Any) -> np.ndarray:
    return scores.values if isinstance(scores, RaggedScores) else np.asarray(scores).ravel()


def _are_boxes(y: Any) -> bool:
    if isinstance(y, list | tuple):
        return bool(y) and all(isinstance(target, Mapping) and {"boxes", "labels"} <= set(target) for target in y)
    return np.ndim(y) == 3 and np.shape(y)[2] == 1 + len(CORNERS)


def _boxes(y: Any, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return class and corners of each box; images that were never visited have none."""
    targets = as_array(read_targets(y))
    is_box = targets[..., 0] >= 0
    visited = counts > 0
    if len(targets) != len(counts) or (is_box.sum(1)[visited] != counts[visited]).any():
        raise ValueError(
            f"y has {int(is_box.sum()):,} boxes in {len(targets):,} images, but {counts.sum():,} boxes in "
            f"{len(counts):,} images have scores; pass the y of fit"
        )
    rows = targets[is_box & visited[:, None]]
    first_class = 1 if isinstance(y, list | tuple) else 0  # in dicts, 0 is background
    corners = {name: rows[:, 1 + place].astype(float) for place, name in enumerate(CORNERS)}
    return {"class": rows[:, 0].astype(np.int64) + first_class, **corners}
