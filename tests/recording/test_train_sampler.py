"""Samplers inside the estimators, against a training loop that owes nothing to skorch or to the recorder."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from estimator_cases import MLP, Items, Probabilities, assert_same_net
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import BatchScoring, EarlyStopping
from skorch.dataset import ValidSplit
from torch import nn
from torch.nn import functional as F
from torch.utils.data import BatchSampler, RandomSampler, Subset, WeightedRandomSampler

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreEstimator,
    ActionScoreRecorder,
    ActionScoreRegressor,
    CurriculumSampler,
    DynamicPruningSampler,
    HardExampleSampler,
)
from actscore_sk.metrics import action_score
from actscore_sk.metrics.epoch_statistics import InterpolatedSum

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


class OwnLoss(nn.Module):
    """A user's criterion that obeys a `reduction`."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, y_pred, y_true):
        losses = squared_cross_entropy(y_pred, y_true)
        return {"mean": torch.mean, "sum": torch.sum, "none": lambda losses: losses}[self.reduction](losses)


def squared_cross_entropy(y_pred, y_true):
    return F.cross_entropy(y_pred, y_true, reduction="none") ** 2


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
    defaults |= {"batch_size": BATCH, "train_split": None, "verbose": 0, "module": MLP}
    return kind(**defaults | params)


def fit(sampler, net=None, kind=ActionScoreClassifier, reduction="interpolated", data=(X, Y), **fit_params):
    torch.manual_seed(0)
    estimator = kind(net or make_net(), train_sampler=sampler, reduction=reduction, store_trajectories=True)
    return estimator.fit(*data, **fit_params)


class Loop:
    """What should happen: draw, weigh, step; `train` are the rows that are trained on."""

    sample_weight, class_weight, loss, targets, train = torch.ones(N), None, None, Y, np.arange(N)
    summed, drop_last, n_added, optimizer = False, False, 1, partial(torch.optim.SGD, lr=0.3)

    def __init__(self, sampler, **options):
        vars(self).update({name: value for name, value in options.items() if value is not None})
        self.sampler, self.weights = clone(sampler), torch.as_tensor(self.sample_weight, dtype=torch.float32)
        self.targets, self.train = torch.from_numpy(self.targets), torch.from_numpy(self.train)
        self.visits, self.work, self.rows = np.zeros(N, int), [], []
        torch.manual_seed(0)
        self.module = MLP()
        self.optimizer = self.optimizer(self.module.parameters())

    def run(self, n_epochs=EPOCHS, n_planned=None):
        self.sampler.bind(len(self.train), n_planned or n_epochs)
        for _ in range(n_epochs):
            order = torch.tensor(list(self.sampler))
            total, count = torch.zeros(len(self.train)), torch.zeros(len(self.train))
            for n_before, batch in enumerate(order.split(BATCH)):
                if len(batch) == BATCH or not self.drop_last:
                    total.index_add_(0, batch, self.step(batch, (n_before + 1) % self.n_added == 0))
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

    def step(self, batch, is_last):
        """Step if the batch is the last of those whose gradients are added; give the losses before."""
        seen = []

        def closure():
            if self.n_added == 1:
                self.optimizer.zero_grad()
            losses, loss = self.losses(batch)
            (loss / self.n_added).backward()
            seen.append(losses.detach())
            return loss

        if is_last:
            self.optimizer.step(closure)
            self.optimizer.zero_grad()
        else:
            closure()
        return seen[0]

    def losses(self, batch):
        """Loss of each sample, without weights, and the loss that is trained on."""
        rows = self.train[batch]
        output, targets = self.module(torch.from_numpy(X)[rows]), self.targets[rows]
        if self.loss is None:
            losses = F.cross_entropy(output, targets, reduction="none")
        else:
            losses = self.loss(output, targets)
        together = self.sampler.weights[batch] * self.weights[rows]
        # Weights that make up for unequal visits leave the divisor alone; weights of samples are what is divided by.
        is_steered = self.sampler.weights_at(batch) is not None
        amount = len(rows) * self.weights[self.train].mean() if is_steered else together.sum().clamp(min=1e-30)
        trained = together
        if self.class_weight is not None:
            trained = together * self.class_weight[targets]
            amount = amount * trained.sum() / together.sum()
        return losses, (trained * losses).sum() / (1 if self.summed else amount)


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


