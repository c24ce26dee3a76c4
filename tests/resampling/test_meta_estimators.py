"""What reaches the estimator inside the resampling and reweighting ones, and what comes back out of it."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from estimator_cases import make_data, make_net, make_regression_net
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline as ImblearnPipeline
from imblearn.pipeline import make_pipeline as make_sampling_pipeline
from imblearn.under_sampling import NearMiss, RandomUnderSampler
from scipy import sparse
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone, is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from torch.utils.data import TensorDataset

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreCurriculum,
    ActionScorePruner,
    ActionScoreRegressor,
    ActionScoreResampler,
    ResampledClassifier,
    ResampledRegressor,
    ReweightedClassifier,
    ReweightedRegressor,
)
from actscore_sk.resampling.weighting import difficulty_weights

X, Y = make_data()
X[:, 0] = np.arange(48)  # a row says which sample it is
X[:, 1:] = np.random.default_rng(2).normal(size=(48, 3))
Y = np.where(np.arange(48) < 16, 0, 1)
NAMES = np.array(["no", "yes"])[Y]
SCORES = np.random.default_rng(0).permutation(48) / 10
WEIGHTS = np.random.default_rng(1).integers(1, 4, size=48).astype(float)


class Recording(BaseEstimator):
    """Keeps what `fit` was given."""

    def fit(self, X, y=None, sample_weight=None, tags=None, note=None):
        self.X_, self.y_, self.weights_, self.tags_, self.note_ = X, y, sample_weight, tags, note
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))

    def score(self, X, y):
        return 0.0


class Recorder(ClassifierMixin, Recording):
    pass


class NumberRecorder(RegressorMixin, Recording):
    pass


def rows_of(recorder):
    return np.asarray(recorder.X_)[:, 0].astype(int)


def innermost(estimator):
    """The recorder in a Pipeline, a search or a meta-estimator that is fitted."""
    while not hasattr(estimator, "weights_"):
        inner = estimator[-1] if isinstance(estimator, Pipeline) else None
        estimator = inner or getattr(estimator, "best_estimator_", None) or estimator.estimator_
    return estimator


def difficulty_plainly(scores, kind="easy", temperature=1.0):
    u = (rankdata(scores) - 0.5) / len(scores)
    weights = np.exp({"hard": u, "easy": 1 - u, "middle": 1 - abs(2 * u - 1)}[kind] / temperature)
    return weights / weights.mean()


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(params=[False, True], ids=["no routing", "routing"])
def either_routing(request):
    with sklearn.config_context(enable_metadata_routing=request.param):
        yield request.param


# -- Resampled -------------------------------------------------------------------------------------------------

SELECTORS = {
    "pruner": ActionScorePruner(threshold=0.25),
    "balanced pruner": ActionScorePruner(threshold=0.25, class_balanced=True),
    "curriculum": ActionScoreCurriculum(),
    "resampler": ActionScoreResampler(n_samples=60),
    "RandomUnderSampler": RandomUnderSampler(),
    "RandomOverSampler": RandomOverSampler(),
    "NearMiss": NearMiss(),
}
TAGS = {
    "ndarray": lambda v: v,
    "list": lambda v: v.tolist(),
    "Series": lambda v: pd.Series(v, index=v[::-1]),
    "two columns": lambda v: np.stack([v, v], axis=1),
    "tensor": torch.as_tensor,
    "sparse": lambda v: sparse.csr_array(v[:, None]),
}


def fit_with_scores(sampler, estimator, **params):
    if isinstance(sampler, (ActionScorePruner, ActionScoreCurriculum, ActionScoreResampler)):
        params["action_scores"] = SCORES
    return ResampledClassifier(sampler, estimator, random_state=0).fit(X, NAMES, **params)


@pytest.mark.parametrize("kind", SELECTORS)
def test_everything_of_a_sample_stays_with_it(kind):
    tags = np.arange(48) * 10
    fitted = fit_with_scores(SELECTORS[kind], Recorder(), sample_weight=WEIGHTS, tags=tags, note="as it is")
    inner, rows = fitted.estimator_, fitted.sampler_.sample_indices_
    assert rows_of(inner).tolist() == rows.tolist()
    assert inner.y_.tolist() == NAMES[rows].tolist()
    assert inner.tags_.tolist() == tags[rows].tolist()
    assert inner.note_ == "as it is"
    if "pruner" in kind:  # a weight of 2 is two samples, and one of them may go
        assert (inner.weights_ <= WEIGHTS[rows]).all()
        assert inner.weights_.sum() >= 0.75 * WEIGHTS.sum()
    else:
        assert inner.weights_.tolist() == WEIGHTS[rows].tolist()


@pytest.mark.parametrize("kind", TAGS)
def test_metadata_of_any_kind_follows(kind):
    fitted = fit_with_scores(SELECTORS["curriculum"], Recorder(), tags=TAGS[kind](np.arange(48)))
    tags, plain = fitted.estimator_.tags_, TAGS[kind](np.arange(48))
    assert type(tags) is type(plain)
    tags = tags.toarray()[:, 0] if kind == "sparse" else np.asarray(tags)
    assert (tags[:, 0] if kind == "two columns" else tags).tolist() == rows_of(fitted.estimator_).tolist()


OWN_DATA = {
    "tuple": (X.copy(), Y.copy()),
    "dict": {"X": X.copy(), "y": Y.copy()},
    "Dataset": TensorDataset(torch.as_tensor(X), torch.as_tensor(Y)),
}


@pytest.mark.parametrize("kind", OWN_DATA)
def test_a_data_set_of_its_own_stays_whole(kind):
    """As ``eval_set=(X_eval, y_eval)`` that happens to be as long as X."""
    given = OWN_DATA[kind]
    assert fit_with_scores(SELECTORS["pruner"], Recorder(), tags=given).estimator_.tags_ is given


def test_without_weights_the_estimator_gets_none():
    assert fit_with_scores(SELECTORS["pruner"], Recorder()).estimator_.weights_ is None


def test_dropped_copies_leave_the_weight_that_is_left():
    weights = np.ones(48)
    weights[SCORES.argmax()] = 10
    fitted = fit_with_scores(ActionScorePruner(threshold=4 / 57), Recorder(), sample_weight=weights)
    weights[SCORES.argmax()] = 6
    assert fitted.estimator_.weights_.tolist() == weights.tolist()


def test_a_sampler_that_makes_samples():
    fitted = fit_with_scores(SMOTE(), Recorder(), note="as it is")
    assert np.unique(fitted.estimator_.y_, return_counts=True)[1].tolist() == [32, 32]
    for given in ({"sample_weight": WEIGHTS}, {"tags": np.arange(48)}):
        with pytest.raises(ValueError, match=r"SMOTE has no sample_indices_: it makes new samples.*leave the metadata"):
            fit_with_scores(SMOTE(), Recorder(), **given)


def test_the_scorer_in_the_sampler_gets_the_weights():
    pruner = ActionScorePruner(make_net(), threshold=0.25)
    fitted = ResampledClassifier(pruner, Recorder(), random_state=0).fit(X, Y, sample_weight=WEIGHTS)
    alone = ActionScoreClassifier(make_net(), random_state=0).fit(X, Y, sample_weight=WEIGHTS)
    np.testing.assert_array_equal(fitted.sampler_.action_scores_, alone.action_scores_)


@pytest.mark.parametrize("kind", ["pruner", "NearMiss"])
def test_it_is_the_two_steps_by_hand(kind):
    frame = pd.DataFrame(X[:, 1:], columns=list("abc"), index=np.arange(48)[::-1])
    sampler, given = clone(SELECTORS[kind]), {"action_scores": SCORES} if kind == "pruner" else {}
    by_hand = LogisticRegression().fit(*sampler.fit_resample(frame, NAMES, **given))
    fitted = ResampledClassifier(SELECTORS[kind], LogisticRegression()).fit(frame, NAMES, **given)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        np.testing.assert_array_equal(getattr(fitted, method)(frame), getattr(by_hand, method)(frame))
    assert fitted.score(frame, NAMES) == by_hand.score(frame, NAMES)
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert fitted.feature_names_in_.tolist() == list("abc")
    assert fitted.n_features_in_ == 3
    assert not hasattr(SELECTORS[kind], "sample_indices_"), "the user's own sampler was fitted"


def test_a_plain_pipeline_can_end_in_it():
    pipeline = make_pipeline(StandardScaler(), ResampledClassifier(ActionScorePruner(threshold=0.25), Recorder()))
    params = {"action_scores": SCORES, "sample_weight": np.ones(48), "tags": np.arange(48)}
    pipeline.fit(X, Y, **{f"resampledclassifier__{name}": value for name, value in params.items()})
    assert pipeline[-1].estimator_.tags_.tolist() == pipeline[-1].sampler_.sample_indices_.tolist()
    assert len(pipeline.predict(X)) == 48


def test_numbers_are_scored_by_a_regressor_unless_told_otherwise():
    y = np.arange(48) // 4  # would be twelve classes
    for sampler in (ActionScorePruner(), ActionScoreCurriculum(), ActionScoreResampler()):
        fitted = ResampledRegressor(sampler, Ridge(), random_state=0).fit(X, y)
        assert isinstance(fitted.sampler_.estimator_, ActionScoreRegressor)
        assert sampler.estimator is None
    fitted = ResampledRegressor(ActionScorePruner(make_regression_net()), Ridge()).fit(X, y.astype(np.float32))
    assert fitted.sampler_.estimator_.estimator_.module_.output.out_features == 1
    reweighted = ReweightedRegressor(Ridge(), random_state=0).fit(X, y)
    assert isinstance(reweighted.scorer_, ActionScoreRegressor)
    assert reweighted.score(X, y) > 0.9


# -- Reweighted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("weighting", ["hard", "easy", "middle"])
def test_weights_are_those_of_the_ranks(weighting, temperature):
    fitted = ReweightedClassifier(Recorder(), weighting=weighting, temperature=temperature)
    fitted.fit(X, Y, action_scores=SCORES)
    expected = difficulty_plainly(SCORES, weighting, temperature)
    np.testing.assert_allclose(fitted.estimator_.weights_, expected)
    np.testing.assert_array_equal(fitted.sample_weight_, fitted.estimator_.weights_)
    assert fitted.sample_weight_.mean() == pytest.approx(1)
    assert fitted.sample_weight_.max() / fitted.sample_weight_.min() <= np.exp(1 / temperature)
    fitted.fit(X, Y, action_scores=np.exp(SCORES) * 1e-6)
    np.testing.assert_allclose(fitted.sample_weight_, expected, err_msg="depends on more than the ranks")


@pytest.mark.parametrize(("temperature", "expected"), [(1e9, np.ones(48)), (1e-4, 48.0 * (SCORES.max() == SCORES))])
def test_the_limits_of_the_temperature(temperature, expected):
    fitted = ReweightedClassifier(Recorder(), weighting="hard", temperature=temperature).fit(X, Y, action_scores=SCORES)
    np.testing.assert_allclose(fitted.sample_weight_, expected, atol=1e-6)


@pytest.mark.parametrize("weighting", ["hard", "easy", lambda scores: scores + 1.0])
@pytest.mark.parametrize("temperature", [1e-3, 1e-9, 1e-300])
def test_a_temperature_near_0_leaves_the_favoured_ones(weighting, temperature):
    weights = difficulty_weights(np.array([0.0, 2.0, 1.0]), weighting, temperature=temperature)
    np.testing.assert_allclose(weights, [3, 0, 0] if weighting == "easy" else [0, 3, 0], atol=1e-9)


def test_one_huge_score_does_not_make_the_others_equal():
    weights = difficulty_weights(np.append(SCORES, 1e15), "hard")
    np.testing.assert_allclose(weights, difficulty_plainly(np.append(SCORES, 10.0), "hard"))


def test_equal_scores_weigh_alike():
    scores = SCORES.round(0) + np.random.default_rng(0).random(48) * 1e-14
    weights = ReweightedClassifier(Recorder()).fit(X, Y, action_scores=scores).sample_weight_
    assert all(np.ptp(weights[SCORES.round(0) == value]) == 0 for value in range(6))


@pytest.mark.parametrize("weighting", ["hard", "easy", "middle"])
def test_a_users_weight_of_two_is_two_samples(weighting):
    fitted = ReweightedClassifier(Recorder(), weighting=weighting)
    fitted.fit(X, Y, sample_weight=WEIGHTS, action_scores=SCORES)
    copies = np.repeat(np.arange(48), WEIGHTS.astype(int))
    plain = clone(fitted).fit(X[copies], Y[copies], action_scores=SCORES[copies])
    np.testing.assert_allclose(fitted.sample_weight_, np.bincount(copies, weights=plain.sample_weight_))
    assert fitted.sample_weight_.sum() == pytest.approx(WEIGHTS.sum())


def test_a_callable_gets_scores_and_gives_weights():
    fitted = ReweightedClassifier(Recorder(), weighting=lambda scores: scores, temperature=0.5)
    fitted.fit(X, Y, action_scores=SCORES, sample_weight=WEIGHTS)
    squares = SCORES**2
    np.testing.assert_allclose(fitted.sample_weight_, WEIGHTS * squares / np.average(squares, weights=WEIGHTS))


def spoil(scores):
    scores *= 0
    return scores + 1


def test_a_callable_cannot_spoil_the_scores():
    fitted = ReweightedClassifier(Recorder(), weighting=spoil).fit(X, Y, action_scores=SCORES)
    assert fitted.action_scores_.tolist() == SCORES.tolist()


NESTS = {
    "alone": Recorder,
    "pipeline": lambda: make_pipeline(StandardScaler(), Recorder()),
    "nested pipeline": lambda: make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Recorder())),
    "search": lambda: GridSearchCV(Recorder(), {}, cv=2),
    "search over a pipeline": lambda: GridSearchCV(make_pipeline(StandardScaler(), Recorder()), {}, cv=2),
    "pipeline with a search": lambda: make_pipeline(StandardScaler(), GridSearchCV(Recorder(), {}, cv=2)),
}


@pytest.mark.parametrize("kind", NESTS)
def test_weights_go_down_to_the_last_step(kind, either_routing):
    fitted = ReweightedClassifier(NESTS[kind]()).fit(X, Y, action_scores=SCORES)
    np.testing.assert_allclose(innermost(fitted).weights_, difficulty_plainly(SCORES))


def test_a_users_weights_go_down_too(either_routing):
    pipeline = make_pipeline(StandardScaler(), Recorder())
    reweighted = ReweightedClassifier(pipeline).fit(X, Y, action_scores=SCORES * 0, sample_weight=WEIGHTS)
    np.testing.assert_allclose(innermost(reweighted).weights_, WEIGHTS)
    if either_routing:
        return
    resampled = ResampledClassifier(ActionScoreCurriculum(), pipeline)
    resampled.fit(X, Y, action_scores=SCORES, sample_weight=WEIGHTS)
    np.testing.assert_allclose(innermost(resampled).weights_, WEIGHTS[np.argsort(SCORES)])


@pytest.mark.parametrize(
    ("make_reweighted", "y"),
    [
        (lambda: ReweightedClassifier(VotingClassifier([("lr", LogisticRegression())])), Y),
        (lambda: ReweightedRegressor(TransformedTargetRegressor(Ridge())), Y.astype(float)),
        (lambda: ReweightedClassifier(ActionScoreClassifier(make_net())), Y),
    ],
    ids=["VotingClassifier", "TransformedTargetRegressor", "net"],
)
def test_estimators_that_pass_weights_on_are_taken(make_reweighted, y):
    fitted = make_reweighted().fit(X, y, action_scores=SCORES)
    assert len(fitted.predict(X)) == 48


@pytest.mark.parametrize("nest", [lambda pipeline: pipeline, lambda pipeline: GridSearchCV(pipeline, {}, cv=2)])
@pytest.mark.parametrize("sampler", [ActionScoreCurriculum(), RandomUnderSampler()], ids=["curriculum", "under"])
def test_weights_and_scores_do_not_end_up_with_other_samples(sampler, nest, either_routing):
    """imbalanced-learn's Pipeline gives its last step the weights in the order in which they came in."""
    message = rf"{type(sampler).__name__} inside a Pipeline changes the samples.*ResampledClassifier"
    model = nest(make_sampling_pipeline(clone(sampler), LogisticRegression()))
    with pytest.raises(ValueError, match=message):
        ReweightedClassifier(model).fit(X, Y, action_scores=SCORES)
    scorer = nest(make_sampling_pipeline(clone(sampler), ActionScoreClassifier(make_net())))
    with pytest.raises(ValueError, match=message):
        ReweightedClassifier(LogisticRegression(), scorer=scorer).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        ActionScorePruner(scorer).fit(X, Y)
    if not either_routing:
        with pytest.raises(ValueError, match=message):
            ResampledClassifier(ActionScorePruner(), model).fit(X, Y, action_scores=SCORES, sample_weight=WEIGHTS)


