"""The parts of a decision, each against what defines it."""

import numpy as np
import pytest
from scipy.special import softmax

from actscore_sk.label_issues.calibration import of_average, spread_posterior
from actscore_sk.label_issues.noise_floor import FLOORS, noise_floor
from actscore_sk.label_issues.noise_model import TEMPERATURES, NoiseModel, confident_joint
from actscore_sk.label_issues.noise_rate import estimate_noise_rate
from actscore_sk.label_issues.ranking import wrong_label_scores
from actscore_sk.label_issues.suggestion import ROWS, suggest_labels

RNG = np.random.default_rng(0)


def joint_by_loops(probabilities, given):
    """As its authors write it: class thresholds, then one row after another."""
    n_classes = probabilities.shape[1]
    thresholds = [probabilities[given == j, j].mean() if (given == j).any() else np.inf for j in range(n_classes)]
    counts = np.zeros((n_classes, n_classes))
    for row, label in zip(probabilities, given, strict=True):
        reached = [j for j in range(n_classes) if row[j] >= thresholds[j] - 1e-9]
        if reached:
            counts[label, max(reached, key=lambda j: row[j])] += 1
    for label in range(n_classes):
        n = (given == label).sum()
        counts[label] = counts[label] * n / counts[label].sum() if counts[label].any() else n * np.eye(n_classes)[label]
    return counts


@pytest.mark.parametrize("n_classes", [2, 5])
def test_confident_joint_is_that_of_its_authors(n_classes):
    probabilities = softmax(2 * RNG.normal(size=(300, n_classes)), 1)
    given = RNG.integers(n_classes - 1, size=300)  # nobody is given the last class
    joint = confident_joint(probabilities, given)
    np.testing.assert_allclose(joint, joint_by_loops(probabilities, given))
    np.testing.assert_allclose(joint.sum(axis=1), np.bincount(given, minlength=n_classes))


def test_posterior_is_the_rule_of_bayes():
    transition = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.0, 0.3, 0.7]])
    model = NoiseModel(transition, np.full(3, 1 / 3), 1.0)
    probabilities = softmax(RNG.normal(size=(50, 3)), 1)
    for j in range(3):
        found = model.probability_wrong(probabilities, np.full(50, j))
        marginal = probabilities @ transition[:, j]
        np.testing.assert_allclose(found, 1 - probabilities[:, j] * transition[j, j] / marginal, atol=1e-5)


def test_temperature_undoes_a_flattened_softmax():
    logits = 4 * RNG.normal(size=(3000, 3))
    given = (logits + RNG.gumbel(size=logits.shape)).argmax(1)  # drawn from the softmax of the logits
    half, quarter = (NoiseModel.fit(softmax(logits / by, 1), given).temperature for by in (2, 4))
    assert half == 2
    assert quarter == pytest.approx(4)


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.99])
def test_matrix_has_the_rate_asked_for(rate):
    model = NoiseModel(np.array([[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0, 0, 1.0]]), np.array([0.5, 0.3, 0.2]), 1.0)
    matrix = model.matrix(rate)
    reachable = min(rate, 0.8)  # nothing goes wrong in the last class
    np.testing.assert_allclose(1 - matrix.diagonal() @ model.true_shares, reachable, atol=1e-6)
    np.testing.assert_allclose(matrix.sum(axis=0), 1)


def test_average_of_the_odds_keeps_the_ratios_of_their_power():
    before = np.array([0.1, 0.3, 0.8])
    after = of_average(before, 0.6)
    assert after.mean() == pytest.approx(0.6)
    ratios = (after / (1 - after)) / (before / (1 - before)) ** 0.8
    np.testing.assert_allclose(ratios, ratios[0])


@pytest.mark.parametrize("average", [0.0, 1.0])
def test_average_of_none_or_all_leaves_half_a_row(average):
    after = of_average(np.array([0.0, 0.5, 1.0, 0.2]), average)
    assert after.mean() == pytest.approx(abs(average - 1 / 8))


def test_spread_posterior_is_monotone_and_exact_where_it_already_is():
    scores = np.arange(6.0)
    known = np.array([1, 0, 1, 1, 0, 1], dtype=bool)
    np.testing.assert_allclose(
        spread_posterior(scores, known, np.array([0, 0.6, 0.4, 1])), [0, 0.25, 0.5, 0.5, 0.75, 1]
    )