# -- against the loop ------------------------------------------------------------------------------------------


SGD, ADAM, LBFGS = torch.optim.SGD, torch.optim.Adam, torch.optim.LBFGS
REGRESSION = {"criterion": nn.MSELoss, "kind": NeuralNetRegressor}
SQUARES = {
    "targets": np.stack([X[:, 0] ** 2, X[:, 1]], axis=1),
    "loss": lambda *both: (both[0] - both[1]).square().mean(1),
}
# Each row: options of the net, those of the loop.
CASES = {
    "plain": ({}, {}),
    "class weights": ({"criterion__weight": CLASS_WEIGHT}, {"class_weight": CLASS_WEIGHT}),
    "vector": ({"criterion": VectorLoss}, {}),
    "sum": ({"criterion__reduction": "sum", "lr": 0.03}, {"summed": True, "optimizer": partial(SGD, lr=0.03)}),
    "own": ({"criterion": OwnLoss}, {"loss": squared_cross_entropy}),
    "probabilities": ({"module": Probabilities, "criterion": nn.NLLLoss}, {}),
    "regression": (REGRESSION, SQUARES),
    "drop_last": ({"iterator_train__drop_last": True}, {"drop_last": True}),
    "held out": ({"train_split": ValidSplit(5, stratified=False)}, {"train": np.arange(10, N)}),
    "Adam": ({"optimizer": ADAM, "lr": 0.02}, {"optimizer": partial(ADAM, lr=0.02)}),
    # more iterations would make rounding errors grow
    "LBFGS": (
        {"optimizer": LBFGS, "optimizer__max_iter": 2, "lr": 0.1},
        {"optimizer": partial(LBFGS, lr=0.1, max_iter=2)},
    ),
    "accumulation": ({"kind": Accumulating}, {"n_added": 2}),
}


@pytest.mark.filterwarnings("ignore:get_loss (multiplies|adds)")
@every_sampler
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["", "weights"])
def test_training(sampler, case, sample_weight):
    """Weights act in each criterion, call of a closure and batch, and each visit is recorded without them."""
    net, options = CASES[case]
    loop = Loop(sampler, sample_weight=sample_weight, **options)
    kinds = (ActionScoreRegressor, ActionScoreEstimator) if case == "regression" else (ActionScoreClassifier,)
    loop.run()
    for kind in kinds:
        data = X, options.get("targets", Y)
        scorer = fit(sampler, make_net(**net), kind=kind, data=data, sample_weight=sample_weight)
        check(scorer, loop, atol=1e-5)
        assert (scorer.n_visits_[scorer.validation_mask_] == EPOCHS).all()
        assert N - scorer.validation_mask_.sum() == len(loop.train)


def test_given_scores_are_those_of_the_training_part():
    scores = np.arange(N) * 7 % N
    sampler = CurriculumSampler(scores=scores, start_fraction=0.25, full_at=1.0, random_state=1)
    scorer = fit(sampler, make_net(train_split=ValidSplit(5, stratified=False), max_epochs=1))
    train = np.flatnonzero(~scorer.validation_mask_)
    assert set(np.flatnonzero(scorer.n_visits_ * ~scorer.validation_mask_)) == set(
        train[np.argsort(scores[train])[:10]]
    )


def split_anew(dataset, y=None, **options):
    order = np.random.permutation(N)  # noqa: NPY002 - as a user may do
    return Subset(dataset, order[:40]), Subset(dataset, order[40:])