@pytest.mark.parametrize("estimator", [KNeighborsClassifier(), make_pipeline(StandardScaler(), KNeighborsClassifier())])
def test_an_estimator_without_weights_is_refused_before_anything_is_trained(estimator, either_routing):
    with pytest.raises(ValueError, match=r"KNeighborsClassifier cannot take sample_weight.*ActionScoreResampler"):
        ReweightedClassifier(estimator, scorer=object()).fit(X, Y)  # the scorer would fail too, but later
    if not either_routing:  # which has its own word on weights that nobody takes
        with pytest.raises(ValueError, match="KNeighborsClassifier cannot take sample_weight"):
            ResampledClassifier(ActionScorePruner(object()), estimator).fit(X, Y, sample_weight=WEIGHTS)
    with pytest.raises(ValueError, match="KNeighborsRegressor cannot take sample_weight"):
        ReweightedRegressor(KNeighborsRegressor()).fit(X, Y)


BAD_FITS = {
    "net": (ReweightedClassifier(make_net()), {}, "a skorch net takes weights inside ActionScoreClassifier"),
    "short weights": (ReweightedClassifier(Recorder()), {"sample_weight": WEIGHTS[1:]}, "sample_weight"),
    "negative weights": (ReweightedClassifier(Recorder()), {"sample_weight": -WEIGHTS}, "Negative values"),
    "short scores": (ReweightedClassifier(Recorder()), {"action_scores": SCORES[1:]}, r"shape \(47,\), but X has 48"),
    "NaN scores": (ReweightedClassifier(Recorder()), {"action_scores": SCORES * np.nan}, "48 values that are NaN"),
    "weighting": (ReweightedClassifier(Recorder(), weighting="soft"), {}, "The 'weighting' parameter"),
    "temperature": (ReweightedClassifier(Recorder(), temperature=0), {}, "The 'temperature' parameter"),
    "zeros": (
        ReweightedClassifier(Recorder(), weighting=np.zeros_like),
        {"action_scores": SCORES},
        "sets the weight of every sample to 0",
    ),
    "scorer without scores": (ReweightedClassifier(Recorder(), scorer=LogisticRegression()), {}, "no action_scores_"),
    "no sampler": (ResampledClassifier(StandardScaler(), Recorder()), {}, "The 'sampler' parameter"),
    "no estimator": (ResampledClassifier(RandomUnderSampler(), None), {}, "The 'estimator' parameter"),
    "short weights, resampled": (
        ResampledClassifier(RandomUnderSampler(), Recorder()),
        {"sample_weight": WEIGHTS[1:]},
        "sample_weight",
    ),
    "unknown parameter": (ResampledClassifier(RandomUnderSampler(), Recorder()), {"colour": 1}, "colour"),
}


