"""The estimators among the tools of scikit-learn and skorch: parameters, copies, random state, going on, errors."""

import copy
import inspect
import pickle
import random
from contextlib import suppress
from functools import partialmethod

import numpy as np
import pandas as pd
import pytest
import torch
from estimator_cases import (
    MLP,
    Items,
    assert_same_net,
    fit_seeded,
    make_data,
    make_net,
    make_regression_net,
    parameters_of,
)
from joblib import Parallel, delayed
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import ValidSplit
from torch import nn
from torch.utils.data import TensorDataset

from actscore_sk import ActionScoreClassifier, ActionScoreEstimator, ActionScoreRegressor, NonFiniteLossError
from actscore_sk.metrics import get_metric_names

ESTIMATORS = [ActionScoreClassifier, ActionScoreRegressor, ActionScoreEstimator]


def fitted(net=None, **options):
    X, codes = make_data()
    return ActionScoreClassifier(net or make_net(), random_state=0, **options).fit(X, codes)


def is_fitted_attribute(name):
    return name.endswith("_") and not name.startswith("_")


# -- parameters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_constraints_name_every_parameter(kind):
    signature = inspect.signature(kind.__init__).parameters
    assert list(kind._parameter_constraints) == [name for name in signature if name != "self"]
    assert [name for name, p in signature.items() if p.kind is p.POSITIONAL_OR_KEYWORD] == ["self", "estimator"]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_sample_weight_and_eval_set_are_named_in_fit(kind):
    for method in (kind.fit, kind.partial_fit):
        assert {"sample_weight", "eval_set"} <= set(inspect.signature(method).parameters)


def test_parameters_reach_into_the_net():
    clf = ActionScoreClassifier(make_net())
    assert clf.get_params()["estimator__lr"] == 0.1
    clf.set_params(estimator__lr=0.7, estimator__module__n_hidden=9, reduction="mean", estimator__max_epochs=1)
    X, codes = make_data()
    clf.fit(X, codes)
    assert clf.estimator_.module_.hidden.out_features == 9
    assert clf.estimator_.optimizer_.param_groups[0]["lr"] == 0.7
    assert clf.n_epochs_ == 1
    clf.set_params(estimator__module__n_hidden=3).fit(X, codes)
    assert clf.estimator_.module_.hidden.out_features == 3


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recording": "train"}, "The 'recording' parameter of .* must be a str among"),
        ({"reduction": "max"}, "The 'reduction' parameter of .* must be a str among"),
        ({"reduction": None}, "The 'reduction' parameter of .* must be a str among"),
        ({"metrics": "aum"}, "The 'metrics' parameter of .* must be an instance of 'tuple' or an instance of 'list'"),
        ({"metrics": ("aums",)}, "unknown metric 'aums'; did you mean 'aum'"),
        ({"metrics": [3]}, "unknown metric 3; valid names: action_score"),
        ({"store_trajectories": 3}, "The 'store_trajectories' parameter of"),
        ({"random_state": "0"}, "The 'random_state' parameter of"),
    ],
    ids=str,
)
def test_bad_parameters(kind, options, message):
    X, codes = make_data()
    estimator = kind(**options)  # the constructor never complains
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, codes)
    assert not [name for name in vars(estimator) if name.endswith("scores_")]


