"""scikit-learn's own checks with each of its learners inside: none fails that the learner alone passes."""

from unittest import SkipTest

import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from actscore_sk import ActionScoreClassifier, ActionScoreRegressor

# A user's mistakes that a learner warns of are not what is looked at here.
pytestmark = pytest.mark.filterwarnings("ignore")

CLASSIFIERS = [
    GradientBoostingClassifier(n_estimators=5),
    HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5),
    AdaBoostClassifier(n_estimators=5),
    SGDClassifier(loss="log_loss", max_iter=20),
    Perceptron(max_iter=20),
    MLPClassifier((10,), max_iter=100, learning_rate_init=0.02),
    GaussianNB(),
    MultinomialNB(),
    make_pipeline(StandardScaler(), SGDClassifier(max_iter=20)),
]
REGRESSORS = [
    GradientBoostingRegressor(n_estimators=5),
    HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5),
    AdaBoostRegressor(n_estimators=5),
    SGDRegressor(max_iter=20),
    MLPRegressor(hidden_layer_sizes=(10,), max_iter=100, learning_rate_init=0.02),
]


def fails(check, estimator):
    try:
        check(estimator)
    except SkipTest as reason:
        pytest.skip(f"as for the learner alone: {reason}")
    except Exception as error:
        return error
    return None


@parametrize_with_checks([*map(ActionScoreClassifier, CLASSIFIERS), *map(ActionScoreRegressor, REGRESSORS)])
def test_no_check_fails_that_the_learner_alone_passes(estimator, check):
    error = fails(check, estimator)
    # Some fail alone, as scikit-learn knows: weights and repetitions are not alike where samples are drawn.
    if error is not None and not fails(check, estimator.estimator):
        raise error
