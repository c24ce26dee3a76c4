"""What scores say about groups of samples and about each other, as tables and as pictures."""

from actscore_sk.inspection.agreement import score_agreement
from actscore_sk.inspection.data_map_display import DataMapDisplay
from actscore_sk.inspection.grid_display import SampleGridDisplay
from actscore_sk.inspection.group_display import GroupDifficultyDisplay
from actscore_sk.inspection.groups import group_difficulty
from actscore_sk.inspection.pruning_display import PruningCurveDisplay
from actscore_sk.inspection.report.page import ActionScoreReport
from actscore_sk.inspection.score_display import ActionScoreDisplay
from actscore_sk.inspection.trajectory_display import TrajectoryDisplay

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
