"""A sampler that sorts samples by difficulty, for nets that see them in this order."""

from typing import ClassVar

import numpy as np

from actscore_sk.resampling.base import BaseActionScoreSampler
from actscore_sk.scoring.class_labels import check_has_classes, ranks_within_class
from actscore_sk.utils.sklearn_private import StrOptions
from actscore_sk.utils.typing import Estimator, Memory, Order, Seed


class ActionScoreCurriculum(BaseActionScoreSampler):
    """Order the samples by difficulty, for nets that do not shuffle.

    skorch shuffles only if asked to (``iterator_train__shuffle=True``), and a net that shuffles undoes the order. By
    default it holds out the first fifth of each class, here the easiest samples: set ``train_split=None`` in the net.

    Parameters
    ----------
    estimator : estimator, NeuralNet, ActionScoreTracker or None
        The scorer, as in `ActionScorePruner`.
    order : {"easy_first", "hard_first", "random"}
        Samples that come first. "random" is the control.
    class_balanced : bool
        Sort by the rank within the class instead of the score, so that every part of the data holds all classes in
        proportion. Otherwise a class that is easy as a whole comes first.
    memory : str, joblib.Memory or None
        As in `ActionScorePruner`.
    random_state : int, RandomState instance or None
        As in `ActionScorePruner`.

    Attributes
    ----------
    sample_indices_ : ndarray of int64 (n_samples,)
        Position in X of each sample, in the new order.
    sample_weight_ : ndarray of float64 (n_samples,) or None
        Weights in the new order, if `fit_resample` was passed weights.
    action_scores_, class_ranks_, sampling_strategy_, estimator_, n_features_in_, feature_names_in_
        As in `ActionScorePruner`.

    Examples
    --------
    >>> X, y = np.arange(8).reshape(4, 2), np.array(["a", "b", "a", "b"])
    >>> curriculum = ActionScoreCurriculum()
    >>> curriculum.fit_resample(X, y, action_scores=[0.3, 0.1, 2.0, 0.2])[1]
    array(['b', 'b', 'a', 'a'], dtype='<U1')
    >>> curriculum.set_params(class_balanced=True).fit_resample(X, y, action_scores=[0.3, 0.1, 2.0, 0.2])[1]
    array(['a', 'b', 'a', 'b'], dtype='<U1')
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseActionScoreSampler._parameter_constraints,
        "order": [StrOptions({"easy_first", "hard_first", "random"})],
        "class_balanced": ["boolean"],
    }
    _hint = "pass some samples"

    def __init__(
        self,
        estimator: Estimator = None,
        *,
        order: Order = "easy_first",
        class_balanced: bool = False,
        memory: Memory = None,
        random_state: Seed = None,
    ) -> None:
        self.estimator = estimator
        self.order = order
        self.class_balanced = class_balanced
        self.memory = memory
        self.random_state = random_state

    def _select(self, scores, labels, weights, rng):
        if self.order == "random":
            indices = rng.permutation(len(scores))
        else:
            if self.class_balanced:
                check_has_classes(labels)
                scores = ranks_within_class(scores, labels)
            indices = np.argsort(scores if self.order == "easy_first" else -scores, kind="stable")
        return indices, None if weights is None else weights[indices]
