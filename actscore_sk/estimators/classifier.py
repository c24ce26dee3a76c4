"""A classifier that scores how hard each of its training samples is."""

import re
from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNetBinaryClassifier
from torch.nn import HingeEmbeddingLoss, SoftMarginLoss
from torch.utils.data import Subset

from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.estimators.base import BaseActionScore
from actscore_sk.estimators.class_targets import ClassTargets
from actscore_sk.estimators.default_net import default_net
from actscore_sk.estimators.judged_fit import JudgedFit
from actscore_sk.estimators.learners import TAKEN
from actscore_sk.estimators.staged_fit import StagedFit, learns_in_stages, tells_probabilities
from actscore_sk.recording.modules import all_modules, preserved_modules
from actscore_sk.utils.randomness import preserved_random_state
from actscore_sk.utils.sklearn_private import Interval, StrOptions, available_if
from actscore_sk.utils.typing import DataDevice, Estimator, Labels, Recording, Reduction, Samples, Seed, Store


class ActionScoreClassifier(JudgedFit, ClassTargets, StagedFit, ClassifierMixin, BaseActionScore):
    """Classify, and learn from the same fit how hard each sample is.

    The action score of sample i is its loss, accumulated over the epochs t of training [1]_::

        A_i = sum over t of loss(f_t(x_i), y_i)          higher = harder

    Mislabelled, atypical and rare samples score high. The learner is trained as it would be alone, bit for bit.

    Parameters
    ----------
    estimator : NeuralNet, estimator or None
        Any skorch net, or a learner that learns in stages: gradient boosting and AdaBoost of scikit-learn, xgboost,
        lightgbm, catboost, whatever has `partial_fit`, and a Pipeline that ends in one of these; it is cloned. An epoch
        is a stage then, and its losses are those after it. None: a small multi-layer perceptron sized from the data.
    recording : {"training", "epoch_end"}
        Which loss is recorded. "training": the loss that the training step computes, in train mode and before its
        update; it costs nothing. "epoch_end": the loss after each epoch, in inference mode; it costs one more pass
        over X per epoch.
    reduction : {"sum", "mean", "interpolated", "auto"}
        How the losses of the visits become one score. Parts and units of a loss are always summed.

        * "sum": total over visits.
        * "mean": total / `n_visits_`.
        * "interpolated": total over all epochs; an epoch that skipped the sample is filled in linearly, one with
          several visits counts with their mean. Use it when samples are not visited equally often.
        * "auto": total over a window of epochs: not those before much is learnt, nor those of overfitting, as the
          validation loss tells (of `train_split`, or else of `eval_set`); see `epoch_weights`. Metrics that are means
          over visits are taken over the window, too.
    metrics : tuple of str
        Names from `get_metric_names`; one pass records all of them.
    store_trajectories : bool, str or path-like
        Keep the losses of each epoch: in memory, or in a ``.npy`` file at that path, which another process can open
        while training runs. 4 bytes per sample and epoch.
    train_sampler : CurriculumSampler, HardExampleSampler, DynamicPruningSampler or None
        Chooses, by the difficulty so far, the samples that each epoch visits and their weights in the loss that is
        trained on; it is cloned. None: the order of the net's own loader.
    score_class_weights : bool
        Keep the weights that torch's losses give to classes (`weight`, `pos_weight`) in the scores. They say how much a
        class counts in training; in a sum of losses they would rank a rare class as hard.
    n_repeats : int
        Number of nets to train, each with an initialization, an order of samples and dropout of its own. Scores and
        predictions are means over them. They are trained as one batched net where that gives the same, else in turn.
    random_state : int, RandomState instance or None
        Seeds torch for this fit and puts its generators back. None draws from torch's global stream, as skorch does.
    data_device : {"auto", "net", "host"}
        Where samples in memory (arrays, tensors) are stored while a net trains on a GPU; for a net on the CPU nothing
        changes. Scores, parameters and history are the same for all three.

        * "auto": on the net's device if they take at most half of the memory that is free there after the first step;
          else on the host, each batch copied ahead while the net trains on the one before. Batches that code of yours
          gets to see (a callback, a method of the net) stay where X is.
        * "net": on the net's device, whatever they take, and whoever sees the batches.
        * "host": on the host.
    store_probabilities : bool
        Keep the class probabilities of each sample, averaged over the window of epochs that count, and judge the labels
        by them: `label_issues` says which look wrong, how many are, and what they should be. Let the net hold samples
        out (`train_split`; without a net of yours a fifth is held out then), better 200 and more; without any, there
        is a ranking and no number. Takes 12 bytes per sample and class, 4 if none are held out, for each net.
    refit : {"auto"} or bool
        Train more than one net where few samples are held out, so that all are judged and ranked alike. True: a second
        net, on all rows: `estimator_` and all scores are of it; the first one says which epochs count and how many
        labels are wrong. "auto": with `store_probabilities`, below 2,000 held-out rows, and if all callbacks of the net
        are skorch's and have no effect outside. Small nets that can be trained at once, as with `n_repeats`, are then
        four to six, one for each part of the net's `ValidSplit`: a number, or a (stratified) KFold. Each holds another
        part out, a label is judged by a net that never trained on it, and scores and predictions are means over the
        nets, each of which is that of a single fit to rounding. Others get the second fit. Nets end where no later
        epoch counts, and EarlyStopping rules no second fit. Not in `partial_fit`.
    validation_fraction : float or None
        Share of the samples to hold out, drawn as evenly over the classes as their numbers allow, for the default net
        and learners that are no nets; a net of yours has a `train_split`. None: a fifth with ``reduction="auto"`` or
        `store_probabilities`, what early stopping of the learner needs, or else none.

    Attributes
    ----------
    action_scores_ : ndarray of float64 (n_samples,)
        One score per sample, aligned with X; higher = harder; NaN = never visited. Samples that the net's `train_split`
        holds out have their validation losses here.
    sample_metrics_ : dict of str to ndarray of float64 (n_samples,)
        One entry per metric, "action_score" always among them.
    repeat_scores_ : ndarray of float64 (n_repeats, n_samples)
        Action scores by each net.
    action_scores_std_ : ndarray of float64 (n_samples,)
        Their standard deviation (divisor `n_repeats`).
    n_visits_ : ndarray of int32 (n_samples,)
        How often each sample passed through the loss of one net.
    n_epochs_ : int
        Epochs recorded.
    trajectories_ : ndarray of float32 (n_epochs, n_samples)
        Loss that each epoch added to the sum; NaN = not visited. Only with `store_trajectories`. With `n_repeats` the
        mean of the nets that had not stopped before the epoch.
    validation_mask_ : ndarray of bool (n_samples,)
        Samples held out by `train_split`; with ``reduction="auto"`` or `store_probabilities`, and no net of yours, a
        fifth is held out. None after a second fit, or if several nets hold out other rows each.
    refit_ : bool
        More than one net was trained, so that all rows are judged alike.
    epoch_weights_ : ndarray of float64 (n_epochs,)
        How much each epoch counts in the scores (``reduction="auto"``), and in what is said of labels.
    wrong_label_scores_, suggested_labels_, wrong_label_proba_, is_label_issue_ : ndarray (n_samples,)
        What is known of each label, see there; only with `store_probabilities`.
    noise_rate_, noise_rate_interval_, noise_matrix_
        How many labels are wrong, and how; only with `store_probabilities`.
    gradient_work_ : ndarray of float64 (n_epochs,)
        Samples that each epoch trained on, as a share of those that are not held out; 1 without a `train_sampler`.
    train_sampler_ : EpochSampler or None
        The sampler that was used.
    eval_action_scores_ : ndarray of float64 (n_eval_samples,)
        Scores of the samples of `eval_set`, in its order; only with `eval_set`.
    component_scores_ : dict of str to ndarray of float64 (n_samples,)
        Scores of the parts of the loss, if the criterion delivers them; see `DetailedLoss`.
    estimator_ : NeuralNet or estimator
        The trained net or learner, the first one of several.
    estimators_ : list of NeuralNet
        All nets, and `repeat_seeds_`: the `random_state` of a single fit that gives each; with `n_repeats` above 1, or
        if several nets hold out other rows each.
    history_ : History
        The record that the net, the first of several, keeps of its training: losses and durations of each epoch; mean
        losses of each stage. The others have theirs: ``estimators_[1].history``.
    classes_ : ndarray (n_classes,)
        Labels, sorted; the net is trained on their positions.
    n_features_in_ : int
        Number of columns; only for X with features.
    feature_names_in_ : ndarray of str
        Names of the columns; only for X with string column names.

    References
    ----------
    .. [1] O. Arriaga and M. Valdenegro-Toro, "Unsupervised Difficulty Estimation with Action Scores",
       arXiv:2011.11461, 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> y = y.replace({0: "setosa", 1: "versicolor", 2: "virginica"})
    >>> y[7] = "virginica"                                   # a wrong label
    >>> clf = ActionScoreClassifier(random_state=0).fit(X, y)
    >>> int(clf.action_scores_.argmax())
    7
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseActionScore._parameter_constraints,
        "store_probabilities": ["boolean"],
        "refit": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [None, Interval(Real, 0, 1, closed="neither")],
    }
    _has_class_codes = True
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
        store_probabilities: bool = False,
        refit: bool | Literal["auto"] = "auto",
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
        self.store_probabilities = store_probabilities
        self.refit = refit
        self.validation_fraction = validation_fraction

    def _build_net(self, X, y, sample_weight):
        holds_out = self.reduction == "auto" or self.store_probabilities
        options = {"n_classes": len(self.classes_), "holds_out": holds_out}
        return default_net(X, y, sample_weight, kind="classification", **options)

    def _train(self, fit, X, targets, fit_params):
        try:
            fit(X, targets, **fit_params)
        except IndexError as error:
            if not re.match(r"Target -?\d+ is out of bounds", str(error)):
                raise
            raise ValueError(
                f"the net has fewer outputs than there are classes, {len(self.classes_)} in y (torch says: {error}); "
                "give its last layer one output a class"
            ) from error

    def _publish(self, X):
        super()._publish(X)
        if self.classes_ is None or self._has_codes:
            net = self.estimator_
            with preserved_random_state(net.device), preserved_modules(all_modules(net)):
                n_outputs = self._probabilities(Subset(X, [0])).shape[1]
            self.classes_ = np.arange(max(n_outputs, 0 if self.classes_ is None else len(self.classes_)))

    def _probabilities(self, X):
        """Return probabilities (n_samples, n_outputs); a single output for two classes becomes two columns."""
        scores = np.asarray(self._ask_net("predict_proba", X))
        scores = scores.reshape(len(scores), -1)
        if scores.shape[1] > 1:
            return scores
        if isinstance(self.estimator_.criterion_, HingeEmbeddingLoss):
            raise ValueError(
                "HingeEmbeddingLoss trains a distance, which tells no probability of a class; read action_scores_, or "
                "train with BCEWithLogitsLoss to predict"
            )
        if isinstance(self.estimator_.criterion_, SoftMarginLoss):  # skorch leaves the logit as it is
            scores = expit(scores)
        return np.hstack([1 - scores, scores])

    def predict(self, X: Samples) -> Labels:
        """Predict the class of each sample.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, dict or tuple of arrays, tensor or Dataset
            Samples, of the kind that `fit` was passed.

        Returns
        -------
        y : ndarray (n_samples,)
            Labels from `classes_`.
        """
        check_is_fitted(self, "estimator_")
        if learns_in_stages(self):
            return self._predict_labels(X)
        if isinstance(self.estimator_, NeuralNetBinaryClassifier):  # it has a threshold of its own
            codes = (self._probabilities(X)[:, 1] > self.estimator_.threshold).astype(np.int64)
        else:
            codes = self._probabilities(X).argmax(axis=1)
        if len(codes) and codes.max() >= len(self.classes_):
            raise ValueError(
                f"the net predicts class number {codes.max()}, but y had {len(self.classes_)} classes; give the net as "
                "many outputs as there are classes"
            )
        return self.classes_[codes]

    @available_if(tells_probabilities)
    def predict_proba(self, X: Samples) -> npt.NDArray[np.floating[Any]]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, dict or tuple of arrays, tensor or Dataset
            Samples, of the kind that `fit` was passed.

        Returns
        -------
        probabilities : ndarray (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return self._probabilities(X)