@pytest.mark.parametrize(
    "estimator",
    [
        MLP(),
        MLP,
        LogisticRegression(),
        RandomForestClassifier(),
        NeuralNetClassifier,
        "net",
        ActionScoreClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=["module", "class of module", "one stage", "forest", "class of net", "str", "own", "pipeline"],
)
def test_estimator_that_learns_in_no_stages(estimator):
    X, codes = make_data()
    expected = (
        r"skorch NeuralNet, None, or what learns in stages: .*partial_fit.*, got .*; wrap a torch module .*Tracker"
    )
    with pytest.raises(TypeError, match=expected):
        ActionScoreClassifier(estimator).fit(X, codes)


def test_tags():
    assert is_classifier(ActionScoreClassifier())
    assert is_regressor(ActionScoreRegressor())
    assert not is_classifier(ActionScoreEstimator())
    assert not is_regressor(ActionScoreEstimator())


# -- copies ----------------------------------------------------------------------------------------------------


def test_clone_has_nothing_learnt():
    clf = fitted(store_trajectories=True)
    twin = clone(clf)
    assert not [name for name in vars(twin) if name.endswith("_")]
    assert clone(clf).get_params().keys() == clf.get_params().keys()
    with pytest.raises(NotFittedError):
        check_is_fitted(twin)


COPIES = {"pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)), "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("store", [False, True])
def test_copy_goes_on_as_the_original_would(make_copy, store):
    X, codes = make_data()
    clf = make_copy(
        ActionScoreClassifier(make_net(), random_state=0, store_trajectories=store, metrics=get_metric_names())
    )
    clf.fit(X, codes, eval_set=(X[:9], codes[:9]))
    twin = make_copy(clf)
    before = clf.action_scores_.copy()
    np.testing.assert_array_equal(twin.predict(X), clf.predict(X))
    twin.partial_fit(X, codes, eval_set=(X[:9], codes[:9]))
    np.testing.assert_array_equal(clf.action_scores_, before)  # the original does not follow
    clf.partial_fit(X, codes, eval_set=(X[:9], codes[:9]))
    assert_same_net(twin, clf)
    for name in get_metric_names():
        np.testing.assert_array_equal(twin.sample_metrics_[name], clf.sample_metrics_[name])
    np.testing.assert_array_equal(twin.eval_action_scores_, clf.eval_action_scores_)
    assert twin.n_epochs_ == 4


def test_fitted_estimator_holds_no_tap():
    """A pickle must hold the net as skorch would have it, and no copy of X."""
    small, large = (
        len(pickle.dumps(ActionScoreClassifier(make_net()).fit(*make_data(n_samples=n)))) for n in (100, 1100)
    )
    # 8 bytes each of score and label, 4 of visits, 1 of the mask, twice over for the state that partial_fit needs
    assert (large - small) / 1000 < 60
    clf = fitted()
    assert type(clf.estimator_) is NeuralNetClassifier
    assert type(clf.estimator_.criterion_) is nn.CrossEntropyLoss
    assert "session_" not in vars(clf.estimator_)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(n_jobs):
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(), random_state=0)
    search = GridSearchCV(clf, {"estimator__lr": [1e-6, 0.5], "reduction": ["mean"]}, cv=2, n_jobs=n_jobs)
    search.fit(X, np.array(["no", "yes"])[codes])
    assert search.best_params_["estimator__lr"] == 0.5
    assert search.best_estimator_.action_scores_.shape == (len(X),)
    assert set(search.predict(X)) == {"no", "yes"}


def _fit_score(X, y, seed):
    return ActionScoreClassifier(make_net(), random_state=seed).fit(X, y).action_scores_


def test_processes_agree():
    X, codes = make_data()
    elsewhere = Parallel(n_jobs=2)(delayed(_fit_score)(X, codes, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(elsewhere[0], elsewhere[1])
    assert (elsewhere[0] != elsewhere[2]).any()
    np.testing.assert_allclose(elsewhere[0], _fit_score(X, codes, 0), rtol=1e-5)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_cross_val_predict(method):
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(lr=0.5, max_epochs=10), random_state=0)
    predicted = cross_val_predict(clf, X, np.array(["no", "yes"])[codes], cv=3, method=method)
    assert predicted.shape == ((len(X),) if method == "predict" else (len(X), 2))
    assert cross_val_score(clf, X, codes, cv=3).mean() > 0.6


# -- random state ----------------------------------------------------------------------------------------------


def random_states():
    return random.getstate(), tuple(np.random.get_state()[1]), tuple(torch.get_rng_state().tolist())  # noqa: NPY002


class Dropping(MLP):
    """Draws random numbers in training."""

    def forward(self, X):
        return super().forward(nn.functional.dropout(X, 0.3, self.training))


def make_random_net(**options):
    return make_net(module=Dropping, iterator_train__shuffle=True, train_split=ValidSplit(4), **options)


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
@pytest.mark.parametrize("seed", [0, np.int64(7), np.random.RandomState(3)], ids=str)
def test_seeded_fit_leaves_global_generators_alone(seed, recording):
    X, codes = make_data()
    for dataset, y in ((X, codes), (TensorDataset(torch.from_numpy(X), torch.from_numpy(codes)), codes)):
        before = random_states()
        clf = ActionScoreClassifier(make_random_net(), random_state=seed, recording=recording)
        clf.fit(dataset, y, eval_set=(X, codes))
        clf.partial_fit(dataset, y)
        assert random_states() == before


def test_seeded_fit_on_a_users_dataset_leaves_global_generators_alone():
    X, codes = make_data()
    before = random_states()
    ActionScoreClassifier(make_net(), random_state=0).fit(Items(X, codes))
    assert random_states() == before


def test_int_repeats_and_instance_goes_on():
    X, codes = make_data()

    def scores(random_state):
        return ActionScoreClassifier(make_random_net(), random_state=random_state).fit(X, codes).action_scores_

    np.testing.assert_array_equal(scores(0), scores(0))
    assert (scores(0) != scores(1)).any()
    stream = np.random.RandomState(0)
    first, second = scores(stream), scores(stream)
    assert (first != second).any()
    np.testing.assert_array_equal(first, scores(np.random.RandomState(0)))


def test_each_partial_fit_draws_anew():
    """The same seed at each call must not show the samples in the same order every time."""
    X, codes = make_data()
    orders = []

    class Spy(Dropping):
        def forward(self, X):
            if self.training:
                orders.append(X[:, 0].tolist())
            return super().forward(X)

    net = make_net(module=Spy, iterator_train__shuffle=True, max_epochs=1, batch_size=-1)

    def scores():
        clf = ActionScoreClassifier(net, random_state=0)
        return clf.partial_fit(X, codes).partial_fit(X, codes).partial_fit(X, codes).action_scores_

    first = scores()
    assert len({tuple(order) for order in orders}) == 3
    assert len({tuple(sorted(order)) for order in orders}) == 1
    np.testing.assert_array_equal(first, scores())


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
def test_none_follows_torch_as_plain_skorch(recording):
    X, codes = make_data()
    plain = fit_seeded(make_random_net(), X, codes)
    after = torch.get_rng_state()
    options = {"recording": recording, "metrics": get_metric_names(), "store_trajectories": True}
    clf = fit_seeded(ActionScoreClassifier(make_random_net(), **options), X, codes, eval_set=(X[:9], codes[:9]))
    assert torch.equal(torch.get_rng_state(), after)
    assert_same_net(clf, plain)
    assert clf.history_[:, "train_loss"] == plain.history_[:, "train_loss"]
    plain.partial_fit(X, codes)
    torch.set_rng_state(after)
    clf.partial_fit(X, codes)
    assert_same_net(clf, plain)


# -- fitting again, and going on -------------------------------------------------------------------------------


def test_fit_starts_anew():
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(), random_state=0, store_trajectories=True)
    clf.fit(X, np.array(["no", "yes"])[codes], eval_set=(X, np.array(["no", "yes"])[codes]))
    clf.partial_fit(X, np.array(["no", "yes"])[codes])
    kept = clf.action_scores_
    before = kept.copy()
    clf.set_params(store_trajectories=False).fit(X[:30], codes[:30])
    fresh = ActionScoreClassifier(make_net(), random_state=0).fit(X[:30], codes[:30])
    assert_same_net(clf, fresh)
    np.testing.assert_array_equal(clf.action_scores_, fresh.action_scores_)
    np.testing.assert_array_equal(clf.classes_, [0, 1])
    assert {name for name in vars(clf) if is_fitted_attribute(name)} == {
        name for name in vars(fresh) if is_fitted_attribute(name)
    }
    np.testing.assert_array_equal(kept, before)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_partial_fit_twice_is_fit_of_twice_the_epochs(kind):
    """Without random numbers in training; scores of epochs add up."""
    X, codes = make_data()
    make = make_regression_net if kind is ActionScoreRegressor else make_net
    y = X[:, 0] if kind is ActionScoreRegressor else codes
    at_once = kind(make(max_epochs=4), random_state=0, store_trajectories=True).fit(X, y, eval_set=(X[:9], y[:9]))
    in_parts = kind(make(max_epochs=2), random_state=0, store_trajectories=True)
    first = in_parts.partial_fit(X, y, eval_set=(X[:9], y[:9])).action_scores_
    early = {name: np.copy(getattr(in_parts, name)) for name in ("n_visits_", "trajectories_", "eval_action_scores_")}
    kept = {name: getattr(in_parts, name) for name in early}
    first_values = first.copy()
    in_parts.partial_fit(X, y, eval_set=(X[:9], y[:9]))
    assert_same_net(in_parts, at_once)
    np.testing.assert_allclose(in_parts.action_scores_, at_once.action_scores_, rtol=1e-6)
    np.testing.assert_allclose(in_parts.eval_action_scores_, at_once.eval_action_scores_, rtol=1e-6)
    np.testing.assert_array_equal(in_parts.trajectories_, at_once.trajectories_)
    assert in_parts.n_epochs_ == 4
    # arrays handed out before keep their values
    np.testing.assert_array_equal(first, first_values)
    for name, values in early.items():
        np.testing.assert_array_equal(kept[name], values)


@pytest.mark.parametrize("change", [lambda X, y: (X[:30], y[:30]), lambda X, y: (np.r_[X, X], np.r_[y, y])])
def test_going_on_needs_the_same_samples(change):
    X, codes = make_data()
    clf = fitted()
    before, parameters = clf.action_scores_.copy(), parameters_of(clf)
    with pytest.raises(ValueError, match=r"X has (30|96) samples, but the scores so far are those of 48; to go on"):
        clf.partial_fit(*change(X, codes))
    # nothing has happened, and going on still works
    np.testing.assert_array_equal(clf.action_scores_, before)
    assert all(torch.equal(value, parameters[name]) for name, value in parameters_of(clf).items())
    assert clf.partial_fit(X, codes).n_epochs_ == 4


OTHERS = {
    "targets": lambda frame, y: (frame, np.roll(y, 1)),
    "X": lambda frame, y: (frame.assign(b=frame["b"] + 1), y),
    "index": lambda frame, y: (frame.set_axis(frame.index + len(frame)), y),
    "X and index": lambda frame, y: (frame[::-1], y),
}


@pytest.mark.parametrize("differing", OTHERS)
@pytest.mark.parametrize("warm_start", [False, True])
def test_as_many_other_samples_are_refused(differing, warm_start):
    X, codes = make_data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = ActionScoreClassifier(make_net(warm_start=warm_start)).fit(frame, codes)
    before, parameters = clf.action_scores_.copy(), parameters_of(clf)
    with pytest.raises(ValueError, match=rf"48 samples as before, but they are others.*: {differing} differ,.*; to go"):
        (clf.fit if warm_start else clf.partial_fit)(*OTHERS[differing](frame, codes))
    np.testing.assert_array_equal(clf.action_scores_, before)
    assert all(torch.equal(value, parameters[name]) for name, value in parameters_of(clf).items())


def test_the_same_samples_in_another_container_go_on():
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net()).fit(pd.DataFrame(X.astype(np.float64), columns=list("abcd")), codes)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        assert clf.partial_fit(X, codes.tolist()).n_epochs_ == 4


