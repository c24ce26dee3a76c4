"""Learners that learn in stages, as users have them: held-out rows, early stopping, weights, Pipelines, going on."""

import pickle
import tracemalloc
from typing import ClassVar

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import torch
import xgboost
from estimator_cases import make_net
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, PolynomialFeatures, StandardScaler
from sklearn.utils import compute_class_weight

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreEstimator,
    ActionScorePruner,
    ActionScoreRegressor,
    ActionScoreRelabeler,
    ActionScoreTransformer,
    CurriculumSampler,
    ResampledClassifier,
    ReweightedClassifier,
)

TREES = HistGradientBoostingClassifier(max_iter=5, random_state=0)
SLOW_TREES = GradientBoostingClassifier(n_estimators=5, random_state=0)
SGD = SGDClassifier(loss="log_loss", max_iter=6, tol=None, random_state=0)


def make_data(n_samples=200, n_classes=3, seed=0):
    return make_classification(
        n_samples, 6, n_informative=4, n_classes=n_classes, flip_y=0.1, class_sep=1.5, random_state=seed
    )


def fit(learner, X, y, **options):
    return ActionScoreClassifier(learner, **options).fit(X, y)


# -- held out ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", [TREES, SLOW_TREES, SGD], ids=lambda each: type(each).__name__)
def test_held_out_rows_are_scored_and_not_trained_on(learner):
    X, y = make_data()
    clf = fit(learner, X, y, validation_fraction=0.25)
    held_out = clf.validation_mask_
    assert held_out.sum() == 50
    np.testing.assert_allclose(np.bincount(y[held_out]) / 50, np.bincount(y) / 200, atol=0.01)
    alone = fit(learner, X[~held_out], y[~held_out])
    np.testing.assert_array_equal(clf.action_scores_[~held_out], alone.action_scores_)
    np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))
    assert clf.action_scores_[held_out].mean() > clf.action_scores_[~held_out].mean()


@pytest.mark.parametrize("options", [{"reduction": "auto"}, {"store_probabilities": True, "refit": False}], ids=str)
def test_what_needs_held_out_rows_holds_a_fifth_out(options):
    X, y = make_data(1000)
    clf = fit(TREES, X, y, **options)
    assert clf.validation_mask_.sum() == 200
    assert len(clf.epoch_weights_) == 5
    assert not fit(TREES, X, y).validation_mask_.any()


def test_the_window_goes_by_held_out_losses():
    X, y = make_data(300, 2)
    y[:90] = 1 - y[:90]
    learner = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.5, random_state=0)
    clf = fit(learner, X, y, reduction="auto", store_trajectories=True)
    assert clf.epoch_weights_.argmax() == np.argmin(clf.history_[:, "valid_loss"])
    assert clf.epoch_weights_[-1] == 0
    expected = clf.epoch_weights_ @ clf.trajectories_.astype(np.float64)
    np.testing.assert_allclose(clf.action_scores_, expected, rtol=1e-5)


def test_shares_against_the_rest_that_all_underflow_are_no_other_model():
    X, y = make_classification(60, 6, n_informative=4, n_classes=4, n_clusters_per_class=1, flip_y=0.1, random_state=2)
    clf = fit(SGD, 1e6 * X, y)  # a table that nobody has scaled
    decisions = clf.estimator_.decision_function(1e6 * X)
    assert (decisions[:32].max(axis=1) < -1000).any()  # no class has a probability above 0 there
    assert np.isfinite(clf.action_scores_).all()


def test_a_class_keeps_a_sample_to_train_on():
    X, y = make_data()
    y[0] = 3  # alone
    clf = fit(TREES, X, y, validation_fraction=0.5)
    assert not clf.validation_mask_[0]
    assert len(clf.estimator_.classes_) == 4


def test_wrong_labels_are_judged_by_trees():
    X, y = make_data(1200, 3)
    rng = np.random.default_rng(0)
    wrong = rng.random(1200) < 0.15
    given = np.where(wrong, (y + rng.integers(1, 3, 1200)) % 3, y)
    learner = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=6, random_state=0)
    clf = fit(learner, X, np.array(["a", "b", "c"])[given], store_probabilities=True)
    assert clf.refit_
    assert not clf.validation_mask_.any()
    frame = clf.label_issues()
    assert 0.1 < clf.noise_rate_ < 0.4  # a tenth was wrong before
    assert wrong[frame.index[:100]].mean() > 0.6
    assert set(frame["suggested_label"]) == {"a", "b", "c"}


