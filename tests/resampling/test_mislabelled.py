"""The estimate of how many samples are mislabelled: exact identities, clean data of all shapes, flipped labels."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from actscore_sk import ActionScoreClassifier
from actscore_sk.resampling.mislabelled import estimate_n_mislabelled

CLEAN = {
    "exponential": lambda rng, n: rng.exponential(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "very heavy": lambda rng, n: rng.lognormal(sigma=2.5, size=n),
    "squared errors": lambda rng, n: rng.normal(size=n) ** 2,
    "absolute errors": lambda rng, n: np.abs(rng.normal(size=n)),
    "normal": lambda rng, n: rng.normal(size=n),  # a net that has hardly been trained
    "negative margins": lambda rng, n: -rng.gamma(3, size=n),
}


def heaped(n_easy=400, n_hard=60, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.triangular(0, 0, 5, size=n_easy), rng.normal(12, 1, size=n_hard)])


@pytest.mark.parametrize("n", [30, 150, 20_000])
@pytest.mark.parametrize("name", CLEAN)
def test_clean_scores_of_any_shape_lose_next_to_nothing(name, n):
    estimates = [estimate_n_mislabelled(CLEAN[name](np.random.default_rng(seed), n)) for seed in range(20)]
    assert np.count_nonzero(estimates) <= (1 if n < 1000 else 0)  # few scores heap up by chance: once in twenty sets


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.2, 0.4])
def test_flipped_digits_are_counted_and_found(rate):
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.permutation(len(y))[: int(rate * len(y))]
    y[wrong] = (y[wrong] + rng.integers(1, 10, size=len(wrong))) % 10
    scores = ActionScoreClassifier(random_state=0).fit(X, y).action_scores_
    estimate = estimate_n_mislabelled(scores)
    if rate == 0:
        assert estimate == 0
        return
    assert 0.75 * len(wrong) <= estimate <= 1.1 * len(wrong)
    assert np.isin(np.argsort(-scores)[: int(estimate)], wrong).mean() > 0.9


@pytest.mark.parametrize("n_hard", [20, 60, 250])
def test_a_heap_apart_is_counted_whole(n_hard):
    assert estimate_n_mislabelled(heaped(n_hard=n_hard)) == n_hard


def test_a_few_easy_samples_apart_do_not_make_the_rest_hard():
    assert estimate_n_mislabelled(-heaped()) == 0


def test_a_flat_tail_is_no_heap_until_it_holds_enough_samples():
    """The margin is of counts: the same shape convinces in ten copies and not in one."""
    scores = np.concatenate([np.linspace(0, 1, 14), [9, 9.4, 9.7, 10]])
    assert estimate_n_mislabelled(scores) == 0
    assert estimate_n_mislabelled(np.tile(scores, 10)) == 40


@pytest.mark.parametrize("factor", [1e-300, 0.01, 3.7, 1e300])
def test_scale_does_not_matter(factor):
    assert estimate_n_mislabelled(factor * heaped()) == 60


@pytest.mark.parametrize("shift", [-1000.0, -3.0, 1e9])
def test_origin_and_order_do_not_matter(shift):
    assert estimate_n_mislabelled(np.random.default_rng(0).permutation(heaped()) + shift) == 60


def test_weights_are_repetitions():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        # overlapping and tied: without weights it is 0, with them mostly not
        scores = np.round(np.concatenate([rng.exponential(size=150), rng.normal(6, 1, size=10)]), 1)
        weights = np.append(rng.integers(0, 4, size=150), rng.integers(3, 6, size=10))
        expected = estimate_n_mislabelled(np.repeat(scores, weights))
        assert estimate_n_mislabelled(scores, weights) == pytest.approx(expected, abs=1e-6)


def test_a_sample_of_weight_zero_is_not_there():
    scores, weights = np.append(heaped(), 1e6), np.append(np.ones(460), 0)
    assert estimate_n_mislabelled(scores) == 0  # one that is far out takes the cut
    assert estimate_n_mislabelled(scores, weights) == 60


def test_a_sample_of_next_to_no_weight_does_not_matter():
    assert estimate_n_mislabelled(np.append(heaped(), 1e6), np.append(np.ones(460), 1e-20)) == pytest.approx(60)


@pytest.mark.parametrize(
    "scores",
    [
        *([], [1.0], [0, 1], [0, 0, 9], [0, 1, 8, 9], [0, 0, 0, 9, 9]),
        *(np.zeros(50), np.full(50, -0.1), np.arange(50) % 5 == 0),
        *([-1.7e308, 0, 1.7e308] * 2, [5e-324, 0, 0, 0]),
    ],
)
def test_degenerate_scores_give_zero(scores):
    estimate = estimate_n_mislabelled(np.array(scores, dtype=float))
    assert isinstance(estimate, float)
    assert estimate == 0
    assert estimate_n_mislabelled(np.array(scores, dtype=float), np.zeros(len(scores))) == 0


@pytest.mark.parametrize(
    ("scores", "weights", "message"),
    [
        ([1, 2, np.nan], None, "scores contains NaN"),
        ([1, 2, 3], [1, np.inf, 1], "sample_weight contains infinity"),
        ([1, 2, 3], [1, -2, 1], r"negative value -2\.0; pass weights of at least 0"),
        ([1, 2, 3], [1, 1], "inconsistent numbers of samples"),
    ],
)
def test_what_cannot_be_counted_is_refused(scores, weights, message):
    with pytest.raises(ValueError, match=message):
        estimate_n_mislabelled(scores, weights)