class InterruptAt(Callback):
    """Ctrl-C at an event."""

    def __init__(self, event):
        self.event = event

    def notify(self, method_name, net, **kwargs):
        if method_name == self.event:
            raise KeyboardInterrupt

    on_epoch_begin = partialmethod(notify, "on_epoch_begin")
    on_batch_begin = partialmethod(notify, "on_batch_begin")


@pytest.mark.parametrize("event", ["on_epoch_begin", "on_batch_begin"])
def test_an_interrupt_before_the_first_batch_is_said(event):
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(callbacks=[("interrupt", InterruptAt(event))]))
    with pytest.warns(UserWarning, match=r"training ended before its first batch .* all scores are NaN"):
        clf.fit(X, codes)
    assert np.isnan(clf.action_scores_).all()
    assert clf.n_epochs_ == 0


def test_warm_start_goes_on():
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(warm_start=True), random_state=0)
    clf.fit(X, codes).fit(X, codes)
    assert clf.n_epochs_ == 4
    assert (clf.n_visits_ == 4).all()
    assert len(clf.history_) == 4
    in_one = ActionScoreClassifier(make_net(max_epochs=4), random_state=0).fit(X, codes)
    assert_same_net(clf, in_one)
    with pytest.raises(ValueError, match="X has 30 samples, but the scores so far are those of 48"):
        clf.fit(X[:30], codes[:30])