def test_an_eval_set_is_scored_after_each_stage():
    X, y = make_data()
    there, of_there = make_data(50, seed=1)
    clf = ActionScoreClassifier(TREES).fit(X, y, eval_set=(there, of_there))
    losses = [-np.log(p[np.arange(50), of_there]) for p in clf.estimator_.staged_predict_proba(there)]
    np.testing.assert_allclose(clf.eval_action_scores_, sum(losses), rtol=1e-10)
    assert clf.history_[-1, "eval_loss"] == pytest.approx(losses[-1].mean())


def test_the_default_net_holds_out_what_is_asked_for():
    X, y = make_data()
    assert fit(None, X, y, validation_fraction=0.3).validation_mask_.sum() == 60
    with pytest.raises(ValueError, match="validation_fraction is for learners that are no nets; set train_split"):
        fit(make_net(module__n_features=6, module__n_outputs=3), X.astype("float32"), y, validation_fraction=0.3)


# -- early stopping ----------------------------------------------------------------------------------------------


def test_boosting_that_stops_early_shows_what_it_kept_back():
    X, y = make_data(300)
    learner = GradientBoostingClassifier(n_estimators=200, n_iter_no_change=2, learning_rate=0.5, random_state=3)
    clf = fit(learner, X, y, store_probabilities=True)
    alone = clone(learner)
    rows = train_test_split(np.arange(len(y)), test_size=0.1, random_state=3, stratify=y)[1]
    clf = fit(learner, X, y)
    np.testing.assert_array_equal(np.flatnonzero(clf.validation_mask_), np.sort(rows))
    assert clf.n_epochs_ == alone.fit(X, y).n_estimators_ < 200
    np.testing.assert_allclose(clf.history_[:, "train_loss"], alone.train_score_ / 1, rtol=1e-10)


def test_histogram_boosting_stops_by_rows_that_are_shown():
    X, y = make_data(300)
    learner = HistGradientBoostingClassifier(max_iter=200, early_stopping=True, n_iter_no_change=2, random_state=0)
    clf = fit(learner, X, y)
    held_out = clf.validation_mask_
    assert held_out.sum() == 30
    alone = clone(learner).fit(X[~held_out], y[~held_out], X_val=X[held_out], y_val=y[held_out])
    assert clf.n_epochs_ == alone.n_iter_ < 200
    np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))


def boosters():
    return {
        "xgboost": xgboost.XGBClassifier(n_estimators=200, learning_rate=0.5, early_stopping_rounds=2),
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=200, learning_rate=0.5, early_stopping_round=2, verbose=-1),
        "catboost": catboost.CatBoostClassifier(
            iterations=200, learning_rate=0.5, early_stopping_rounds=2, verbose=0, allow_writing_files=False
        ),
    }


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost"])
def test_boosters_stop_by_held_out_rows(name):
    X, y = make_data(300)
    clf = fit(boosters()[name], X, y)
    assert clf.validation_mask_.sum() == 60
    assert 2 < clf.n_epochs_ < 100
    assert clf.score(X, y) > 0.8


@pytest.mark.parametrize("learner", [SGDClassifier(loss="log_loss"), MLPClassifier((8,), learning_rate_init=0.05)])
def test_passes_end_when_nothing_is_gained(learner):
    X, y = make_data()
    learner = clone(learner).set_params(early_stopping=True, n_iter_no_change=3, random_state=0)
    clf = fit(learner, X, y)
    assert clf.validation_mask_.sum() == 20
    assert clf.n_epochs_ < learner.max_iter
    assert clf.estimator_.early_stopping
    losses = fit(clone(learner).set_params(early_stopping=False, tol=0.05), X, y).history_[:, "train_loss"]
    idle = [loss > min(losses[:epoch]) - 0.05 for epoch, loss in enumerate(losses) if epoch]
    assert idle[-3:] == [True, True, True]
    assert "TTT" not in "".join("FT"[each] for each in idle[:-1])


# -- weights -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", [TREES, SLOW_TREES, SGD, GaussianNB()], ids=lambda each: type(each).__name__)
def test_weights_scale_training_and_not_the_losses(learner):
    X, y = make_data()
    weights = np.where(np.arange(200) < 100, 3.0, 0.5)
    clf = ActionScoreClassifier(learner, store_trajectories=True).fit(X, y, sample_weight=weights)
    assert not np.allclose(clf.action_scores_, fit(learner, X, y).action_scores_)
    p = clf.predict_proba(X)[np.arange(200), y]
    np.testing.assert_allclose(clf.trajectories_[-1], -np.log(p), rtol=1e-4, atol=1e-5)


