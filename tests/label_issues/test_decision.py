"""From margins and probabilities to decisions about labels."""

import warnings

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy.special import softmax

from actscore_sk.label_issues.decision import find_label_issues
from actscore_sk.label_issues.ranking import wrong_label_scores


def make(n=1200, n_classes=4, rate=0.1, seed=0, noise=1.0, shares=None):
    """Logits of a good net, true and given labels, and the half of the rows that is held out."""
    rng = np.random.default_rng(seed)
    true = rng.choice(n_classes, size=n, p=shares)
    given = np.where(rng.random(n) < rate, (true + rng.integers(1, n_classes, size=n)) % n_classes, true)
    logits = 6 * np.eye(n_classes)[true] + noise * rng.normal(size=(n, n_classes))
    return logits, true, given, np.arange(n) % 2 == 0


def margins_of(logits, given):
    chosen = np.eye(logits.shape[1], dtype=bool)[given]
    return logits[chosen] - np.where(chosen, -np.inf, logits).max(axis=1)


def find(logits, given, held_out, **options):
    return find_label_issues(margins_of(logits, given), softmax(logits, 1), given, held_out, **options)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2, 0.4])
@pytest.mark.parametrize("n_classes", [2, 4, 30])
def test_noise_that_a_good_net_sees_is_counted(n_classes, rate):
    logits, true, given, held_out = make(4000, n_classes, rate)
    issues = find(logits, given, held_out)
    wrong = (given != true).mean()
    low, high = issues.noise_rate_interval
    assert abs(issues.noise_rate - wrong) < 0.02
    assert low <= wrong <= high


def test_what_belongs_together_fits_together():
    logits, true, given, held_out = make(rate=0.2)
    issues = find(logits, given, held_out)
    flagged = issues.is_label_issue
    assert flagged.sum() == round(issues.noise_rate * len(given))
    assert issues.wrong_label_scores[flagged].min() >= issues.wrong_label_scores[~flagged].max()
    order = np.argsort(issues.wrong_label_scores)
    assert (np.diff(issues.wrong_label_proba[order]) >= 0).all()
    np.testing.assert_allclose(issues.wrong_label_proba.mean(), issues.noise_rate)
    np.testing.assert_allclose(issues.noise_matrix.sum(axis=0), 1)
    assert (issues.suggested_labels != given).all()
    assert (issues.suggested_labels == true)[given != true].mean() > 0.95
    assert (issues.suggested_probability <= issues.wrong_label_proba).all()


def test_matrix_says_which_class_takes_which_labels():
    """Three in ten of class 1 are given as 2, and no others."""
    logits, true, _, held_out = make(6000, 3, 0.0)
    given = np.where((true == 1) & (np.random.default_rng(1).random(6000) < 0.3), 2, true)
    matrix = find(logits, given, held_out).noise_matrix
    np.testing.assert_allclose(matrix, [[1, 0, 0], [0, 0.7, 0], [0, 0.3, 1]], atol=0.04)


def test_codes_of_classes_do_not_matter():
    logits, _, given, held_out = make(rate=0.2)
    one = find(logits, given, held_out)
    other = find(logits[:, ::-1], 3 - given, held_out)
    np.testing.assert_allclose(one.wrong_label_scores, other.wrong_label_scores)
    np.testing.assert_array_equal(one.is_label_issue, other.is_label_issue)
    np.testing.assert_allclose(one.noise_matrix, other.noise_matrix[::-1, ::-1])
    np.testing.assert_array_equal(one.suggested_labels, 3 - other.suggested_labels)


def test_probabilities_in_float32_and_half_the_rows_reversed_give_the_same():
    logits, _, given, held_out = make(rate=0.2)
    order = np.r_[np.arange(600)[::-1], np.arange(600, 1200)]
    one, other = find(logits, given, held_out), find(logits[order].astype("float32"), given[order], held_out[order])
    np.testing.assert_allclose(one.wrong_label_proba[order], other.wrong_label_proba, rtol=1e-2)


def test_a_class_with_one_row_and_one_missing_among_the_held_out():
    logits, _, given, held_out = make(1200, 5, 0.1, shares=[0.5, 0.3, 0.2, 0, 0])
    given = np.where(given > 2, 0, given)
    given[1], given[3:9:2] = 3, 4  # one row; three rows, all of them trained on
    issues = find(logits, given, held_out)
    assert np.isfinite(issues.noise_matrix).all()
    assert np.isfinite(issues.wrong_label_proba).all()
    assert issues.is_label_issue[[1, 3, 5, 7]].all()  # they look like other classes


def test_a_rare_class_is_not_flagged_as_a_whole():
    logits, true, given, held_out = make(4000, 2, 0.03, shares=[0.97, 0.03])
    flagged = find(logits, given, held_out).is_label_issue
    assert flagged[(true == 1) & (given == 1)].mean() < 0.1


@pytest.mark.parametrize("n_classes", [2, 1000])
def test_any_number_of_classes(n_classes):
    logits, _, given, held_out = make(2000, n_classes, 0.1)
    issues = find(logits + 10 * np.eye(n_classes)[logits.argmax(1)], given, held_out)
    assert issues.noise_matrix.shape == (n_classes, n_classes)
    assert abs(issues.noise_rate - 0.1) < 0.03


def test_a_row_never_visited_is_unknown():
    logits, _, given, held_out = make(rate=0.2)
    margins = margins_of(logits, given)
    margins[:3] = np.nan
    issues = find_label_issues(margins, softmax(logits, 1), given, held_out)
    assert np.isnan(issues.wrong_label_proba[:3]).all()
    assert not issues.is_label_issue[:3].any()
    assert np.isfinite(issues.wrong_label_proba[3:]).all()


