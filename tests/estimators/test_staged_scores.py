"""Scores of learners that learn in stages, against a plain loop over the learner's own stages."""

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from scipy.special import log_expit, log_softmax
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification, make_regression
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

from actscore_sk import ActionScoreClassifier, ActionScoreRegressor
from actscore_sk.metrics import action_score, aum, get_metric_names

LABELS = np.array(["cat", "dog", "emu"])


def make_classes(n_classes):
    X, codes = make_classification(90, 6, n_informative=4, n_classes=n_classes, flip_y=0.1, random_state=0)
    return X - X.min(), codes


def make_numbers():
    X, y = make_regression(90, 6, noise=9.0, random_state=0)
    return X, y - y.min() + 1.0  # positive, for Poisson


def two_columns(raw):
    raw = np.asarray(raw, dtype=np.float64)
    raw = raw.reshape(len(raw), -1)
    return np.hstack([np.zeros_like(raw), raw]) if raw.shape[1] == 1 else raw


# -- the class scores of each stage, by the learner's own methods ------------------------------------------------


def staged(name, factor=lambda learner: 1.0):
    return lambda learner, X, y: [
        two_columns(raw) * factor(learner) for raw in getattr(learner.fit(X, y), f"staged_{name}")(X)
    ]


def xgboost_margins(learner, X, y):
    learner.fit(X, y)
    ends = range(1, learner.get_booster().num_boosted_rounds() + 1)
    return [two_columns(learner.predict(X, output_margin=True, iteration_range=(0, end))) for end in ends]


def lightgbm_margins(learner, X, y):
    learner.fit(X, y)
    return [two_columns(learner.predict(X, raw_score=True, num_iteration=end)) for end in range(1, 6)]


def catboost_margins(learner, X, y):
    learner.fit(X, y)
    return [two_columns(learner.predict(X, prediction_type="RawFormulaVal", ntree_end=end)) for end in range(1, 6)]


def passes(method, n):
    def scores(learner, X, y):
        if learner.get_params().get("random_state") is not None:
            learner.set_params(random_state=np.random.RandomState(learner.random_state))
        options = {"classes": np.unique(y)} if is_classifier(learner) else {}
        return [getattr(learner.partial_fit(X, y, **options), method)(X) for _ in range(n)]

    return scores


def logs(method, n):
    return lambda learner, X, y: [np.log(np.clip(p, 2.2e-16, None)) for p in passes(method, n)(learner, X, y)]


def one_vs_rest(learner, X, y):
    found = passes("decision_function", 6)(learner, X, y)
    return [two_columns(raw) if raw.ndim == 1 else log_expit(raw) for raw in found]


