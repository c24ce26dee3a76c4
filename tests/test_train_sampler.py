"""Samplers inside the estimators, against a training loop that owes nothing to skorch or to the recorder."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from estimator_cases import MLP
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from skorch.callbacks import BatchScoring, EarlyStopping
from skorch.dataset import ValidSplit
from torch import nn
from torch.nn import functional as F
from torch.utils.data import RandomSampler, WeightedRandomSampler

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreEstimator,
    ActionScoreRegressor,
    CurriculumSampler,
    DynamicPruningSampler,
    HardExampleSampler,
    action_score,
)

N, EPOCHS, BATCH = 50, 5, 8
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)).astype("float32")
Y = (X[:, 0] + RNG.normal(size=N) > 0).astype("int64")
WEIGHTS = RNG.integers(0, 3, size=N) + RNG.integers(0, 2, size=N) * 0.5
CLASS_WEIGHT = torch.tensor([1.0, 3.0])
SAMPLERS = {
    "curriculum": CurriculumSampler(order="hard_first", random_state=1),
    "hard": HardExampleSampler(power=2, random_state=1),
    "hard, often": HardExampleSampler(fraction=1.6, random_state=1),
    "hard, unweighted": HardExampleSampler(importance_weights=False, random_state=1),
    "pruning": DynamicPruningSampler(fraction=0.4, random_state=1),
}
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS.keys())


class VectorLoss(nn.Module):
    def forward(self, y_pred, y_true):
        return F.cross_entropy(y_pred, y_true, reduction="none")


class Accumulating(NeuralNetClassifier):
    """Steps after every second batch, as skorch's documentation shows."""

    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs) / 2

    def train_step(self, batch, **fit_params):
        step = self.train_step_single(batch, **fit_params)
        if len(self.history[-1, "batches"]) % 2 == 0:
            self.optimizer_.step()
            self.optimizer_.zero_grad()
        return step


def make_net(kind=NeuralNetClassifier, **params):
    defaults = {"criterion": nn.CrossEntropyLoss, "optimizer": torch.optim.SGD, "lr": 0.3, "max_epochs": EPOCHS}
    defaults |= {"batch_size": BATCH, "train_split": None, "verbose": 0}
    return kind(MLP, **defaults | params)


def fit(sampler, net=None, kind=ActionScoreClassifier, reduction="interpolated", **fit_params):
    torch.manual_seed(0)
    estimator = kind(net or make_net(), train_sampler=sampler, reduction=reduction, store_trajectories=True)
    return estimator.fit(X, Y, **fit_params)


class Loop:
    """What should happen: draw, weigh, step; `train` are the rows that are trained on."""

    def __init__(self, sampler, *, sample_weight=None, class_weight=None, summed=False, train=None, drop_last=False):
        torch.manual_seed(0)
        self.module = MLP()
        self.optimizer = torch.optim.SGD(self.module.parameters(), lr=0.3)
        self.sampler, self.drop_last, self.summed = clone(sampler), drop_last, summed
        self.weights = torch.ones(N) if sample_weight is None else torch.tensor(sample_weight, dtype=torch.float32)
        self.class_weight, self.train = class_weight, torch.arange(N) if train is None else torch.tensor(train)
        self.visits, self.work, self.rows = np.zeros(N, int), [], []

    def run(self, n_epochs=EPOCHS, n_planned=None):
        self.sampler.bind(len(self.train), n_planned or n_epochs)
        for _ in range(n_epochs):
            order = torch.tensor(list(self.sampler))
            total, count = torch.zeros(len(self.train)), torch.zeros(len(self.train))
            for batch in order.split(BATCH):
                if len(batch) == BATCH or not self.drop_last:
                    total.index_add_(0, batch, self.step(batch))
                    count.index_add_(0, batch, torch.ones(len(batch)))
            losses = total / count
            seen = count > 0
            self.sampler.update(torch.arange(len(losses))[seen], losses[seen])
            self.visits[self.train] += count.numpy().astype(int)
            self.work.append(count.sum().item() / len(self.train))
            row = np.full(N, np.nan)
            row[self.train] = losses.numpy()
            self.rows.append(row)
        return self

    def step(self, batch):
        rows = self.train[batch]
        targets = torch.from_numpy(Y)[rows]
        output = self.module(torch.from_numpy(X)[rows])
        losses = F.cross_entropy(output, targets, reduction="none", weight=self.class_weight)
        together = self.sampler.weights[batch] * self.weights[rows]
        # Weights that make up for unequal visits leave the divisor alone; weights of samples are what is divided by.
        is_steered = self.sampler.weights_at(batch) is not None
        amount = len(rows) * self.weights[self.train].mean() if is_steered else together.sum().clamp(min=1e-30)
        if self.class_weight is not None:
            amount = amount * (together * self.class_weight[targets]).sum() / together.sum()
        self.optimizer.zero_grad()
        ((together * losses).sum() / (1 if self.summed else amount)).backward()
        self.optimizer.step()
        return losses.detach()


