"""Losses of single samples: read from any criterion, or from a criterion that delivers parts and units of its loss.

A `DetailedLoss` returns `LossDetails`: the loss of each sample, of its parts (class, box), and of its units (pixels,
boxes, tokens). `RaggedScores` are the sums of the losses of units where samples have different numbers of them.
"""

from typing import TYPE_CHECKING

from actscore_sk.utils.lazy import lazy_names

__all__ = [
    "DetailedLoss",
    "LossDetails",
    "MultiBoxLoss",
    "MultiOutputLoss",
    "RaggedScores",
    "SegmentationLoss",
    "TokenCrossEntropyLoss",
    "Units",
    "make_anchors",
    "pad_boxes",
]

if TYPE_CHECKING:
    from actscore_sk.losses.box_targets import pad_boxes
    from actscore_sk.losses.boxes import make_anchors
    from actscore_sk.losses.details import DetailedLoss, LossDetails, Units
    from actscore_sk.losses.multibox import MultiBoxLoss
    from actscore_sk.losses.outputs import MultiOutputLoss
    from actscore_sk.losses.ragged_scores import RaggedScores
    from actscore_sk.losses.segmentation import SegmentationLoss
    from actscore_sk.losses.tokens import TokenCrossEntropyLoss
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "actscore_sk.losses.box_targets": ["pad_boxes"],
            "actscore_sk.losses.boxes": ["make_anchors"],
            "actscore_sk.losses.details": ["DetailedLoss", "LossDetails", "Units"],
            "actscore_sk.losses.multibox": ["MultiBoxLoss"],
            "actscore_sk.losses.outputs": ["MultiOutputLoss"],
            "actscore_sk.losses.ragged_scores": ["RaggedScores"],
            "actscore_sk.losses.segmentation": ["SegmentationLoss"],
            "actscore_sk.losses.tokens": ["TokenCrossEntropyLoss"],
        },
    )
