"""The table of statistics: rows in a run, rows in any order and rows that repeat leave the same state, to the bit."""

import pickle

import numpy as np
import pytest
import torch

from actscore_sk.metrics import get_metric_names
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.sample_state import SampleState

N, N_CLASSES = 40, 3
ORDERS = {
    "run": torch.arange(N),
    "backwards": torch.arange(N).flip(0),
    "shuffled": torch.randperm(N, generator=torch.Generator().manual_seed(0)),
    "part": torch.arange(7, 31),
    "ends of a run": torch.tensor([3, 5, 4, 6]),
    "repeated": torch.tensor([0, 1, 0, 0, 1, 2, 39, 2]),
    "run by its ends only": torch.tensor([3, 3, 5]),
}


def visits_of(rows, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(rows), N_CLASSES, generator=generator).round()  # with ties
    labels = rows % N_CLASSES
    return torch.nn.functional.cross_entropy(logits, labels, reduction="none"), logits, labels


def recorded(orders, reduction="sum", *, one_by_one=False, keep_row=False, **options):
    settings = RecordSettings(reduction, get_metric_names(), class_entropy=1.0, **options)
    state = SampleState(N, settings, keep_row=keep_row)
    for epoch, order in enumerate(orders):
        block = order, *visits_of(order, epoch)
        for part in zip(*[tensor.split(1 if one_by_one else N) for tensor in block], strict=True):
            state.update(*part)
        state.last_row = state.end_epoch(1 / (1 + epoch))
    return state


def assert_same(one, other, rtol=0.0):
    np.testing.assert_array_equal(one.n_visits(), other.n_visits())
    for name, scores in one.results().items():
        np.testing.assert_allclose(scores, other.results()[name], rtol=rtol, err_msg=name)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("names", [*[[name] * 3 for name in ORDERS], [*ORDERS], [*ORDERS][::-1]], ids=", ".join)
def test_a_block_leaves_what_its_visits_leave_one_by_one(names, reduction):
    orders = [ORDERS[name] for name in names]
    has_repeats = any(len(order.unique()) < len(order) for order in orders)  # then a first value is one of several
    rtol = 1e-12 if has_repeats else 0.0
    assert_same(recorded(orders, reduction), recorded(orders, reduction, one_by_one=True), rtol)


@pytest.mark.parametrize("order", ["backwards", "shuffled", "part"])
def test_trajectories_and_probabilities_do_not_depend_on_the_order_in_a_block(order):
    options = {"store_probabilities": True, "keep_row": True, "keep_latest": True}
    one, other = (recorded([ORDERS[order]] * 2, one_by_one=each, **options) for each in (True, False))
    for mine, theirs in zip(*[state.of_labels.evidence(state.visits) for state in (one, other)], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(one.latest, other.latest)
    np.testing.assert_array_equal(one.last_row, other.last_row)


def test_runs_and_distinct_rows_are_not_added_row_by_row(monkeypatch):
    # index_add_ is several times slower than what is done for rows that are known not to repeat.
    state, rows = recorded([ORDERS["run"], ORDERS["shuffled"]]), ORDERS["shuffled"]
    monkeypatch.setattr(torch.Tensor, "index_add_", None)
    for order in (ORDERS["run"], rows):
        state.update(order, *visits_of(order, 0))
    with pytest.raises(TypeError):
        state.update(torch.tensor([1, 1]), *visits_of(torch.tensor([1, 1]), 0))


def test_a_pickled_state_goes_on_like_the_one_it_was_made_of():
    state = recorded([ORDERS["run"]])
    copy = pickle.loads(pickle.dumps(state))
    for order in ORDERS.values():
        for each in (state, copy):
            each.update(order, *visits_of(order, 1))
    assert_same(state, copy)


def test_results_are_those_of_each_statistic_at_once(monkeypatch):
    state = recorded(ORDERS.values())
    monkeypatch.setattr("actscore_sk.recording.state_table._PART", 7)
    parts = state.results()
    for name, statistic in state._statistics.items():
        np.testing.assert_array_equal(parts[name], statistic.compute(state.visits).numpy(), err_msg=name)
