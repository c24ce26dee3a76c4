"""What a fitted classifier says of labels: which look wrong, how many, and what they should be."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import make_net
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import GroupKFold
from skorch.dataset import ValidSplit
from torch.utils.data import TensorDataset

from actscore_sk import ActionScoreClassifier
from actscore_sk.recording.score_record import ScoreRecord

COLUMNS = ["given_label", "suggested_label", "wrong_probability", "suggested_probability"]
COLUMNS += ["action_score", "is_issue", "is_validation"]
KINDS = {
    "0 and 1": [0, 1],
    "-1 and 1": [-1, 1],
    "1 and 2": [1, 2],
    "strings": np.array(["cat", "dog", "owl"]),
    "objects": np.array(["cat", "dog"], dtype=object),
    "booleans": [False, True],
    "floats": [0.0, 2.0, 5.0],
}


def blobs(n_samples=1200, n_classes=3, rate=0.1, seed=0, shares=None):
    """Rows (n, 5) of classes that stand apart, their numbers, and given ones of which `rate` are wrong."""
    rng = np.random.default_rng(seed)
    true = rng.choice(n_classes, n_samples, p=shares)
    X = 3 * rng.normal(size=(n_classes, 5))[true] + 0.4 * rng.normal(size=(n_samples, 5))
    wrong = rng.random(n_samples) < rate
    return X.astype(np.float32), true, np.where(wrong, (true + rng.integers(1, n_classes, n_samples)) % n_classes, true)


def judging(**options):
    return ActionScoreClassifier(store_probabilities=True, random_state=0, **options)


X, TRUE, GIVEN = blobs()
FITTED = judging().fit(X, GIVEN)


def test_attributes_and_table_say_the_same():
    frame = FITTED.label_issues()
    assert frame.columns.tolist() == COLUMNS
    in_order = frame.sort_index()
    assert in_order["given_label"].tolist() == GIVEN.tolist()
    assert in_order["suggested_label"].tolist() == FITTED.suggested_labels_.tolist()
    assert in_order["is_issue"].tolist() == FITTED.is_label_issue_.tolist()
    np.testing.assert_array_equal(in_order["wrong_probability"], FITTED.wrong_label_proba_)
    assert in_order["is_validation"].tolist() == FITTED.validation_mask_.tolist()
    assert (np.diff(FITTED.wrong_label_scores_[frame.index]) <= 0).all()
    assert frame["is_issue"].iloc[: FITTED.is_label_issue_.sum()].all()
    assert FITTED.is_label_issue_.sum() == round(FITTED.noise_rate_ * len(X))


def test_wrong_labels_are_found_counted_and_corrected():
    wrong = GIVEN != TRUE
    first = np.argsort(-FITTED.wrong_label_scores_)[: wrong.sum()]
    assert wrong[first].mean() > 0.95
    assert wrong[FITTED.is_label_issue_].mean() > 0.95
    assert FITTED.noise_rate_interval_[0] <= wrong.mean() <= FITTED.noise_rate_interval_[1]
    assert (FITTED.suggested_labels_ == TRUE)[wrong].mean() > 0.95
    assert FITTED.noise_matrix_.shape == (3, 3)
    np.testing.assert_allclose(FITTED.noise_matrix_.sum(axis=0), 1)


def test_samples_held_out_are_judged_like_the_others():
    fitted = judging(refit=False).fit(X, GIVEN)
    found = [fitted.is_label_issue_[mask].mean() for mask in (fitted.validation_mask_, ~fitted.validation_mask_)]
    assert abs(found[0] - found[1]) < 0.04


def test_same_seed_same_flags():
    again = judging().fit(X, GIVEN)
    np.testing.assert_array_equal(again.wrong_label_scores_, FITTED.wrong_label_scores_)
    np.testing.assert_array_equal(again.is_label_issue_, FITTED.is_label_issue_)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_kind(kind):
    labels = np.asarray(KINDS[kind])
    X, true, given = blobs(n_classes=len(labels))
    scorer = judging().fit(X, labels[given])
    assert set(scorer.label_issues()["suggested_label"]) <= set(labels)
    wrong = given != true
    assert (scorer.suggested_labels_ == labels[true])[wrong].mean() > 0.9
    assert (scorer.suggested_labels_ != labels[given]).all()


def test_index_is_that_of_X():
    names = pd.Index([f"row {i}" for i in range(len(X))])
    table = pd.DataFrame(X, columns=list("abcde"), index=names)
    scorer = judging().fit(table, GIVEN, eval_set=(table[:300], TRUE[:300]))
    assert scorer.label_issues().index[0] == names[scorer.wrong_label_scores_.argmax()]
    assert set(scorer.label_issues("eval").index) == set(names[:300])


def test_labels_of_the_eval_set_are_judged():
    other, true, given = blobs(seed=0, rate=0.2)
    scorer = judging().fit(X, GIVEN, eval_set=(other[:400], given[:400]))
    frame = scorer.label_issues(on="eval").sort_index()
    assert frame["is_validation"].all()
    assert frame["given_label"].tolist() == given[:400].tolist()
    assert (frame["is_issue"] & (given != true)[:400]).sum() > 0.7 * (given != true)[:400].sum()
    np.testing.assert_array_equal(frame["action_score"], scorer.eval_action_scores_)


def test_eval_set_takes_the_place_of_samples_held_out():
    """It shows when the net memorises, and its own labels can be judged; those trained on cannot be counted."""
    net = make_net(max_epochs=30)
    scorer = judging(estimator=net).fit(X, GIVEN, eval_set=(X[:400], GIVEN[:400]))
    assert len(scorer.epoch_weights_) == 30
    assert len(scorer.label_issues("eval")) == 400
    with pytest.raises(ValueError, match="trained on all rows"):
        scorer.label_issues()


def test_targets_inside_a_dataset():
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(GIVEN))
    net = make_net(max_epochs=30, train_split=ValidSplit(5))
    scorer = judging(estimator=net).fit(data, None)
    assert scorer.label_issues().sort_index()["given_label"].tolist() == GIVEN.tolist()
    assert (scorer.suggested_labels_ == TRUE)[GIVEN != TRUE].mean() > 0.9


@pytest.mark.filterwarnings("ignore:wrong labels and hard rows look alike")
@pytest.mark.parametrize("n_classes", [10, 1000])
def test_many_classes(n_classes):
    X, _, y = blobs(2500, n_classes, rate=0)
    net = make_net(n_outputs=n_classes, max_epochs=40, lr=0.5, train_split=ValidSplit(0.3, random_state=0))
    scorer = judging(estimator=net).fit(X, y)
    n_present = len(np.unique(y))
    assert scorer.class_probabilities_.shape == (2500, n_classes)
    assert np.isfinite(scorer.wrong_label_scores_).all()
    assert scorer.noise_matrix_.shape == (n_present, n_present)


def test_a_class_with_one_sample_and_one_that_no_held_out_sample_has():
    X, _, y = blobs(rate=0)
    y[7], y[:3] = 3, 4
    held_out = np.arange(600, 1200)
    for train_split in (ValidSplit(0.4, random_state=0), lambda data, y=None: parts_of(data, held_out)):
        scorer = judging(estimator=make_net(n_outputs=5, max_epochs=20, train_split=train_split)).fit(X, y)
        assert np.isfinite(scorer.wrong_label_proba_).all()
        assert np.isfinite(scorer.noise_matrix_).all()


def parts_of(data, held_out):
    rows = np.setdiff1d(np.arange(len(data)), held_out)
    return torch.utils.data.Subset(data, rows), torch.utils.data.Subset(data, held_out)


def test_more_outputs_than_classes():
    net = make_net(n_outputs=8, max_epochs=20, train_split=ValidSplit(5))
    scorer = judging(estimator=net).fit(X, np.array(["a", "b", "c"])[GIVEN])
    assert set(scorer.suggested_labels_) <= {"a", "b", "c"}
    assert scorer.noise_matrix_.shape == (3, 3)


def test_rows_that_belong_together_are_held_out_together():
    groups = np.arange(len(X)) // 4
    split = ValidSplit(GroupKFold(4))
    scorer = judging(estimator=make_net(max_epochs=5, train_split=split), refit=False).fit(X, GIVEN, groups=groups)
    held_out = scorer.validation_mask_
    assert held_out.sum() == 300
    assert not set(groups[held_out]) & set(groups[~held_out])


# -- what cannot be decided --------------------------------------------------------------------------------------


def test_a_net_that_learnt_nothing_refuses():
    labels = np.random.default_rng(1).integers(0, 3, len(X))
    scorer = judging().fit(X, labels)
    assert not hasattr(scorer, "is_label_issue_")
    with pytest.raises(AttributeError, match=r"no noise_rate_: how many .* the net learnt nothing"):
        _ = scorer.noise_rate_
    with pytest.raises(ValueError, match=r"learnt nothing .* train it better"):
        scorer.label_issues()
    assert scorer.wrong_label_scores_.shape == scorer.suggested_labels_.shape == labels.shape


def test_nothing_held_out_leaves_a_ranking_and_suggestions():
    scorer = judging(estimator=make_net(max_epochs=20)).fit(X, GIVEN)
    assert (scorer.suggested_labels_ == TRUE)[GIVEN != TRUE].mean() > 0.9
    with pytest.raises(AttributeError, match=r"trained on all rows.*hold some out"):
        _ = scorer.is_label_issue_


def test_few_held_out_rows_are_warned_of():
    scorer = judging(refit=False).fit(X[:200], GIVEN[:200])
    with pytest.warns(UserWarning, match="only 40 rows were held out"):
        scorer.label_issues()
    scorer.label_issues()  # once is enough


def test_without_stored_probabilities_there_is_nothing():
    scorer = ActionScoreClassifier(random_state=0).fit(X, GIVEN, epochs=1)
    with pytest.raises(AttributeError, match="train with store_probabilities=True"):
        scorer.label_issues()
    assert not hasattr(scorer, "wrong_label_scores_")
    assert not scorer.validation_mask_.any()


def test_before_fit_and_without_eval_set():
    with pytest.raises(AttributeError, match="not fitted"):
        judging().label_issues()
    with pytest.raises(AttributeError, match="no eval_set was scored"):
        FITTED.label_issues("eval")
    with pytest.raises(ValueError, match="on='test'; expected 'train' or 'eval'"):
        FITTED.label_issues("test")


def test_several_labels_per_sample_are_refused():
    with pytest.raises(ValueError, match=r"y should be a 1d array|[Mm]ultilabel"):
        judging().fit(X, np.eye(3)[GIVEN])


# -- going on ------------------------------------------------------------------------------------------------------


def test_what_is_said_follows_the_training():
    scorer = judging(estimator=make_net(max_epochs=3, train_split=ValidSplit(5))).fit(X, GIVEN)
    before = scorer.wrong_label_scores_
    loaded = pickle.loads(pickle.dumps(scorer))
    np.testing.assert_array_equal(loaded.wrong_label_proba_, scorer.wrong_label_proba_)
    scorer.partial_fit(X, GIVEN)
    assert (scorer.wrong_label_scores_ != before).any()
    assert not hasattr(clone(scorer), "wrong_label_scores_")


@pytest.mark.filterwarnings("ignore:samples were visited")
def test_samples_without_a_visit_have_no_score_and_are_no_issue():
    split = ValidSplit(0.35, random_state=0)
    net = make_net(max_epochs=1, lr=0.3, iterator_train__drop_last=True, train_split=split)
    scorer = judging(estimator=net, refit=False).fit(X, GIVEN)
    unseen = scorer.n_visits_ == 0
    assert np.isnan(scorer.wrong_label_scores_).tolist() == unseen.tolist()
    assert unseen.any()
    frame = scorer.label_issues()
    assert frame["wrong_probability"].iloc[-unseen.sum() :].isna().all()
    assert not frame["is_issue"].iloc[-unseen.sum() :].any()
    assert frame.sort_index()["given_label"].tolist() == GIVEN.tolist()


def test_evidence_is_read_when_it_is_asked_for(monkeypatch):
    """Training many times by `partial_fit` should not pay for a decision each time."""
    calls = []
    original = ScoreRecord.label_evidence
    monkeypatch.setattr(ScoreRecord, "label_evidence", lambda record: calls.append(1) or original(record))
    scorer = judging(estimator=make_net(train_split=ValidSplit(5), max_epochs=10), refit=False).fit(X, GIVEN)
    assert not calls
    assert scorer.is_label_issue_.shape == scorer.wrong_label_proba_.shape
    assert len(calls) == 1


# -- clean labels --------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:only [0-9]+ rows were held out")
def test_hardly_any_label_of_clean_data_is_flagged():
    shares = []
    for load in (load_digits, load_wine, load_breast_cancer):
        X, y = load(return_X_y=True)
        shares.append(judging().fit(X, y).is_label_issue_.mean())
    assert np.mean(shares) <= 0.02