def check(scorer, loop, *, atol=2e-6):
    for name, parameter in loop.module.state_dict().items():
        np.testing.assert_allclose(scorer.estimator_.module_.state_dict()[name].numpy(), parameter.numpy(), atol=atol)
    np.testing.assert_array_equal(scorer.n_visits_[loop.train], loop.visits[loop.train])
    np.testing.assert_allclose(scorer.gradient_work_, loop.work)
    rows = np.array(loop.rows)
    np.testing.assert_allclose(scorer.action_scores_[loop.train], filled_in(rows)[loop.train], rtol=1e-4)


def filled_in(rows):
    """Each epoch without a visit has what lies on a straight line between its neighbours; plain NumPy."""
    epochs = np.arange(len(rows))
    sums = np.full(rows.shape[1], np.nan)
    for sample, losses in enumerate(rows.T):
        seen = ~np.isnan(losses)
        if seen.any():
            sums[sample] = np.interp(epochs, epochs[seen], losses[seen]).sum()
    return sums


# -- against the loop -----------------------------------------------------------------------------------------


@every_sampler
def test_plain(sampler):
    check(fit(sampler), Loop(sampler).run())


@every_sampler
def test_sample_weight(sampler):
    check(fit(sampler, sample_weight=WEIGHTS), Loop(sampler, sample_weight=WEIGHTS).run())


@every_sampler
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["", "weights"])
def test_class_weight(sampler, sample_weight):
    net = make_net(criterion__weight=CLASS_WEIGHT)
    loop = Loop(sampler, sample_weight=sample_weight, class_weight=CLASS_WEIGHT).run()
    check(fit(sampler, net, sample_weight=sample_weight), loop)


@every_sampler
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["", "weights"])
def test_vector_criterion(sampler, sample_weight):
    net = make_net(criterion=VectorLoss)
    check(fit(sampler, net, sample_weight=sample_weight), Loop(sampler, sample_weight=sample_weight).run())


@every_sampler
def test_summing_criterion(sampler):
    net = make_net(criterion__reduction="sum", lr=0.03)
    loop = Loop(sampler, summed=True)
    loop.optimizer.param_groups[0]["lr"] = 0.03
    check(fit(sampler, net), loop.run())


@every_sampler
def test_drop_last(sampler):
    check(fit(sampler, make_net(iterator_train__drop_last=True)), Loop(sampler, drop_last=True).run())


@every_sampler
def test_held_out_part(sampler):
    """Only training samples are drawn; the others are validated each epoch."""
    scorer = fit(sampler, make_net(train_split=ValidSplit(5, stratified=False)))
    held_out = scorer.validation_mask_
    assert held_out.sum() == 10
    check(scorer, Loop(sampler, train=np.flatnonzero(~held_out)).run())
    assert (scorer.n_visits_[held_out] == EPOCHS).all()


def test_given_scores_are_those_of_the_training_part():
    scores = np.arange(N, dtype=float)
    sampler = CurriculumSampler(scores=scores, start_fraction=0.25, full_at=1.0, random_state=1)
    scorer = fit(sampler, make_net(train_split=ValidSplit(5, stratified=False), max_epochs=1))
    train = np.flatnonzero(~scorer.validation_mask_)
    np.testing.assert_array_equal(np.flatnonzero(scorer.n_visits_[train]), np.arange(10))


@pytest.mark.parametrize("workers", [0, 2])
def test_workers(workers):
    sampler = SAMPLERS["pruning"]
    net = make_net(iterator_train__num_workers=workers, max_epochs=3)
    check(fit(sampler, net), Loop(sampler).run(3))


def test_early_stopping():
    sampler = SAMPLERS["hard"]
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=0.5)
    scorer = fit(sampler, make_net(callbacks=[("stop", stop)], max_epochs=9))
    assert scorer.n_epochs_ < 9
    check(scorer, Loop(sampler).run(scorer.n_epochs_, 9))


def test_epochs_of_fit_are_those_that_are_planned():
    sampler = SAMPLERS["pruning"]
    check(fit(sampler, make_net(max_epochs=99), epochs=3), Loop(sampler).run(3))