def test_fit_after_partial_fit_with_other_data():
    X, codes = make_data(3)
    clf = fitted()
    clf.set_params(estimator__module__n_outputs=3, estimator__module__n_features=2).fit(X[:30, :2], codes[:30])
    assert clf.action_scores_.shape == (30,)
    assert clf.n_features_in_ == 2
    np.testing.assert_array_equal(clf.classes_, [0, 1, 2])


def test_early_stopping_counts_the_epochs_there_were():
    X, _ = make_data()
    callbacks = [EarlyStopping(patience=2, threshold=10.0, sink=lambda text: None)]
    clf = fitted(make_net(max_epochs=20, train_split=ValidSplit(4), callbacks=callbacks), store_trajectories=True)
    assert clf.n_epochs_ == len(clf.history_) < 20
    assert clf.trajectories_.shape == (clf.n_epochs_, len(X))
    assert (clf.n_visits_ == clf.n_epochs_).all()


# -- what fit takes and gives ----------------------------------------------------------------------------------


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
def test_fit_params_reach_the_module(recording):
    X, codes = make_data()
    plain = fit_seeded(make_net(), X, codes, scale=0.5)
    clf = fit_seeded(ActionScoreClassifier(make_net(), recording=recording), X, codes, scale=0.5, eval_set=(X, codes))
    assert_same_net(clf, plain)
    clf.partial_fit(X, codes, scale=0.5)
    assert_same_net(clf, plain.partial_fit(X, codes, scale=0.5))
    with pytest.raises(TypeError, match="unexpected keyword argument 'scales'"):
        ActionScoreClassifier(make_net()).fit(X, codes, scales=0.5)


