"""The net behind ``estimator=None``: how well it finds wrong labels, and that units do not matter to it."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.metrics import average_precision_score

from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.default_net import default_net
from actscore_sk.estimators.perceptron import Perceptron
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
    small = ActionScoreRegressor(random_state=0).fit(X, y * 1e-15, epochs=10).action_scores_
    np.testing.assert_allclose(small * 1e30, scores, rtol=1e-6)


def test_units_of_the_features_do_not_matter():
    """Of picofarads in farads, a column is no constant one."""
    X, y = load_wine(return_X_y=True)
    in_all_units = [ActionScoreClassifier(random_state=0).fit(X * 2.0**k, y, epochs=2) for k in (0, -100, 90)]
    for other in in_all_units[1:]:
        np.testing.assert_allclose(other.action_scores_, in_all_units[0].action_scores_, rtol=1e-9)


@pytest.mark.parametrize(("n_rows", "batch_size", "second"), [(100_000, 1024, 80), (100_001, 2048, 64)])
def test_many_rows_have_a_rule_of_their_own(n_rows, batch_size, second):
    X = np.broadcast_to(np.arange(20.0), (n_rows, 20))
    net = default_net(X, X[:, 0], None, kind="regression")
    assert (net.batch_size, net.module__widths) == (batch_size, (80, second))


@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_a_net_in_single_precision_sees_small_differences_of_large_numbers(kind):
    X = (1e9 + 100 * np.random.default_rng(0).normal(size=(50, 2))).astype(kind)
    net = Perceptron(X.mean(0), X.std(0), (4, 4), 1, dtype=torch.float32)
    standardised = (X - X.mean(0)) / X.std(0)
    expected = standardised / np.sqrt(1 + (standardised / 2) ** 2)
    np.testing.assert_allclose(net.squashed(torch.as_tensor(X)), expected, atol=1e-6)