@pytest.mark.parametrize("kind", BAD_FITS)
def test_fit_says_what_is_wrong(kind):
    estimator, given, message = BAD_FITS[kind]
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(X, Y, **given)


def test_several_labels_are_refused_in_words():
    with pytest.raises(ValueError, match="Multilabel and multioutput targets are not supported by a classifier"):
        ReweightedClassifier(RandomForestClassifier()).fit(X, np.stack([Y, Y * 0 + 1], axis=1))


@pytest.mark.parametrize("kind", ["net", "pipeline", "nothing", "search"])
def test_scorers_of_all_kinds(kind):
    search = GridSearchCV(ActionScoreClassifier(make_net()), {"estimator__lr": [0.1]}, cv=2)
    pipeline = make_pipeline(StandardScaler(), ActionScoreClassifier(make_net()))
    scorer = {"net": make_net(), "pipeline": pipeline, "nothing": None, "search": search}[kind]
    fitted = ReweightedClassifier(Recorder(), scorer=scorer, random_state=0).fit(X, NAMES)
    alone = ActionScoreClassifier(None if kind == "nothing" else make_net(), random_state=0)
    alone.fit(StandardScaler().fit_transform(X) if kind == "pipeline" else X, NAMES)
    np.testing.assert_array_equal(fitted.action_scores_, alone.action_scores_)
    np.testing.assert_allclose(fitted.sample_weight_, difficulty_plainly(alone.action_scores_))
    fitted.fit(X, NAMES, sample_weight=WEIGHTS)
    alone.fit(StandardScaler().fit_transform(X) if kind == "pipeline" else X, NAMES, sample_weight=WEIGHTS)
    np.testing.assert_array_equal(fitted.action_scores_, alone.action_scores_)