def test_fit_params_reach_the_passes_that_score():
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(), recording="epoch_end")
    clf.fit(X, codes, scale=0.0, eval_set=(X, codes))  # all outputs are 0
    np.testing.assert_allclose(clf.action_scores_, 2 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(clf.eval_action_scores_, 2 * np.log(2), rtol=1e-6)


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
def test_mean_is_the_sum_over_the_visits(recording):
    options = {"recording": recording}
    X, codes = make_data()
    by_sum, by_mean = (
        ActionScoreClassifier(make_net(max_epochs=3), random_state=0, reduction=reduction, **options).fit(
            X, codes, eval_set=(X[:9], codes[:9])
        )
        for reduction in ("sum", "mean")
    )
    np.testing.assert_allclose(by_mean.action_scores_, by_sum.action_scores_ / 3, rtol=1e-12)
    np.testing.assert_allclose(by_mean.eval_action_scores_, by_sum.eval_action_scores_ / 3, rtol=1e-12)


@pytest.mark.parametrize(
    "metrics", [(), ("aum",), ("aum", "aum", "action_score"), get_metric_names(), ["el2n"]], ids=str
)
def test_metrics(metrics):
    clf = fitted(metrics=metrics)
    assert set(clf.sample_metrics_) == {"action_score", *metrics}
    for values in clf.sample_metrics_.values():
        assert values.shape == (48,)
        assert values.dtype == np.float64
    np.testing.assert_array_equal(clf.sample_metrics_["action_score"], clf.action_scores_)
    np.testing.assert_array_equal(clf.action_scores_, fitted().action_scores_)


def test_metrics_of_a_regression():
    X, _ = make_data()
    reg = ActionScoreRegressor(make_regression_net(), metrics=("variability",)).fit(X, X[:, 0])
    assert set(reg.sample_metrics_) == {"action_score", "variability"}
    with pytest.raises(ValueError, match=r"aum.*need class scores.*leave these metrics out"):
        ActionScoreRegressor(make_regression_net(), metrics=("aum",)).fit(X, X[:, 0])


def test_attributes_that_were_not_asked_for_are_absent():
    clf = fitted()
    for name in ("trajectories_", "eval_action_scores_", "feature_names_in_"):
        assert not hasattr(clf, name)
    assert hasattr(fitted(store_trajectories=True), "trajectories_")
    X, codes = make_data()
    assert hasattr(clf.fit(X, codes, eval_set=(X, codes)), "eval_action_scores_")
    assert not hasattr(clf.fit(X, codes), "eval_action_scores_")
    assert not hasattr(ActionScoreRegressor(make_regression_net()).fit(X, X[:, 0]), "classes_")
    assert not hasattr(ActionScoreRegressor(), "predict_proba")


KEEPERS = {
    "trajectories_": "store_trajectories=True",
    "epoch_weights_": 'reduction="auto"',
    "eval_action_scores_": "eval_set=",
    "unit_scores_": "ActionScoreEstimator keeps it with store_units=True",
    "estimators_": "n_repeats=2",
    "repeat_seeds_": "n_repeats=2",
}


@pytest.mark.parametrize("kind", [ActionScoreClassifier, ActionScoreRegressor])
def test_absent_attribute_says_which_option_keeps_it(kind):
    X, codes = make_data()
    fit = kind(make_net() if kind is ActionScoreClassifier else make_regression_net()).fit(X, codes)
    for name, keeper in KEEPERS.items():
        with pytest.raises(AttributeError, match=f"this {kind.__name__} has no {name}: .*{keeper}"):
            getattr(fit, name)
        with pytest.raises(NotFittedError, match="instance is not fitted yet"):
            getattr(kind(), name)
    for name in ("action_scores_", "repeat_scores_", "action_scores_std_"):
        with pytest.raises(NotFittedError, match="instance is not fitted yet"):
            getattr(kind(), name)


@pytest.mark.parametrize("wrap", [str, lambda path: path], ids=["str", "Path"])
@pytest.mark.filterwarnings("ignore:.*holds trajectories of an earlier run")
def test_trajectories_in_a_file(tmp_path, wrap):
    X, codes = make_data()
    path = tmp_path / "losses.npy"
    clf = fitted(store_trajectories=wrap(path))
    np.testing.assert_array_equal(np.load(path), clf.trajectories_)
    np.testing.assert_array_equal(clf.trajectories_, fitted(store_trajectories=True).trajectories_)
    np.testing.assert_allclose(clf.trajectories_.sum(0), clf.action_scores_, rtol=1e-5)
    first = np.array(clf.trajectories_)
    clf.partial_fit(X, codes)
    assert np.load(path).shape == (4, 48)
    clf.fit(X, codes)  # anew
    np.testing.assert_array_equal(np.load(path), first)
    with pytest.raises(FileNotFoundError, match="no folder"):
        fitted(store_trajectories=wrap(tmp_path / "nowhere" / "losses.npy"))


def test_frame_of_scores():
    X, codes = make_data()
    names = pd.Series(np.array(["no", "yes"])[codes], index=np.arange(48)[::-1])
    clf = ActionScoreClassifier(make_net(train_split=ValidSplit(4)), metrics=("aum",)).fit(X, names)
    frame = clf.to_frame()
    assert list(frame) == ["index", "target", "action_score", "aum", "n_visits", "is_validation"]
    assert frame["target"].tolist() == names.tolist()
    assert frame["index"].tolist() == list(range(48))
    np.testing.assert_array_equal(frame["action_score"], clf.action_scores_)
    np.testing.assert_array_equal(frame["is_validation"], clf.validation_mask_)
    assert isinstance(frame.index, pd.RangeIndex)
    two = ActionScoreRegressor(make_regression_net(module__n_outputs=2)).fit(X, X[:, :2]).to_frame()
    assert list(two)[:3] == ["index", "target_0", "target_1"]
    without = ActionScoreClassifier(make_net()).fit(Items(X, codes)).to_frame()
    assert list(without) == ["index", "action_score", "n_visits", "is_validation"]


def test_frame_is_a_copy():
    clf = fitted()
    before = clf.action_scores_.copy()
    frame = clf.to_frame()
    frame.loc[:, "action_score"] = 0.0
    np.testing.assert_array_equal(clf.action_scores_, before)


def test_scores_are_the_callers_own():
    """Writing into what was handed out must not reach what partial_fit goes on from."""
    X, codes = make_data()
    clf, untouched = fitted(), fitted()
    with suppress(ValueError):  # read-only would do as well
        clf.action_scores_[:] = 1e9
    np.testing.assert_array_equal(
        clf.partial_fit(X, codes).action_scores_, untouched.partial_fit(X, codes).action_scores_
    )


# -- other samples ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tuple", "list", "dataset", "frame"])
def test_eval_set(kind):
    X, codes = make_data()
    X_eval, y_eval = make_data(seed=1, n_samples=7)
    expected = ActionScoreClassifier(make_net(), recording="epoch_end", random_state=0)
    expected = expected.fit(X, codes, eval_set=(X_eval, y_eval)).eval_action_scores_
    eval_set = {
        "tuple": (X_eval.tolist(), y_eval.tolist()),
        "list": [X_eval, y_eval],
        "dataset": TensorDataset(torch.from_numpy(X_eval), torch.from_numpy(y_eval)),
        "frame": (pd.DataFrame(X_eval), pd.Series(y_eval)),
    }[kind]
    clf = ActionScoreClassifier(make_net(), random_state=0).fit(X, codes, eval_set=eval_set)
    np.testing.assert_allclose(clf.eval_action_scores_, expected, rtol=1e-6)
    assert_same_net(clf, fitted())


def test_training_samples_as_eval_set():
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(), recording="epoch_end", random_state=0).fit(X, codes, eval_set=(X, codes))
    np.testing.assert_allclose(clf.eval_action_scores_, clf.action_scores_, rtol=1e-6)


