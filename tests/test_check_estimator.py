"""scikit-learn's own checks: none fails, none is expected to fail."""

import os
from unittest import SkipTest

import pytest
from estimator_cases import make_net, make_regression_net
from sklearn.base import clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from actscore_sk import ActionScoreClassifier, ActionScoreEstimator, ActionScoreRegressor


@parametrize_with_checks([ActionScoreClassifier(), ActionScoreRegressor(), ActionScoreEstimator()])
def test_sklearn_check(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        # array API inputs are an opt-in of SciPy's, set before it is imported
        if "array_api" not in str(check) or os.environ.get("SCIPY_ARRAY_API"):
            raise AssertionError(f"skipped: {reason}") from reason
        raise


# Checks that make data of any shape cannot pass on a user's net of fixed width; these fit what the data has or need no fit.
NET_CHECKS = (
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_estimators_unfitted",
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_param_validation",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_readonly_memmap_input",
)

# One width of input each: (check, features it makes, outputs it asks for).
FITTING_CHECKS = (
    ("check_estimators_dtypes", 5, 2),
    ("check_fit_score_takes_y", 3, 3),
    ("check_estimators_pickle", 2, 3),
    ("check_dict_unchanged", 3, 3),
    ("check_fit_idempotent", 2, 2),
    ("check_methods_subset_invariance", 3, 3),
    ("check_methods_sample_order_invariance", 3, 3),
    ("check_n_features_in_after_fitting", 4, 3),
    ("check_estimators_nan_inf", 5, 2),
)


@pytest.mark.parametrize("name", NET_CHECKS[:-1])
@pytest.mark.parametrize(
    "estimator",
    [ActionScoreClassifier(make_net()), ActionScoreRegressor(make_regression_net())],
    ids=["classifier", "regressor"],
)
def test_sklearn_check_with_a_net(estimator, name):
    getattr(estimator_checks, name)(type(estimator).__name__, clone(estimator))
