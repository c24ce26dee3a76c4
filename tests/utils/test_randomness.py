"""Threads that fit at once: one seed gives one result, and the caller's generator is put back."""

import threading

import numpy as np
import pytest
import torch
from helpers import make_net, make_vectors

from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.utils.randomness import preserved_random_state, seeded
from actscore_sk.utils.turns import Turns

X, y = make_vectors()


def scores(random_state):
    net = make_net(kind="noisy", max_epochs=3)
    return ActionScoreClassifier(net, random_state=random_state).fit(X, y).action_scores_


def in_threads(functions):
    found = [None] * len(functions)

    def run(i, function):
        found[i] = function()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_one_seed_gives_one_result_in_four_threads():
    expected, before = [scores(seed) for seed in (0, 0, 1, 2)], torch.get_rng_state()
    found = in_threads([lambda seed=seed: scores(seed) for seed in (0, 0, 1, 2)])
    assert all(map(np.array_equal, found, expected))
    assert torch.equal(torch.get_rng_state(), before)


def test_fits_without_a_seed_do_not_disturb_one_with_a_seed():
    expected = scores(0)
    found = in_threads([lambda seed=seed: scores(seed) for seed in (None, 0, None, 0)])
    assert np.array_equal(found[1], expected)
    assert np.array_equal(found[3], expected)


def test_a_seeded_stretch_waits_for_a_preserved_one():
    """The latter would put back the state from before, in the middle of the former."""
    numbers, is_in, may_go, is_over = [], threading.Event(), threading.Event(), threading.Event()

    def draw():
        is_in.wait()
        with seeded(0):
            numbers.append(torch.rand(3))
            may_go.set()
            is_over.wait(0.3)
            numbers.append(torch.rand(3))

    def preserve():
        with preserved_random_state():
            is_in.set()
            may_go.wait(0.3)
        is_over.set()

    in_threads([draw, preserve])
    with seeded(0):
        expected = [torch.rand(3), torch.rand(3)]
    assert all(map(torch.equal, numbers, expected))


def test_unseeded_stretches_overlap():
    turns, both = Turns(), threading.Barrier(2, timeout=10)

    def meet():
        with turns.together():
            return both.wait() in (0, 1)

    assert in_threads([meet, meet]) == [True, True]


def test_a_turn_is_given_back_after_an_error():
    turns = Turns()

    def fail():
        with pytest.raises(ValueError, match="inside"), turns.alone():
            raise ValueError("inside")

    def enter():
        with turns.alone():
            return True

    in_threads([fail])
    assert in_threads([enter]) == [True]


def test_a_seed_of_the_cpu_is_none_of_another_device(monkeypatch):
    monkeypatch.setattr(torch, "manual_seed", None)  # it seeds all devices
    with seeded(0):
        first = torch.rand(1)
    with seeded(0):
        assert torch.rand(1) == first