EVAL_ERRORS = {
    "array": (lambda X, y: X, r"eval_set must be a tuple \(X_eval, y_eval\) or a Dataset, got ndarray"),
    "three": (lambda X, y: (X, y, y), r"eval_set must be a tuple \(X_eval, y_eval\) or a Dataset, got tuple"),
    "lengths": (lambda X, y: (X, y[:-1]), r"inconsistent numbers of samples: \[48, 47\]"),
    "features": (lambda X, y: (X[:, :3], y), "X has 3 features, but ActionScoreClassifier is expecting 4"),
    "unseen": (lambda X, y: (X, y + 1), r"y holds \[2\], but the classes are \[0, 1\]"),
    "no labels": (lambda X, y: (X, None), "eval_set"),
    "no samples": (lambda X, y: (X[:0], y[:0]), r"0 sample\(s\)"),
    "NaN": (lambda X, y: (X * np.nan, y), "Input X contains NaN"),
}


@pytest.mark.parametrize("kind", EVAL_ERRORS)
def test_bad_eval_set(kind):
    X, codes = make_data()
    spoil, message = EVAL_ERRORS[kind]
    with pytest.raises(ValueError, match=message):
        ActionScoreClassifier(make_net()).fit(X, codes, eval_set=spoil(X, codes))


