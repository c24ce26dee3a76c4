"""Base of the meta-estimators of this room: they fit an estimator in a special way, and pass predictions to it."""

from typing import Any

import numpy.typing as npt
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from actscore_sk.utils.sklearn_private import available_if, routing_enabled
from actscore_sk.utils.typing import Estimator, Labels, Samples


def _estimator_has(method):
    def check(self):
        # the fitted one if there is one: its methods may depend on the data
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


def same_methods() -> MethodMapping:
    """Return a mapping that passes the metadata of each method to the same method of the estimator."""
    mapping = MethodMapping()
    for method in ("fit", "predict", "predict_proba", "predict_log_proba", "decision_function", "transform"):
        mapping.add(caller=method, callee=method)
    return mapping


class DelegatingEstimator(MetaEstimatorMixin, BaseEstimator):
    """Base of estimators that predict with `estimator_`, a clone of `estimator`."""

    estimator: Estimator
    estimator_: Estimator

    def _delegate(self, method, X, params):
        check_is_fitted(self, "estimator_")
        if routing_enabled() and params:
            params = process_routing(self, method, **params).estimator[method]
        return getattr(self.estimator_, method)(X, **params)

    @available_if(_estimator_has("predict"))
    def predict(self, X: Samples, **params: Any) -> npt.NDArray[Any]:
        """Predict targets with the fitted estimator.

        Parameters
        ----------
        X : any kind that the estimator takes
            Samples.
        **params : dict
            Passed to `predict` of the estimator; by routing, if it is enabled.

        Returns
        -------
        y : ndarray (n_samples,) or (n_samples, n_outputs)
            Predicted targets.
        """
        return self._delegate("predict", X, params)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Samples, **params: Any) -> npt.NDArray[Any]:
        """Predict the probability of each class with the fitted estimator.

        Parameters
        ----------
        X : any kind that the estimator takes
            Samples.
        **params : dict
            Passed to `predict_proba` of the estimator; by routing, if it is enabled.

        Returns
        -------
        probabilities : ndarray (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return self._delegate("predict_proba", X, params)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Samples, **params: Any) -> npt.NDArray[Any]:
        """Predict the logarithm of the probability of each class with the fitted estimator.

        Parameters
        ----------
        X : any kind that the estimator takes
            Samples.
        **params : dict
            Passed to `predict_log_proba` of the estimator; by routing, if it is enabled.

        Returns
        -------
        log_probabilities : ndarray (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return self._delegate("predict_log_proba", X, params)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Samples, **params: Any) -> npt.NDArray[Any]:
        """Compute the decision function of the fitted estimator.

        Parameters
        ----------
        X : any kind that the estimator takes
            Samples.
        **params : dict
            Passed to `decision_function` of the estimator; by routing, if it is enabled.

        Returns
        -------
        decision : ndarray (n_samples,) or (n_samples, n_classes)
            Higher = more likely the class.
        """
        return self._delegate("decision_function", X, params)

    @available_if(_estimator_has("transform"))
    def transform(self, X: Samples, **params: Any) -> npt.NDArray[Any]:
        """Transform samples with the fitted estimator.

        Parameters
        ----------
        X : any kind that the estimator takes
            Samples.
        **params : dict
            Passed to `transform` of the estimator; by routing, if it is enabled.

        Returns
        -------
        X_transformed : ndarray (n_samples, n_features_out)
            Output of the estimator.
        """
        return self._delegate("transform", X, params)

    @property
    def classes_(self) -> Labels:
        """Labels of the fitted estimator; classifiers only."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Number of features that the fitted estimator saw."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> Labels:
        """Names of the features that the fitted estimator saw."""
        return self.estimator_.feature_names_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.estimator is None:  # an error at fit, and none when it is shown
            return tags
        inner = get_tags(self.estimator)
        tags.input_tags, tags.target_tags = inner.input_tags, inner.target_tags
        for kind in ("classifier_tags", "regressor_tags"):
            if getattr(tags, kind) is not None and getattr(inner, kind) is not None:
                setattr(tags, kind, getattr(inner, kind))
        return tags