@pytest.mark.parametrize("wrong", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("n_classes", [2, 6])
def test_floor_is_the_noise_that_a_calibrated_net_cannot_explain(n_classes, wrong):
    """True classes are drawn from what the net says, so it is wrong in many rows; labels are made wrong at random."""
    rng = np.random.default_rng(n_classes + 1)
    says = rng.dirichlet(np.full(n_classes, 0.3), size=6000)
    true = (rng.random((6000, 1)) > says.cumsum(axis=1)).sum(axis=1).clip(max=n_classes - 1)
    given = np.where(rng.random(6000) < wrong, (true + rng.integers(1, n_classes, size=6000)) % n_classes, true)
    assert (true != says.argmax(1)).mean() > 0.1
    floor, low, high = noise_floor(says, given)
    assert abs(floor - wrong) < 0.03
    assert low <= wrong <= high < wrong + 0.06


def test_floor_equals_its_definition():
    says, given = softmax(RNG.normal(size=(80, 3)), 1), RNG.integers(3, size=80)
    hard = 1 - softmax(TEMPERATURES[:, None, None] * np.log(says + 1e-6), 2).max(2)
    chances = FLOORS + hard[..., None] * (1 - FLOORS * 3 / 2)
    differs = (says.argmax(1) != given)[None, :, None]
    likelihoods = np.log(np.where(differs, chances, 1 - chances).clip(1e-6)).sum(1).max(0)
    weights = np.exp(likelihoods - likelihoods.max()) * np.gradient(FLOORS)
    np.testing.assert_allclose(noise_floor(says, given)[0], weights @ FLOORS / weights.sum())


def test_more_held_out_rows_make_the_rate_less_cautious():
    true = np.arange(900) % 3 == 0
    sure, given = np.where(true[:, None], [0.1, 0.9], [0.9, 0.1]), true ^ (np.arange(900) % 10 == 0)
    few, many = (estimate_noise_rate(0.1, sure[:n], given[:n].astype(int)) for n in (100, 900))
    assert few.rate < many.rate < 0.1
    assert few.high - few.low > many.high - many.low


@pytest.mark.parametrize(("n_wrong", "most"), [(0, 1.5 / 101), (2, 7.5 / 101)])
def test_hardness_alone_is_not_taken_for_noise(n_wrong, most):
    """The net is sure of the first 100 rows, and wrong in half of the others: they are hard."""
    sure, unsure = np.tile([[0.95, 0.05]], (100, 1)), np.tile([[0.55, 0.45]], (200, 1))
    given = np.r_[np.arange(100) < n_wrong, np.arange(200) % 2].astype(int)
    estimate = estimate_noise_rate(0.3, np.r_[sure, unsure], given)
    assert estimate.rate <= most + 1e-12
    assert estimate.low <= estimate.rate < 0.3 < estimate.high


def test_held_out_rows_rank_among_the_others_by_their_place():
    margins, held_out = np.r_[np.arange(9.0), -50.0, -40.0, -30.0], np.arange(12) > 8
    scores = wrong_label_scores(margins, np.zeros(12, dtype=int), held_out)
    assert list(scores[9:]) == sorted(scores[9:], reverse=True)
    assert scores[:9].min() < scores[10] < scores[:9].max()
    np.testing.assert_allclose(scores[10], np.median(scores[:9]))


def test_a_hard_class_is_not_the_top_of_the_ranking():
    """One wrong label of the easy class stands out less than most of the hard class does by its margin."""
    margins = np.r_[np.full(9, 10.0), 0.4, np.full(10, 0.3)]
    scores = wrong_label_scores(margins, np.repeat([0, 1], 10))
    assert scores.argmax() == 9


def test_suggestions_do_not_depend_on_how_many_rows_are_taken_at_once():
    probabilities = softmax(RNG.normal(size=(ROWS + 5, 3)), 1)
    given = RNG.integers(3, size=ROWS + 5)
    suggested, share = suggest_labels(probabilities, given)
    assert (suggested != given).all()
    last_suggested, last_share = suggest_labels(probabilities[-5:], given[-5:])
    np.testing.assert_array_equal(suggested[-5:], last_suggested)
    np.testing.assert_allclose(share[-5:], last_share)


def test_a_sure_net_leaves_even_shares():
    np.testing.assert_allclose(suggest_labels(np.eye(3), np.arange(3))[1], 0.5)
