"""`reduction="auto"`: losses of the epochs before the net begins to memorise."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skorch import NeuralNetClassifier
from skorch.dataset import ValidSplit
from torch import nn

from actscore_sk import ActionScoreClassifier, ActionScoreEstimator, ActionScoreRegressor
from actscore_sk.metrics import action_score
from actscore_sk.metrics.epoch_window import class_entropy, epoch_weights
from actscore_sk.metrics.windowed_statistics import WindowedSum

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype("float32")
Y = (X[:, 0] + 0.8 * RNG.normal(size=60) > 0).astype("int64")
EPOCHS = 14


def build():
    return nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 2))


def make_net(**options):
    split = ValidSplit(0.3, random_state=0)
    options = {"train_split": split, "max_epochs": EPOCHS, "lr": 0.008, "batch_size": 16} | options
    return NeuralNetClassifier(
        build,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        verbose=0,
        iterator_train__shuffle=True,
        **options,
    )


def fit(net=None, *, fit_params=None, **options):
    options = {"reduction": "auto", "store_trajectories": True, "random_state": 0} | options
    return ActionScoreClassifier(make_net() if net is None else net, **options).fit(X, Y, **(fit_params or {}))


losses = st.lists(st.one_of(st.floats(0, 10), st.just(np.nan)), min_size=1, max_size=30)


entropies = st.one_of(st.none(), st.floats(0, 10))


@given(losses, entropies)
def test_streaming_equals_the_definition(held_out, entropy):
    rows = np.random.default_rng(len(held_out)).exponential(size=(len(held_out), 3, 2))
    rows[:, 2] = np.nan
    window = WindowedSum(
        3, torch.device("cpu"), storage=torch.zeros(3, 2, 2, dtype=torch.float64), class_entropy=entropy
    )
    for epoch, (row, loss) in enumerate(zip(rows, held_out, strict=True), start=1):
        visited = torch.arange(3)
        window.update(visited, torch.from_numpy(np.nan_to_num(row)), visited, epoch)
        window.end_epoch(epoch, loss)
    expected = np.tensordot(epoch_weights(held_out, entropy), np.nan_to_num(rows), 1)
    np.testing.assert_allclose(window.compute(torch.ones(3)), expected, rtol=1e-5, atol=1e-6)


@given(losses)
def test_window_of_one_side_is_the_reduction_auto(held_out):
    rows = np.random.default_rng(0).exponential(size=(len(held_out), 2))
    expected = epoch_weights(held_out) @ rows
    np.testing.assert_allclose(action_score(rows, reduction="auto", held_out_losses=held_out), expected)


def test_window_keeps_three_arrays_whatever_the_number_of_epochs():
    window = WindowedSum(4, torch.device("cpu"), storage=torch.zeros(4, 2, 3), class_entropy=0.7)
    before, rows = window.nbytes, torch.arange(4)
    for epoch in range(1, 30):
        window.update(rows, torch.ones(4, 3), rows, epoch)
        window.end_epoch(epoch, 1 / epoch)
    assert window.nbytes == before == 3 * 4 * 3 * 4


@given(losses, entropies)
def test_weights(held_out, entropy):
    weights = epoch_weights(held_out, entropy)
    assert ((weights >= 0) & (weights <= 1)).all()
    if not np.isnan(held_out).all():
        best = np.nanargmin(held_out)
        assert weights[best] == 1
        assert (np.diff(weights[best:]) <= 0).all()
        assert entropy is not None or (weights[: best + 1] == 1).all()


def test_epochs_before_anything_is_learnt_do_not_count():
    """Nothing here lies more than 0.05 below H = 0.7 before the last but one."""
    np.testing.assert_allclose(epoch_weights([0.75, 0.76, 0.5, 0.25], 0.7), [0, 0, 1 / 2**16, 1])


def test_a_net_that_learns_nothing_has_the_window_of_one_side():
    losses = [0.9, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0]
    np.testing.assert_array_equal(epoch_weights(losses, 0.7), epoch_weights(losses))


def test_class_entropy_of_any_labels():
    assert class_entropy(["a"] * 5) == 0
    np.testing.assert_allclose(class_entropy([-1, 7, 7, 7]), -0.25 * np.log(0.25) - 0.75 * np.log(0.75))


def test_memorised_epochs_do_not_count():
    assert epoch_weights([0.5, 0.4] + [0.6] * 20)[7:].sum() == 0


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
def test_held_out_samples_decide(recording):
    scorer = fit(recording=recording)
    held_out = scorer.trajectories_[:, scorer.validation_mask_].mean(1)
    assert 0 < held_out.argmin() < EPOCHS - 3, "the case should memorise"
    np.testing.assert_allclose(scorer.epoch_weights_, epoch_weights(held_out, class_entropy(Y)), rtol=1e-5)
    options = {"reduction": "auto", "held_out_losses": held_out, "class_entropy": class_entropy(Y)}
    expected = action_score(scorer.trajectories_, **options)
    np.testing.assert_allclose(scorer.action_scores_, expected, rtol=1e-6)
    assert scorer.epoch_weights_[-1] < 1


def test_eval_set_decides_if_nothing_is_held_out():
    """The loss of labels the wrong way round, read off plain runs of 1, 2, 3 ... epochs, rises early."""
    eval_set = {"eval_set": (X[:20], 1 - Y[:20])}
    scorer = fit(make_net(train_split=None), fit_params=eval_set)
    runs = [
        fit(make_net(train_split=None, max_epochs=n), reduction="sum", fit_params=eval_set).eval_action_scores_
        for n in range(1, EPOCHS + 1)
    ]
    rows = np.diff(runs, axis=0, prepend=0)
    held_out = rows.mean(1)
    assert epoch_weights(held_out)[-1] == 0, "the case should memorise"
    np.testing.assert_allclose(scorer.epoch_weights_, epoch_weights(held_out, class_entropy(Y)), rtol=1e-5)
    options = {"reduction": "auto", "held_out_losses": held_out, "class_entropy": class_entropy(Y)}
    expected = action_score(rows, **options)
    np.testing.assert_allclose(scorer.eval_action_scores_, expected, rtol=1e-5)


def test_nothing_held_out():
    with pytest.raises(ValueError, match=r'reduction="auto" goes by .* held-out samples, but the net trains on all'):
        fit(make_net(train_split=None))


def test_training_goes_on():
    whole = fit()
    parts = ActionScoreClassifier(make_net(), reduction="auto", random_state=0)
    for epochs in (5, EPOCHS - 5):
        parts.partial_fit(X, Y, epochs=epochs)
        parts = pickle.loads(pickle.dumps(parts))
    assert len(parts.epoch_weights_) == EPOCHS
    assert parts.action_scores_.shape == whole.action_scores_.shape


@pytest.mark.filterwarnings("ignore:samples were visited")
def test_never_visited():
    scorer = fit(make_net(iterator_train__drop_last=True, batch_size=40, max_epochs=1))
    assert np.isnan(scorer.action_scores_).sum() == (scorer.n_visits_ == 0).sum() > 0


@pytest.mark.parametrize("kind", [ActionScoreClassifier, ActionScoreRegressor, ActionScoreEstimator])
def test_default_net_holds_samples_out(kind):
    scorer = kind(reduction="auto", random_state=0).fit(X, Y if kind is not ActionScoreRegressor else X[:, 0])
    assert scorer.validation_mask_.sum() == 12
    assert np.isfinite(scorer.action_scores_).all()


@pytest.mark.parametrize("held_out", [None, [1.0], [[1.0, 2.0]]])
def test_definition_asks_for_held_out_losses(held_out):
    with pytest.raises(ValueError, match="needs 2 held_out_losses, one per epoch"):
        action_score([[1.0], [2.0]], reduction="auto", held_out_losses=held_out)


def test_other_reductions_have_no_weights():
    assert not hasattr(fit(reduction="sum"), "epoch_weights_")
