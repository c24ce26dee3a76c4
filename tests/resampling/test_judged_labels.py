"""Samplers and weights that go by what the scorer says of labels: relabel, drop, trust."""

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from actscore_sk import (
    ActionScoreClassifier,
    ActionScorePruner,
    ActionScoreRegressor,
    ActionScoreRelabeler,
    ResampledClassifier,
    ReweightedClassifier,
    ReweightedRegressor,
)
from actscore_sk.resampling import pruner as pruner_module

rng = np.random.default_rng(0)
TRUE = rng.integers(0, 3, 1200)
X = 3 * rng.normal(size=(3, 5))[TRUE] + 0.4 * rng.normal(size=(1200, 5))
GIVEN = np.where(rng.random(1200) < 0.1, (TRUE + 1) % 3, TRUE)
NAMES = np.array(["ant", "bee", "cow"])
JUDGE = ActionScoreClassifier(store_probabilities=True, random_state=0)
FLAGGED = JUDGE.fit(X, GIVEN).is_label_issue_
NOISE = np.random.default_rng(1).integers(0, 3, 1200)  # labels that nothing can be learnt from

AS_KINDS = {
    "strings": lambda y: NAMES[y],
    "Series": lambda y: pd.Series(NAMES[y], index=np.arange(len(y))[::-1], name="animal"),
    "list": lambda y: NAMES[y].tolist(),
    "column": lambda y: y[:, None],
    "one column per class": lambda y: np.eye(3, dtype=int)[y],
    "category": lambda y: pd.Series(NAMES[y], dtype="category"),
}


@pytest.mark.parametrize("kind", AS_KINDS)
def test_flagged_labels_are_replaced_in_the_kind_of_y(kind):
    given = AS_KINDS[kind](GIVEN)
    relabeler = ActionScoreRelabeler(random_state=0)
    X_same, y = relabeler.fit_resample(X, given)
    expected = AS_KINDS[kind](np.where(FLAGGED, TRUE, GIVEN))
    np.testing.assert_array_equal(X_same, X)
    assert type(y) is type(given)
    np.testing.assert_array_equal(np.asarray(y), np.asarray(expected))
    assert relabeler.is_relabeled_.tolist() == FLAGGED.tolist()
    if hasattr(given, "index") and kind != "list":
        pd.testing.assert_series_equal(y, expected)


def test_counts_are_those_of_the_new_labels():
    relabeler = ActionScoreRelabeler(random_state=0).fit(X, NAMES[GIVEN])
    counts = np.bincount(np.where(FLAGGED, TRUE, GIVEN))
    assert relabeler.sampling_strategy_ == dict(zip(NAMES.tolist(), counts.tolist(), strict=True))
    assert relabeler.sample_indices_.tolist() == list(range(1200))


def test_the_last_sample_of_a_class_keeps_its_label():
    given = GIVEN.copy()
    given[7] = 3
    scorer = ActionScoreClassifier(store_probabilities=True, random_state=0).fit(X, given)
    assert scorer.is_label_issue_[7], "the case should flag it"
    _, y = ActionScoreRelabeler(random_state=0).fit_resample(X, given)
    assert y[7] == 3


@pytest.mark.parametrize("make", [make_pipeline, make_imblearn_pipeline])
def test_scorer_in_a_pipeline(make):
    scorer = make(StandardScaler(), ActionScoreClassifier())
    _, y = ActionScoreRelabeler(scorer, random_state=0).fit_resample(X, GIVEN)
    assert (y != TRUE).sum() < 0.6 * (GIVEN != TRUE).sum()


def test_a_classifier_behind_it_learns_the_new_labels():
    model = ResampledClassifier(ActionScoreRelabeler(random_state=0), LogisticRegression()).fit(X, GIVEN)
    alone = LogisticRegression().fit(X, np.where(FLAGGED, TRUE, GIVEN))
    np.testing.assert_array_equal(model.estimator_.coef_, alone.coef_)