@pytest.mark.parametrize("name", ["curriculum", "hard"])
def test_partial_fit_goes_on(name):
    """The second call draws from where the first stopped."""
    sampler = SAMPLERS[name]
    scorer = ActionScoreClassifier(make_net(), train_sampler=sampler, reduction="interpolated", store_trajectories=True)
    torch.manual_seed(0)
    for _ in range(2):
        scorer.partial_fit(X, Y)
    loop = Loop(sampler).run()
    loop.sampler.n_epochs_ = 2 * EPOCHS
    loop.run(EPOCHS, 2 * EPOCHS)
    check(scorer, loop)
    assert scorer.n_epochs_ == 2 * EPOCHS


def test_warm_start_goes_on():
    sampler = SAMPLERS["hard"]
    scorer = fit(sampler, make_net(warm_start=True)).fit(X, Y)
    loop = Loop(sampler).run()
    check(scorer, loop.run(EPOCHS, 2 * EPOCHS))


def test_gradient_accumulation():
    """Weights act in each of the batches whose gradients are added."""
    sampler = SAMPLERS["pruning"]
    scorer, loop = fit(sampler, make_net(Accumulating, max_epochs=3)), Loop(sampler)
    loop.sampler.bind(N, 3)
    for _ in range(3):
        order, latest = torch.tensor(list(loop.sampler)), torch.zeros(N)
        for n_before, batch in enumerate(order.split(BATCH)):
            losses = F.cross_entropy(
                loop.module(torch.from_numpy(X)[batch]), torch.from_numpy(Y)[batch], reduction="none"
            )
            ((loop.sampler.weights[batch] * losses).mean() / 2).backward()
            latest[batch] = losses.detach()
            if n_before % 2:
                loop.optimizer.step()
                loop.optimizer.zero_grad()
        loop.sampler.update(order, latest[order])
    for name, parameter in loop.module.state_dict().items():
        np.testing.assert_allclose(scorer.estimator_.module_.state_dict()[name].numpy(), parameter.numpy(), atol=2e-6)


def test_lbfgs():
    """Its closure is called several times a step, with the same weights each time."""
    sampler = SAMPLERS["pruning"]
    scorer = fit(sampler, make_net(optimizer=torch.optim.LBFGS, lr=0.1, max_epochs=3))
    loop = Loop(sampler)
    optimizer = torch.optim.LBFGS(loop.module.parameters(), lr=0.1)
    loop.sampler.bind(N, 3)
    for _ in range(3):
        latest = torch.full((N,), torch.nan)
        for batch in torch.tensor(list(loop.sampler)).split(BATCH):
            first = []

            def closure(batch=batch, first=first):
                optimizer.zero_grad()
                output = loop.module(torch.from_numpy(X)[batch])
                losses = F.cross_entropy(output, torch.from_numpy(Y)[batch], reduction="none")
                first.append(losses.detach())
                loss = (loop.sampler.weights[batch] * losses).mean()
                loss.backward()
                return loss

            optimizer.step(closure)
            latest[batch] = first[0]
        seen = ~latest.isnan()
        loop.sampler.update(torch.arange(N)[seen], latest[seen])
    for name, parameter in loop.module.state_dict().items():
        np.testing.assert_allclose(scorer.estimator_.module_.state_dict()[name].numpy(), parameter.numpy(), atol=1e-4)


# -- scores ---------------------------------------------------------------------------------------------------


@every_sampler
def test_recorded_loss_is_not_weighted(sampler):
    """Nothing moves at lr 0, so that every visit has the loss of the untrained net."""
    scorer = fit(sampler, make_net(lr=0.0), sample_weight=WEIGHTS, reduction="mean")
    torch.manual_seed(0)
    losses = F.cross_entropy(MLP()(torch.from_numpy(X)), torch.from_numpy(Y), reduction="none").detach().numpy()
    seen = scorer.n_visits_ > 0
    np.testing.assert_allclose(scorer.action_scores_[seen], losses[seen], rtol=1e-5)


def test_interpolated_estimates_the_sum_of_all_epochs():
    """At lr 0 it is the sum of equal visits, however unequal they were; the plain sum is not."""
    torch.manual_seed(0)
    full = ActionScoreClassifier(make_net(lr=0.0, max_epochs=20)).fit(X, Y).action_scores_
    net = make_net(lr=0.0, max_epochs=20)
    steered = fit(DynamicPruningSampler(fraction=0.5, random_state=0), net)
    assert steered.n_visits_.min() < 15
    np.testing.assert_allclose(steered.action_scores_, full, rtol=1e-5)


