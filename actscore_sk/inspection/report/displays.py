"""Displays that a report draws unasked, with their titles."""

from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.data_map_display import METRICS, DataMapDisplay
from actscore_sk.inspection.drawing import Display
from actscore_sk.inspection.grid_display import SampleGridDisplay
from actscore_sk.inspection.report.targets import is_continuous
from actscore_sk.inspection.score_display import ActionScoreDisplay
from actscore_sk.inspection.trajectory_display import TrajectoryDisplay

if TYPE_CHECKING:
    import pandas as pd

MOST_BOXES = 30  # with more classes one box is of all samples
GRID_CLASSES, GRID_SHOWN = 20, 4


def displays_of_scores(
    scores: np.ndarray, target: "pd.Series | None", held_out: np.ndarray, pictures: Any
) -> dict[str, Display]:
    """Choose the displays that need scores, classes and images only.

    Parameters
    ----------
    scores : ndarray of float64 (n_samples,)
        Higher = harder.
    target : Series (n_samples,) or None
        Classes are told apart, up to 30 of them; numbers are not.
    held_out : ndarray of bool (n_samples,)
        Samples that were not trained on.
    pictures : ndarray, PictureFiles or None
        As of `as_pictures`.

    Returns
    -------
    displays : dict of str to Display
        Boxes of scores, and a grid of images if there are any.
    """
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


def displays_of_training(fitted: Any) -> dict[str, Display]:
    """Choose the displays of what a fitted estimator recorded beside scores.

    Parameters
    ----------
    fitted : object
        With ``action_scores_``; ``trajectories_`` and ``sample_metrics_`` are drawn if it has them.

    Returns
    -------
    displays : dict of str to Display
        Trajectories with those of the three hardest samples, and a data map; empty if neither was recorded.
    """
    displays: dict[str, Display] = {}
    if getattr(fitted, "trajectories_", None) is not None:
        hardest = np.argsort(-np.nan_to_num(fitted.action_scores_, nan=-np.inf), kind="stable")[:3]
        title = "Losses over epochs: all samples, and the three hardest"
        displays[title] = TrajectoryDisplay.from_scores(fitted.trajectories_, samples=hardest.tolist())
    found = getattr(fitted, "sample_metrics_", {})
    if all(name in found for name in METRICS):
        title = "Data map: easy samples at the top, hard ones at the bottom, ambiguous ones on the right"
        displays[title] = DataMapDisplay.from_scores(*(found[name] for name in METRICS))
    return displays