def test_margins_of_a_second_fit_rank_all_rows_as_they_are():
    """The first net knows the held-out rows only; the second one trained on all, with margins of one kind."""
    logits, _, given, held_out = make(rate=0.2)
    issues = find(2 * logits, given, held_out, held_out_probabilities=softmax(logits[held_out], 1))
    np.testing.assert_allclose(issues.wrong_label_scores, wrong_label_scores(margins_of(2 * logits, given), given))
    assert abs(issues.noise_rate - 0.2) < 0.03


def test_a_test_set_is_held_out_as_a_whole():
    logits, true, given, _ = make(4000, rate=0.1)
    issues = find(logits, given, np.ones(4000, dtype=bool))
    assert (given != true)[issues.is_label_issue].mean() > 0.95


@pytest.mark.parametrize("seed", range(5))
def test_a_net_that_learnt_nothing_decides_nothing(seed):
    """Labels were shuffled: whatever the net says is chance."""
    logits, _, given, held_out = make(seed=seed)
    issues = find(0.2 * logits, np.random.default_rng(seed).permutation(given), held_out)
    assert issues.refusal.startswith("how many labels are wrong cannot be said: the net learnt nothing")
    assert issues.noise_rate is issues.is_label_issue is issues.suggested_probability is None
    assert np.isfinite(issues.wrong_label_scores).all()


def test_nothing_held_out():
    logits, _, given, held_out = make()
    assert "hold some out (train_split=ValidSplit(5)" in find(logits, given, ~held_out & held_out).refusal
    assert "rows are of one class" in find(logits, given, given == 0).refusal


def test_a_net_whose_training_has_hardly_begun_refuses():
    """It ranks rows as the trained net does, and is sure of none: without this, most labels were flagged."""
    logits, _, given, held_out = make()
    assert "the training of the net has hardly begun" in find(logits / 60, given, held_out).refusal
    for_rare_classes = 3.0 * np.arange(4)  # as class weights in the loss do: too likely, and trained all the same
    assert find(logits + for_rare_classes, given, held_out).refusal is None


def test_most_labels_are_not_flagged_where_none_is_shown_to_be_wrong():
    """All of them are right, and six classes overlap so much that most labels are likelier wrong by this net."""
    rng = np.random.default_rng(0)
    given = rng.integers(6, size=1200)
    logits = rng.normal(size=(1200, 6)) + 0.5 * np.eye(6)[given]
    refusal = find(logits, given, np.ones(1200, dtype=bool)).refusal
    assert "differs from 71% of 1200 held-out labels, and any share up to 7" in refusal


def test_hard_rows_are_not_flagged_as_wrong_and_a_warning_says_so():
    """Classes overlap: a net that is as good as can be differs from three labels in ten, and all are right."""
    rng = np.random.default_rng(0)
    wanted = rng.uniform(-1.5, 1.5, size=4000)
    given = (rng.random(4000) < softmax(np.c_[np.zeros(4000), wanted], 1)[:, 1]).astype(int)
    with pytest.warns(UserWarning, match=r"look alike to this net, which differs from 3\d% of the held-out labels"):
        issues = find(np.c_[np.zeros(4000), wanted], given, np.arange(4000) % 2 == 0)
    assert issues.is_label_issue.mean() < 0.15  # half of the three
    assert issues.noise_rate_interval[1] > 0.15  # they may be wrong all the same


def test_few_held_out_rows_are_a_rough_estimate():
    logits, _, given, _ = make()
    with pytest.warns(UserWarning, match="only 100 rows were held out: how many labels are wrong is a rough estimate"):
        find(logits, given, np.arange(1200) < 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margins": np.zeros(5)}, r"expected margins \(4,\)"),
        ({"probabilities": np.ones((4, 1))}, "at least 2 classes, got 1"),
        ({"given": np.array([0, 1, 2, 0])}, "labels must be 0 to 1"),
        ({"given": np.array([-1, 1, 1, 0])}, "labels must be 0 to 1"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    good = {
        "margins": np.zeros(4),
        "probabilities": np.full((4, 2), 0.5),
        "given": np.array([0, 1, 1, 0]),
        "held_out": np.ones(4, dtype=bool),
    }
    with pytest.raises(ValueError, match=message):
        find_label_issues(**(good | change))


@settings(max_examples=60, deadline=None)
@drawn(st.integers(2, 5), st.integers(4, 40), st.integers(0, 10**6))
def test_any_arrays_give_probabilities_rates_and_flags(n_classes, n, seed):
    """Random nets and labels: no warning, no NaN, and all in their bounds."""
    rng = np.random.default_rng(seed)
    logits, given = rng.normal(size=(n, n_classes)) * rng.choice([1, 50]), rng.integers(n_classes, size=n)
    logits[np.arange(n), given] += rng.choice([1, 50])
    held_out = rng.random(n) < 0.5
    held_out[0] = True
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "only .* rows were held out|wrong labels and hard rows")
        issues = find(logits, given, held_out)
    if issues.refusal is not None:
        return
    low, high = issues.noise_rate_interval
    assert 0 <= low <= issues.noise_rate <= high <= 1
    assert ((issues.wrong_label_proba > 0) & (issues.wrong_label_proba < 1)).all()
    assert issues.is_label_issue.sum() == round(issues.noise_rate * n)
    np.testing.assert_allclose(issues.noise_matrix.sum(axis=0), 1)
    assert (issues.noise_matrix >= 0).all()
