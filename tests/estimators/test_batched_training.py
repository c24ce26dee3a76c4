"""Nets that are trained at once: each is the net of a single fit with its seed, in every way that can be seen."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EarlyStopping, GradientNormClipping, LRScheduler
from torch import nn

from actscore_sk import ActionScoreClassifier, ActionScoreEstimator, ActionScoreRegressor
from actscore_sk.data import placement
from actscore_sk.estimators import batched_training
from actscore_sk.estimators.batchable import OPTIMIZERS
from actscore_sk.estimators.batched_nets import BatchedNets

X, y = load_digits(return_X_y=True)
X, y = X[:150, 10:30] / 16, y[:150]
SEEDS = 2


@pytest.fixture
def n_steps(monkeypatch):
    """Steps made at once are counted."""
    counted, step = [0], BatchedNets.step

    def counting(self, *losses):
        counted[0] += 1
        step(self, *losses)

    monkeypatch.setattr(BatchedNets, "step", counting)
    return counted


def layers(*middle, n_outputs=10, dtype=torch.float64):
    return nn.Sequential(nn.Linear(20, 12), *middle, nn.Linear(12, n_outputs)).to(dtype)


def make(module=layers, kind=NeuralNetClassifier, **options):
    options = {"criterion": nn.CrossEntropyLoss, "optimizer": torch.optim.Adam, "train_split": None} | options
    return kind(module, **{"max_epochs": 3, "batch_size": 40, "iterator_train__shuffle": True, "verbose": 0} | options)


def compare(estimator, X, y, **fit_params):
    """Fit all at once and one by one; return the first."""
    repeated = clone(estimator).set_params(n_repeats=SEEDS, random_state=3).fit(X, y, **fit_params)
    for number, seed in enumerate(repeated.repeat_seeds_.tolist()):
        alone = clone(estimator).set_params(random_state=seed).fit(X, y, **fit_params)
        net = repeated.estimators_[number]
        np.testing.assert_allclose(repeated.repeat_scores_[number], alone.action_scores_, rtol=1e-5)
        trained = alone.estimator_.module_.state_dict()
        for name, mine in net.module_.state_dict().items():
            torch.testing.assert_close(mine, trained[name], rtol=1e-5, atol=1e-7)
        names = {"epoch", "train_loss", "valid_loss", "train_batch_count", "train_loss_best"} & {*net.history[-1]}
        for name in names:
            np.testing.assert_allclose(net.history[:, name], alone.history_[:, name], rtol=1e-5)
        sizes = [row["train_batch_size"] for row in net.history[-1, "batches"] if "train_batch_size" in row]
        assert sizes == [row["train_batch_size"] for row in alone.history_[-1, "batches"] if "train_batch_size" in row]
    return repeated


STEPS = 3 * 4 - 1  # the first step of a net is its own

MODULES = {
    "ReLU": partial(layers, nn.ReLU()),
    "dropout": partial(layers, nn.Tanh(), nn.Dropout(0.3)),
    "batch norm": partial(layers, nn.BatchNorm1d(12), nn.SiLU()),
    "no affine": partial(layers, nn.BatchNorm1d(12, affine=False), nn.GELU()),
    "nested": lambda: nn.Sequential(
        nn.Flatten(), layers(nn.Sequential(nn.ELU(), nn.Linear(12, 12, bias=False))).double()
    ),
    "instance": layers(nn.ReLU()),
}


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_layers_give_what_they_give_alone(module, n_steps):
    compare(ActionScoreClassifier(make(module)), X, y)
    assert n_steps == [STEPS]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("options", [{}, {"optimizer__weight_decay": 0.1}], ids=["", "decay"])
def test_optimizers_step_as_they_step_alone(optimizer, options, n_steps):
    if "momentum" in optimizer.__init__.__annotations__ and options:
        options = options | {"optimizer__momentum": 0.5}
    compare(ActionScoreClassifier(make(partial(layers, nn.Tanh()), optimizer=optimizer, **options)), X, y)
    assert n_steps == [STEPS]


CRITERIA = {
    "class weights": ({"criterion__weight": torch.linspace(0.5, 2, 10, dtype=torch.float64)}, y),
    "sum": ({"criterion__reduction": "sum", "lr": 1e-4}, y),
    "smoothing": ({"criterion__label_smoothing": 0.2}, y),
    "log": ({"criterion": nn.NLLLoss, "module": lambda: layers(nn.ReLU()).append(nn.Softmax(-1))}, y),
}


@pytest.mark.parametrize(("options", "y"), CRITERIA.values(), ids=CRITERIA)
def test_criteria_reduce_as_they_reduce_alone(options, y, n_steps):
    compare(ActionScoreClassifier(make(**options)), X, y)
    assert n_steps == [STEPS]


def test_targets_of_other_kinds(n_steps):
    numbers = make(partial(layers, n_outputs=1), NeuralNetRegressor, criterion=nn.MSELoss)
    compare(ActionScoreRegressor(numbers), X, y.astype(float))
    labels = make(partial(layers, n_outputs=3), NeuralNet, criterion=nn.BCEWithLogitsLoss)
    compare(ActionScoreEstimator(labels), X, (X[:, :3] > 0.5).astype(float))
    assert n_steps == [2 * STEPS]


def test_single_precision_and_integers_are_cast(n_steps):
    net = make(partial(layers, nn.ReLU(), dtype=torch.float32))
    compare(ActionScoreClassifier(net), (16 * X).astype(np.int32), y)
    assert n_steps == [STEPS]


@pytest.mark.parametrize("refit", [False, True])
def test_split_window_probabilities_and_second_fit(refit, n_steps):
    estimator = ActionScoreClassifier(reduction="auto", store_probabilities=True, metrics=("aum",), refit=refit)
    repeated = compare(estimator, np.tile(X, (7, 1)), np.tile(y, 7), epochs=3)
    assert repeated.validation_mask_.sum() == (0 if refit else 210)
    assert n_steps[0] > 10
    assert len(repeated.label_issues()) == 1050


def test_a_scheduler_changes_the_steps_of_all(n_steps):
    schedule = LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.1)
    compare(ActionScoreClassifier(make(partial(layers, nn.ReLU()), callbacks=[("lr", schedule)])), X, y)
    assert n_steps == [STEPS]


def test_a_net_that_stops_early_leaves_the_others(n_steps):
    stop = EarlyStopping("train_loss", patience=1, threshold=0.05)
    net = make(partial(layers, nn.ReLU()), callbacks=[("stop", stop)], max_epochs=40, lr=0.02, batch_size=20)
    repeated = compare(ActionScoreClassifier(net, store_trajectories=True), X, y)
    n_epochs = {len(each.history) for each in repeated.estimators_}
    assert len(n_epochs) == SEEDS
    assert repeated.n_epochs_ == max(n_epochs) == len(repeated.trajectories_)
    assert n_steps[0] == 8 * max(n_epochs) - 1


@pytest.mark.parametrize(
    "options",
    {
        "a callback that sees gradients": {"callbacks": [("clip", GradientNormClipping(0.1))]},
        "another layer": {"module": lambda: layers(nn.PReLU(dtype=torch.float64))},
        "another optimizer": {"optimizer": torch.optim.Rprop},
    }.values(),
)
def test_other_nets_are_trained_by_themselves(options, n_steps):
    compare(ActionScoreClassifier(make(**({"module": partial(layers, nn.ReLU())} | options))), X, y)
    assert n_steps == [0]


def test_training_goes_on(n_steps):
    one = ActionScoreClassifier(n_repeats=SEEDS, random_state=0).fit(X, y, epochs=2)
    whole = pickle.loads(pickle.dumps(one)).partial_fit(X, y, epochs=3)
    for scores, seed in zip(whole.repeat_scores_, whole.repeat_seeds_.tolist(), strict=True):
        alone = ActionScoreClassifier(random_state=seed).fit(X, y, epochs=2).partial_fit(X, y, epochs=3)
        np.testing.assert_allclose(scores, alone.action_scores_, rtol=1e-5)
    assert n_steps == [3]
    assert len(pickle.dumps(whole)) < 1.6 * SEEDS * len(pickle.dumps(alone))  # no net holds the parameters of all


def test_a_warm_start_goes_on_with_all_nets(n_steps):
    clf = ActionScoreClassifier(make(partial(layers, nn.ReLU()), warm_start=True), n_repeats=SEEDS, random_state=0)
    assert clf.fit(X, y).fit(X, y).n_epochs_ == 6
    assert [len(net.history) for net in clf.estimators_] == [6, 6]
    assert n_steps == [2 * STEPS]


def test_an_interrupt_keeps_what_was_seen(monkeypatch):
    step = BatchedNets.step
    left = [5]

    def interrupted(self, *losses):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        step(self, *losses)

    monkeypatch.setattr(BatchedNets, "step", interrupted)
    net = make(partial(layers, nn.ReLU()))
    repeated = ActionScoreClassifier(net, n_repeats=SEEDS, random_state=0, reduction="mean").fit(X, y)
    assert repeated.n_epochs_ == 2
    assert set(repeated.n_visits_) == {1, 2}


@pytest.mark.parametrize("data_device", ["net", "host"])
def test_samples_stored_on_the_device_are_those_of_the_nets(data_device, monkeypatch, n_steps):
    monkeypatch.setattr(placement, "is_host", lambda device: False)  # as on a GPU
    compare(ActionScoreClassifier(make(partial(layers, nn.ReLU())), data_device=data_device), X, y)
    assert n_steps == [STEPS]


@pytest.mark.parametrize("most", [0, 2**21])
def test_x_is_standardised_as_a_whole_or_batch_by_batch(most, monkeypatch, n_steps):
    monkeypatch.setattr(batched_training, "_MOST_PREPARED", most)
    compare(ActionScoreClassifier(), X, y, epochs=3)
    assert n_steps == [2]