def test_weights_that_a_learner_does_not_take_are_refused():
    X, y = make_data()
    with pytest.raises(ValueError, match="all samples of the classes \\[2\\] weigh 0; leave them out of X"):
        ActionScoreClassifier(TREES).fit(X, y, sample_weight=(y < 2).astype(float))

    class Plain(SGDClassifier):
        def partial_fit(self, X, y, classes=None):
            return super().partial_fit(X, y, classes=classes)

    with pytest.raises(ValueError, match="partial_fit of Plain takes no sample_weight; leave it out"):
        ActionScoreClassifier(Plain()).fit(X, y, sample_weight=y + 1.0)


@pytest.mark.parametrize(
    ("learner", "class_weight"),
    [(TREES, "balanced"), (SGD, "balanced"), (SGD, {"a": 1.0, "b": 5.0, "c": 2.0})],
    ids=["trees", "balanced", "dict"],
)
def test_class_weights_are_in_the_scores_only_if_asked_for(learner, class_weight):
    X, y = make_data()
    y = np.array(["a", "b", "c"])[np.minimum(y, 2)]
    learner = clone(learner).set_params(class_weight=class_weight)
    clf = fit(learner, X, y, store_trajectories=True)
    p = clf.predict_proba(X)[np.arange(200), np.searchsorted(clf.classes_, y)]
    np.testing.assert_allclose(clf.trajectories_[-1], -np.log(p), rtol=1e-4, atol=1e-5)
    assert clf.estimator_.class_weight == class_weight
    weights = compute_class_weight(class_weight, classes=clf.classes_, y=y)[np.searchsorted(clf.classes_, y)]
    weighted = fit(learner, X, y, score_class_weights=True)
    np.testing.assert_allclose(weighted.action_scores_, clf.action_scores_ * weights, rtol=1e-10)


# -- Pipelines ---------------------------------------------------------------------------------------------------


def make_table():
    X, y = make_data()
    table = pd.DataFrame(X[:, :4], columns=["one", "two", "three", "four"])
    table["kind"] = pd.Categorical(np.array(["x", "y", "z"])[(X[:, 4] > 0).astype(int) + (X[:, 4] > 2)])
    table.loc[::7, "two"] = np.nan
    return table, y


def test_a_pipeline_with_categories_and_missing_values():
    table, y = make_table()
    columns = make_column_transformer((OrdinalEncoder(), ["kind"]), remainder="passthrough")
    pipeline = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5, random_state=0))
    clf = fit(pipeline, table, y)
    alone = clone(pipeline).fit(table, y)
    np.testing.assert_array_equal(clf.predict_proba(table), alone.predict_proba(table))
    losses = [-np.log(p[np.arange(200), y]) for p in alone[-1].staged_predict_proba(alone[:-1].transform(table))]
    np.testing.assert_allclose(clf.action_scores_, sum(losses), rtol=1e-10)
    assert clf.feature_names_in_.tolist() == list(table)
    assert not hasattr(pipeline[0], "transformers_")


def test_learners_that_take_categories_and_missing_values_get_them():
    table, y = make_table()
    clf = fit(HistGradientBoostingClassifier(max_iter=5), table, y)
    assert clf.estimator_.is_categorical_.tolist() == [False] * 4 + [True]
    for learner in (boosters()["lightgbm"], boosters()["xgboost"].set_params(enable_categorical=True)):
        assert fit(learner, table, y, validation_fraction=0.3).score(table, y) > 0.7


def test_the_steps_of_a_pipeline_are_fitted_once_and_on_what_is_trained_on():
    class Counting(StandardScaler):
        calls: ClassVar = []

        def fit(self, X, y=None, sample_weight=None):
            self.calls.append(("fit", len(X)))
            return super().fit(X, y)

        def transform(self, X, copy=None):
            self.calls.append(("transform", len(X)))
            return super().transform(X)

    X, y = make_data()
    fit(make_pipeline(Counting(), SGD), X, y, validation_fraction=0.25)
    assert Counting.calls == [("fit", 150), ("transform", 150), ("transform", 50)]


def test_a_pipeline_in_a_pipeline():
    X, y = make_data()
    inner = make_pipeline(PolynomialFeatures(), TREES)
    clf = fit(make_pipeline(StandardScaler(), inner), X, y)
    Z = clf.estimator_[1][0].transform(clf.estimator_[0].transform(X))
    losses = -np.log(clf.estimator_[1][1].predict_proba(Z)[np.arange(200), y])
    assert clf.history_[-1, "train_loss"] == pytest.approx(losses.mean(), rel=1e-6)