def test_nothing_is_changed_where_nothing_can_be_decided():
    with pytest.warns(UserWarning, match=r"all labels are taken as right: .* learnt nothing"):
        _, y = ActionScoreRelabeler(random_state=0).fit_resample(X, NOISE)
    np.testing.assert_array_equal(y, NOISE)


def test_scores_alone_and_scorers_of_numbers_cannot_relabel():
    with pytest.raises(ValueError, match="not what they should be; leave them out"):
        ActionScoreRelabeler().fit_resample(X, GIVEN, action_scores=np.ones(1200))
    with pytest.raises(TypeError, match="ActionScoreRegressor cannot judge labels"):
        ActionScoreRelabeler(ActionScoreRegressor()).fit_resample(X, GIVEN)
    with pytest.raises(ValueError, match="the target y is None"):
        ActionScoreRelabeler().fit_resample(X, None)


# -- the pruner --------------------------------------------------------------------------------------------------


def test_pruner_drops_what_the_scorer_flags(tmp_path):
    for memory in (None, str(tmp_path), str(tmp_path)):
        pruner = ActionScorePruner(JUDGE, threshold="auto", memory=memory)
        pruner.fit_resample(X, GIVEN)
        assert pruner.sample_indices_.tolist() == np.flatnonzero(~FLAGGED).tolist()


@pytest.mark.parametrize("options", [{"strategy": "random"}, {"class_balanced": True}])
def test_other_strategies_drop_as_many(options):
    pruner = ActionScorePruner(JUDGE, threshold="auto", random_state=0, **options)
    pruner.fit_resample(X, GIVEN)
    assert 0 <= FLAGGED.sum() - (1200 - len(pruner.sample_indices_)) <= 2  # rounded down in each class


@pytest.mark.parametrize("scorer", [JUDGE, None])  # by its scores alone, the default net's would drop hundreds
def test_pruner_drops_none_where_nothing_can_be_decided(scorer):
    with pytest.warns(UserWarning, match="all labels are taken as right"):
        assert len(ActionScorePruner(scorer, threshold="auto", random_state=0).fit_resample(X, NOISE)[0]) == 1200


def test_pruner_estimates_by_scores_without_such_a_scorer(monkeypatch):
    monkeypatch.setattr(pruner_module, "estimate_n_mislabelled", lambda scores, amounts: 11)
    for scorer in (JUDGE, ActionScoreClassifier(random_state=0)):
        _, y = ActionScorePruner(scorer, threshold="auto").fit_resample(X, GIVEN)
        assert 1200 - len(y) == (FLAGGED.sum() if scorer is JUDGE else 11)


# -- weights -----------------------------------------------------------------------------------------------------


def test_trust_is_the_probability_that_a_label_is_right():
    model = ReweightedClassifier(LogisticRegression(), weighting="trust", random_state=0).fit(X, GIVEN)
    trust = 1 - model.scorer_.wrong_label_proba_
    np.testing.assert_allclose(model.sample_weight_, trust / trust.mean())
    assert model.sample_weight_[FLAGGED].max() < 0.7


def test_trust_is_multiplied_by_weights():
    weights = np.where(np.arange(1200) % 2, 2.0, 1.0)
    model = ReweightedClassifier(LogisticRegression(), weighting="trust", random_state=0)
    model.fit(X, GIVEN, sample_weight=weights)
    assert model.sample_weight_.sum() == pytest.approx(weights.sum())


def test_all_are_trusted_where_nothing_can_be_decided():
    model = ReweightedClassifier(LogisticRegression(), weighting="trust", random_state=0)
    with pytest.warns(UserWarning, match="all labels are taken as right"):
        model.fit(X, NOISE)
    assert (model.sample_weight_ == 1).all()


def test_trust_needs_a_scorer_of_labels():
    with pytest.raises(ValueError, match='weighting="trust" goes by what the scorer says'):
        ReweightedClassifier(LogisticRegression(), weighting="trust").fit(X, GIVEN, action_scores=np.ones(1200))
    with pytest.raises(ValueError, match="'weighting' parameter of ReweightedRegressor must be"):
        ReweightedRegressor(LogisticRegression(), weighting="trust").fit(X, GIVEN)