# -- before and after errors -----------------------------------------------------------------------------------


METHODS = [(kind, method) for kind in ESTIMATORS for method in ("predict", "predict_proba", "to_frame")]


@pytest.mark.parametrize(("kind", "method"), [case for case in METHODS if hasattr(*case)])
def test_unfitted(kind, method):
    X, _ = make_data()
    estimator = kind(make_net())
    with pytest.raises(NotFittedError, match="instance is not fitted yet"):
        getattr(estimator, method)(*([] if method == "to_frame" else [X]))


def test_fit_that_failed_fits_nothing():
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(lr=np.inf))
    with pytest.raises(NonFiniteLossError, match="the loss became NaN or infinite in epoch 1"):
        clf.fit(X, codes)
    for call in (lambda: clf.predict(X), clf.to_frame):
        with pytest.raises(NotFittedError, match="instance is not fitted yet"):
            call()
    clf.set_params(estimator__lr=0.1).partial_fit(X, codes)
    assert clf.n_epochs_ == 2
    assert clf.n_features_in_ == 4


def test_fit_that_failed_mixes_nothing():
    """After an error in a second fit, the first net must not answer with the labels of the second."""
    X, codes = make_data()
    names = np.array(["no", "yes"])[codes]
    clf = ActionScoreClassifier(make_net(lr=0.5, max_epochs=10), random_state=0).fit(X, names)
    predicted = clf.predict(X)
    with pytest.raises(NonFiniteLossError):
        clf.set_params(estimator__lr=np.inf).fit(X, codes)
    with suppress(NotFittedError):  # to be unfitted is as good
        np.testing.assert_array_equal(clf.predict(X), predicted)


