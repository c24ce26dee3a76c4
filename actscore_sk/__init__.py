"""Sample difficulty from one training run, for scikit-learn and skorch.

Every name loads its module at its first use, so ``import actscore_sk`` costs a few milliseconds. Metric functions are
in `actscore_sk.metrics`, criteria for boxes, pixels and tokens in `actscore_sk.losses`, tables and pictures of scores
in `actscore_sk.inspection`.
"""

from typing import TYPE_CHECKING

from actscore_sk._version import __version__
from actscore_sk.utils.lazy import lazy_names

__all__ = [  # noqa: RUF022 - in groups
    # estimators: fit a net and score its samples
    "ActionScoreClassifier",
    "ActionScoreRegressor",
    "ActionScoreEstimator",
    # the same for a net that the user keeps
    "ActionScoreRecorder",
    # the same for a training loop of the user's
    "ActionScoreTracker",
    # a skorch net in several processes
    "AcceleratedNetMixin",
    # samplers: fit_resample(X, y)
    "ActionScorePruner",
    "ActionScoreCurriculum",
    "ActionScoreResampler",
    "ActionScoreRelabeler",
    # meta-estimators: act on scores inside fit
    "ResampledClassifier",
    "ResampledRegressor",
    "ReweightedClassifier",
    "ReweightedRegressor",
    # transformers
    "ActionScoreTransformer",
    "TablePreprocessor",
    # train samplers: the order in which a DataLoader visits samples
    "CurriculumSampler",
    "DynamicPruningSampler",
    "HardExampleSampler",
    # errors
    "ActionScoreError",
    "IndexTrackingError",
    "NonFiniteLossError",
    "SampleLossError",
    "__version__",
]

if TYPE_CHECKING:
    # `as`: type checkers take these names for public, though `__all__` leaves them to their rooms
    from actscore_sk import inspection as inspection
    from actscore_sk import losses as losses
    from actscore_sk import metrics as metrics
    from actscore_sk.callbacks import ActionScoreRecorder
    from actscore_sk.data.curriculum_sampler import CurriculumSampler
    from actscore_sk.data.dynamic_pruning_sampler import DynamicPruningSampler
    from actscore_sk.data.hard_example_sampler import HardExampleSampler
    from actscore_sk.estimators.classifier import ActionScoreClassifier
    from actscore_sk.estimators.generic import ActionScoreEstimator
    from actscore_sk.estimators.regressor import ActionScoreRegressor
    from actscore_sk.estimators.tables import TablePreprocessor
    from actscore_sk.exceptions import ActionScoreError, IndexTrackingError, NonFiniteLossError, SampleLossError
    from actscore_sk.metrics import action_score as action_score
    from actscore_sk.metrics import aum as aum
    from actscore_sk.metrics import confidence as confidence
    from actscore_sk.metrics import correctness as correctness
    from actscore_sk.metrics import el2n as el2n
    from actscore_sk.metrics import epoch_weights as epoch_weights
    from actscore_sk.metrics import forgetting as forgetting
    from actscore_sk.metrics import get_metric as get_metric
    from actscore_sk.metrics import get_metric_names as get_metric_names
    from actscore_sk.metrics import variability as variability
    from actscore_sk.recording.accelerated_net import AcceleratedNetMixin
    from actscore_sk.resampling.curriculum import ActionScoreCurriculum
    from actscore_sk.resampling.pruner import ActionScorePruner
    from actscore_sk.resampling.relabeler import ActionScoreRelabeler
    from actscore_sk.resampling.resampled import ResampledClassifier, ResampledRegressor
    from actscore_sk.resampling.resampler import ActionScoreResampler
    from actscore_sk.resampling.reweighted import ReweightedClassifier, ReweightedRegressor
    from actscore_sk.resampling.transformer import ActionScoreTransformer
    from actscore_sk.tracker import ActionScoreTracker
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "actscore_sk.callbacks": ["ActionScoreRecorder"],
            "actscore_sk.data.curriculum_sampler": ["CurriculumSampler"],
            "actscore_sk.data.dynamic_pruning_sampler": ["DynamicPruningSampler"],
            "actscore_sk.data.hard_example_sampler": ["HardExampleSampler"],
            "actscore_sk.estimators.classifier": ["ActionScoreClassifier"],
            "actscore_sk.estimators.generic": ["ActionScoreEstimator"],
            "actscore_sk.estimators.regressor": ["ActionScoreRegressor"],
            "actscore_sk.estimators.tables": ["TablePreprocessor"],
            "actscore_sk.exceptions": [
                "ActionScoreError",
                "IndexTrackingError",
                "NonFiniteLossError",
                "SampleLossError",
            ],
            "actscore_sk.recording.accelerated_net": ["AcceleratedNetMixin"],
            "actscore_sk.resampling.curriculum": ["ActionScoreCurriculum"],
            "actscore_sk.resampling.pruner": ["ActionScorePruner"],
            "actscore_sk.resampling.relabeler": ["ActionScoreRelabeler"],
            "actscore_sk.resampling.resampled": ["ResampledClassifier", "ResampledRegressor"],
            "actscore_sk.resampling.resampler": ["ActionScoreResampler"],
            "actscore_sk.resampling.reweighted": ["ReweightedClassifier", "ReweightedRegressor"],
            "actscore_sk.resampling.transformer": ["ActionScoreTransformer"],
            "actscore_sk.tracker": ["ActionScoreTracker"],
            # They resolve here too and are listed in their room alone: `confidence` says nothing without it.
            "actscore_sk.metrics": [
                "action_score",
                "aum",
                "confidence",
                "correctness",
                "el2n",
                "epoch_weights",
                "forgetting",
                "get_metric",
                "get_metric_names",
                "variability",
            ],
        },
        rooms=["inspection", "losses", "metrics"],
    )