# -- as scikit-learn's own -------------------------------------------------------------------------------------


def wrapped(estimator):
    return [
        ResampledClassifier(ActionScorePruner(threshold=0.25), estimator),
        ReweightedClassifier(estimator, weighting="easy"),
    ]


@pytest.mark.parametrize(
    ("estimator", "methods"),
    [
        (LogisticRegression(), {"predict", "predict_proba", "predict_log_proba", "decision_function"}),
        (LinearSVC(), {"predict", "decision_function"}),
        (SVC(), {"predict", "decision_function"}),
        (RandomForestClassifier(3), {"predict", "predict_proba", "predict_log_proba"}),
        (Recorder(), {"predict"}),
        (make_pipeline(StandardScaler(), Recorder()), {"predict"}),
    ],
    ids=lambda part: type(part).__name__,
)
def test_has_the_methods_of_what_it_holds(estimator, methods):
    every = {"predict", "predict_proba", "predict_log_proba", "decision_function", "transform"}
    for one in wrapped(estimator):
        assert {name for name in every if hasattr(one, name)} == methods
        assert not hasattr(one, "classes_")
        assert not hasattr(one, "n_features_in_")
        with pytest.raises(NotFittedError, match="not fitted yet"):
            one.predict(X)
        one.fit(X, NAMES, action_scores=SCORES)
        assert {name for name in every if hasattr(one, name)} == methods
        assert one.classes_.tolist() == ["no", "yes"]


