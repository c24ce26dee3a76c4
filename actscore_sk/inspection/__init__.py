"""Scores of groups of samples, and scores compared with each other, as tables and as pictures.

A display is made by ``from_estimator`` or ``from_scores``, drawn by `plot` (matplotlib) and read by `frame` (pandas).
"""

from typing import TYPE_CHECKING

from actscore_sk.utils.lazy import lazy_names

__all__ = [
    "ActionScoreDisplay",
    "ActionScoreReport",
    "DataMapDisplay",
    "GroupDifficultyDisplay",
    "PruningCurveDisplay",
    "SampleGridDisplay",
    "TrajectoryDisplay",
    "group_difficulty",
    "score_agreement",
]

if TYPE_CHECKING:
    from actscore_sk.inspection.agreement import score_agreement
    from actscore_sk.inspection.data_map_display import DataMapDisplay
    from actscore_sk.inspection.grid_display import SampleGridDisplay
    from actscore_sk.inspection.group_display import GroupDifficultyDisplay
    from actscore_sk.inspection.groups import group_difficulty
    from actscore_sk.inspection.pruning_display import PruningCurveDisplay
    from actscore_sk.inspection.report.page import ActionScoreReport
    from actscore_sk.inspection.score_display import ActionScoreDisplay
    from actscore_sk.inspection.trajectory_display import TrajectoryDisplay
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "actscore_sk.inspection.agreement": ["score_agreement"],
            "actscore_sk.inspection.data_map_display": ["DataMapDisplay"],
            "actscore_sk.inspection.grid_display": ["SampleGridDisplay"],
            "actscore_sk.inspection.group_display": ["GroupDifficultyDisplay"],
            "actscore_sk.inspection.groups": ["group_difficulty"],
            "actscore_sk.inspection.pruning_display": ["PruningCurveDisplay"],
            "actscore_sk.inspection.report.page": ["ActionScoreReport"],
            "actscore_sk.inspection.score_display": ["ActionScoreDisplay"],
            "actscore_sk.inspection.trajectory_display": ["TrajectoryDisplay"],
        },
    )
