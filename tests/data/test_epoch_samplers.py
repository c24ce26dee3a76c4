"""Samplers that follow difficulty, by themselves: what an epoch draws, with which weights, and how they go on."""

import inspect
import io
import math
import pickle
from fractions import Fraction
from itertools import chain, islice, pairwise, permutations
from unittest import mock

import numpy as np
import pytest
import torch
from helpers import random_streams, seed_everything
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone
from torch.utils.data import BatchSampler, DataLoader, Sampler, TensorDataset

from actscore_sk import CurriculumSampler, DynamicPruningSampler, HardExampleSampler

N = 23
SAMPLERS = {
    "easy first": (CurriculumSampler, {"n_epochs": 7, "start_fraction": 0.3}),
    "hard first": (CurriculumSampler, {"n_epochs": 7, "order": "hard_first", "scores": np.arange(N) * 7 % N}),
    "random part": (CurriculumSampler, {"n_epochs": 7, "order": "random", "full_at": 0.9}),
    "hard examples": (HardExampleSampler, {}),
    "many visits": (HardExampleSampler, {"fraction": 1.7, "power": 2.0, "smoothing": 0.1}),
    "unweighted": (HardExampleSampler, {"importance_weights": False}),
    "pruning": (DynamicPruningSampler, {"n_epochs": 7, "fraction": 0.4}),
    "unscaled": (DynamicPruningSampler, {"n_epochs": 7, "fraction": 0.4, "rescale": False}),
}
every_sampler = pytest.mark.parametrize("name", SAMPLERS)


def make(name, data_source=N, **options):
    kind, own = SAMPLERS[name]
    return kind(data_source, **{"random_state": 0, **own, **options})


def losses_at(epoch):
    return np.random.default_rng([epoch, 1]).gamma(0.7, size=N).astype(np.float32)


def run(sampler, epochs):
    """Visit these epochs; give the order and the weights of each."""
    drawn = []
    for epoch in epochs:
        order = list(sampler)
        drawn.append((order, sampler.weights.tolist()))
        sampler.update(range(N), losses_at(epoch))
    return drawn


# -- what is expected over all that can be drawn ---------------------------------------------------------------

some_losses = st.lists(
    st.sampled_from([0.0, 0.0, 0.1, 1.0, 1.0, 3.0, 1e-12, 1e12, math.nan]) | st.floats(0, 10, width=16),
    min_size=1,
    max_size=9,
)


def gradients_of(n_samples):
    """Give gradients of single samples (n, 3), the first column being 1: its sum is that of the weights."""
    drawn = np.random.default_rng(0).normal(size=(n_samples, 2))
    return np.column_stack([np.ones(n_samples), drawn])


def probabilities_by_hand(losses, power, smoothing):
    known = losses[~np.isnan(losses)]
    scores = np.where(np.isnan(losses), known.mean() if len(known) else 1.0, losses)
    powers = (scores - min(scores.min(), 0)) ** power
    powers = powers / powers.sum() if powers.sum() > 0 else np.full(len(scores), 1 / len(scores))
    return (1 - smoothing) * powers + smoothing / len(scores)


def draw_hard_examples(sampler, offset):
    with mock.patch.object(torch, "rand", return_value=torch.tensor(offset, dtype=torch.float64)):
        return np.bincount(list(sampler), minlength=sampler.n_samples_)


