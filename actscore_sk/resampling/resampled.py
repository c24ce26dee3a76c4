"""Meta-estimators that resample inside `fit`, for pipelines whose steps must keep the number of rows."""

import inspect
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, clone
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from actscore_sk.data.containers import is_per_sample, n_samples_of
from actscore_sk.estimators.regressor import ActionScoreRegressor
from actscore_sk.resampling.base import BaseActionScoreSampler
from actscore_sk.resampling.delegating import DelegatingEstimator, same_methods
from actscore_sk.scoring.fit_params import fit_weighted, take_aligned, weight_keyword
from actscore_sk.utils.random_states import fill_random_states
from actscore_sk.utils.sklearn_private import HasMethods, check_sample_weight, fit_context, routing_enabled
from actscore_sk.utils.typing import ArrayLike, Estimator, Samples, Seed, Targets


class _Resampled(DelegatingEstimator):
    """Base of both: fit a sampler, then an estimator on the samples that it returns."""

    _parameter_constraints: ClassVar[dict] = {
        "sampler": [HasMethods(["fit_resample"])],
        "estimator": [HasMethods(["fit"])],
        "random_state": ["random_state"],
    }
    sampler_: Any

    def __init__(self, sampler: Any, estimator: Estimator, *, random_state: Seed = None) -> None:
        self.sampler = sampler
        self.estimator = estimator
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Samples, y: Targets = None, sample_weight: ArrayLike | None = None, **fit_params: Any) -> Self:
        """Resample X and y, and fit the estimator on the outcome.

        Parameters
        ----------
        X : any kind that the sampler and the estimator take
            Samples.
        y : any kind that the sampler and the estimator take
            Targets.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each sample. The estimator gets the weights of the resampled samples; the sampler gets all weights
            if it takes some.
        **fit_params : dict
            A parameter of `fit_resample`, such as `action_scores`, goes to the sampler. Any other goes to `fit` of the
            estimator, reduced to the resampled samples if it has one entry per sample. With metadata routing, each of
            the two gets the parameters that it requests.

        Returns
        -------
        self : object
            Fitted.

        Raises
        ------
        ValueError
            If the estimator takes no weights, or if the sampler makes new samples, for which there is no metadata.
        """
        sampler = fill_random_states(self._clone_sampler(), self.random_state)
        estimator = fill_random_states(clone(self.estimator), self.random_state)
        n_samples = n_samples_of(X)
        if sample_weight is not None and not routing_enabled():  # which refuses weights that nobody takes by itself
            weight_keyword(estimator)  # before anything is trained
        sample_weight = check_sample_weight(sample_weight, n_samples)
        for_sampler, for_estimator = self._shared_out(sampler, sample_weight, fit_params)
        X, y = sampler.fit_resample(X, y, **for_sampler)
        for_estimator = self._followed(sampler, for_estimator, n_samples)
        self.estimator_ = fit_weighted(estimator, X, y, **for_estimator)
        self.sampler_ = sampler
        return self

    def _clone_sampler(self):
        return clone(self.sampler)

    def _shared_out(self, sampler, sample_weight, fit_params):
        """Return the parameters for `fit_resample` of the sampler, and those for `fit` of the estimator."""
        if sample_weight is not None:
            fit_params = {"sample_weight": sample_weight, **fit_params}
        if routing_enabled():
            routed = process_routing(self, "fit", **fit_params) if fit_params else None
            return (routed.sampler.fit_resample, routed.estimator.fit) if routed else ({}, {})
        accepted = inspect.signature(sampler.fit_resample).parameters
        for_sampler = {name: value for name, value in fit_params.items() if name in accepted}
        only_there = set(for_sampler) - {"sample_weight"}
        return for_sampler, {name: value for name, value in fit_params.items() if name not in only_there}

    def _followed(self, sampler, for_estimator, n_samples):
        """Return the parameters of the estimator, with entries of samples reduced to the resampled samples."""
        if not any(is_per_sample(value, n_samples) for value in for_estimator.values()):
            return for_estimator
        indices = getattr(sampler, "sample_indices_", None)
        if indices is None:
            raise ValueError(
                f"{type(sampler).__name__} has no sample_indices_: it makes new samples, which have no sample_weight "
                "nor other metadata; leave the metadata out, or use a sampler that selects samples"
            )
        indices = np.asarray(indices)
        followed = take_aligned(for_estimator, indices, n_samples)
        if "sample_weight" in followed and getattr(sampler, "sample_weight_", None) is not None:
            followed["sample_weight"] = sampler.sample_weight_  # a part of a sample's weight may be dropped
        return followed

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata is routed: to `fit_resample` of the sampler and to the methods of the estimator."""
        to_sampler = MethodMapping().add(caller="fit", callee="fit_resample")
        router = MetadataRouter(owner=self).add_self_request(self).add(sampler=self.sampler, method_mapping=to_sampler)
        return router.add(estimator=self.estimator, method_mapping=same_methods())


class ResampledClassifier(ClassifierMixin, _Resampled):
    """Classify with an estimator that is trained on resampled data.

    A scikit-learn Pipeline takes no step that changes the number of rows, but this can be its last step. `predict`
    resamples nothing.

    Parameters
    ----------
    sampler : sampler
        `ActionScorePruner`, `ActionScoreCurriculum`, `ActionScoreResampler`, or any object with ``fit_resample(X, y)``,
        such as a sampler of imbalanced-learn; it is cloned.
    estimator : estimator
        Any classifier; it is cloned.
    random_state : int, RandomState instance or None
        Passed to every `random_state` in both that is None.

    Attributes
    ----------
    sampler_ : sampler
        The fitted sampler; its `sample_indices_` are the rows of X that the estimator saw.
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray (n_classes,)
        Of the estimator.
    n_features_in_, feature_names_in_
        Of the estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from actscore_sk.resampling.pruner import ActionScorePruner
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> pruned = ResampledClassifier(ActionScorePruner(threshold=0.05), LogisticRegression(), random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), pruned).fit(X, y)
    >>> pipeline[-1].sampler_.sample_indices_.shape, pipeline.predict(X).shape
    ((541,), (569,))
    """


class ResampledRegressor(RegressorMixin, _Resampled):
    """Regress with an estimator that is trained on resampled data.

    As `ResampledClassifier`; a sampler of this package with ``estimator=None`` scores with `ActionScoreRegressor`.

    Parameters
    ----------
    sampler : sampler
        As in `ResampledClassifier`; most of imbalanced-learn's need classes.
    estimator : estimator
        Any regressor; it is cloned.
    random_state : int, RandomState instance or None
        As in `ResampledClassifier`.

    Attributes
    ----------
    sampler_, estimator_, n_features_in_, feature_names_in_
        As in `ResampledClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from actscore_sk.resampling.pruner import ActionScorePruner
    >>> X, y = load_diabetes(return_X_y=True)
    >>> y[3] += 500.0                                        # a wrong target
    >>> pruned = ResampledRegressor(ActionScorePruner(threshold=0.02), Ridge(), random_state=0).fit(X, y)
    >>> 3 in pruned.sampler_.sample_indices_
    False
    """

    def _clone_sampler(self):
        sampler = clone(self.sampler)
        if isinstance(sampler, BaseActionScoreSampler) and sampler.estimator is None:
            sampler.set_params(estimator=ActionScoreRegressor())
        return sampler
