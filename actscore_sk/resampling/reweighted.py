"""Meta-estimators that turn difficulty into sample weights."""

from functools import partial
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, clone
from sklearn.utils.metadata_routing import MetadataRouter, process_routing

from actscore_sk.data.containers import n_samples_of
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.regressor import ActionScoreRegressor
from actscore_sk.resampling.delegating import DelegatingEstimator, same_methods
from actscore_sk.resampling.weighting import WEIGHTINGS, difficulty_weights
from actscore_sk.scoring.cached_fit import fit_scorer
from actscore_sk.scoring.class_labels import class_labels
from actscore_sk.scoring.fit_params import fit_weighted, weight_keyword
from actscore_sk.scoring.given_scores import check_given_scores, scores_instead
from actscore_sk.scoring.judging import decision_of, judge_among, make_judge
from actscore_sk.scoring.new_scorer import make_scorer
from actscore_sk.utils.random_states import fill_random_states
from actscore_sk.utils.sklearn_private import (
    HasMethods,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
    routing_enabled,
)
from actscore_sk.utils.typing import ArrayLike, Estimator, Floats, Memory, Samples, Seed, Targets, Weighting


class _Reweighted(DelegatingEstimator):
    """Base of both: score the samples, weigh them, fit the estimator with the weights."""

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit"])],
        "scorer": "no_validation",  # its own message says how to make a scorer of a net
        "weighting": [StrOptions(set(WEIGHTINGS)), callable],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "memory": [None, str, HasMethods(["cache"])],
        "random_state": ["random_state"],
    }
    _default_scorer: ClassVar[type]
    scorer_: Estimator
    action_scores_: Floats
    sample_weight_: Floats

    def __init__(
        self,
        estimator: Estimator,
        *,
        scorer: Estimator = None,
        weighting: Weighting | Literal["trust"] = "easy",
        temperature: float = 1.0,
        memory: Memory = None,
        random_state: Seed = None,
    ) -> None:
        self.estimator = estimator
        self.scorer = scorer
        self.weighting = weighting
        self.temperature = temperature
        self.memory = memory
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Samples,
        y: Targets = None,
        sample_weight: ArrayLike | None = None,
        action_scores: ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self:
        """Score the samples, then fit the estimator with weights made of the scores.

        Parameters
        ----------
        X : any kind that the scorer and the estimator take
            Samples.
        y : any kind that the scorer and the estimator take
            Targets.
        sample_weight : array-like of shape (n_samples,), optional
            Passed to the scorer, and multiplied by the weights for the estimator.
        action_scores : array-like of shape (n_samples,), optional
            Scores to weigh by, higher = harder; no scorer is trained then.
        **fit_params : dict
            Passed to `fit` of the estimator.

        Returns
        -------
        self : object
            Fitted.

        Raises
        ------
        ValueError
            If the estimator takes no weights, if `action_scores` are not one finite number per sample, or if a callable
            weighting returns no valid weights.
        """
        estimator = fill_random_states(clone(self.estimator), self.random_state)
        weight_keyword(estimator)  # before anything is trained
        n_samples = n_samples_of(X)
        if routing_enabled() and fit_params:
            fit_params = dict(process_routing(self, "fit", **fit_params).estimator.fit)
            own_weight = fit_params.pop("sample_weight", None)  # requested by another name
            sample_weight = own_weight if sample_weight is None else sample_weight
        sample_weight = check_sample_weight(sample_weight, n_samples)
        scores = self._score(X, y, sample_weight, action_scores, n_samples)
        weights = self._weigh(scores, sample_weight)
        weights = weights if sample_weight is None else weights * sample_weight
        self.estimator_ = fit_weighted(estimator, X, y, weights, **fit_params)
        self.action_scores_, self.sample_weight_ = scores, weights
        return self

    def _score(self, X, y, sample_weight, action_scores, n_samples):
        self.scorer_ = None
        action_scores = scores_instead(self.scorer, action_scores)
        if action_scores is not None:
            return check_given_scores(action_scores, X)
        scorer = self._make_scorer()
        class_labels(X, y, scorer)  # refuses several labels per sample before anything is trained
        scored = fit_scorer(scorer, X, y, memory=self.memory, sample_weight=sample_weight)
        self.scorer_ = scored.scorer
        return scored.scores

    def _make_scorer(self):
        return make_scorer(self.scorer, self.random_state, self._default_scorer)

    def _weigh(self, scores, sample_weight):
        return difficulty_weights(scores, self.weighting, temperature=self.temperature, sample_weight=sample_weight)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata is routed: weights and scores stay here, the rest goes to the estimator."""
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=same_methods())


class ReweightedClassifier(ClassifierMixin, _Reweighted):
    """Classify with an estimator that is trained with weights made of difficulty.

    Parameters
    ----------
    estimator : estimator
        Any classifier that takes `sample_weight`, or a Pipeline whose last step does; it is cloned.
    scorer : estimator, NeuralNet, ActionScoreTracker or None
        Scores the samples: `ActionScoreClassifier`, a skorch net, or a Pipeline that ends in one; it is cloned. None:
        ``ActionScoreClassifier()``. An `ActionScoreTracker` of the same samples is not fitted: its scores are taken.
    weighting : {"hard", "easy", "middle", "trust"} or callable
        Samples that count more. The weight is ``exp(f(u) / temperature)``, where u in (0, 1) is the share of samples
        that are easier, and f(u) is u, 1 - u or 1 - abs(2 u - 1). A callable maps scores (n_samples,) to weights.
        "trust": each sample counts by the probability that its label is right, ``1 - wrong_label_proba_`` of the
        scorer, which gets ``store_probabilities=True``; all alike, with a warning, if nothing can be decided.
    temperature : float
        Above 0; the smaller, the more unequal: no weight is more than ``exp(1 / temperature)`` times another.
    memory : str, joblib.Memory or None
        Place to keep fitted scorers, so that a search over the other parameters scores each part of the data once.
    random_state : int, RandomState instance or None
        Passed to every `random_state` in scorer and estimator that is None.

    Attributes
    ----------
    sample_weight_ : ndarray of float64 (n_samples,)
        Weights that the estimator was trained with: 1 on average, or with the user's weights, their sum in sum.
    action_scores_ : ndarray of float64 (n_samples,)
        Higher = harder.
    scorer_ : estimator or None
        The fitted scorer; None if scores were passed.
    estimator_ : estimator
        The fitted estimator.
    classes_, n_features_in_, feature_names_in_
        Of the estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> trees = HistGradientBoostingClassifier(max_iter=10)
    >>> clf = ReweightedClassifier(trees, weighting="easy", random_state=0).fit(X, y)
    >>> bool(clf.sample_weight_[clf.action_scores_.argmax()] < clf.sample_weight_.mean())
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **_Reweighted._parameter_constraints,
        "weighting": [StrOptions({*WEIGHTINGS, "trust"}), callable],
    }
    _default_scorer = ActionScoreClassifier

    def _score(self, X, y, sample_weight, action_scores, n_samples):
        if self._trusts and action_scores is not None:
            raise ValueError(
                'weighting="trust" goes by what the scorer says of labels, which action_scores do not; leave them out'
            )
        if self._trusts:
            self._make_scorer()  # one that cannot judge is refused before anything is trained
        return super()._score(X, y, sample_weight, action_scores, n_samples)

    @property
    def _trusts(self):
        return isinstance(self.weighting, str) and self.weighting == "trust"

    def _make_scorer(self):
        return make_judge(self.scorer, self.random_state) if self._trusts else super()._make_scorer()

    def _weigh(self, scores, sample_weight):
        if not self._trusts:
            return super()._weigh(scores, sample_weight)
        wrong = decision_of(judge_among(self.scorer, self.scorer_), "wrong_label_proba_")
        # a sample whose visits count for nothing is as trusted as the others
        wrong = np.zeros(len(scores)) if wrong is None else np.nan_to_num(wrong, nan=float(np.nanmean(wrong)))
        trust = partial(np.subtract, 1)
        return difficulty_weights(wrong, trust, temperature=self.temperature, sample_weight=sample_weight)


class ReweightedRegressor(RegressorMixin, _Reweighted):
    """Regress with an estimator that is trained with weights made of difficulty.

    Parameters
    ----------
    estimator : estimator
        Any regressor that takes `sample_weight`, or a Pipeline whose last step does; it is cloned.
    scorer : estimator, NeuralNet, ActionScoreTracker or None
        None: ``ActionScoreRegressor()``.
    weighting : {"hard", "easy", "middle"} or callable
        As in `ReweightedClassifier`.
    temperature : float
        As in `ReweightedClassifier`.
    memory : str, joblib.Memory or None
        As in `ReweightedClassifier`.
    random_state : int, RandomState instance or None
        As in `ReweightedClassifier`.

    Attributes
    ----------
    sample_weight_, action_scores_, scorer_, estimator_, n_features_in_, feature_names_in_
        As in `ReweightedClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = ReweightedRegressor(Ridge(), weighting="middle", random_state=0).fit(X, y)
    >>> float(reg.sample_weight_.mean().round(12))
    1.0
    """

    _default_scorer = ActionScoreRegressor