@pytest.mark.parametrize("n_repeats", [1, 2])
def test_fit_that_failed_leaves_nothing_of_the_one_before(n_repeats):
    X, codes = make_data()
    options = {"n_repeats": n_repeats, "store_trajectories": True, "store_probabilities": True}
    clf = ActionScoreClassifier(make_net(), random_state=0, **options).fit(X, codes, eval_set=(X, codes))
    with pytest.raises(NonFiniteLossError):
        clf.set_params(estimator__lr=np.inf).fit(X, codes)
    learnt = [name for name in [*dir(type(clf)), *vars(clf)] if is_fitted_attribute(name)]
    assert [name for name in learnt if hasattr(clf, name)] == []


class Interrupt(MLP):
    """Raises in one of its training steps."""

    last_step = 5

    def forward(self, X):
        self.steps = getattr(self, "steps", 0) + self.training
        if self.steps == self.last_step:
            raise RuntimeError("out of something")
        return super().forward(X)


class InterruptLater(Interrupt):
    last_step = 11  # of 3 in an epoch, 2 epochs in a call


def test_training_that_goes_on_and_fails_shows_how_far_it_came():
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(module=InterruptLater), store_trajectories=True, random_state=0)
    clf.partial_fit(X, codes)
    with pytest.raises(RuntimeError, match="out of something"):
        clf.partial_fit(X, codes)
    assert len(clf.history_) == 4
    assert set(clf.n_visits_[~clf.validation_mask_]) == {3, 4}


def test_error_in_a_users_module_passes_as_it_is():
    X, codes = make_data()
    net = make_net(module=Interrupt)
    clf = ActionScoreClassifier(net)
    with pytest.raises(RuntimeError, match="out of something"):
        clf.fit(X, codes)
    assert type(net) is NeuralNetClassifier
    assert not hasattr(clf, "action_scores_")


class WrongLength(Items):
    def __len__(self):
        return len(self.X) + 2


def test_error_in_a_users_dataset_is_not_taken_for_one_of_the_net():
    X, codes = make_data()
    with pytest.raises(IndexError, match="index 48 is out of bounds for axis 0 with size 48"):
        ActionScoreClassifier(make_net()).fit(WrongLength(X, codes), np.r_[codes, codes[:2]])


# -- the rest of the house -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_representations(kind):
    net = make_regression_net() if kind is ActionScoreRegressor else make_net()
    for estimator in (kind(), kind(net), kind(net).fit(*make_data())):
        assert kind.__name__ in estimator._repr_html_()
        assert kind.__name__ in repr(estimator)


def test_fitted_attributes_are_documented():
    X, codes = make_data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = ActionScoreClassifier(make_net(), store_trajectories=True).fit(frame, codes, eval_set=(frame, codes))
    attributes = [name for name in vars(clf) if is_fitted_attribute(name)]
    documented = inspect.getdoc(ActionScoreClassifier)
    assert [name for name in attributes if f"{name} :" not in documented] == []
