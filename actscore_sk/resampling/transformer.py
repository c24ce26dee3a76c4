"""A transformer: the difficulty of training samples as a feature, and the predicted difficulty of new samples."""

from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch import NeuralNet

from actscore_sk.data.containers import record_features
from actscore_sk.estimators.base import BaseActionScore
from actscore_sk.estimators.penultimate import penultimate_features
from actscore_sk.resampling.neighbours import default_regressor
from actscore_sk.scoring.cached_fit import fit_scorer
from actscore_sk.scoring.fitted_scorer import path_to
from actscore_sk.scoring.given_scores import check_given_scores, scores_instead
from actscore_sk.scoring.new_scorer import make_scorer
from actscore_sk.utils.random_states import fill_random_states
from actscore_sk.utils.sklearn_private import HasMethods, StrOptions, fit_context, routing_enabled
from actscore_sk.utils.typing import ArrayLike, Estimator, Floats, Labels, Memory, Samples, Seed, Targets


class ActionScoreTransformer(TransformerMixin, MetaEstimatorMixin, BaseEstimator):
    """Turn samples into their difficulty: measured for the training samples, predicted for new ones.

    Training a net scores the training samples. The score of a new sample is predicted, without its target, from the
    input of the net's last layer.

    Parameters
    ----------
    estimator : estimator, NeuralNet, ActionScoreTracker or None
        The scorer, as in `ActionScorePruner`; it is cloned.
    features : {"auto", "penultimate", "input"}
        Input of the prediction: the input of the net's last layer, or X. "auto": "penultimate" if a net was trained,
        "input" if another learner was, or if `action_scores` were passed.
    regressor : estimator or None
        Predicts the score; it is cloned. None: the mean over the ten nearest neighbours, weighted by the inverse of
        their distance, in at most ten principal directions of the features. It returns the own score of a training
        sample.
    cv : int, cross-validation generator or iterable
        Splits for `prediction_correlation_` and `prediction_r2_`. An int: the number of shuffled splits.
    memory : str, joblib.Memory or None
        As in `ActionScorePruner`.
    random_state : int, RandomState instance or None
        As in `ActionScorePruner`.

    Attributes
    ----------
    action_scores_ : ndarray of float64 (n_samples,)
        Scores of the training samples, higher = harder.
    prediction_correlation_ : float in [-1, 1]
        Spearman's rank correlation between the scores of the training samples and the predictions of regressors that
        were fitted without them. The net was trained on all of them, wrong targets included: with penultimate features
        the correlation is lower for new samples if labels are noisy.
    prediction_r2_ : float, at most 1
        Share of the variance of the scores that the same predictions explain.
    regressor_ : estimator
        Fitted on all training samples.
    estimator_ : estimator or None
        The fitted scorer; None if scores were passed.
    n_features_in_, feature_names_in_
        Only for X with features, and with string column names.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> X_train, X_new, y_train, _ = train_test_split(X, y, random_state=0)
    >>> transformer = ActionScoreTransformer(random_state=0).set_output(transform="pandas")
    >>> transformer.fit_transform(X_train, y_train).columns.tolist(), transformer.transform(X_new).shape
    (['action_score'], (143, 1))
    >>> round(transformer.prediction_correlation_, 1)
    0.8
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": "no_validation",  # its own message says how to make a scorer of a net
        "features": [StrOptions({"auto", "penultimate", "input"})],
        "regressor": [None, HasMethods(["fit", "predict"])],
        "cv": ["cv_object"],
        "memory": [None, str, HasMethods(["cache"])],
        "random_state": ["random_state"],
    }

    estimator_: Estimator
    regressor_: Estimator
    action_scores_: Floats
    prediction_r2_: float
    prediction_correlation_: float

    # Not in the signature of `fit`: that would say that weights count in the prediction, too.
    __metadata_request__fit: ClassVar[dict] = {"sample_weight": None}

    def __init__(
        self,
        estimator: Estimator = None,
        *,
        features: Literal["auto", "penultimate", "input"] = "auto",
        regressor: Estimator = None,
        cv: Any = 5,
        memory: Memory = None,
        random_state: Seed = None,
    ) -> None:
        self.estimator = estimator
        self.features = features
        self.regressor = regressor
        self.cv = cv
        self.memory = memory
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Samples, y: Targets = None, action_scores: ArrayLike | None = None, **fit_params: Any) -> Self:
        """Score the samples of X and learn to predict the score.

        Parameters
        ----------
        X : any kind that the scorer takes
            Samples.
        y : any kind that the scorer takes
            Targets.
        action_scores : array-like of shape (n_samples,), optional
            Scores to learn, higher = harder; no scorer is trained then.
        **fit_params : dict
            Passed to `fit` of the scorer, `sample_weight` among them.

        Returns
        -------
        self : object
            Fitted.

        Raises
        ------
        ValueError
            If `action_scores` are not one finite number per sample, or if there is no net for
            ``features="penultimate"``.
        """
        sample_weight = fit_params.pop("sample_weight", None)
        if routing_enabled() and fit_params:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        record_features(self, X)
        action_scores = scores_instead(self.estimator, action_scores)
        if action_scores is None:
            scorer = make_scorer(self.estimator, self.random_state)
            scored = fit_scorer(scorer, X, y, memory=self.memory, sample_weight=sample_weight, **fit_params)
            self.estimator_, self.action_scores_ = scored.scorer, scored.scores
        else:
            self.estimator_, self.action_scores_ = None, check_given_scores(action_scores, X)
        self._learn_to_predict(self._features(X, reset=True), self.action_scores_)
        return self

    def _learn_to_predict(self, features, scores):
        regressor = default_regressor(features) if self.regressor is None else clone(self.regressor)
        regressor = fill_random_states(regressor, self.random_state)
        # Shuffled: in sorted data a fold would be a class that the other folds do not hold.
        cv = KFold(self.cv, shuffle=True, random_state=0) if isinstance(self.cv, Integral) else self.cv
        predicted = cross_val_predict(regressor, features, scores, cv=cv)
        self.prediction_r2_ = float(r2_score(scores, predicted))
        is_constant = np.ptp(scores) == 0 or np.ptp(predicted) == 0
        self.prediction_correlation_ = 0.0 if is_constant else float(spearmanr(scores, predicted).statistic)
        self.regressor_ = regressor.fit(features, scores)

    def _features(self, X, *, reset=False):
        if self.features == "penultimate" and self.estimator_ is None:
            raise ValueError(
                "features='penultimate' needs a net, but action_scores were given; set features='input', or leave "
                "action_scores out"
            )
        if self.features == "input" or self.estimator_ is None or self._is_without_net():
            X = validate_data(self, X, reset=reset, accept_sparse="csr", allow_nd=True, dtype=np.float64)
            return X if sparse.issparse(X) else X.reshape(len(X), -1)
        *around, scorer = path_to(self.estimator_, "action_scores_")
        if not isinstance(scorer, BaseActionScore):
            raise ValueError(
                f"{type(scorer).__name__} has scores, but no net to take features from; set features='input'"
            )
        for outer in around:
            if isinstance(outer, Pipeline):
                X = outer[:-1].transform(X)
        return penultimate_features(scorer, X)

    def _is_without_net(self):
        """Return True if another learner than a net has the scores; raise ValueError if a net's features are asked."""
        scorer = path_to(self.estimator_, "action_scores_")[-1]
        is_without = isinstance(scorer, BaseActionScore) and not isinstance(scorer.estimator_, NeuralNet)
        if is_without and self.features == "penultimate":
            name = type(scorer.estimator_).__name__
            raise ValueError(f"features='penultimate' needs a net, but {name} gave the scores; set features='input'")
        return is_without

    def fit_transform(self, X: Samples, y: Targets = None, **params: Any) -> Any:
        """Fit, and return the scores of the training samples.

        Parameters
        ----------
        X : any kind that the scorer takes
            As in `fit`.
        y : any kind that the scorer takes
            As in `fit`.
        **params : dict
            As in `fit`.

        Returns
        -------
        scores : ndarray of float64 (n_samples, 1)
            Higher = harder.
        """
        return self.fit(X, y, **params).action_scores_.reshape(-1, 1).copy()

    def transform(self, X: Samples) -> Any:
        """Predict the score of each sample without its target.

        Parameters
        ----------
        X : any kind that the scorer takes
            Samples, training samples or new ones.

        Returns
        -------
        scores : ndarray of float64 (n_samples, 1)
            Higher = harder. The prediction assumes the target that is typical of similar training samples.
        """
        check_is_fitted(self, "regressor_")
        return self.regressor_.predict(self._features(X)).reshape(-1, 1)

    def get_feature_names_out(self, input_features: Any = None) -> Labels:
        """Return the name of the column.

        Parameters
        ----------
        input_features : ignored
            Part of scikit-learn's signature.

        Returns
        -------
        names : ndarray of str (1,)
            "action_score".
        """
        return np.array(["action_score"], dtype=object)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata is routed: weights and scores stay here, the rest goes to the scorer."""
        router = MetadataRouter(owner=self).add_self_request(self)
        if self.estimator is not None:
            router.add(estimator=self.estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        return router

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        tags.input_tags.dict = True
        return tags