def test_losses_stay_with_their_samples_if_the_split_changes():
    np.random.seed(0)  # noqa: NPY002
    scorer = ActionScoreClassifier(
        make_net(lr=0.0, train_split=split_anew), train_sampler=SAMPLERS["hard"], reduction="interpolated"
    )
    for _ in range(2):
        sampler = scorer.partial_fit(X, Y).train_sampler_
        losses = F.cross_entropy(scorer.estimator_.module_(torch.from_numpy(X)), torch.from_numpy(Y), reduction="none")
        np.testing.assert_allclose(sampler.scores_, losses[sampler.rows_].detach(), rtol=1e-5)
        np.testing.assert_array_equal(np.sort(sampler.rows_), np.flatnonzero(~scorer.validation_mask_))


WORKERS = {"iterator_train__num_workers": 2}


@pytest.mark.parametrize("options", [{}, WORKERS, {**WORKERS, "iterator_train__persistent_workers": True}])
@pytest.mark.parametrize("data", [(X, Y), (Items(X, Y), Y)], ids=["arrays", "items"])
def test_workers(options, data):
    """Data that are fetched one slice a batch, and those that the loader collates."""
    sampler = SAMPLERS["pruning"]
    check(fit(sampler, make_net(max_epochs=3, **options), data=data), Loop(sampler).run(3))


def test_early_stopping():
    sampler = SAMPLERS["hard"]
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=0.5)
    scorer = fit(sampler, make_net(callbacks=[("stop", stop)], max_epochs=9))
    assert scorer.n_epochs_ < 9
    check(scorer, Loop(sampler).run(scorer.n_epochs_, 9))


def test_epochs_of_fit_are_those_that_are_planned():
    sampler = SAMPLERS["pruning"]
    check(fit(sampler, make_net(max_epochs=99), epochs=3), Loop(sampler).run(3))


@every_sampler
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_goes_on(sampler, method):
    """A second call draws from where the first stopped, and plans what it adds."""
    scorer = fit(sampler, make_net(warm_start=method == "fit"))
    getattr(scorer, method)(X, Y)
    check(scorer, Loop(sampler).run().run(EPOCHS, 2 * EPOCHS))
    assert scorer.n_epochs_ == 2 * EPOCHS


@pytest.mark.parametrize("kind", [CurriculumSampler, DynamicPruningSampler])
def test_epochs_that_the_sampler_plans(kind):
    """One epoch a call is what all of them at once are, if the sampler is told how many there will be."""
    together = fit(kind(random_state=1))
    torch.manual_seed(0)
    scorer = ActionScoreClassifier(
        make_net(max_epochs=1), train_sampler=kind(n_epochs=EPOCHS, random_state=1), reduction="interpolated"
    )
    for _ in range(EPOCHS):
        scorer.partial_fit(X, Y)
    assert_same_net(scorer, together)
    np.testing.assert_array_equal(scorer.gradient_work_, together.gradient_work_)


# -- scores ----------------------------------------------------------------------------------------------------


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


@given(
    visited=st.lists(st.booleans(), min_size=8, max_size=8).filter(any),
    start=st.integers(-9, 9),
    slope=st.integers(-9, 9),
    bend=st.integers(-3, 3),
)
def test_what_interpolated_adds(visited, start, slope, bend):
    """Exact where losses run straight between visits; off by M (gap^3 - gap) / 12 for a second difference M."""
    epochs = np.arange(1, 9)
    losses = start + slope * epochs + bend * epochs**2
    total, seen, row = InterpolatedSum(1, torch.device("cpu")), epochs[visited], torch.tensor([0])
    for epoch, loss in zip(epochs, losses, strict=True):
        if epoch in seen:
            total.update(row, torch.tensor([loss]), row, int(epoch))
        total.end_epoch(int(epoch), np.nan)
    inside = losses[seen[0] - 1 : seen[-1]].sum()
    ends = (seen[0] - 1) * losses[seen[0] - 1] + (8 - seen[-1]) * losses[seen[-1] - 1]
    gaps = np.diff(seen)
    assert total.compute(torch.tensor([len(seen)])).item() == pytest.approx(
        inside + ends + 2 * bend * (gaps**3 - gaps).sum() / 12
    )