def test_transform_is_there_where_the_estimator_has_it():
    resampled = ResampledClassifier(ActionScorePruner(), LinearDiscriminantAnalysis()).fit(X, Y, action_scores=SCORES)
    np.testing.assert_array_equal(resampled.transform(X), resampled.estimator_.transform(X))


def test_kind_and_tags_are_those_of_what_it_holds():
    for one in wrapped(LogisticRegression()):
        assert is_classifier(one)
        assert not is_regressor(one)
        assert sklearn.utils.get_tags(one).input_tags.sparse
    for one in (ResampledRegressor(RandomUnderSampler(), Ridge()), ReweightedRegressor(Ridge())):
        assert is_regressor(one)
        assert not is_classifier(one)
        assert not hasattr(one, "predict_proba")
    assert not sklearn.utils.get_tags(wrapped(LinearDiscriminantAnalysis())[0]).input_tags.sparse


def test_predict_passes_parameters_on():
    fitted = ReweightedRegressor(BayesianRidge()).fit(X, Y.astype(float), action_scores=SCORES)
    mean, std = fitted.predict(X, return_std=True)
    assert mean.shape == std.shape == (48,)


@pytest.mark.parametrize("position", [0, 1], ids=["resampled", "reweighted"])
def test_clone_pickle_and_seed(position):
    forest = RandomForestClassifier(5)
    one = wrapped(forest)[position].set_params(random_state=0)
    one.set_params(**{["sampler__estimator", "scorer"][position]: make_net()})
    fitted = one.fit(X, NAMES)
    again = clone(one)
    assert not hasattr(again, "estimator_")
    assert repr(again) == repr(one)
    expected = fitted.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), expected)
    np.testing.assert_array_equal(again.fit(X, NAMES).predict_proba(X), expected)
    assert forest.random_state is None
    assert not hasattr(forest, "estimators_")
    assert (clone(one).set_params(random_state=1).fit(X, NAMES).predict_proba(X) != expected).any()
    one.set_params(estimator__n_estimators=2)
    assert len(one.fit(X, NAMES).estimator_.estimators_) == 2


