"""A second fit on all rows: when it is made, of which fit the attributes are, and that it leaves no trace."""

import os
import signal

import numpy as np
import pytest
import torch
from helpers import make_net
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, LRScheduler
from skorch.dataset import ValidSplit

from actscore_sk import ActionScoreClassifier, CurriculumSampler
from actscore_sk.metrics.epoch_window import epoch_weights
from actscore_sk.recording.epoch_plan import EpochPlan

rng = np.random.default_rng(0)
TRUE = rng.integers(0, 3, 600)
X = (3 * rng.normal(size=(3, 5))[TRUE] + rng.normal(size=(600, 5))).astype(np.float32)
GIVEN = np.where(rng.random(600) < 0.1, (TRUE + 1) % 3, TRUE)
SPLIT = ValidSplit(0.5, stratified=True, random_state=0)


def fit(net=None, *, X=X, y=GIVEN, **options):
    net = make_net(max_epochs=12, train_split=SPLIT) if net is None else net
    options = {"store_probabilities": True, "random_state": 0} | options
    return ActionScoreClassifier(net, **options).fit(X, y)


def parameters_of(net):
    return torch.cat([parameter.detach().flatten() for parameter in net.module_.parameters()])


def test_second_net_is_the_one_that_trains_alone_on_all_rows():
    scorer = fit()
    torch.manual_seed(np.random.RandomState(0).randint(np.iinfo(np.int32).max))
    alone = make_net(max_epochs=scorer.n_epochs_, train_split=None).fit(X, GIVEN)
    assert scorer.refit_
    assert torch.equal(parameters_of(scorer.estimator_), parameters_of(alone))


class Interrupting(Callback):
    """Sends Ctrl-C in the second epoch."""

    is_repeatable = True

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore:interrupted")
@pytest.mark.parametrize("n_repeats", [1, 2])
@pytest.mark.parametrize("batched", [False, True])
def test_ctrl_c_in_the_first_fit_ends_both(n_repeats, batched):
    options = {"max_epochs": 4, "train_split": SPLIT, "callbacks": [Interrupting()]}
    if batched:
        layers = torch.nn.Sequential(torch.nn.Linear(5, 3))
        net = NeuralNetClassifier(layers, criterion=torch.nn.CrossEntropyLoss, verbose=0, **options)
    else:
        net = make_net(**options)
    scorer = fit(net, n_repeats=n_repeats)
    assert not scorer.refit_
    assert scorer.n_epochs_ == 2
    assert scorer.validation_mask_.sum() == 300  # of the first
    scorer.estimator.callbacks = None
    assert scorer.fit(X, GIVEN).refit_


def test_all_attributes_are_of_the_second_fit_and_the_weights_of_the_first():
    one, two = fit(refit=False), fit(store_trajectories=True, reduction="auto")
    assert not two.validation_mask_.any()
    assert (two.n_visits_ == two.n_epochs_).all()
    np.testing.assert_array_equal(two.epoch_weights_, one.epoch_weights_[: two.n_epochs_])
    np.testing.assert_allclose(two.action_scores_, two.epoch_weights_ @ two.trajectories_, rtol=1e-4)
    assert one.validation_mask_.sum() == 300
    assert not two.label_issues()["is_validation"].any()


def test_margins_are_averages_over_the_window_of_the_first_fit():
    """The margin and the probability of two classes are functions of the loss."""
    X, y = np.c_[TRUE > 0, rng.normal(size=(600, 4))].astype(np.float32), (TRUE > 0).astype(np.int64)
    scorer = fit(make_net(n_outputs=2, max_epochs=9, train_split=SPLIT), X=X, y=y, store_trajectories=True)
    own = np.exp(-scorer.trajectories_)
    weights = scorer.epoch_weights_ / scorer.epoch_weights_.sum()
    found = scorer.class_probabilities_[np.arange(600), y]
    np.testing.assert_allclose(found, weights @ own, rtol=1e-4)
    margins = scorer._judged_samples("train").evidence.margins
    np.testing.assert_allclose(margins, weights @ np.log(own / (1 - own)), rtol=1e-3, atol=1e-3)


def test_same_seed_same_flags():
    one, two = fit(), fit()
    np.testing.assert_array_equal(one.wrong_label_proba_, two.wrong_label_proba_)
    np.testing.assert_array_equal(one.is_label_issue_, two.is_label_issue_)


def test_wrong_labels_are_found_among_all_rows_alike():
    scorer, wrong = fit(make_net(max_epochs=60, train_split=SPLIT)), GIVEN != TRUE
    held_out = scorer._first_fit.held_out
    found = scorer.is_label_issue_ & wrong
    assert found[held_out].sum() > 0.6 * wrong[held_out].sum()
    assert found[~held_out].sum() > 0.6 * wrong[~held_out].sum()


def test_each_repeat_has_two_fits_and_their_mean_judges():
    scorer = fit(n_repeats=2)
    assert scorer.refit_
    assert not scorer.validation_mask_.any()
    singles = [fit(random_state=int(seed)) for seed in scorer.repeat_seeds_]
    expected = np.mean([single.class_probabilities_ for single in singles], axis=0)
    np.testing.assert_allclose(scorer.class_probabilities_, expected, rtol=1e-5)
    held_out = [single._first_fit.held_out for single in singles]
    samples = scorer._judged_samples("train")
    np.testing.assert_array_equal(samples.held_out, held_out[0] | held_out[1])
    assert len(samples.held_out_probabilities) == samples.held_out.sum()


