"""scikit-learn's and imbalanced-learn's own checks of what resamples: none fails, none is expected to fail."""

import inspect
import os
from unittest import SkipTest

import pytest
from imblearn.utils.estimator_checks import estimator_checks_generator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from actscore_sk import (
    ActionScoreCurriculum,
    ActionScorePruner,
    ActionScoreRelabeler,
    ActionScoreResampler,
    ActionScoreTransformer,
    ResampledClassifier,
    ResampledRegressor,
    ReweightedClassifier,
    ReweightedRegressor,
)
from actscore_sk.estimators import default_net

# The checks have few rows, of random labels: what is said of them is looked at elsewhere.
pytestmark = [
    pytest.mark.filterwarnings("ignore:only [0-9]+ rows were held out"),
    pytest.mark.filterwarnings("ignore:all labels are taken as right"),
    pytest.mark.filterwarnings("ignore:wrong labels and hard rows look alike"),
]


@pytest.fixture(autouse=True)
def few_epochs(monkeypatch):
    """The checks look at the protocol; how well the default net is trained is looked at elsewhere."""
    monkeypatch.setattr(default_net, "_EPOCHS", (4, 4))


# A seed, because imbalanced-learn compares two fits.
SAMPLERS = [
    ActionScorePruner(random_state=0),
    ActionScoreCurriculum(random_state=0),
    ActionScoreResampler(random_state=0),
    ActionScoreRelabeler(random_state=0),
]
# Enough iterations: a check of imbalanced-learn draws its samples without a seed, and 100 do not suffice for all draws.
CLASSIFIERS = [
    # enough iterations for any weights and any part of the data: a warning is an error here
    ResampledClassifier(ActionScorePruner(), LogisticRegression(max_iter=1000)),
    ReweightedClassifier(LogisticRegression(max_iter=1000)),
]
OTHERS = [
    ResampledRegressor(ActionScorePruner(), Ridge()),
    ReweightedRegressor(Ridge()),
    ActionScoreTransformer(),
]


def run(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        # array API input is an opt-in of SciPy's, to be set before Python starts
        if "array_api" not in str(check) or os.environ.get("SCIPY_ARRAY_API"):
            raise AssertionError(f"skipped: {reason}") from reason
        raise


@parametrize_with_checks([*SAMPLERS, *CLASSIFIERS, *OTHERS])
def test_sklearn_check(estimator, check):
    run(estimator, check)


def name_of(part):
    return type(part).__name__ if hasattr(part, "fit") else part.func.__name__


# imbalanced-learn's own decorator hands pytest a generator, which pytest deprecates
IMBLEARN_CHECKS = [pair for estimator in [*SAMPLERS, *CLASSIFIERS] for pair in estimator_checks_generator(estimator)]


@pytest.mark.parametrize(("estimator", "check"), IMBLEARN_CHECKS, ids=name_of)
def test_imblearn_check(estimator, check):
    run(estimator, check)


@pytest.mark.parametrize("estimator", [*SAMPLERS, *CLASSIFIERS, *OTHERS], ids=name_of)
def test_every_parameter_has_a_constraint(estimator):
    parameters = inspect.signature(type(estimator).__init__).parameters
    assert {"self", *estimator._parameter_constraints} == set(parameters)