def test_samplers_clone_and_pickle():
    for sampler in (
        ActionScorePruner(make_net(), random_state=0),
        ActionScoreResampler(temperature=0.5, random_state=0),
    ):
        fitted = pickle.loads(pickle.dumps(sampler.fit(X, Y)))
        assert fitted.sample_indices_.tolist() == sampler.sample_indices_.tolist()
        assert clone(sampler).fit(X, Y).sample_indices_.tolist() == sampler.sample_indices_.tolist()


# -- routing ---------------------------------------------------------------------------------------------------

CV = KFold(3)
GROUPS = np.arange(48) % 4


def trained_on(result):
    return [np.setdiff1d(np.arange(48), test) for test in result["indices"]["test"]]


def validated(estimator, cv=CV, **params):
    options = {"return_estimator": True, "return_indices": True, "error_score": "raise"}
    return cross_validate(estimator, X, Y, cv=cv, params=params, **options)


def test_scikit_learn_slices_scores_and_weights_by_fold(either_routing):
    resampled = ResampledClassifier(ActionScoreCurriculum(), Recorder())
    reweighted = ReweightedClassifier(Recorder())
    if either_routing:
        resampled.sampler.set_fit_resample_request(action_scores=True, sample_weight=False)
        resampled.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        resampled.estimator.set_fit_request(sample_weight=True, tags=True)
        reweighted.set_score_request(sample_weight=False)
        reweighted.set_fit_request(action_scores=True, sample_weight=True)
        reweighted.estimator.set_fit_request(tags=True, sample_weight=True)
    given = {"action_scores": SCORES, "sample_weight": WEIGHTS, "tags": np.arange(48)}
    result = validated(resampled, **given)
    for fitted, rows in zip(result["estimator"], trained_on(result), strict=True):
        ordered = rows[np.argsort(SCORES[rows])]
        assert rows_of(fitted.estimator_).tolist() == ordered.tolist()
        assert fitted.estimator_.weights_.tolist() == WEIGHTS[ordered].tolist()
        assert fitted.estimator_.tags_.tolist() == ordered.tolist()
    result = validated(reweighted, **given)
    for fitted, rows in zip(result["estimator"], trained_on(result), strict=True):
        assert fitted.action_scores_.tolist() == SCORES[rows].tolist()
        assert fitted.estimator_.tags_.tolist() == rows.tolist()
        assert fitted.sample_weight_.sum() == pytest.approx(WEIGHTS[rows].sum())


