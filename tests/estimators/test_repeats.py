"""Several nets in one fit: each is that of a single fit with its seed, and results are means over them."""

import numpy as np
import pytest
from estimator_cases import make_data, make_net, make_regression_net
from sklearn.base import clone
from sklearn.datasets import load_digits

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreEstimator,
    ActionScoreRegressor,
    HardExampleSampler,
)

X, y = load_digits(return_X_y=True)
X, y = X[:300, 10:30], y[:300]


def single(repeated, number, *data, **fit_params):
    """Fit once with the seed of one of the repeats."""
    seed = int(repeated.repeat_seeds_[number])
    return clone(repeated).set_params(n_repeats=1, random_state=seed).fit(*data, **fit_params)


@pytest.mark.parametrize(
    ("estimator", "data", "fit_params"),
    {
        "default classifier": (ActionScoreClassifier(), (X, y), {"epochs": 3}),
        "default regressor": (ActionScoreRegressor(), (X[:, 1:], X[:, 0]), {"epochs": 3}),
        "default multi-label": (ActionScoreEstimator(), (X, (X[:, :3] > 5).astype(int)), {"epochs": 3}),
        "net with a split": (ActionScoreClassifier(make_net()), make_data(), {}),
        "weights": (ActionScoreClassifier(), (X, y), {"epochs": 2, "sample_weight": np.arange(len(y)) % 3}),
        "sampler": (ActionScoreClassifier(train_sampler=HardExampleSampler(), reduction="mean"), (X, y), {"epochs": 3}),
        "epoch end": (ActionScoreRegressor(make_regression_net(), recording="epoch_end"), make_data(), {}),
    }.values(),
)
def test_each_repeat_is_a_single_fit_with_its_seed(estimator, data, fit_params):
    repeated = clone(estimator).set_params(n_repeats=3, random_state=1).fit(*data, **fit_params)
    alone = [single(repeated, number, *data, **fit_params) for number in range(3)]
    for scores, one in zip(repeated.repeat_scores_, alone, strict=True):
        np.testing.assert_allclose(scores, one.action_scores_, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(repeated.n_visits_, np.ceil(np.mean([one.n_visits_ for one in alone], axis=0)))
    np.testing.assert_allclose(repeated.action_scores_, repeated.repeat_scores_.mean(axis=0))
    np.testing.assert_allclose(repeated.action_scores_std_, repeated.repeat_scores_.std(axis=0))
