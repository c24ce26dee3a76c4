"""Displays that a report draws unasked, with their titles."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.inspection.data_map_display import METRICS, DataMapDisplay
from actscore_sk.inspection.display import Display
from actscore_sk.inspection.grid_display import CORNERS, SampleGridDisplay
from actscore_sk.inspection.groupings import is_continuous
from actscore_sk.inspection.score_display import ActionScoreDisplay
from actscore_sk.inspection.trajectory_display import TrajectoryDisplay

if TYPE_CHECKING:
    import pandas as pd

GRID_SHOWN = 4  # images at either end of a row


def displays_of_scores(
    scores: np.ndarray, target: "pd.Series | None", held_out: np.ndarray, pictures: Any
) -> dict[str, Display]:
    """Choose the displays that need scores, classes and images only.

    Parameters
    ----------
    scores : ndarray of float64 (n_samples,)
        Higher = harder.
    target : Series (n_samples,) or None
        Classes, of which the hardest have boxes of their own, or numbers, which are cut into bins.
    held_out : ndarray of bool (n_samples,)
        Samples that were not trained on.
    pictures : ndarray, PictureFiles or None
        As of `as_pictures`.

    Returns
    -------
    displays : dict of str to Display
        Boxes of scores, and a grid of images if there are any.
    """
    if target is None:
        title = "Scores of all samples"
    elif is_continuous(target):
        title = "Scores by target, the highest targets on top"
    else:
        title = "Scores by class, hardest class on top"
    displays: dict[str, Display] = {title: ActionScoreDisplay.from_scores(scores, target, held_out=held_out)}
    if pictures is not None:
        grid = SampleGridDisplay.from_scores(scores, pictures, target, n_shown=GRID_SHOWN)
        displays["The hardest images on the left, the easiest on the right, with their scores"] = grid
    return displays


def checked_displays(displays: Any) -> dict[str, Display]:
    """Return the displays that a user adds, by title.

    Raises
    ------
    TypeError
        If they are no displays by title.
    """
    named = dict(displays) if isinstance(displays, Mapping) else {"displays": displays} if displays else {}
    if wrong := [display for display in named.values() if not isinstance(display, Display)]:
        raise TypeError(
            f"displays has {type(wrong[0]).__name__}; expected a dict of displays by title, such as "
            '{"pruning": PruningCurveDisplay.from_estimator(search)}'
        )
    return named


def displays_of_boxes(fitted: Any, images: Any) -> dict[str, Display]:
    """Choose the displays of a detector that was scored box by box.

    Parameters
    ----------
    fitted : object
        An `ActionScoreEstimator` whose targets are boxes, or anything else.
    images : array-like, sequence of paths, Dataset or None
        As of `as_pictures`.

    Returns
    -------
    displays : dict of str to Display
        The hardest boxes of each class, cut out, and the hardest images with their boxes; empty if there are no images
        or no boxes.
    """
    if images is None or not hasattr(fitted, "unit_scores_") or not hasattr(fitted, "unit_frame"):
        return {}
    boxes = fitted.unit_frame()
    if "box" not in boxes:
        return {}
    corners = [part[CORNERS].to_numpy() for part in _by_image(boxes, len(fitted.action_scores_))]
    cut_out = SampleGridDisplay.from_boxes(boxes, images, n_shown=GRID_SHOWN)
    whole = SampleGridDisplay.from_scores(
        fitted.action_scores_, images, n_shown=2, boxes=corners, box_scores=fitted.unit_scores_
    )
    return {
        "The hardest boxes of each class on the left, the easiest on the right": cut_out,
        "The hardest images on the left, the easiest on the right: the lighter a box, the harder": whole,
    }


def _by_image(boxes: "pd.DataFrame", n_images: int) -> list["pd.DataFrame"]:
    """Return the rows of each image."""
    ends = np.searchsorted(boxes["image"], np.arange(n_images + 1))
    return [boxes.iloc[start:end] for start, end in pairwise(ends)]


def displays_of_training(fitted: Any) -> dict[str, Display]:
    """Choose the displays of trajectories and metrics that a fitted estimator recorded beside scores.

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
        displays |= displays_of_trajectories(fitted.trajectories_, fitted.action_scores_)
    found = getattr(fitted, "sample_metrics_", {})
    if all(name in found for name in METRICS):
        title = "Data map: easy samples at the top, hard ones at the bottom, ambiguous ones on the right"
        displays[title] = DataMapDisplay.from_scores(*(found[name] for name in METRICS))
    return displays


def displays_of_trajectories(trajectories: np.ndarray, scores: np.ndarray) -> dict[str, Display]:
    """Draw trajectories, with those of the three hardest samples.

    Parameters
    ----------
    trajectories : ndarray (n_epochs, n_samples)
        NaN = not visited.
    scores : ndarray (n_samples,)
        Higher = harder; NaN = no score.

    Returns
    -------
    displays : dict of str to Display
        One.
    """
    hardest = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:3]
    title = "Losses over epochs: all samples, and the three hardest"
    return {title: TrajectoryDisplay.from_scores(trajectories, samples=hardest.tolist())}
