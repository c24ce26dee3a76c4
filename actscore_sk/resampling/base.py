"""Base of the samplers: score the samples, select some, return them in the kind that they came in."""

from typing import Any, ClassVar, Self

import numpy as np
from imblearn.base import BaseSampler
from sklearn.base import MetaEstimatorMixin, is_classifier
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from actscore_sk.data.containers import n_samples_of, record_features, take_rows
from actscore_sk.resampling.no_transform import NoTransform
from actscore_sk.scoring.cached_fit import Scored, fit_scorer
from actscore_sk.scoring.class_labels import class_labels, ranks_within_class
from actscore_sk.scoring.given_scores import check_given_scores, scores_instead
from actscore_sk.scoring.judging import judge_among
from actscore_sk.scoring.new_scorer import make_scorer
from actscore_sk.utils.sklearn_private import HasMethods, check_sample_weight, fit_context, routing_enabled
from actscore_sk.utils.typing import ArrayLike, Estimator, Floats, Positions, Samples, Targets


class BaseActionScoreSampler(MetaEstimatorMixin, BaseSampler):
    """Base of the samplers; a subclass selects samples in `_select`.

    It has imbalanced-learn's grammar and not its limits: X may have any number of dimensions or be several arrays, and
    y may hold numbers.
    """

    # imbalanced-learn's base class is needed for metadata routing alone: at its import it adds `fit_resample` to the
    # methods that scikit-learn routes, a private list, without which there is no `set_fit_resample_request`.

    _parameter_constraints: ClassVar[dict] = {
        "estimator": "no_validation",  # its own message says how to make a scorer of a net
        "memory": [None, str, HasMethods(["cache"])],
        "random_state": ["random_state"],
    }

    transform: NoTransform = NoTransform()

    sample_indices_: Positions
    sample_weight_: Floats | None
    action_scores_: Floats
    class_ranks_: Floats
    sampling_strategy_: dict[Any, int]

    def _select(self, scores, labels, weights, rng):
        """Select samples.

        Parameters
        ----------
        scores : ndarray of float64 (n_samples,)
            Higher = harder.
        labels : ndarray of int64 (n_samples,) or None
            Class of each sample, numbered from 0; None if y holds no classes.
        weights : ndarray of float64 (n_samples,) or None
            Weights that the user passed.
        rng : RandomState
            Seeded by `random_state`.

        Returns
        -------
        indices : ndarray of int64 (n_selected,)
            Positions in X.
        weights : ndarray of float64 (n_selected,) or None
            Weights of the selected samples; None if the user passed none.
        """
        raise NotImplementedError

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Samples, y: Targets = None, **params: Any) -> Self:
        """Score the samples and select, but return no samples; `fit_resample` does both.

        Parameters
        ----------
        X : any kind
            As in `fit_resample`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As in `fit_resample`.
        **params : dict
            As in `fit_resample`. A Pipeline routes metadata to that method only: set requests for it.

        Returns
        -------
        self : object
            Fitted.
        """
        self._fit_resample(X, y, **params)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit_resample(
        self,
        X: Samples,
        y: Targets = None,
        action_scores: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        **fit_params: Any,
    ) -> tuple[Samples, Targets]:
        """Score the samples and return some of them.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, dict or tuple of arrays, tensor or Dataset
            Samples along the first dimension, of any kind that the scorer takes, or of any kind at all if
            `action_scores` are passed.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of any kind that the scorer takes; may be None for a Dataset that holds them.
        action_scores : array-like of shape (n_samples,), optional
            Scores to select by, higher = harder; nothing is trained then. imbalanced-learn's Pipeline passes them only
            with metadata routing (``set_fit_resample_request(action_scores=True)``), `ResampledClassifier` always.
        sample_weight : array-like of shape (n_samples,), optional
            Passed to the scorer. A sample of weight 2 counts as two; see `sample_weight_`.
        **fit_params : dict
            Passed to `fit` of the scorer.

        Returns
        -------
        X_resampled : same kind as X
            The selected samples: rows `sample_indices_` of X.
        y_resampled : same kind as y
            Their targets.

        Raises
        ------
        ValueError
            If `action_scores` are not one finite number per sample, if a sample gets no score, or if a class would be
            lost.
        TypeError
            If the estimator has no scores after `fit`.
        """
        return self._fit_resample(X, y, action_scores, sample_weight, **fit_params)

    def _fit_resample(self, X, y, action_scores=None, sample_weight=None, **fit_params):
        if routing_enabled() and fit_params:
            fit_params = process_routing(self, "fit_resample", **fit_params).estimator.fit
        n_samples = n_samples_of(X)
        if y is not None:
            check_consistent_length(np.empty(n_samples), np.empty(n_samples_of(y)))
        record_features(self, X)
        weights = check_sample_weight(sample_weight, n_samples)
        goes_by_given_scores = action_scores is not None
        action_scores = scores_instead(self.estimator, action_scores)
        scorer = self._make_scorer()
        self._labels = labels = class_labels(X, y, scorer, is_scored=action_scores is None)
        self._scored = self._score(scorer, X, y, labels, action_scores, weights, fit_params)
        self._judge = None if goes_by_given_scores else judge_among(self.estimator, self._scored.scorer)
        self.action_scores_ = scores = self._scored.scores
        classes, codes = ((), None) if labels is None else np.unique(labels, return_inverse=True)
        rng = check_random_state(self.random_state)
        indices, self.sample_weight_ = self._select(scores, codes, weights, rng)
        # imbalanced-learn's name for the number of samples of each class after resampling
        self.sampling_strategy_ = self._count_kept(classes, codes, indices, weights)
        self.sample_indices_ = indices
        self.class_ranks_ = ranks_within_class(scores, codes)
        return take_rows(X, indices), self._take_targets(y, indices)

    def _make_scorer(self):
        return make_scorer(self.estimator, self.random_state)

    def _take_targets(self, y, indices):
        return take_rows(y, indices)

    def _score(self, scorer, X, y, labels, action_scores, weights, fit_params):
        if action_scores is not None:
            return Scored(check_given_scores(action_scores, X))
        y = labels if is_classifier(scorer) and labels is not None and y is not None else y
        return fit_scorer(scorer, X, y, memory=self.memory, sample_weight=weights, **fit_params)

    def _count_kept(self, classes, codes, indices, weights):
        """Return the number of selected samples per class; raise ValueError if one would be lost."""
        if not len(indices):
            raise ValueError(f"{type(self).__name__} would leave no sample at all; {self._hint}")
        if codes is None:
            return {}
        present = np.bincount(codes if weights is None else codes[weights > 0], minlength=len(classes))
        kept = np.bincount(codes[indices], minlength=len(classes))
        lost = np.flatnonzero((present > 0) & (kept == 0))
        if len(lost):
            raise ValueError(
                f"{type(self).__name__} would leave no sample of class {classes[lost].tolist()[0]!r}, which has "
                f"{present[lost[0]]}; {self._hint}. If y holds numbers and no classes, pass "
                "estimator=ActionScoreRegressor()"
            )
        return {label: count for label, count in zip(classes.tolist(), kept.tolist(), strict=True) if count}

    @property
    def estimator_(self) -> Estimator:
        """The fitted scorer; None if scores were passed, or came from a tracker."""
        check_is_fitted(self)
        return self._scored.scorer

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata is routed: `action_scores` and `sample_weight` stay here, the rest goes to the scorer."""
        router = MetadataRouter(owner=self).add_self_request(self)
        if self.estimator is not None:
            mapping = MethodMapping().add(caller="fit_resample", callee="fit")
            router.add(estimator=self.estimator, method_mapping=mapping)
        return router

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        tags.input_tags.three_d_array = True
        tags.input_tags.dict = True
        return tags