# -- going on ----------------------------------------------------------------------------------------------------


def test_partial_fit_goes_on_pass_by_pass():
    X, y = make_data()
    whole = fit(SGD, X, y)
    clf = ActionScoreClassifier(SGD)
    for _ in range(6):
        clf.partial_fit(X, y)
    np.testing.assert_array_equal(clf.action_scores_, whole.action_scores_)
    assert clf.n_epochs_ == 6


def test_partial_fit_of_a_learner_that_is_fitted_whole_is_not_there():
    assert not hasattr(ActionScoreClassifier(TREES), "partial_fit")
    assert hasattr(ActionScoreClassifier(SGD), "partial_fit")
    assert hasattr(ActionScoreClassifier(), "partial_fit")


def test_partial_fit_takes_classes_that_are_still_to_come():
    X, y = make_data()
    clf = ActionScoreClassifier(SGD).partial_fit(X, y, classes=[0, 1, 2, 3])
    assert clf.predict_proba(X).shape == (200, 4)


@pytest.mark.parametrize("n_repeats", [1, 2])
def test_warm_start_adds_stages(n_repeats):
    X, y = make_data()
    learner = GradientBoostingClassifier(n_estimators=3, warm_start=True, random_state=0)
    clf = fit(learner, X, y, n_repeats=n_repeats)
    clf.set_params(estimator__n_estimators=5).fit(X, y)
    assert clf.n_epochs_ == 5
    losses = [-np.log(p[np.arange(200), y]) for p in clf.estimator_.staged_predict_proba(X)]
    np.testing.assert_allclose(clf.action_scores_, sum(losses), rtol=1e-10)


# -- what is refused ---------------------------------------------------------------------------------------------


def test_a_learner_for_numbers_is_no_learner_for_classes():
    X, y = make_data()
    with pytest.raises(TypeError, match="SGDRegressor predicts numbers, not classes; pass it to ActionScoreRegressor"):
        fit(SGDRegressor(), X, y)
    with pytest.raises(TypeError, match="predicts classes, not numbers; pass it to ActionScoreClassifier"):
        ActionScoreRegressor(TREES).fit(X, y)


def test_what_only_nets_have_is_refused():
    X, y = make_data()
    with pytest.raises(ValueError, match="train_sampler steers the training of a net, but SGDClassifier is none"):
        fit(SGD, X, y, train_sampler=CurriculumSampler())
    with pytest.raises(TypeError, match="X is a TensorDataset, but SGDClassifier takes an array or a table"):
        fit(SGD, torch.utils.data.TensorDataset(torch.zeros(3, 2)), y[:3])
    with pytest.raises(TypeError, match="estimator must be a skorch NeuralNet or None, got SGDClassifier"):
        ActionScoreEstimator(SGD).fit(X, y)


def test_forests_and_linear_models_of_boosting_libraries_learn_in_no_stages():
    X, y = make_data()
    forest = lightgbm.LGBMClassifier(boosting_type="rf", subsample=0.5, subsample_freq=1)
    for learner in (xgboost.XGBRFClassifier(), xgboost.XGBClassifier(booster="gblinear"), forest):
        with pytest.raises(TypeError, match=r"what learns in stages: .* got (XGB|LGBM)"):
            fit(learner, X, y)


@pytest.mark.parametrize(
    "learner",
    [
        lightgbm.LGBMClassifier(n_estimators=60, early_stopping_round=3, learning_rate=0.5, verbose=-1),
        xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=3, learning_rate=0.5, n_jobs=1),
        catboost.CatBoostClassifier(iterations=60, early_stopping_rounds=3, verbose=0, allow_writing_files=False),
        HistGradientBoostingClassifier(max_iter=60, early_stopping=True, n_iter_no_change=3, learning_rate=0.5),
    ],
    ids=lambda each: type(each).__name__,
)
def test_early_stopping_does_not_go_by_what_the_classes_are_called(learner):
    X, y = make_data(300)
    numbers = fit(learner, X, y, random_state=0)
    assert 1 < numbers.n_epochs_ < 60
    for names in (np.array([1, 2, 3]), np.array([-1, 0, 7]), np.array(["a", "b", "c"])):
        assert fit(learner, X, names[y], random_state=0).n_epochs_ == numbers.n_epochs_