def test_interpolated_without_a_sampler_is_the_sum():
    summed = ActionScoreClassifier(make_net(), random_state=0).fit(X, Y).action_scores_
    filled = ActionScoreClassifier(make_net(), reduction="interpolated", random_state=0).fit(X, Y).action_scores_
    np.testing.assert_allclose(filled, summed, rtol=1e-6)


def test_interpolated_definition():
    """The NumPy function gives what the estimator gives, from its trajectories."""
    scorer = fit(SAMPLERS["pruning"])
    rows = scorer.trajectories_.astype(float)
    assert np.isnan(rows).any()
    np.testing.assert_allclose(action_score(rows, reduction="interpolated"), scorer.action_scores_, rtol=1e-5)
    np.testing.assert_allclose(action_score(rows, reduction="interpolated"), filled_in(rows), rtol=1e-6)


def test_warning_of_sums():
    with pytest.warns(UserWarning, match=r"visited samples \d+ to \d+ times.*interpolated"):
        fit(SAMPLERS["pruning"], reduction="sum")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(CurriculumSampler(start_fraction=1.0), reduction="sum")  # visits are equal
        fit(SAMPLERS["pruning"], reduction="mean")


def test_epoch_end_scores_all_samples():
    scorer = ActionScoreClassifier(
        make_net(), recording="epoch_end", train_sampler=SAMPLERS["pruning"], random_state=0
    ).fit(X, Y)
    assert (scorer.n_visits_ == EPOCHS).all()
    assert (scorer.gradient_work_[1:-1] < 1).all()


# -- as parameters --------------------------------------------------------------------------------------------


def test_grid_search():
    scorer = ActionScoreClassifier(
        make_net(), train_sampler=CurriculumSampler(), reduction="interpolated", random_state=0
    )
    grid = {"train_sampler__start_fraction": [0.2, 0.9], "train_sampler": [CurriculumSampler(), SAMPLERS["pruning"]]}
    search = GridSearchCV(scorer, {"train_sampler__start_fraction": [0.2, 0.9]}, cv=2).fit(X, Y)
    assert search.best_estimator_.train_sampler.start_fraction in (0.2, 0.9)
    search = GridSearchCV(scorer, {"train_sampler": grid["train_sampler"]}, cv=2).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@every_sampler
def test_given_sampler_is_left_alone(sampler):
    mine = clone(sampler)
    before = dict(vars(mine))
    scorer = fit(mine)
    assert dict(vars(mine)) == before
    assert scorer.train_sampler is mine
    assert scorer.train_sampler_.epoch_ == EPOCHS
    copy = pickle.loads(pickle.dumps(scorer))
    np.testing.assert_array_equal(copy.action_scores_, scorer.action_scores_)
    assert copy.train_sampler_.state_dict()["epoch"] == EPOCHS


def test_seed_of_the_estimator_seeds_the_sampler():
    scorer = ActionScoreClassifier(
        make_net(), train_sampler=HardExampleSampler(), reduction="interpolated", random_state=0
    )
    first, second = clone(scorer).fit(X, Y), clone(scorer).fit(X, Y)
    np.testing.assert_array_equal(first.n_visits_, second.n_visits_)
    np.testing.assert_array_equal(first.action_scores_, second.action_scores_)


@pytest.mark.parametrize("kind", [ActionScoreRegressor, ActionScoreEstimator])
def test_other_estimators(kind):
    scorer = kind(train_sampler=HardExampleSampler(), reduction="interpolated", random_state=0)
    scorer.fit(X, X[:, 0].astype(float))
    assert scorer.n_visits_.sum() == N * scorer.n_epochs_
    assert np.isfinite(scorer.action_scores_[scorer.n_visits_ > 0]).all()


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (CurriculumSampler(start_fraction=2.0), "start_fraction"),
        (HardExampleSampler(smoothing=0.0), "smoothing"),
        (DynamicPruningSampler(fraction=-0.1), "fraction"),
        (CurriculumSampler(scores=np.ones(N - 1)), f"expected {N} finite"),
        (RandomSampler(range(N)), "train_sampler"),
        ("hard", "train_sampler"),
    ],
)
def test_bad_samplers_before_training(sampler, message):
    seen = []
    net = make_net(callbacks=[("steps", BatchScoring("x", lambda *args: seen.append(1) or 0.0))])
    with pytest.raises(ValueError, match=message):
        ActionScoreClassifier(net, train_sampler=sampler).fit(X, Y)
    assert not seen


def test_two_samplers_claim_the_order():
    net = make_net(iterator_train__sampler=WeightedRandomSampler(np.ones(N), N))
    with pytest.raises(ValueError, match=r"train_sampler decides the order.*WeightedRandomSampler"):
        fit(SAMPLERS["pruning"], net)