def test_warning_of_sums():
    with pytest.warns(UserWarning, match=r"samples were visited \d+ to \d+ times.*interpolated"):
        fit(SAMPLERS["pruning"], reduction="sum")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(CurriculumSampler(start_fraction=1.0), reduction="sum")  # visits are equal
        fit(SAMPLERS["pruning"], reduction="mean")
        # Twice an epoch, and those that are held out once.
        twice, split = HardExampleSampler(power=0, fraction=2), ValidSplit(5, stratified=False)
        assert fit(twice, make_net(train_split=split), reduction="sum").n_visits_.tolist().count(EPOCHS) == 10


def test_epoch_end_scores_all_samples():
    scorer = ActionScoreClassifier(
        make_net(), recording="epoch_end", train_sampler=SAMPLERS["pruning"], random_state=0
    ).fit(X, Y)
    assert (scorer.n_visits_ == EPOCHS).all()
    assert (scorer.gradient_work_[1:-1] < 1).all()
    losses = F.cross_entropy(scorer.estimator_.module_(torch.from_numpy(X)), torch.from_numpy(Y), reduction="none")
    np.testing.assert_allclose(scorer.train_sampler_.losses_, losses.detach(), rtol=1e-5)


def test_recorder_of_the_users_does_not_steer():
    """It sees the same work, and the sampler goes by the losses that the estimator records."""
    recorder = ActionScoreRecorder(recording="epoch_end")
    alone, scorer = fit(SAMPLERS["hard"]), fit(SAMPLERS["hard"], make_net(callbacks=[("mine", recorder)]))
    assert_same_net(scorer, alone)
    mine = dict(scorer.estimator_.callbacks_)["mine"]
    np.testing.assert_array_equal(mine.gradient_work_, scorer.gradient_work_)
    assert (mine.n_visits_ == EPOCHS).all()


# -- as parameters ---------------------------------------------------------------------------------------------


def test_grid_search():
    scorer = ActionScoreClassifier(
        make_net(), train_sampler=CurriculumSampler(), reduction="interpolated", random_state=0
    )
    grid = {"train_sampler__start_fraction": [0.2, 0.9], "train_sampler": [CurriculumSampler(), SAMPLERS["pruning"]]}
    search = GridSearchCV(scorer, {"train_sampler__start_fraction": [0.2, 0.9]}, cv=2).fit(X, Y)
    assert search.best_estimator_.train_sampler.start_fraction in (0.2, 0.9)
    assert search.best_estimator_.gradient_work_[1] == search.best_params_["train_sampler__start_fraction"]
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


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": WeightedRandomSampler(np.ones(N), N)},
        {"sampler": RandomSampler(range(N), replacement=True)},
        {"sampler": RandomSampler(range(N), num_samples=20)},
        {"batch_sampler": BatchSampler(WeightedRandomSampler(np.ones(N), N), 5, drop_last=False)},
    ],
)
def test_two_samplers_claim_the_order(options):
    net = make_net(**{f"iterator_train__{name}": value for name, value in options.items()})
    if "batch_sampler" in options:
        net.set_params(batch_size=1)
    with pytest.raises(ValueError, match=r"train_sampler decides the order.* has a \w+Sampler; leave one of them out"):
        fit(SAMPLERS["pruning"], net)


def test_net_that_shuffles_is_overruled():
    """`shuffle` is a wish for some random order, which the sampler fulfils."""
    assert_same_net(fit(SAMPLERS["hard"], make_net(iterator_train__shuffle=True)), fit(SAMPLERS["hard"]))


def test_epoch_of_no_batch():
    """A first part smaller than a batch, which the loader would drop, must not pass for training."""
    net = make_net(iterator_train__drop_last=True)
    with pytest.raises(ValueError, match=r"CurriculumSampler visits 5 samples in this epoch, less than a batch of 8"):
        fit(CurriculumSampler(scores=np.arange(N), start_fraction=0.1), net)
