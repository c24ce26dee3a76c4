"""Several nets in one fit: each is that of a single fit with its seed, and results are means over them."""

import os
import pickle
import signal

import numpy as np
import pytest
import torch
from estimator_cases import make_data, make_net, make_regression_net
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import estimator_checks_generator
from skorch.callbacks import Callback

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreEstimator,
    ActionScorePruner,
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


SMALL = {"n_repeats": 2, "random_state": 0}
FITTED = ActionScoreClassifier(n_repeats=3, random_state=0, metrics=("aum",), store_trajectories=True)
FITTED.fit(X, y, eval_set=(X[:50], y[:50]), epochs=3)


def test_results_are_means_over_the_repeats():
    alone = [single(FITTED, number, X, y, eval_set=(X[:50], y[:50]), epochs=3) for number in range(3)]
    for name in ("action_scores_", "trajectories_", "eval_action_scores_"):
        mean = np.mean([getattr(one, name) for one in alone], axis=0)
        np.testing.assert_allclose(getattr(FITTED, name), mean, rtol=1e-5)
    mean = np.mean([one.sample_metrics_["aum"] for one in alone], axis=0)
    np.testing.assert_allclose(FITTED.sample_metrics_["aum"], mean, rtol=1e-5)
    probabilities = np.mean([one.predict_proba(X) for one in alone], axis=0)
    np.testing.assert_allclose(FITTED.predict_proba(X), probabilities, rtol=1e-5)
    np.testing.assert_array_equal(FITTED.predict(X), probabilities.argmax(axis=1))


def test_one_net_has_no_spread():
    one = ActionScoreClassifier(random_state=0).fit(X, y, epochs=2)
    np.testing.assert_array_equal(one.action_scores_std_, np.zeros(len(X)))
    np.testing.assert_array_equal(one.repeat_scores_, one.action_scores_[None])
    assert "action_score_std" not in one.to_frame()


def test_table_has_the_spread():
    frame = FITTED.to_frame()
    assert frame.columns.tolist()[-4:] == ["aum", "action_score_std", "n_visits", "is_validation"]
    np.testing.assert_array_equal(frame["action_score_std"], FITTED.action_scores_std_)


def test_same_random_state_same_result_and_none_follows_torch():
    torch.manual_seed(5)
    one = ActionScoreClassifier(n_repeats=2).fit(X, y, epochs=2)
    state = torch.get_rng_state()
    torch.manual_seed(5)
    two = ActionScoreClassifier(n_repeats=2).fit(X, y, epochs=2)
    np.testing.assert_array_equal(one.repeat_scores_, two.repeat_scores_)
    assert (torch.get_rng_state() == state).all()
    assert len(set(one.repeat_seeds_)) == 2
    before = torch.get_rng_state()
    ActionScoreClassifier(**SMALL).fit(X, y, epochs=2)
    assert (torch.get_rng_state() == before).all()


def test_labels_are_judged_by_the_averaged_evidence():
    judge = ActionScoreClassifier(store_probabilities=True, refit=True, n_repeats=2, random_state=0)
    rows = np.tile(np.arange(len(X)), 4)
    judge.fit(X[rows], y[rows], epochs=4)
    alone = [single(judge, number, X[rows], y[rows], epochs=4) for number in range(2)]
    mean = np.mean([one.class_probabilities_ for one in alone], axis=0)
    np.testing.assert_allclose(judge.class_probabilities_, mean, rtol=1e-5)
    assert len(judge.label_issues()) == len(rows)


def test_files_hold_the_mean_and_each_repeat(tmp_path):
    clf = ActionScoreClassifier(store_trajectories=tmp_path / "losses.npy", **SMALL)
    clf.fit(X, y, epochs=2).partial_fit(X, y, epochs=1)
    each = [np.load(tmp_path / f"losses_{number}.npy") for number in range(2)]
    np.testing.assert_allclose(np.load(tmp_path / "losses.npy"), np.mean(each, axis=0), rtol=1e-6)
    assert clf.trajectories_.shape == (3, len(X))


def test_units_are_averaged():
    scorer = ActionScoreEstimator(**SMALL).fit(X, (X[:, :3] > 5).astype(int), epochs=2)
    np.testing.assert_allclose(scorer.unit_scores_.mean(axis=1), scorer.action_scores_, rtol=1e-5)


def test_samplers_take_a_scorer_with_repeats():
    pruner = ActionScorePruner(ActionScoreClassifier(make_net(max_epochs=2), **SMALL), threshold=0.2, random_state=0)
    X, codes = make_data()
    assert len(pruner.fit_resample(X, codes)[0]) < len(X)


def test_pickle_and_repeat():
    again = pickle.loads(pickle.dumps(FITTED))
    np.testing.assert_array_equal(again.predict_proba(X), FITTED.predict_proba(X))
    assert clone(again).get_params()["n_repeats"] == 3


def test_another_number_of_repeats_needs_a_new_fit():
    clf = ActionScoreClassifier(**SMALL).fit(X, y, epochs=1)
    for number in (1, 3):
        with pytest.raises(ValueError, match=f"n_repeats is {number}, but the fit that goes on has 2; call fit"):
            clone(clf).set_params(n_repeats=2).fit(X, y, epochs=1).set_params(n_repeats=number).partial_fit(X, y)
    assert not hasattr(clf.set_params(n_repeats=1).fit(X, y, epochs=1), "estimators_")


class Interrupting(Callback):
    """Sends Ctrl-C in the second epoch."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_ends_the_fit_and_not_one_net_alone():
    clf = ActionScoreClassifier(make_net(callbacks=[("stop", Interrupting())], max_epochs=5), **SMALL)
    with pytest.warns(UserWarning, match="interrupted: 1 of 2 nets were trained"):
        clf.fit(*make_data())
    assert clf.repeat_scores_.shape == (1, 48)
    assert clf.n_epochs_ == 2
    layers = torch.nn.Sequential(torch.nn.Linear(4, 2))
    clf = ActionScoreClassifier(make_net(module=layers, callbacks=[("stop", Interrupting())], max_epochs=5), **SMALL)
    assert clf.fit(*make_data()).repeat_scores_.shape == (2, 48)  # trained at once
    assert [len(net.history) for net in clf.estimators_] == [2, 2]


CHECKS = "check_fit_idempotent", "check_classifiers_classes", "check_estimators_pickle", "check_dict_unchanged"


@pytest.mark.parametrize("name", [*CHECKS, "check_no_attributes_set_in_init", "check_dont_overwrite_parameters"])
def test_sklearn_check(name):
    for estimator, check in estimator_checks_generator(ActionScoreClassifier(**SMALL)):
        if check.func.__name__ == name:
            check(estimator)