def test_early_stopping_leaves_nothing_for_a_second_fit():
    X, y = make_data()
    learner = HistGradientBoostingClassifier(early_stopping=True, max_iter=5)
    with pytest.raises(ValueError, match="refit=True trains a second net, on all rows, but its early stopping needs"):
        fit(learner, X, y, store_probabilities=True, refit=True)
    assert not fit(learner, X, y, store_probabilities=True).refit_


# -- as a part of scikit-learn -----------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", [TREES, SLOW_TREES, SGD, AdaBoostClassifier(n_estimators=5, random_state=0)])
def test_a_fit_can_be_pickled(learner):
    X, y = make_data()
    clf = fit(learner, X, y, validation_fraction=0.2)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.action_scores_, clf.action_scores_)
    np.testing.assert_array_equal(again.predict(X), clf.predict(X))


def peak_of(n_stages):
    X, y = make_data(4000)
    clf = ActionScoreClassifier(HistGradientBoostingClassifier(max_iter=n_stages, max_leaf_nodes=2))
    tracemalloc.start()
    clf.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_stages():
    peak_of(2)  # what is loaded late
    a_stage = 4000 * 3 * 8
    assert peak_of(40) - peak_of(10) < 10 * a_stage


@pytest.mark.parametrize("seed", [0, None])
def test_global_random_states_are_left_alone(seed):
    X, y = make_data()
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    learner = clone(SGD).set_params(random_state=0)
    fit(learner, X, y, random_state=seed, validation_fraction=0.2)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_a_seed_goes_to_a_learner_that_has_none():
    X, y = make_data()
    one, two, other = (
        fit(GradientBoostingClassifier(n_estimators=3, subsample=0.5), X, y, random_state=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.action_scores_, two.action_scores_)
    assert not np.array_equal(one.action_scores_, other.action_scores_)
    assert one.estimator_.random_state == 1


def test_repeats_are_averaged():
    X, y = make_data()
    learner = GradientBoostingClassifier(n_estimators=3, subsample=0.5)
    clf = fit(learner, X, y, n_repeats=3, random_state=0)
    singles = [fit(learner, X, y, random_state=seed) for seed in clf.repeat_seeds_.tolist()]
    np.testing.assert_allclose(clf.action_scores_, np.mean([each.action_scores_ for each in singles], axis=0))
    mean = np.mean([each.predict_proba(X) for each in singles], axis=0)
    np.testing.assert_allclose(clf.predict_proba(X), mean)
    np.testing.assert_array_equal(clf.predict(X), mean.argmax(axis=1))
    assert len(clf.history_) == 3


@pytest.mark.parametrize("learner", [TREES, SGD], ids=lambda each: type(each).__name__)
def test_whatever_acts_on_scores_takes_such_a_scorer(learner):
    X, y = make_data()
    scorer = ActionScoreClassifier(learner, random_state=0)
    assert ActionScorePruner(scorer, threshold=0.1).fit_resample(X, y)[0].shape == (180, 6)
    assert ActionScorePruner(learner, threshold=0.1).fit_resample(X, y)[0].shape == (180, 6)
    assert ReweightedClassifier(LogisticRegression(), scorer=learner).fit(X, y).score(X, y) > 0.5
    assert ActionScoreTransformer(scorer, regressor=RandomForestRegressor(3)).fit_transform(X, y).shape == (200, 1)
    search = GridSearchCV(
        ResampledClassifier(ActionScorePruner(learner, threshold=0.1), LogisticRegression()),
        {"sampler__threshold": [0.1, 0.3]},
        cv=2,
    )
    assert search.fit(X, y).best_estimator_.sampler_.sample_indices_.shape[0] in (140, 180)


@pytest.mark.filterwarnings("ignore:only .* rows were held out")
def test_labels_are_corrected_by_trees():
    X, y = make_data(500)
    _, corrected = ActionScoreRelabeler(TREES).fit_resample(X, y)
    assert corrected.shape == y.shape


def test_a_search_over_stages():
    X, y = make_data()
    clf = ActionScoreClassifier(make_pipeline(SimpleImputer(), TREES))
    search = GridSearchCV(clf, {"estimator__histgradientboostingclassifier__max_iter": [2, 5]}, cv=2).fit(X, y)
    assert search.best_estimator_.n_epochs_ in (2, 5)


def test_targets_of_a_column_and_of_whole_numbers():
    X, _ = make_data()
    y = np.arange(200) % 7
    flat = ActionScoreRegressor(HistGradientBoostingRegressor(max_iter=3)).fit(X, y)
    assert flat.predict(X).shape == (200,)
    assert flat.action_scores_.shape == (200,)