def test_pipelines_slice_scores_by_fold(either_routing):
    pruner = ActionScorePruner(threshold=0.25)
    if either_routing:
        pruner.set_fit_resample_request(action_scores=True)
    pipeline = Pipeline([("scaler", StandardScaler()), ("model", ResampledClassifier(pruner, Recorder()))])
    result = validated(pipeline, **{"action_scores" if either_routing else "model__action_scores": SCORES})
    assert [len(fitted["model"].estimator_.y_) for fitted in result["estimator"]] == [24, 24, 24]
    if not either_routing:  # imbalanced-learn's Pipeline passes parameters to fit_resample by routing only
        return
    pipeline = ImblearnPipeline([("scaler", StandardScaler()), ("pruner", pruner), ("model", Recorder())])
    result = validated(pipeline, action_scores=SCORES)
    for fitted, rows in zip(result["estimator"], trained_on(result), strict=True):
        assert fitted["pruner"].action_scores_.tolist() == SCORES[rows].tolist()
        assert len(fitted["model"].y_) == 24


def test_groups_split_and_weights_weigh(routing):
    pruner = ActionScorePruner(make_net(), threshold=0.25).set_fit_resample_request(sample_weight=True)
    resampled = ResampledClassifier(pruner, Recorder().set_fit_request(sample_weight=True), random_state=0)
    resampled.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
    result = validated(resampled, cv=GroupKFold(4), groups=GROUPS, sample_weight=WEIGHTS)
    for fitted, rows in zip(result["estimator"], trained_on(result), strict=True):
        assert len(np.unique(GROUPS[rows])) == 3
        alone = ActionScoreClassifier(make_net(), random_state=0).fit(X[rows], Y[rows], sample_weight=WEIGHTS[rows])
        np.testing.assert_array_equal(fitted.sampler_.action_scores_, alone.action_scores_)
        assert fitted.estimator_.weights_ is not None