# -- when it is made ---------------------------------------------------------------------------------------------


class Mine(Callback):
    """May do anything: send a message, write a file."""


@pytest.mark.parametrize(
    ("expected", "net", "options"),
    [
        (True, {}, {}),
        (False, {}, {"refit": False}),
        (False, {}, {"store_probabilities": False}),
        (True, {}, {"store_probabilities": False, "refit": True}),
        (False, {"train_split": None}, {}),
        (False, {"train_split": None}, {"refit": True}),
        (False, {"callbacks": [Mine]}, {}),
        (True, {"callbacks": [Mine()]}, {"refit": True}),
        (False, {"callbacks": [("best", Checkpoint(load_best=False, dirname="unused"))]}, {"refit": False}),
        (True, {"callbacks": [("rate", LRScheduler("StepLR", step_size=2))]}, {}),
        (True, {"callbacks": [EarlyStopping(patience=2)]}, {}),
        (True, {}, {"train_sampler": CurriculumSampler()}),
    ],
)
@pytest.mark.filterwarnings("ignore:samples were visited")
def test_when_a_second_fit_is_made(expected, net, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = make_net(**({"max_epochs": 4, "train_split": SPLIT} | net))
    assert fit(net, **options).refit_ is expected


def test_many_held_out_rows_carry_a_decision_alone(monkeypatch):
    monkeypatch.setattr("actscore_sk.estimators.refit.MAX_HELD_OUT", 300)
    scorer = fit()
    assert not scorer.refit_
    assert scorer.n_epochs_ == 12


def test_callback_that_watches_held_out_rows_cannot_stay():
    net = make_net(train_split=SPLIT, callbacks=[("best", Checkpoint)])
    with pytest.raises(ValueError, match=r"callback Checkpoint watches 'valid_loss_best'.*set refit=False"):
        fit(net, refit=True)


def test_net_that_splits_by_itself_is_not_trained_on_all_rows():
    class Splitting(type(make_net())):
        def get_split_datasets(self, X, y=None, **fit_params):
            return super().get_split_datasets(X, y, **fit_params)

    net = make_net(Splitting, train_split=SPLIT, max_epochs=2)
    assert not fit(net).refit_
    with pytest.raises(ValueError, match="a get_split_datasets of its own"):
        fit(net, refit=True)


def test_early_stopping_rules_the_first_fit_only():
    scorer = fit(make_net(max_epochs=30, lr=2.0, train_split=SPLIT, callbacks=[EarlyStopping(patience=1)]))
    assert scorer.refit_
    assert scorer.n_epochs_ < 30


def test_more_training_goes_on_with_the_second_net():
    scorer = fit()
    before, n_epochs = scorer.epoch_weights_, scorer.n_epochs_
    scorer.partial_fit(X, GIVEN)
    assert scorer.refit_
    assert scorer.n_epochs_ == n_epochs + 12
    assert scorer.is_label_issue_.shape == (600,)
    np.testing.assert_array_equal(scorer.epoch_weights_[:n_epochs], before)
    assert not scorer.validation_mask_.any()
    assert (
        not ActionScoreClassifier(make_net(train_split=SPLIT, max_epochs=2), store_probabilities=True)
        .partial_fit(X, GIVEN)
        .refit_
    )


def test_trajectories_in_a_file_are_those_of_the_second_fit(tmp_path):
    scorer = fit(store_trajectories=tmp_path / "losses.npy")
    assert np.isfinite(scorer.trajectories_).all()
    assert np.load(tmp_path / "losses.npy").shape == (scorer.n_epochs_, 600)


# -- where it ends -----------------------------------------------------------------------------------------------


def test_both_fits_end_where_no_epoch_counts_any_more():
    """Labels made wrong by a net that memorises them: the held-out loss is smallest early."""
    y = np.where(rng.random(600) < 0.4, rng.integers(0, 3, 600), TRUE)
    net = make_net(max_epochs=400, lr=1.0, train_split=SPLIT)
    one, two = fit(net, y=y, refit=False), fit(net, y=y)
    last = np.flatnonzero(one.epoch_weights_)[-1] + 1
    assert one.n_epochs_ == 400
    assert two.n_epochs_ == last < 200


def test_plan_ends_long_after_the_minimum_or_never():
    plan, falling = EpochPlan(ends_below=100), [1.0, 0.9, 0.8]
    assert not plan.is_complete([*falling, *[0.85] * 13], n_held_out=50)
    assert plan.is_complete([*falling, *[0.85] * 14], n_held_out=50)  # twice 1.5 * 3 + 4
    assert not plan.is_complete([*falling, *[0.85] * 14], n_held_out=100)
    assert not plan.is_complete([np.nan] * 50, n_held_out=50)


def test_second_fit_without_a_window_takes_all_epochs():
    scorer = fit(store_probabilities=False, refit=True)
    assert scorer.n_epochs_ == 12
    assert (epoch_weights([np.nan] * 3) == 1).all()


def test_learning_rate_schedules_are_not_cut_short():
    rate = LRScheduler("CyclicLR", base_lr=0.01, max_lr=3.0, step_size_up=3)
    net = make_net(max_epochs=60, train_split=SPLIT, callbacks=[("rate", rate)])
    assert len(fit(net, refit=False).epoch_weights_) == 60
    assert fit(net)._first_fit is not None
