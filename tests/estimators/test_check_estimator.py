"""scikit-learn's own checks: none fails, none is expected to fail."""

import os
from unittest import SkipTest

import pytest
import torch
from estimator_cases import make_net
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from actscore_sk import ActionScoreClassifier, ActionScoreEstimator, ActionScoreRegressor


@parametrize_with_checks([ActionScoreClassifier(), ActionScoreRegressor(), ActionScoreEstimator()])
def test_sklearn_check(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        # array API input is an opt-in of SciPy's, to be set before Python starts
        if "array_api" not in str(check) or os.environ.get("SCIPY_ARRAY_API"):
            raise AssertionError(f"skipped: {reason}") from reason
        raise


# Each check makes its own data, but a user's net has a width: (features, classes) of the data that the check fits.
WIDTHS = {
    "check_classifier_data_not_an_array": (2, 2),
    "check_classifiers_classes": (2, 3),
    "check_classifiers_one_label_sample_weights": (10, 2),
    "check_dict_unchanged": (3, 3),
    "check_dont_overwrite_parameters": (3, 3),
    "check_estimators_dtypes": (5, 2),
    "check_estimators_fit_returns_self": (2, 3),
    "check_estimators_nan_inf": (3, 2),
    "check_estimators_overwrite_params": (2, 3),
    "check_estimators_partial_fit_n_features": (2, 3),
    "check_estimators_pickle": (3, 2),
    "check_f_contiguous_array_estimator": (3, 3),
    "check_fit2d_1feature": (1, 2),
    "check_fit2d_predict1d": (3, 3),
    "check_fit_check_is_fitted": (2, 2),
    "check_fit_idempotent": (2, 2),
    "check_fit_score_takes_y": (3, 3),
    "check_methods_sample_order_invariance": (3, 3),
    "check_methods_subset_invariance": (3, 3),
    "check_n_features_in": (2, 2),
    "check_n_features_in_after_fitting": (4, 3),
    "check_pipeline_consistency": (3, 2),
    "check_readonly_memmap_input": (2, 3),
    "check_sample_weight_equivalence_on_dense_data": (30, 3),
    "check_sample_weight_equivalence_on_sparse_data": (30, 3),
    "check_sample_weights_list": (3, 3),
    "check_sample_weights_not_an_array": (2, 2),
    "check_sample_weights_not_overwritten": (2, 2),
    "check_sample_weights_pandas_series": (2, 2),
    "check_sample_weights_shape": (2, 2),
    "check_supervised_y_2d": (3, 3),
}
WITHOUT_FIT = {
    "check_all_zero_sample_weights_error": (4, 3),
    "check_classifiers_one_label": (4, 3),
    "check_classifiers_regression_target": (4, 3),
    "check_complex_data": (4, 3),
    "check_do_not_raise_errors_in_init_or_set_params": (4, 3),
    "check_estimator_cloneable": (4, 3),
    "check_estimator_repr": (4, 3),
    "check_estimators_empty_data_messages": (4, 3),
    "check_estimators_unfitted": (4, 3),
    "check_fit1d": (4, 3),
    "check_get_params_invariance": (4, 3),
    "check_no_attributes_set_in_init": (4, 3),
    "check_set_params": (4, 3),
    "check_supervised_y_no_nan": (4, 3),
    "check_requires_y_none": (4, 3),
}


def named_checks():
    return {check.func.__name__: check for _, check in estimator_checks_generator(ActionScoreClassifier())}


@pytest.mark.parametrize("name", WIDTHS | WITHOUT_FIT)
def test_sklearn_check_on_a_users_net(name):
    n_features, n_classes = (WIDTHS | WITHOUT_FIT)[name]
    # Double precision in one batch: weights and repetitions agree to 1e-7.
    module = {"module__n_features": n_features, "module__n_outputs": n_classes, "module__dtype": torch.float64}
    net = make_net(**module, batch_size=-1, max_epochs=3, lr=0.5)
    check = named_checks().get(name)
    if check is None:
        pytest.skip(f"this scikit-learn has no {name}")
    check(ActionScoreClassifier(net, random_state=0))
