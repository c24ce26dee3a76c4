"""Sample difficulty from one training run, for scikit-learn and skorch."""

from actscore_sk._version import __version__
from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.data.curriculum_sampler import CurriculumSampler
from actscore_sk.data.dynamic_pruning_sampler import DynamicPruningSampler
from actscore_sk.data.hard_example_sampler import HardExampleSampler
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.estimators.regressor import ActionScoreRegressor
from actscore_sk.estimators.tables import TablePreprocessor
from actscore_sk.exceptions import (
    ActionScoreError,
    IndexTrackingError,
    NonFiniteLossError,
    SampleLossError,
)
from actscore_sk.losses.box_targets import pad_boxes
from actscore_sk.losses.boxes import make_anchors
from actscore_sk.losses.details import DetailedLoss, LossDetails, Units
from actscore_sk.losses.multibox import MultiBoxLoss
from actscore_sk.losses.outputs import MultiOutputLoss
from actscore_sk.losses.segmentation import SegmentationLoss
from actscore_sk.losses.tokens import TokenCrossEntropyLoss
from actscore_sk.metrics.definitions import (
    action_score,
    aum,
    confidence,
    correctness,
    el2n,
    forgetting,
    variability,
)
from actscore_sk.metrics.epoch_window import epoch_weights
from actscore_sk.metrics.registry import get_metric, get_metric_names
from actscore_sk.recording.unit_scores import RaggedScores
from actscore_sk.resampling.curriculum import ActionScoreCurriculum
from actscore_sk.resampling.pruner import ActionScorePruner
from actscore_sk.resampling.resampled import ResampledClassifier, ResampledRegressor
from actscore_sk.resampling.resampler import ActionScoreResampler
from actscore_sk.resampling.reweighted import ReweightedClassifier, ReweightedRegressor
from actscore_sk.resampling.transformer import ActionScoreTransformer

__all__ = [
    "ActionScoreClassifier",
    "ActionScoreCurriculum",
    "ActionScoreError",
    "ActionScoreEstimator",
    "ActionScorePruner",
    "ActionScoreRecorder",
    "ActionScoreRegressor",
    "ActionScoreResampler",
    "ActionScoreTransformer",
    "CurriculumSampler",
    "DetailedLoss",
    "DynamicPruningSampler",
    "HardExampleSampler",
    "IndexTrackingError",
    "LossDetails",
    "MultiBoxLoss",
    "MultiOutputLoss",
    "NonFiniteLossError",
    "RaggedScores",
    "ResampledClassifier",
    "ResampledRegressor",
    "ReweightedClassifier",
    "ReweightedRegressor",
    "SampleLossError",
    "SegmentationLoss",
    "TablePreprocessor",
    "TokenCrossEntropyLoss",
    "Units",
    "__version__",
    "action_score",
    "aum",
    "confidence",
    "correctness",
    "el2n",
    "epoch_weights",
    "forgetting",
    "get_metric",
    "get_metric_names",
    "make_anchors",
    "pad_boxes",
    "variability",
]