@settings(deadline=None, max_examples=120)
@given(
    losses=some_losses | st.lists(st.floats(-5, 5, width=16), min_size=1, max_size=6),
    power=st.sampled_from([0, 0.5, 1, 2, 3]),
    smoothing=st.sampled_from([1e-3, 0.25, 1.0]),
    fraction=st.sampled_from([0.01, 0.4, 1, 2.5]),
)
def test_expected_gradient_of_hard_examples_is_the_full_one(losses, power, smoothing, fraction):
    n_samples = len(losses)
    sampler = HardExampleSampler(n_samples, power=power, smoothing=smoothing, fraction=fraction, random_state=0)
    sampler.update(range(n_samples), losses)
    losses = np.array(losses, dtype=np.float32).astype(float)
    p, n_drawn = probabilities_by_hand(losses, power, smoothing), max(1, round(fraction * n_samples))
    np.testing.assert_allclose(sampler.probabilities(), p, rtol=1e-9)
    # One uniform offset decides: counts change only where an edge of the cumulated probabilities passes a whole number.
    knots = np.unique(np.concatenate([[0, 1], np.cumsum(n_drawn * p) % 1]))
    expected, counted = np.zeros(3), np.zeros(n_samples)
    for low, high in pairwise(knots):
        counts = draw_hard_examples(sampler, (low + high) / 2)
        assert counts.sum() == n_drawn
        if high - low > 1e-9:  # else it's one of them but for rounding
            assert (counts >= np.floor(n_drawn * p - 1e-9)).all()
            assert (counts <= np.ceil(n_drawn * p + 1e-9)).all()
        counted += (high - low) * counts
        expected += (high - low) * (counts * sampler.weights.double().numpy()) @ gradients_of(n_samples) / n_drawn
    np.testing.assert_allclose(counted, n_drawn * p, atol=1e-8)
    np.testing.assert_allclose(expected, gradients_of(n_samples).mean(0), rtol=1e-5, atol=1e-5)
    assert sampler.weights.max() <= (1 / smoothing) * (1 + 1e-6)
    assert sampler.weights.min() > 0