def test_what_a_sampler_does_not_know_is_an_error(either_routing):
    for sampler in (ActionScorePruner(), ActionScorePruner(ActionScoreClassifier(make_net()))):
        with pytest.raises(TypeError, match="colour"):
            sampler.fit_resample(X, Y, colour=1)


def test_weights_nobody_asked_for_are_an_error_of_scikit_learns(routing):
    with pytest.raises(ValueError, match="not explicitly set as requested or not requested"):
        ResampledClassifier(ActionScorePruner(), Recorder()).fit(X, Y, sample_weight=WEIGHTS)


def test_weights_by_another_name_are_not_lost(routing):
    for estimator in (
        ResampledClassifier(RandomUnderSampler(), Recorder().set_fit_request(sample_weight="importance")),
        ReweightedClassifier(Recorder().set_fit_request(sample_weight="importance")),
    ):
        given = {} if isinstance(estimator, ResampledClassifier) else {"action_scores": SCORES * 0}
        fitted = estimator.fit(X, Y, importance=WEIGHTS, **given)
        rows = rows_of(fitted.estimator_)
        assert fitted.estimator_.weights_.tolist() == WEIGHTS[rows].tolist()


def test_weights_of_a_step_are_not_overwritten():
    reweighted = ReweightedClassifier(make_pipeline(StandardScaler(), Recorder()))
    try:
        reweighted.fit(X, Y, action_scores=SCORES * 0, recorder__sample_weight=WEIGHTS)
    except ValueError as error:
        assert "sample_weight" in str(error)  # noqa: PT017 - an error is as good
    else:
        np.testing.assert_allclose(innermost(reweighted).weights_, WEIGHTS)


def test_weights_refused_by_the_estimator_are_not_lost(routing):
    refusing = Recorder().set_fit_request(sample_weight=False)
    with pytest.raises(ValueError, match=r"set_fit_request\(sample_weight=False\).*set it to True"):
        ReweightedClassifier(refusing).fit(X, Y, action_scores=SCORES)


def test_the_users_estimator_keeps_its_requests(routing):
    recorder = Recorder()
    ReweightedClassifier(make_pipeline(recorder)).fit(X, Y, action_scores=SCORES)
    assert recorder.get_metadata_routing().fit.requests["sample_weight"] is None
