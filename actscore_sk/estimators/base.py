"""The base of the three estimators: fit the net, record it, publish the scores."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.dataset import ValidSplit

from actscore_sk.callbacks import RECORDINGS
from actscore_sk.data.containers import n_samples_of
from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.identity import identify
from actscore_sk.data.placement import DATA_DEVICES
from actscore_sk.estimators.checked_fit import CheckedFit
from actscore_sk.estimators.fit_data import FitData
from actscore_sk.estimators.fitted_scores import FittedScores
from actscore_sk.estimators.inputs import check_weights, checked_X
from actscore_sk.estimators.net_answers import ask
from actscore_sk.estimators.repeats import RepeatedFit
from actscore_sk.estimators.single_fit import SingleFit
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.utils.sklearn_private import (
    HasMethods,
    Interval,
    StrOptions,
    available_if,
    fit_context,
    routing_enabled,
)
from actscore_sk.utils.typing import (
    ArrayLike,
    DataDevice,
    Estimator,
    EvalSet,
    Recording,
    Reduction,
    Samples,
    Seed,
    Store,
    Targets,
)


class BaseActionScore(CheckedFit, RepeatedFit, SingleFit, FittedScores, MetaEstimatorMixin, BaseEstimator):
    """Base of the estimators; a subclass says how targets become those that the net is trained on.

    A subclass defines what `CheckedFit` asks for, and `_build_net`.
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": "no_validation",  # its own message says how to make a net of a module
        "recording": [StrOptions(set(RECORDINGS))],
        "reduction": [StrOptions(set(REDUCTIONS))],
        "metrics": [tuple, list],
        "store_trajectories": ["boolean", str, HasMethods(["__fspath__"])],
        "train_sampler": [None, EpochSampler],
        "score_class_weights": ["boolean"],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "data_device": [StrOptions(set(DATA_DEVICES))],
    }
    _has_class_codes = False
    __metadata_request__fit: ClassVar[dict] = {"groups": None}  # it is not in the signature: a net may have it, too
    _takes = "a skorch NeuralNet or None"

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
    ) -> None:
        self.estimator = estimator
        self.recording = recording
        self.reduction = reduction
        self.metrics = metrics
        self.store_trajectories = store_trajectories
        self.train_sampler = train_sampler
        self.score_class_weights = score_class_weights
        self.n_repeats = n_repeats
        self.random_state = random_state
        self.data_device = data_device

    def _build_net(self, X, y, sample_weight):
        """Build the net for ``estimator=None``; see `default_net`."""
        raise NotImplementedError

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Samples,
        y: Targets = None,
        sample_weight: ArrayLike | None = None,
        eval_set: EvalSet = None,
        **fit_params: Any,
    ) -> Self:
        """Train a clone of the net on X and score every sample of X on the way.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, dict or tuple of arrays, tensor or Dataset
            Samples along the first dimension; any further dimensions that the net takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; may be None if X is a Dataset that yields them.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each sample in the loss that is trained on: 2 counts as the sample twice, 0 as if it were not
            there. The recorded loss is never weighted.
        eval_set : tuple (X, y), optional
            Other samples, scored after each epoch into `eval_action_scores_`.
        **fit_params : dict
            Passed to `fit` of the net. `groups` (n_samples,) goes to its `ValidSplit` alone, which keeps each group on
            one side: ``train_split=ValidSplit(GroupKFold(5))``; the default net, and what is held out of the training
            of a learner that is no net, keep them together as well.

        Returns
        -------
        self : object
            Fitted.

        Raises
        ------
        IndexTrackingError, SampleLossError
            Before the first update, if the rows of a batch, or the losses of its samples, are unknown; the message
            says the remedy.
        NonFiniteLossError
            If a loss becomes NaN or infinite.
        """
        warm = hasattr(self, "estimator_") and getattr(self.estimator, "warm_start", False)
        return self._fit(X, y, sample_weight, eval_set, fit_params, method="fit", goes_on=warm)

    @available_if(lambda self: self._can_go_on())
    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self,
        X: Samples,
        y: Targets = None,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        eval_set: EvalSet = None,
        **fit_params: Any,
    ) -> Self:
        """Train on for the net's `max_epochs`; scores go on from where they were.

        Parameters
        ----------
        X, y : array-like
            As in `fit`: the same samples in the same order at each call, since a score belongs to a sample.
        classes : array-like of shape (n_classes,), optional
            All labels there are, if the first y does not hold them all; classifiers only.
        sample_weight, eval_set : optional
            As in `fit`.
        **fit_params : dict
            Passed to `partial_fit` of the net.

        Returns
        -------
        self : object
            Fitted.
        """
        goes_on = hasattr(self, "estimator_")
        return self._fit(
            X, y, sample_weight, eval_set, fit_params, method="partial_fit", goes_on=goes_on, classes=classes
        )

    def _fit(self, X, y, sample_weight, eval_set, fit_params, *, method, goes_on, classes=None):
        groups = fit_params.pop("groups", None) if self._takes_groups() else None
        if routing_enabled():
            fit_params = process_routing(self, method, **fit_params).estimator[method] if fit_params else {}
        with self._settled(goes_on):
            index = X.index if hasattr(X, "iloc") else None
            X, y, targets = self._check_data(X, y, classes, reset=not goes_on)
            weights = check_weights(sample_weight, n_samples_of(X))
            identity = identify(X, y, index)
            if goes_on:
                self._identity.check_same(identity)
            self._given, self._index, self._identity = y, index, identity
            data = FitData(X, targets, weights, groups, self._check_eval_set(eval_set), fit_params, method, goes_on)
            (self._fit_repeats if self.n_repeats > 1 or self._repeats else self._fit_once)(data)
            self._publish(X)
        return self

    def _split(self):
        """Return what decides which samples the net holds out; None if the net is the default one."""
        return getattr(self.estimator, "train_split", None)

    def _takes_groups(self):
        """Return True if rows of one group can be kept on one side of what the net holds out."""
        return self.estimator is None or isinstance(self._split(), ValidSplit)

    def _can_go_on(self):
        """Return True if the learner has more to learn from the samples that it has seen."""
        return True

    def _clone_net(self, X, targets, weights):
        """Return a clone of the user's net, which is never trained itself, or the default net.

        Raises
        ------
        TypeError
            If the estimator is a torch module or a class, and not a skorch net; the message shows how to make one.
        """
        if self.estimator is None:
            return self._build_net(X, targets, None if weights is None else weights.numpy())
        if not isinstance(self.estimator, NeuralNet):
            name = getattr(self.estimator, "__name__", type(self.estimator).__name__)
            raise TypeError(
                f"estimator must be {self._takes}, got {name}; wrap a torch module as "
                "skorch.NeuralNetClassifier(module, criterion=torch.nn.CrossEntropyLoss), an instance and not a class; "
                "for a training loop of your own there is ActionScoreTracker"
            )
        return clone(self.estimator)

    # -- using --------------------------------------------------------------------------------------------

    def _ask_net(self, method, X):
        check_is_fitted(self, "estimator_")
        if self._repeats:
            return self._ask_nets(method, X)
        with self._adapter.casting(self.estimator_, checked_X(self, X, reset=False)) as X:
            return ask(self.estimator_, method, X)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata is routed: `sample_weight` and `eval_set` stay here, the rest goes to the net."""
        router = MetadataRouter(owner=self).add_self_request(self)
        if self.estimator is not None:
            mapping = MethodMapping().add(caller="fit", callee="fit").add(caller="partial_fit", callee="partial_fit")
            router.add(estimator=self.estimator, method_mapping=mapping)
        return router

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        tags.input_tags.dict = True
        return tags
