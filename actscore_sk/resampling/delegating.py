"""What the meta-estimators of this room share: an estimator that is fitted in a special way predicts as it is."""

from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from actscore_sk.utils.sklearn_private import routing_enabled


def _estimator_has(method):
    def check(self):
        # asked of the fitted one if there is one: what it has may depend on the data
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


class DelegatingEstimator(MetaEstimatorMixin, BaseEstimator):
    """Base of estimators that predict with `estimator_`, a clone of `estimator`."""

    def _delegate(self, method, X, params):
        check_is_fitted(self, "estimator_")
        if routing_enabled() and params:
            params = process_routing(self, method, **params).estimator[method]
        return getattr(self.estimator_, method)(X, **params)

    @available_if(_estimator_has("predict"))
    def predict(self, X, **params):
        """Return what `predict` of the fitted estimator returns for X."""
        return self._delegate("predict", X, params)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X, **params):
        """Return what `predict_proba` of the fitted estimator returns for X."""
        return self._delegate("predict_proba", X, params)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X, **params):
        """Return what `predict_log_proba` of the fitted estimator returns for X."""
        return self._delegate("predict_log_proba", X, params)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X, **params):
        """Return what `decision_function` of the fitted estimator returns for X."""
        return self._delegate("decision_function", X, params)

    @available_if(_estimator_has("transform"))
    def transform(self, X, **params):
        """Return what `transform` of the fitted estimator returns for X."""
        return self._delegate("transform", X, params)

    @property
    def classes_(self):
        """Labels of the fitted estimator; classifiers only."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self):
        """Number of features that the fitted estimator saw."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the features that the fitted estimator saw."""
        return self.estimator_.feature_names_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags, tags.target_tags = inner.input_tags, inner.target_tags
        for kind in ("classifier_tags", "regressor_tags"):
            if getattr(tags, kind) is not None and getattr(inner, kind) is not None:
                setattr(tags, kind, getattr(inner, kind))
        return tags