def skips_by_hand(losses, fraction):
    losses = np.array(losses, dtype=np.float32).astype(float)
    known = losses[~np.isnan(losses)]
    is_easy = losses < np.float32(known.mean()) if len(known) else np.zeros(len(losses), dtype=bool)
    n_skipped = min(math.floor(Fraction(str(fraction)) * len(losses)), 3 * int(is_easy.sum()) // 4)
    return is_easy, n_skipped


class Branch(Exception):
    """So many numbers are to be permuted."""


def every_draw(sampler, path=(), probability=1.0):
    """Yield each epoch that can be drawn next: its probability and its order."""
    known = iter(path)

    def randperm(n, **options):
        order = next(known, None)
        if order is None:
            raise Branch(n)
        return torch.tensor(order)

    try:
        with mock.patch.object(torch, "randperm", randperm):
            order = list(sampler)
    except Branch as branch:
        orders = list(permutations(range(branch.args[0])))
        for order in orders:
            yield from every_draw(sampler, (*path, order), probability / len(orders))
    else:
        yield probability, order


def check_pruning(losses, fraction):
    n_samples = len(losses)
    sampler = DynamicPruningSampler(n_samples, n_epochs=10**6, fraction=fraction, full_last=0, random_state=0)
    sampler.update(range(n_samples), losses)
    is_easy, n_skipped = skips_by_hand(losses, fraction)
    assert len(sampler) == n_samples - n_skipped
    expected, counted, total = np.zeros((n_samples - n_skipped, 3)), np.zeros(n_samples), 0
    for probability, order in every_draw(sampler):
        weights = sampler.weights.double().numpy()
        assert (weights[~is_easy] == 1).all()
        assert weights.max() <= 4
        assert np.isclose(weights[order].sum(), n_samples)
        expected += probability * (weights[:, None] * gradients_of(n_samples))[order]
        counted[order] += probability
        total += probability
    assert np.isclose(total, 1)
    np.testing.assert_allclose(counted, np.where(is_easy, 1 - n_skipped / max(is_easy.sum(), 1), 1))
    # That of each visit in turn, so that of each batch, and not only that of the epoch.
    full = gradients_of(n_samples).sum(0) / len(expected)
    np.testing.assert_allclose(expected, np.tile(full, (len(expected), 1)), rtol=1e-5, atol=1e-5)
    return n_skipped


@settings(deadline=None, max_examples=40)
@given(losses=some_losses.map(lambda losses: losses[:5]), fraction=st.sampled_from([0.0, 0.2, 0.3, 0.5, 0.6, 0.99]))
@example(losses=[0.0, 1.0, 3.0, 1e-12], fraction=0.5)  # a loss that is the mean, but for rounding, is not below it
def test_expected_gradient_of_pruning_is_the_full_one(losses, fraction):
    check_pruning(losses, fraction)


@pytest.mark.parametrize(
    ("losses", "fraction", "n_skipped"),
    [
        ([2.0, 2.0, 2.0, 2.0], 0.9, 0),
        ([0.0, 1.0, 1.0], 0.9, 0),  # one below the mean: nobody could stand for it
        ([0.0, 0.0, 1.0], 0.9, 1),
        ([0.0, 0.0, 0.0, 1.0], 0.3, 1),
        ([0.0, 0.0, 0.0, 0.0, 9.0], 0.99, 3),
        ([math.nan, 0.0, 0.0, 1.0], 0.5, 1),
        ([math.nan] * 3, 0.5, 0),
        ([0.0, 0.0, 0.0, 0.0, 0.0, 1.0], 0.9, 3),
    ],
)
def test_pruning_of_few(losses, fraction, n_skipped):
    assert check_pruning(losses, fraction) == n_skipped


def test_equal_losses_are_not_below_their_mean():
    """In single precision the mean of seven times 0.1 is above 0.1."""
    for n_samples in range(1, 60):
        sampler = make("pruning", n_samples)
        sampler.update(range(n_samples), [0.1] * n_samples)
        assert len(sampler) == n_samples


@pytest.mark.parametrize(
    ("name", "shares"),
    [("hard examples", lambda s: s.probabilities() * N), ("pruning", lambda s: 1 / s.weights)],
)
def test_epochs_draw_evenly_and_independently(name, shares):
    """The seeds of epochs, and what is drawn with them: as often as expected, alone and in two epochs running."""
    n_epochs = 3000
    options = {"n_epochs": 10**6} if name == "pruning" else {}
    sampler = make(name, **options)
    sampler.update(range(N), losses_at(0))
    orders = [list(sampler) for _ in range(n_epochs)]
    assert abs(np.mean([np.corrcoef(order, np.arange(len(order)))[0, 1] for order in orders])) < 0.05, "not shuffled"
    counts = np.array([np.bincount(order, minlength=N) for order in orders])
    spread = counts.std(0)
    assert (abs(counts.mean(0) - shares(sampler).numpy()) < 5 * spread / n_epochs**0.5 + 1e-9).all()
    varies = spread > 0
    assert varies.sum() > 5
    both = counts[:, varies] - counts[:, varies].mean(0)
    covariance = (both[1:] * both[:-1]).mean(0) / spread[varies] ** 2
    assert (abs(covariance) < 5 / n_epochs**0.5).all()


def test_without_weights_all_weigh_one():
    for name in ("unweighted", "unscaled", "easy first"):
        weighed = run(make(name), range(4))
        assert any(len(set(order)) < N for order, _ in weighed), "all epochs are alike"
        assert all(weights == [1.0] * N for _, weights in weighed)


# -- scores so far ---------------------------------------------------------------------------------------------


def scores_by_hand(rows):
    """Mean over the epochs (n_epochs, n) of the latest losses at their ends, NaN = no loss in this epoch."""
    filled = np.array(rows, dtype=float)
    for before, row in pairwise(filled):
        row[np.isnan(row)] = before[np.isnan(row)]
    known = ~np.isnan(filled)
    return np.where(known.any(0), np.where(known, filled, 0).sum(0) / known.sum(0).clip(1), np.nan)


@pytest.mark.parametrize("order", ["easy_first", "hard_first"])
def test_curriculum_by_scores_so_far(order):
    sampler = CurriculumSampler(N, n_epochs=9, order=order, start_fraction=0.2, full_at=1, random_state=0)
    rows, sizes = [], []
    for epoch in range(9):
        visited = sorted(sampler)
        sizes.append(len(visited))
        assert len(set(visited)) == len(visited)
        if epoch == 0:
            assert visited == list(range(N))
        else:
            scores = scores_by_hand(rows) * (1 if order == "easy_first" else -1)
            assert visited == sorted(np.argsort(scores)[: len(visited)])
        row = np.full(N, np.nan)
        row[visited] = losses_at(epoch)[visited]
        sampler.update(visited, row[visited])
        rows.append(row)
        np.testing.assert_allclose(sampler.scores_, scores_by_hand(rows))
    assert sizes[1] == math.ceil(0.2 * N) < sizes[4] < sizes[8] < N


def test_scores_of_samples_that_were_seen_late():
    """They are means over the epochs since, and a sample without one counts as neither easy nor hard."""
    sampler = HardExampleSampler(5, power=1, smoothing=0.5, random_state=0)
    rows = [[4, math.nan, 1, math.nan, 2], [math.nan, 6, 3, math.nan, 2], [1, math.nan, 5, math.nan, math.nan]]
    for row in rows:
        list(sampler)
        known = [i for i, loss in enumerate(row) if not math.isnan(loss)]
        sampler.update(known, [row[i] for i in known])
    list(sampler)
    sampler.update([0], [1.0])
    expected = scores_by_hand([*rows, [1, *[math.nan] * 4]])
    np.testing.assert_allclose(sampler.scores_, expected)
    np.testing.assert_allclose(sampler.probabilities(), probabilities_by_hand(expected, 1, 0.5))
    for order, part in (("easy_first", [1, 2]), ("hard_first", [0, 3])):
        curriculum = CurriculumSampler(5, n_epochs=4, start_fraction=0.4, full_at=1, order=order)
        list(curriculum)
        curriculum.update([0, 1, 2, 3], [9.0, 2.0, 1.0, 8.0])
        assert sorted(curriculum) == part


@pytest.mark.parametrize("name", ["hard examples", "pruning"])
def test_losses_of_a_running_epoch_count_in_the_next(name):
    one, two = make(name), make(name)
    for sampler in (one, two):
        run(sampler, [0])
    rest, drawn = iter(one), list(two)
    began, weights = list(islice(rest, 4)), one.weights.tolist()
    losses = torch.tensor(losses_at(1), requires_grad=True)
    one.update(torch.arange(N), losses)
    two.update(np.arange(N), losses.detach().numpy())
    assert began + list(rest) == drawn
    assert one.weights.tolist() == weights == two.weights.tolist()
    assert list(one) == list(two) != drawn
    assert one.weights.tolist() == two.weights.tolist() != weights
    assert not one.losses_.requires_grad


# -- curricula -------------------------------------------------------------------------------------------------


def size_by_hand(pacing, t, *, n, T, b, a):
    """Size of the part in step t, Table 1 of Wu et al. (2021); `a` and `b` are exact."""
    if t >= a * T:
        return n
    growth = {
        "linear": lambda: t / (a * T),
        "root": lambda: math.sqrt(t) / math.sqrt(a * T) - 1e-9,
        "exponential": lambda: (math.exp(10 * t / (a * T)) - 1) / (math.e**10 - 1) - 1e-9,
        "step": lambda: math.floor(t / (a * T)),
    }[pacing]()
    return max(1, math.ceil(n * b + n * (1 - b) * growth))


@pytest.mark.parametrize("pacing", ["linear", "root", "exponential", "step"])
@pytest.mark.parametrize(
    ("n", "T", "b", "a"),
    [
        (10, 4, "0.3", "0.5"),
        (100, 25, "0.1", "0.28"),  # 0.28 * 25 is above 7 in floating point
        (37, 50, "0.25", "0.14"),
        (7, 3, "0.01", "1"),
        (50, 20, "1", "0.4"),
        (20, 5, "0.2", "0"),
        (1, 4, "0.5", "1"),
        (9, 1, "0.5", "1"),
    ],
)
def test_pacing(pacing, n, T, b, a):
    options = {"pacing": pacing, "start_fraction": float(b), "full_at": float(a)}
    exact = {"n": n, "b": Fraction(b), "a": Fraction(a)}
    ranked = CurriculumSampler(n, n_epochs=T, scores=np.arange(n), **options)
    parts = []
    for t in range(T + 2):
        assert len(ranked) == size_by_hand(pacing, t, T=T, **exact), f"epoch {t}"
        parts.append(sorted(ranked))
        assert parts[-1] == list(range(len(parts[-1])))
    sizes = list(map(len, parts))
    assert sizes == sorted(sizes)
    assert sizes[math.ceil(exact["a"] * T)] == n
    # Without scores the first epoch visits all, and the rest is planned for those that remain.
    learning = CurriculumSampler(n, n_epochs=T, **options)
    expected = [n, *[size_by_hand(pacing, t, T=T - 1, **exact) for t in range(T - 1)]]
    assert [len(list(learning)) for _ in range(T)] == expected


@pytest.mark.parametrize("order", ["easy_first", "hard_first", "random"])
@pytest.mark.parametrize("scores", [np.arange(N) * 5 % N, np.arange(N) // 6, np.zeros(N)], ids=["all", "ties", "one"])
def test_part_grows_and_is_the_extreme_one(order, scores):
    sampler = CurriculumSampler(N, n_epochs=8, scores=scores.tolist(), order=order, full_at=1, random_state=3)
    parts = [list(sampler) for _ in range(9)]
    for part in parts:
        assert len(set(part)) == len(part), "a sample comes twice"
        others = np.setdiff1d(np.arange(N), part)
        if order != "random" and len(others):
            sign = 1 if order == "easy_first" else -1
            assert max(sign * scores[part]) <= min(sign * scores[others])
    assert len(parts[0]) < len(parts[4]) < len(parts[8]) == N
    if order == "random" or len(set(scores)) == N:
        assert all(set(part) <= set(larger) for part, larger in pairwise(parts))


def test_random_part_is_any():
    """It has nothing to do with the scores, and is another one for another seed."""
    options = {"n_epochs": 5, "scores": np.arange(N), "order": "random"}
    firsts = [list(CurriculumSampler(N, random_state=seed, **options)) for seed in range(200)]
    counts = np.bincount(np.concatenate(firsts), minlength=N)
    assert abs(counts - counts.mean()).max() < 5 * counts.mean() ** 0.5


@pytest.mark.parametrize(
    ("n_epochs", "full_last", "n_full"),
    [(8, 0.125, 1), (7, 0.125, 1), (10, 0.3, 3), (25, 0.28, 7), (5, 0, 0), (5, 1, 5)],
)
def test_last_epochs_of_pruning_are_full(n_epochs, full_last, n_full):
    """An epoch more than was planned, too; 0.29 * 100 is below 29 in floating point, 0.28 * 25 above 7."""
    sampler = DynamicPruningSampler(100, n_epochs=n_epochs, fraction=0.29, full_last=full_last, random_state=0)
    sampler.update(range(100), np.arange(100))
    sizes = []
    for _ in range(n_epochs + 1):
        sizes.append(len(list(sampler)))
        assert (sampler.weights.tolist() == [1.0] * 100) == (sizes[-1] == 100)
    assert sizes == [71] * (n_epochs - n_full) + [100] * (n_full + 1)


# -- loaders ---------------------------------------------------------------------------------------------------

WORKERS = {"num_workers": 2, "multiprocessing_context": "fork"}
LOADERS = {
    "plain": {},
    "drop_last": {"drop_last": True},
    "batch_sampler": {"batch_sampler": True},
    "workers": WORKERS,
    "persistent": {**WORKERS, "persistent_workers": True},
}


def make_loader(sampler, batch_sampler=False, **options):
    data = TensorDataset(torch.arange(N))
    if batch_sampler:
        return DataLoader(data, batch_sampler=BatchSampler(sampler, 4, drop_last=True))
    return DataLoader(data, batch_size=4, sampler=sampler, **options)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("name", ["easy first", "many visits", "pruning"])
def test_loaders_end_each_epoch(name, loader):
    sampler, twin = make(name), make(name)
    batches = make_loader(sampler, **LOADERS[loader])
    drops = loader in ("drop_last", "batch_sampler")
    for epoch in range(4):
        n_batches, n_samples = len(batches), len(sampler)
        expected = list(twin)
        assert n_samples == len(expected)
        visited = [batch[0].tolist() for batch in islice(batches, 20)]
        assert len(visited) == n_batches
        assert list(chain(*visited)) == (expected[: len(expected) // 4 * 4] if drops else expected)
        for each in (sampler, twin):
            each.update(range(N), losses_at(epoch))
        again = make(name, random_state=99)  # a loader that ended has left nothing of the epoch to be saved
        again.load_state_dict(sampler.state_dict())
        assert run(again, [epoch + 1]) == run(pickle.loads(pickle.dumps(twin)), [epoch + 1])
    assert sampler.epoch_ == 4


@pytest.mark.parametrize("data_source", [N, np.int64(N), list(range(N)), TensorDataset(torch.arange(N))])
def test_data_source(data_source):
    assert list(make("easy first", data_source)) == list(make("easy first"))


# -- randomness ------------------------------------------------------------------------------------------------


@every_sampler
@pytest.mark.parametrize("random_state", [0, None])
def test_global_random_state_is_neither_read_nor_written(name, random_state):
    drawn = []
    for seed in (1, 1, 2):
        seed_everything(seed)
        before = random_streams()
        drawn.append(run(make(name, random_state=random_state), range(4)))
        assert random_streams() == before
    if random_state is None:
        assert drawn[0] != drawn[1], "the global seed decided"
    else:
        assert drawn[0] == drawn[1] == drawn[2]


@every_sampler
def test_random_state(name):
    assert run(make(name), range(4)) != run(make(name, random_state=1), range(4))
    one, two = (run(make(name, random_state=np.random.RandomState(5)), [0]) for _ in range(2))
    assert one == two


@every_sampler
def test_iterators_are_independent(name):
    twin = make(name)
    expected = [list(twin) for _ in range(3)]
    sampler = make(name)
    iterators = [iter(sampler) for _ in range(3)]
    drawn = [[], [], []]
    for turn in range(2 * N):  # a few of each in turn
        for own, iterator in zip(drawn, iterators, strict=True):
            own.extend(islice(iterator, 1 + turn % 2))
    assert drawn == expected
    assert len({tuple(order) for order in drawn}) == 3


# -- to be resumed ---------------------------------------------------------------------------------------------


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


SAVERS = {"torch": through_a_file, "pickle": lambda state: pickle.loads(pickle.dumps(state)), "as it is": lambda s: s}


@every_sampler
@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.parametrize("n_visited", [0, 5, None])
def test_interrupted_is_uninterrupted(name, save, n_visited):
    expected = run(make(name), range(6))
    sampler = make(name)
    run(sampler, range(2))
    visited = list(islice(iter(sampler), n_visited))
    state = SAVERS[save](sampler.state_dict())
    order, weights = expected[2]
    sampler.update(range(N), losses_at(2))
    assert run(sampler, range(3, 6)) == expected[3:]
    # It is a state of its own: going on has changed nothing of it, before and after it is loaded.
    for loads_twice in (False, True):
        again = make(name, random_state=99)
        again.load_state_dict(state)
        if loads_twice:
            again.load_state_dict(again.state_dict())
        if n_visited is not None:
            assert len(again) == len(order) - len(visited)
            assert visited + list(again) == order
            assert again.weights.tolist() == weights
        again.update(range(N), losses_at(2))
        assert run(again, range(3, 6)) == expected[3:]


@every_sampler
def test_set_epoch(name):
    """Same number, same losses: same epoch; what is left of another one is forgotten, as it is when one is drawn."""
    sampler, twin = make(name), make(name)
    expected = [list(twin) for _ in range(5)]
    next(iter(sampler))
    sampler.load_state_dict(sampler.state_dict())
    for epoch in (3, 1, 4):
        sampler.set_epoch(epoch)
        assert list(sampler) == expected[epoch]
    next(iter(sampler))
    sampler.draw()
    assert sampler.state_dict()["left"] is None


# -- as estimators ---------------------------------------------------------------------------------------------


@every_sampler
def test_clone_is_unused(name):
    sampler = make(name)
    run(sampler, range(2))
    copy = clone(sampler)
    assert repr(copy.get_params()) == repr(sampler.get_params())
    assert not [attribute for attribute in vars(copy) if attribute.startswith("_") or attribute.endswith("_")]
    assert run(copy, range(3)) == run(make(name), range(3))
    assert isinstance(copy, BaseEstimator)
    assert isinstance(copy, Sampler)


def test_parameters():
    sampler = CurriculumSampler(order="random", start_fraction=0.5)
    assert repr(sampler) == "CurriculumSampler(order='random', start_fraction=0.5)"
    assert sampler.set_params(start_fraction=0.1, data_source=50, n_epochs=3, scores=np.arange(50)) is sampler
    assert len(sampler) == 5
    for kind in (CurriculumSampler, HardExampleSampler, DynamicPruningSampler):
        assert set(kind._parameter_constraints) == set(inspect.signature(kind).parameters)
        assert kind().get_params().keys() == kind._parameter_constraints.keys()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (HardExampleSampler, {"power": -1}, "'power' parameter of HardExampleSampler must be a float in the range"),
        (HardExampleSampler, {"smoothing": 0}, r"'smoothing' .* in the range \(0.0, 1.0\]. Got 0"),
        (HardExampleSampler, {"smoothing": 1.1}, r"'smoothing' .* Got 1.1"),
        (HardExampleSampler, {"fraction": 0}, r"'fraction' .* in the range \(0.0, inf\). Got 0"),
        (HardExampleSampler, {"importance_weights": "yes"}, "'importance_weights' .* Got 'yes'"),
        (HardExampleSampler, {"random_state": "now"}, "'random_state' .* Got 'now'"),
        (CurriculumSampler, {"order": "easy"}, "'order' .* Got 'easy'"),
        (CurriculumSampler, {"pacing": "cubic"}, "'pacing' .*'exponential'.* Got 'cubic'"),
        (CurriculumSampler, {"start_fraction": 0}, r"'start_fraction' .* in the range \(0.0, 1.0\]. Got 0"),
        (CurriculumSampler, {"full_at": 1.5}, r"'full_at' .* in the range \[0.0, 1.0\]. Got 1.5"),
        (CurriculumSampler, {"n_epochs": 0}, "'n_epochs' .* Got 0"),
        (CurriculumSampler, {"scores": 3}, "'scores' .* Got 3"),
        (CurriculumSampler, {"scores": [1.0, 2.0]}, r"scores of shape \(2,\) with 0 .* expected 5 finite numbers"),
        (CurriculumSampler, {"scores": [1, 2, 3, math.inf, math.nan]}, "with 2 that are not finite"),
        (CurriculumSampler, {"n_epochs": None}, "CurriculumSampler has to know how many epochs .*; set n_epochs"),
        (DynamicPruningSampler, {"n_epochs": None}, "DynamicPruningSampler has to know how many epochs"),
        (DynamicPruningSampler, {"fraction": 1}, r"'fraction' .* in the range \[0.0, 1.0\). Got 1"),
        (DynamicPruningSampler, {"full_last": -0.1}, "'full_last' .* Got -0.1"),
        (DynamicPruningSampler, {"rescale": None}, "'rescale' .* Got None"),
        (HardExampleSampler, {"data_source": None}, "HardExampleSampler does not know its data; give it the data set"),
        (HardExampleSampler, {"data_source": 0}, "got 0 samples to draw from; expected at least one"),
        (DynamicPruningSampler, {"data_source": []}, "got 0 samples to draw from; expected at least one"),
        (CurriculumSampler, {"data_source": -2}, "got -2 samples to draw from; expected at least one"),
    ],
)
@pytest.mark.parametrize("use", [list, len, lambda sampler: sampler.update([0], [1.0]), lambda s: s.weights])
def test_errors_of_parameters(kind, options, message, use):
    needed = {} if kind is HardExampleSampler else {"n_epochs": 4}
    sampler = kind(**{"data_source": 5, **needed, **options})
    with pytest.raises(ValueError, match=message):
        use(sampler)


def test_error_of_the_state_of_other_data():
    with pytest.raises(ValueError, match="the state is that of a sampler of 8 samples, but this one draws from 23"):
        make("pruning").load_state_dict(make("pruning", 8).state_dict())
