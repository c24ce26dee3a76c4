"""An estimator for nets that are neither plain classifiers nor plain regressors."""

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.estimators.base import BaseActionScore
from actscore_sk.estimators.default_net import default_net
from actscore_sk.estimators.inputs import explained_targets
from actscore_sk.estimators.unit_table import unit_table
from actscore_sk.label_issues.refused import OF_SEVERAL, WithoutLabelIssues
from actscore_sk.utils.sklearn_private import HasMethods, Interval, available_if
from actscore_sk.utils.typing import DataDevice, Estimator, Recording, Reduction, Samples, Seed, Store, Targets

if TYPE_CHECKING:
    import pandas as pd


def _wraps_net(estimator):
    return estimator.estimator is not None


class ActionScoreEstimator(WithoutLabelIssues, BaseActionScore):
    """Score the samples of any skorch net: multi-output, multi-label, dense targets, targets of several parts.

    Targets reach the net as they are, in the dtype that its criterion takes; `predict` returns the net's own answer.
    `ActionScoreClassifier` documents in full the parameters that both have, and the fitted attributes, which are the
    same except `classes_`.

    Parameters
    ----------
    estimator : NeuralNet or None
        Any skorch net; it is cloned. None: a small multi-layer perceptron for the kind of y, which must be codes
        0..K-1 of classes, 0 and 1 for each of several labels, or one or more numbers per sample.
    recording : {"training", "epoch_end"}
        Which loss is recorded.
    reduction : {"sum", "mean", "interpolated", "auto"}
        How the losses of the visits become one score.
    metrics : tuple of str
        Names from `get_metric_names`.
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
    store_units : bool, "auto", str or path-like
        Keep the losses of units finer than a sample, where the criterion has them: pixels, outputs, tokens, boxes.
        "auto" keeps them up to 1 GiB, and warns above. Dense units are stored in memory up to 256 MiB, in a temporary
        file above, or in a ``.npy`` file at a path; ragged units are stored in memory. Their size is logged (logger
        "actscore_sk", level INFO) before the first update, with ``recording="epoch_end"`` after the first epoch: 4
        bytes per dense unit, 8 per ragged unit, whose number is estimated from the first batch.
    unit_grid : int, tuple of int or None
        Pool dense units of a sample to this shape, such as ``(32, 32)``, by the mean over each cell.

    Attributes
    ----------
    component_scores_ : dict of str to ndarray of float64 (n_samples,)
        Scores of the parts of the loss, if the criterion delivers them; see `DetailedLoss`. Higher = harder.
    unit_scores_ : ndarray of float32 (n_samples, ...) or RaggedScores
        Scores of units, higher = harder. An array has the shape of the targets, and NaN where a target is ignored.
        RaggedScores have one score per box or token; ``unit_scores_[i]`` are those of sample i. Only if the criterion
        has losses of units.
    unit_component_scores_ : dict of str to ndarray or RaggedScores
        Scores of the parts of units, shaped as `unit_scores_`.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, y = make_multilabel_classification(200, n_classes=3, random_state=0)
    >>> scorer = ActionScoreEstimator(random_state=0).fit(X, y)
    >>> scorer.action_scores_.shape, scorer.predict(X).shape
    ((200,), (200, 3))
    >>> scorer.unit_scores_.shape                            # one for each label
    (200, 3)
    """

    _why_no_label_issues = OF_SEVERAL

    _parameter_constraints: ClassVar[dict] = {
        **BaseActionScore._parameter_constraints,
        "store_units": ["boolean", str, HasMethods(["__fspath__"])],
        "unit_grid": [None, Interval(Integral, 1, None, closed="left"), tuple],
    }

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
        store_units: Store = "auto",
        unit_grid: int | tuple[int, ...] | None = None,
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
        self.store_units = store_units
        self.unit_grid = unit_grid

    def _learn_targets(self, X, y, classes):
        if classes is not None:
            raise ValueError("classes is for ActionScoreClassifier; pass targets as the net takes them")

    def _check_y(self, y):
        return y if isinstance(y, (dict, tuple, Tensor)) else np.asarray(y)

    def _train(self, fit, X, targets, fit_params):
        with explained_targets(targets):
            super()._train(fit, X, targets, fit_params)

    def _to_targets(self, y):
        if self.estimator is None and y.dtype.kind == "f" and type_of_target(y) in ("binary", "multiclass"):
            return y.astype(np.int64)  # whole numbers are codes, as everywhere in scikit-learn
        return y

    def _build_net(self, X, y, sample_weight):
        kinds = {"binary": "classification", "multiclass": "classification", "multilabel-indicator": "multilabel"}
        target = type_of_target(y, input_name="y", raise_unknown=True)
        kind = kinds.get(target, "regression" if target.startswith("continuous") else None)
        if kind is None or y.dtype.kind not in "biuf":
            raise ValueError(
                f"estimator=None cannot build a net for a y of type {target!r} and dtype {y.dtype}; use "
                "ActionScoreClassifier for labels of any kind, or pass a skorch net"
            )
        n_classes = int(y.max()) + 1 if kind == "classification" else 0
        return default_net(X, y, sample_weight, kind=kind, n_classes=n_classes, holds_out=self.reduction == "auto")

    def unit_frame(self, y: Targets = None) -> "pd.DataFrame":
        """Return the scores of units as a pandas DataFrame, one row per unit, sample after sample.

        Parameters
        ----------
        y : array-like (n_images, max_boxes, 5) or sequence of dicts, optional
            Boxes, as for `fit`; without them those of the last `fit` or `partial_fit`.

        Returns
        -------
        frame : DataFrame
            For boxes ``image`` and ``box`` (positions in X, and in the image), ``class``, corners ``x1``, ``y1``,
            ``x2``, ``y2``; for other units ``sample`` and ``unit``, the position in the flattened array of the sample.
            Then a column for each part of a unit's loss, and ``score``. Higher = harder.

        Raises
        ------
        AttributeError
            If no losses of units were recorded.
        ValueError
            If `y` has other boxes than those that were scored.

        Examples
        --------
        >>> from sklearn.datasets import make_multilabel_classification
        >>> X, y = make_multilabel_classification(200, n_classes=3, random_state=0)
        >>> ActionScoreEstimator(random_state=0).fit(X, y).unit_frame().columns.tolist()
        ['sample', 'unit', 'score']
        """
        check_is_fitted(self, "estimator_")
        parts = getattr(self, "unit_component_scores_", {})
        return unit_table(self.unit_scores_, parts, self._given if y is None else y)

    def predict(self, X: Samples) -> npt.NDArray[Any]:
        """Predict with the net.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, dict or tuple of arrays, tensor or Dataset
            Samples, of the kind that `fit` was passed.

        Returns
        -------
        y : ndarray
            The answer of the net's own `predict`.
        """
        return self._ask_net("predict", X)

    @available_if(_wraps_net)
    def predict_proba(self, X: Samples) -> npt.NDArray[Any]:
        """Predict probabilities with the net.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, dict or tuple of arrays, tensor or Dataset
            Samples, of the kind that `fit` was passed.

        Returns
        -------
        probabilities : ndarray
            The answer of the net's own `predict_proba`.
        """
        return self._ask_net("predict_proba", X)
