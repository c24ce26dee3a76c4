"""What scores say about groups of samples, and about each other."""

from actscore_sk.inspection.agreement import score_agreement
from actscore_sk.inspection.groups import group_difficulty

__all__ = ["group_difficulty", "score_agreement"]
