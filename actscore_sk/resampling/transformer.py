"""A transformer: the difficulty of training samples as a feature, and the predicted one of new samples."""

from numbers import Integral
from typing import ClassVar

import numpy as np
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.decomposition import TruncatedSVD
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted, validate_data
from torch.utils.data import Dataset

from actscore_sk.data.containers import is_parts
from actscore_sk.estimators.penultimate import penultimate_features
from actscore_sk.scoring.scorer import check_given_scores, fit_scorer, make_scorer, seeded
from actscore_sk.utils.sklearn_private import HasMethods, StrOptions, fit_context, routing_enabled

N_NEIGHBORS = N_DIRECTIONS = 10


class ActionScoreTransformer(TransformerMixin, MetaEstimatorMixin, BaseEstimator):
    """Turn samples into their difficulty: measured for the training samples, predicted for new ones.

    The scores of the training samples come from training a net on them. For new samples, whose targets need not be
    known, the score is regressed on what the net makes of them before its last layer.

    Parameters
    ----------
    estimator : estimator, NeuralNet or None
        The scorer, as in `ActionScorePruner`; it is cloned.
    features : {"auto", "penultimate", "input"}
        What the score is predicted from: the input of the net's last layer, or X. "auto": the former if a net was
        trained, the latter if `action_scores` were given.
    regressor : estimator or None
        Predicts the score; it is cloned. None: the mean over the ten nearest neighbours, weighted by the inverse of
        their distance, in at most ten principal directions of the features. It gives training samples back their own
        score.
    cv : int, cross-validation generator or iterable
        Splits, an int: shuffled ones, for `prediction_correlation_` and `prediction_r2_`.
    memory, random_state
        As in `ActionScorePruner`.

    Attributes
    ----------
    action_scores_ : ndarray of float64 (n_samples,)
        Of the training samples, higher = harder.
    prediction_correlation_ : float in [-1, 1]
        Spearman's rank correlation between the scores of the training samples and those predicted for them by a
        regressor that has not seen theirs. The net has, wrong targets included: with penultimate features the
        correlation for new samples is lower where the labels are noisy.
    prediction_r2_ : float, at most 1
        Share of their variance that is predicted, in the same way.
    regressor_ : estimator
        Fitted on all training samples.
    estimator_ : estimator or None
        The fitted scorer; None if scores were given.
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

    # Not in the signature of `fit`: that would say that weights count in the prediction, too.
    __metadata_request__fit: ClassVar[dict] = {"sample_weight": None}

    def __init__(self, estimator=None, *, features="auto", regressor=None, cv=5, memory=None, random_state=None):
        self.estimator = estimator
        self.features = features
        self.regressor = regressor
        self.cv = cv
        self.memory = memory
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, action_scores=None, **fit_params):
        """Score the samples of X and learn to predict the score.

        Parameters
        ----------
        X, y : of any kind that the scorer takes
            Samples and their targets.
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
            If `action_scores` are not one finite number a sample, or there is no net for ``features="penultimate"``.
        """
        sample_weight = fit_params.pop("sample_weight", None)
        if routing_enabled() and fit_params:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        if not isinstance(X, Dataset) and not is_parts(X):
            validate_data(self, X, skip_check_array=True)
        if action_scores is None:
            scorer = make_scorer(self.estimator, self.random_state)
            scored = fit_scorer(scorer, X, y, memory=self.memory, sample_weight=sample_weight, **fit_params)
            self.estimator_, self.action_scores_ = scored.scorer, scored.scores
        else:
            self.estimator_, self.action_scores_ = None, check_given_scores(action_scores, X)
        self._learn_to_predict(self._features(X, reset=True), self.action_scores_)
        return self

    def _learn_to_predict(self, features, scores):
        regressor = _default_regressor(features) if self.regressor is None else clone(self.regressor)
        regressor = seeded(regressor, self.random_state)
        # Shuffled: in sorted data a fold would be a class that the others do not hold.
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
        if self.features == "input" or self.estimator_ is None:
            X = validate_data(self, X, reset=reset, accept_sparse="csr", allow_nd=True, dtype=np.float64)
            return X if sparse.issparse(X) else X.reshape(len(X), -1)
        scorer = self.estimator_
        while not hasattr(scorer, "action_scores_"):
            if isinstance(scorer, Pipeline):
                X, scorer = scorer[:-1].transform(X), scorer[-1]
            else:
                scorer = scorer.best_estimator_
        return penultimate_features(scorer, X)

    def fit_transform(self, X, y=None, **params):
        """Fit, and return the scores of the training samples.

        Parameters
        ----------
        X, y, **params
            As in `fit`.

        Returns
        -------
        scores : ndarray of float64 (n_samples, 1)
            Higher = harder.
        """
        return self.fit(X, y, **params).action_scores_.reshape(-1, 1).copy()

    def transform(self, X):
        """Predict the score of each sample; targets are not needed.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        scores : ndarray of float64 (n_samples, 1)
            Higher = harder; what it would be with the target that samples of its kind mostly have.
        """
        check_is_fitted(self, "regressor_")
        return self.regressor_.predict(self._features(X)).reshape(-1, 1)

    def get_feature_names_out(self, input_features=None):
        """Return the name of the column.

        Parameters
        ----------
        input_features : ignored
            There for scikit-learn.

        Returns
        -------
        names : ndarray of str (1,)
            "action_score".
        """
        return np.array(["action_score"], dtype=object)

    def get_metadata_routing(self):
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


def _default_regressor(features):
    # A tree computes distances from differences, so that a row is at distance 0 of itself to the last bit or so, and is
    # fast in few dimensions. with_mean=False: distances stay the same, and sparse features sparse.
    n_neighbors = min(N_NEIGHBORS, max(1, features.shape[0] // 2))  # no more than a fold of two has
    neighbors = KNeighborsRegressor(n_neighbors, weights="distance", algorithm="kd_tree")
    if features.shape[1] <= N_DIRECTIONS:
        dense = FunctionTransformer(_to_dense, accept_sparse=True)
        return make_pipeline(dense, StandardScaler(), neighbors)
    directions = TruncatedSVD(N_DIRECTIONS, random_state=0)
    return make_pipeline(StandardScaler(with_mean=False), directions, neighbors)


def _to_dense(features):
    return features.toarray() if sparse.issparse(features) else features
