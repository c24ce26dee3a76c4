"""The net behind ``estimator=None``: how well it finds wrong labels, and that units do not matter to it."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.metrics import average_precision_score

from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.regressor import ActionScoreRegressor


@pytest.mark.parametrize(("load", "least"), [(load_wine, 0.98), (load_breast_cancer, 0.9), (load_digits, 0.99)])
def test_flipped_labels_are_the_hardest(load, least):
    X, y = load(return_X_y=True)
    rng = np.random.default_rng(0)
    flipped = rng.random(len(y)) < 0.05
    y[flipped] = (y[flipped] + rng.integers(1, y.max() + 1, flipped.sum())) % (y.max() + 1)
    scores = ActionScoreClassifier(random_state=0).fit(X, y).action_scores_
    assert average_precision_score(flipped, scores) >= least


def test_unit_of_a_regression_target_scales_the_scores_alone():
    """A gradient has the unit squared: a fixed epsilon of Adam would stop a net whose targets are small."""
    X, y = load_diabetes(return_X_y=True)
    scores = ActionScoreRegressor(random_state=0).fit(X, y, epochs=10).action_scores_
    small = ActionScoreRegressor(random_state=0).fit(X, y * 1e-9, epochs=10).action_scores_
    np.testing.assert_allclose(small * 1e18, scores, rtol=1e-6)
