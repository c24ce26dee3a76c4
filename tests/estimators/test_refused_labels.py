"""Estimators that judge no labels say why, and groups reach the split on every way."""

import numpy as np
import pytest
import sklearn
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDRegressor
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreEstimator,
    ActionScorePruner,
    ActionScoreRegressor,
    ActionScoreRelabeler,
    ReweightedClassifier,
)

rng = np.random.default_rng(0)
Y = rng.integers(0, 3, 120)
X = 3 * rng.normal(size=(3, 4))[Y] + rng.normal(size=(120, 4))
NUMBERS = X @ np.ones(4)
GROUPS = np.arange(120) // 4


# -- targets that cannot be judged -------------------------------------------------------------------------------


def test_regressor_has_no_label_issues_and_says_what_to_do():
    scorer = ActionScoreRegressor(random_state=0).fit(X, NUMBERS, epochs=1)
    assert not hasattr(scorer, "label_issues")
    for name in ("label_issues", "noise_rate_", "is_label_issue_", "wrong_label_scores_"):
        with pytest.raises(AttributeError, match=r"numbers: a wrong one .* F1 of 0.00 to 0.07.*highest action_scores_"):
            getattr(scorer, name)
    with pytest.raises(AttributeError, match="'ActionScoreRegressor' object has no attribute 'shape'"):
        _ = scorer.shape
    with pytest.raises(TypeError, match="store_probabilities"):
        ActionScoreRegressor(store_probabilities=True)


def test_several_outputs_have_no_label_issues():
    scorer = ActionScoreEstimator(random_state=0).fit(X, np.eye(3)[Y], epochs=1)
    with pytest.raises(AttributeError, match=r"several outputs per sample.*component_scores_"):
        scorer.label_issues()


@pytest.mark.parametrize("wrap", [lambda each: each, lambda each: make_pipeline(StandardScaler(), each)])
def test_decisions_about_numbers_are_refused_before_anything_is_trained(wrap):
    scorer = wrap(ActionScoreRegressor())
    with pytest.raises(ValueError, match=r'threshold="auto" drops labels.*ActionScorePruner\(threshold=0.05\)'):
        ActionScorePruner(scorer, threshold="auto").fit_resample(X, NUMBERS)
    with pytest.raises(TypeError, match=r"cannot judge labels; there are no label issues for targets that are numbers"):
        ActionScoreRelabeler(scorer).fit_resample(X, Y)
    with pytest.raises(TypeError, match=r"cannot judge labels; there are no label issues for targets that are numbers"):
        ReweightedClassifier(LogisticRegression(), scorer=scorer, weighting="trust").fit(X, Y)
    assert len(ActionScorePruner(scorer, threshold=0.1, random_state=0).fit_resample(X, NUMBERS)[0]) == 108
    assert Ridge().fit(X, NUMBERS).score(X, NUMBERS) > 0.99


# -- groups --------------------------------------------------------------------------------------------------------


def judging(**options):
    return ActionScoreClassifier(store_probabilities=True, random_state=0, **options)


def assert_apart(scorer, groups=GROUPS):
    held_out = scorer._first_fit.held_out
    assert 0 < held_out.sum() < len(held_out)
    assert not set(groups[held_out]) & set(groups[~held_out])


def test_default_net_holds_groups_out_as_wholes():
    assert_apart(judging().fit(X, Y, groups=GROUPS, epochs=2))


@pytest.mark.parametrize("fraction", [None, 0.4])
@pytest.mark.parametrize("learner", [None, GaussianNB(), HistGradientBoostingClassifier(max_iter=3)], ids=str)
def test_what_is_held_out_keeps_groups_together(learner, fraction):
    scorer = judging(estimator=learner, validation_fraction=fraction, refit=False)
    scorer.fit(X, Y, groups=GROUPS, **({"epochs": 1} if learner is None else {}))
    held_out = scorer.validation_mask_
    assert not set(GROUPS[held_out]) & set(GROUPS[~held_out])
    assert abs(held_out.mean() - (fraction or 0.2)) < 0.1


def test_regressors_keep_groups_together():
    for learner in (None, SGDRegressor(max_iter=3)):
        scorer = ActionScoreRegressor(learner, reduction="auto", random_state=0).fit(X, X[:, 0], groups=GROUPS)
        held_out = scorer.validation_mask_
        assert 0 < held_out.sum() < len(X)
        assert not set(GROUPS[held_out]) & set(GROUPS[~held_out])


def test_a_class_of_one_group_is_trained_on():
    for group in range(3):
        named = np.where(group == GROUPS, "rare", Y.astype(str))
        scorer = judging(estimator=GaussianNB(), validation_fraction=0.9, refit=False).fit(X, named, groups=GROUPS)
        assert not scorer.validation_mask_[group == GROUPS].any()


@pytest.mark.parametrize("learner", [None, GaussianNB()], ids=str)
def test_groups_of_other_length_are_named(learner):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        judging(estimator=learner).fit(X, Y, groups=GROUPS[:5])


def test_groups_without_routing_reach_a_scorer_in_a_pipeline_and_in_a_pruner():
    pipeline = make_pipeline(StandardScaler(), judging()).fit(X, Y, actionscoreclassifier__groups=GROUPS)
    assert_apart(pipeline[-1])
    pruner = ActionScorePruner(judging(), threshold=0.1).fit(X, Y, groups=GROUPS)
    assert_apart(pruner.estimator_)


@pytest.fixture
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("_routing")
@pytest.mark.parametrize("make", [make_pipeline, make_imblearn_pipeline])
def test_routed_groups_reach_a_scorer_in_a_pipeline(make):
    pipeline = make(StandardScaler(), judging().set_fit_request(groups=True)).fit(X, Y, groups=GROUPS)
    assert_apart(pipeline[-1])


@pytest.mark.usefixtures("_routing")
@pytest.mark.filterwarnings("ignore:only [0-9]+ rows were held out")
def test_routed_groups_reach_each_fit_of_a_search():
    search = GridSearchCV(judging().set_fit_request(groups=True), {"refit": ["auto"]}, cv=GroupKFold(3))
    search.fit(X, Y, groups=GROUPS)
    assert_apart(search.best_estimator_)


@pytest.mark.usefixtures("_routing")
def test_routed_groups_reach_the_scorer_of_a_pruner():
    pruner = ActionScorePruner(judging().set_fit_request(groups=True), threshold=0.1).fit(X, Y, groups=GROUPS)
    assert_apart(pruner.estimator_)


@pytest.mark.usefixtures("_routing")
def test_groups_that_nobody_asked_for_are_refused():
    with pytest.raises(Exception, match="groups"):
        make_pipeline(StandardScaler(), judging()).fit(X, Y, groups=GROUPS)