SEED = {"random_state": 0}
CLASSIFIERS = {
    "gradient boosting": (GradientBoostingClassifier(n_estimators=5, **SEED), staged("decision_function")),
    "subsampled": (GradientBoostingClassifier(n_estimators=5, subsample=0.5, **SEED), staged("decision_function")),
    "histogram": (HistGradientBoostingClassifier(max_iter=5, **SEED), staged("decision_function")),
    "AdaBoost": (
        AdaBoostClassifier(n_estimators=5, **SEED),
        staged("decision_function", lambda learner: 1 / (learner.n_classes_ - 1)),
    ),
    "xgboost": (xgboost.XGBClassifier(n_estimators=5), xgboost_margins),
    "lightgbm": (lightgbm.LGBMClassifier(n_estimators=5, verbose=-1), lightgbm_margins),
    "catboost": (catboost.CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False), catboost_margins),
    "SGD": (SGDClassifier(loss="log_loss", max_iter=6, tol=None, **SEED), one_vs_rest),
    "MLP": (MLPClassifier((5,), max_iter=6, **SEED), logs("predict_proba", 6)),
    "Gaussian": (GaussianNB(), passes("predict_joint_log_proba", 1)),
    "multinomial": (MultinomialNB(), passes("predict_joint_log_proba", 1)),
}


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_scores_are_those_of_a_plain_loop_over_the_stages(name, n_classes):
    (learner, stages), (X, codes) = CLASSIFIERS[name], make_classes(n_classes)
    clf = ActionScoreClassifier(learner, metrics=get_metric_names(), store_trajectories=True).fit(X, LABELS[codes])
    scores = np.stack(stages(clone(learner), X, codes))
    losses = -np.take_along_axis(log_softmax(scores, axis=2), codes[None, :, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(clf.action_scores_, action_score(losses), rtol=1e-10, atol=1e-10)
    others = np.where(np.arange(scores.shape[2]) == codes[:, None], -np.inf, scores).max(axis=2)
    margins = np.take_along_axis(scores, codes[None, :, None], axis=2)[:, :, 0] - others
    np.testing.assert_allclose(clf.sample_metrics_["aum"], aum(margins), rtol=1e-10, atol=1e-10)
    assert clf.n_epochs_ == len(scores) == len(clf.history_) == len(clf.trajectories_)
    assert (clf.n_visits_ == len(scores)).all()
    np.testing.assert_allclose(clf.trajectories_, losses, rtol=1e-6)


def hinge(decisions, codes):
    signs = 2 * np.eye(3)[codes] - 1
    return np.maximum(1 - signs * decisions, 0).sum(axis=1)


def perceptron(decisions, codes):
    return np.maximum(-(2 * np.eye(3)[codes] - 1) * decisions, 0).sum(axis=1)


@pytest.mark.parametrize(
    ("learner", "loss"),
    [(SGDClassifier(max_iter=6, tol=None, random_state=0), hinge), (Perceptron(max_iter=6, tol=None), perceptron)],
)
def test_a_learner_without_probabilities_has_its_own_loss(learner, loss):
    X, codes = make_classes(3)
    clf = ActionScoreClassifier(learner).fit(X, LABELS[codes])
    decisions = passes("decision_function", 6)(clone(learner), X, codes)
    np.testing.assert_allclose(clf.action_scores_, sum(loss(each, codes) for each in decisions), rtol=1e-10)
    assert not hasattr(clf, "predict_proba")
    np.testing.assert_array_equal(clf.decision_function(X), decisions[-1])


def squared(p, y):
    return (p - y) ** 2


def poisson(p, y):
    return 2 * (y * np.log(y / p) - y + p)


def pinball(p, y):
    return np.maximum(0.9 * (y - p), -0.1 * (y - p))


def boosted(margins, link=lambda raw: raw):
    return lambda learner, X, y: [link(scores[:, 1]) for scores in margins(learner, X, y)]


def predictions(learner, X, y):
    return [*learner.fit(X, y).staged_predict(X)]


CatBoost, LightGBM, XGBoost = catboost.CatBoostRegressor, lightgbm.LGBMRegressor, xgboost.XGBRegressor
SILENT = {"verbose": 0, "allow_writing_files": False}
REGRESSORS = {
    "gradient boosting": (GradientBoostingRegressor(n_estimators=5, **SEED), predictions, squared),
    "its quantile": (GradientBoostingRegressor(n_estimators=5, loss="quantile", **SEED), predictions, pinball),
    "histogram": (HistGradientBoostingRegressor(max_iter=5), predictions, squared),
    "its Poisson": (HistGradientBoostingRegressor(max_iter=5, loss="poisson"), predictions, poisson),
    "AdaBoost": (AdaBoostRegressor(n_estimators=5, **SEED), predictions, lambda p, y: abs(p - y)),
    "xgboost": (XGBoost(n_estimators=5), boosted(xgboost_margins), squared),
    "its Poisson, xgboost": (
        XGBoost(n_estimators=5, objective="count:poisson"),
        boosted(xgboost_margins, np.exp),
        poisson,
    ),
    "lightgbm": (LightGBM(n_estimators=5, verbose=-1), boosted(lightgbm_margins), squared),
    "its quantile, lightgbm": (
        LightGBM(n_estimators=5, verbose=-1, objective="quantile"),
        boosted(lightgbm_margins),
        pinball,
    ),
    "catboost": (CatBoost(iterations=5, **SILENT), boosted(catboost_margins), squared),
    "its quantile, catboost": (
        CatBoost(iterations=5, loss_function="Quantile:alpha=0.9", **SILENT),
        boosted(catboost_margins),
        pinball,
    ),
    "SGD": (SGDRegressor(max_iter=6, tol=None, **SEED), passes("predict", 6), squared),
    "MLP": (MLPRegressor(hidden_layer_sizes=(5,), max_iter=6, **SEED), passes("predict", 6), squared),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_scores_of_numbers_are_those_of_a_plain_loop(name):
    (learner, stages, loss), (X, y) = REGRESSORS[name], make_numbers()
    reg = ActionScoreRegressor(learner).fit(X, y)
    expected = sum(loss(np.asarray(p, dtype=np.float64), y) for p in stages(clone(learner), X, y))
    np.testing.assert_allclose(reg.action_scores_, expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(reg.predict(X), reg.estimator_.predict(X))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_learner_is_trained_as_it_would_be_alone(name):
    (learner, _), (X, codes) = CLASSIFIERS[name], make_classes(3)
    before = str(learner.get_params())
    clf = ActionScoreClassifier(learner).fit(X, codes)
    assert str(learner.get_params()) == before
    assert not hasattr(learner, "classes_") or name == "catboost"
    assert str(clf.estimator_.get_params()) == before or name == "xgboost"  # which sets its objective
    if name not in ("SGD", "MLP"):  # these shuffle anew in each pass
        np.testing.assert_array_equal(clf.predict_proba(X), clone(learner).fit(X, codes).predict_proba(X))


@pytest.mark.parametrize("labels", [[-1, 1], [1, 2], [False, True], ["no", "yes"], [0.0, 1.0]], ids=str)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_of_any_kind(name, labels):
    (learner, _), (X, codes) = CLASSIFIERS[name], make_classes(2)
    expected = ActionScoreClassifier(learner).fit(X, codes).action_scores_
    clf = ActionScoreClassifier(learner).fit(X, np.array(labels)[codes])
    np.testing.assert_allclose(clf.action_scores_, expected, rtol=1e-12)
    found = clf.predict(X)
    assert set(found) <= set(labels)
    assert found.dtype == clf.classes_.dtype or found.dtype == object
    assert clf.score(X, np.array(labels)[codes]) > 0.5


def test_an_unknown_objective_is_recorded_as_squared_errors_with_a_warning():
    X, y = make_numbers()
    learner = LightGBM(n_estimators=5, verbose=-1, objective="fair")
    with pytest.warns(UserWarning, match="minimises 'fair', of which the loss of a sample is not known here"):
        reg = ActionScoreRegressor(learner).fit(X, y)
    margins = boosted(lightgbm_margins)(clone(learner), X, y)
    np.testing.assert_allclose(reg.action_scores_, sum(squared(p, y) for p in margins), rtol=1e-10)


def test_scores_that_do_not_give_the_predictions_are_refused():
    X, codes = make_classes(2)
    with pytest.raises(ValueError, match="the scores of XGBClassifier after its last stage do not give its pred"):
        ActionScoreClassifier(xgboost.XGBClassifier(n_estimators=5, objective="binary:hinge")).fit(X, codes)
