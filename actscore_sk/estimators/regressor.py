"""A regressor that scores how hard each of its training samples is."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils import check_array

from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.estimators.base import BaseActionScore
from actscore_sk.estimators.default_net import default_net
from actscore_sk.estimators.inputs import explained_targets
from actscore_sk.estimators.learners import TAKEN
from actscore_sk.estimators.staged_fit import StagedFit, learns_in_stages
from actscore_sk.label_issues.refused import OF_NUMBERS, WithoutLabelIssues
from actscore_sk.utils.sklearn_private import Interval
from actscore_sk.utils.typing import DataDevice, Estimator, Recording, Reduction, Samples, Seed, Store


class ActionScoreRegressor(WithoutLabelIssues, StagedFit, RegressorMixin, BaseActionScore):
    """Regress, and learn from the same fit how hard each sample is.

    The action score of a sample is its loss, accumulated over training; higher = harder. It has the unit of the loss:
    squared units of the target for the default net. `ActionScoreClassifier` documents the parameters in full, and the
    fitted attributes, which are the same except `classes_`.

    Parameters
    ----------
    estimator : NeuralNet, estimator or None
        Any skorch net, or a learner that learns in stages; it is cloned. None: a small multi-layer perceptron sized
        from the data.
    recording : {"training", "epoch_end"}
        Which loss is recorded.
    reduction : {"sum", "mean", "interpolated", "auto"}
        How the losses of the visits become one score.
    metrics : tuple of str
        "action_score", and "variability": the standard deviation of the sample's loss over its visits.
    store_trajectories : bool, str or path-like
        Keep the losses of each epoch, in memory or in a file.
    train_sampler : EpochSampler or None
        Chooses the samples of each epoch by their difficulty so far.
    score_class_weights : bool
        Keep the weights that the criterion gives to classes in the scores.
    n_repeats : int
        Number of nets to train, over which scores and predictions are averaged.
    random_state : int, RandomState instance or None
        Seed of the fit.
    data_device : {"auto", "net", "host"}
        Where samples in memory are stored while a net trains on a GPU.
    validation_fraction : float or None
        Share of the samples to hold out, for the default net and for learners that are no nets.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> y[3] += 500.0                                        # a wrong target
    >>> reg = ActionScoreRegressor(random_state=0).fit(X, y)
    >>> int(reg.action_scores_.argmax()), reg.action_scores_.shape
    (3, (442,))
    """

    _why_no_label_issues = OF_NUMBERS
    _parameter_constraints: ClassVar[dict] = {
        **BaseActionScore._parameter_constraints,
        "validation_fraction": [None, Interval(Real, 0, 1, closed="neither")],
    }
    _takes = TAKEN

    def __init__(
        self,
        estimator: Estimator = None,
        *,
        recording: Recording = "training",
        reduction: Reduction = "sum",
        metrics: Sequence[str] = ("action_score",),
        store_trajectories: Store = False,
        train_sampler: EpochSampler | None = None,
        score_class_weights: bool = False,
        n_repeats: int = 1,
        random_state: Seed = None,
        data_device: DataDevice = "auto",
        validation_fraction: float | None = None,
    ) -> None:
        super().__init__(
            estimator,
            recording=recording,
            reduction=reduction,
            metrics=metrics,
            store_trajectories=store_trajectories,
            train_sampler=train_sampler,
            score_class_weights=score_class_weights,
            n_repeats=n_repeats,
            random_state=random_state,
            data_device=data_device,
        )
        self.validation_fraction = validation_fraction

    def _learn_targets(self, X, y, classes):
        if classes is not None:
            raise ValueError("classes is for classifiers; leave it out for regression")
        self._n_dims = None if y is None else y.ndim

    def _check_y(self, y):
        with explained_targets(y):
            y = check_array(y, ensure_2d=False, allow_nd=True, dtype="numeric", input_name="y")
        if y.dtype.kind in "mM":
            raise ValueError(
                f"y holds {'dates' if y.dtype.kind == 'M' else 'durations'}, which are no numbers; pass seconds: "
                f"y.astype('{y.dtype.kind}8[s]').astype(float)"
            )
        return y

    def _to_targets(self, y):
        return y.astype(np.float64) if y.dtype.kind in "iub" else y

    def _build_net(self, X, y, sample_weight):
        return default_net(X, y, sample_weight, kind="regression", holds_out=self.reduction == "auto")

    def predict(self, X: Samples) -> npt.NDArray[np.floating[Any]]:
        """Predict the target of each sample.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, dict or tuple of arrays, tensor or Dataset
            Samples, of the kind that `fit` was passed.

        Returns
        -------
        y : ndarray (n_samples,) or (n_samples, n_outputs)
            As many dimensions as the y of `fit`.
        """
        y = np.asarray(self._ask_net("predict", X))
        if self._n_dims in (1, 2) and y.shape in ((len(y),), (len(y), 1)):
            return y.reshape(-1) if self._n_dims == 1 else y.reshape(-1, 1)
        return y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output |= not learns_in_stages(self)
        return tags
