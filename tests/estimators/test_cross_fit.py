"""Several nets at once, each of which holds other rows out: who judges what, when it is done, and what is shown."""

import signal
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold, TimeSeriesSplit
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from skorch.dataset import ValidSplit
from torch import nn

from actscore_sk import ActionScoreClassifier, CurriculumSampler
from actscore_sk.estimators.batched_nets import BatchedNets
from actscore_sk.estimators.cross_fit import HeldOutRows, deal

rng = np.random.default_rng(0)
TRUE = rng.integers(0, 3, 303)
X = (2 * rng.normal(size=(3, 5))[TRUE] + rng.normal(size=(303, 5))).astype(np.float32)
GIVEN = np.where(rng.random(303) < 0.1, (TRUE + 1) % 3, TRUE)


def layers(width, n_outputs):
    return nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Linear(width, n_outputs))


def make(*, split=5, width=8, n_outputs=3, **options):
    split = ValidSplit(split, random_state=0 if isinstance(split, float) else None) if split else None
    options = {"max_epochs": 6, "batch_size": 32, "lr": 0.02, "optimizer": torch.optim.Adam} | options
    module = options.pop("module", partial(layers, width, n_outputs))
    options |= {"criterion": nn.CrossEntropyLoss, "iterator_train__shuffle": True, "verbose": 0}
    return NeuralNetClassifier(module, **{"train_split": split} | options)


def fit(net=None, X=X, y=GIVEN, **options):
    options = {"store_probabilities": True, "random_state": 0} | options
    return ActionScoreClassifier(net, **options).fit(X, y)


def recorders_of(scorer):
    return [each._recorder for each in scorer._repeats]


def n_nets(scorer):
    return len(getattr(scorer, "estimators_", [0]))


@pytest.fixture(scope="module")
def fitted():
    return fit(make(), store_trajectories=True, metrics=("aum",))


def test_each_net_is_that_of_a_single_fit_with_its_seed_and_held_out_rows(fitted):
    for seed, recorder, net in zip(fitted.repeat_seeds_, recorders_of(fitted), fitted.estimators_, strict=True):
        split = HeldOutRows(np.flatnonzero(recorder.validation_mask_))
        alone = fit(make(train_split=split), refit=False, random_state=int(seed), metrics=("aum",))
        np.testing.assert_allclose(recorder.action_scores_, alone.action_scores_, rtol=1e-5)
        np.testing.assert_allclose(recorder.class_probabilities_, alone.class_probabilities_, atol=1e-5)
        for mine, its in zip(net.module_.parameters(), alone.estimator_.module_.parameters(), strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-5, atol=1e-6)


def test_every_row_is_judged_by_a_net_that_never_trained_on_it(fitted):
    samples = fitted._judged_samples("train")
    held_out = np.array([each.validation_mask_ for each in recorders_of(fitted)])
    assert held_out.any(axis=0).all()
    assert (held_out.sum(axis=1) == 61).all()  # of the same size: two rows are held out twice
    assert samples.held_out.all()
    says = np.array([each.class_probabilities_ for each in recorders_of(fitted)])
    expected = np.where(held_out[:, :, None], says, 0).sum(0) / held_out.sum(0)[:, None]
    np.testing.assert_allclose(samples.held_out_probabilities, expected, rtol=1e-5)


def test_attributes_are_means_over_the_nets(fitted):
    assert fitted.refit_
    assert not fitted.validation_mask_.any()
    assert not fitted.label_issues()["is_validation"].any()
    for name in ("action_scores_", "class_probabilities_", "trajectories_"):
        each = [getattr(each, name) for each in recorders_of(fitted)]
        np.testing.assert_allclose(getattr(fitted, name), np.mean(each, axis=0), rtol=1e-5)
    each = [net.predict_proba(X) for net in fitted.estimators_]
    np.testing.assert_allclose(fitted.predict_proba(X), np.mean(each, axis=0), rtol=1e-5)
    assert (fitted.n_visits_ == fitted.n_epochs_).all()


def test_wrong_labels_are_found_at_their_rate():
    scorer, wrong = fit(make(max_epochs=30)), GIVEN != TRUE
    low, high = scorer.noise_rate_interval_
    assert low <= wrong.mean() <= high
    assert (scorer.is_label_issue_ & wrong).sum() > 0.7 * wrong.sum()
    again = fit(make(max_epochs=30))
    np.testing.assert_array_equal(again.wrong_label_proba_, scorer.wrong_label_proba_)


def test_more_repeats_than_parts_hold_rows_out_again():
    scorer = fit(make(), n_repeats=7)
    held_out = np.array([each.validation_mask_ for each in recorders_of(scorer)])
    np.testing.assert_array_equal(held_out[:2], held_out[5:])
    assert scorer._judged_samples("train").held_out.all()
    assert not fit(make(), n_repeats=2)._judged_samples("train").held_out.all()


def test_steps_are_made_at_once(monkeypatch):
    steps, step = [], BatchedNets.step
    monkeypatch.setattr(BatchedNets, "step", lambda self, *losses: (steps.append(len(self.nets)), step(self, *losses)))
    fit(make())
    assert steps == [5] * (6 * 8 - 1)  # 242 rows in batches of 32; the first step of a net is its own


class Interrupting(Callback):
    """Sends Ctrl-C in the second epoch."""

    is_repeatable = True

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_all_nets_and_leaves_what_they_learnt():
    scorer = fit(make(max_epochs=9, callbacks=[Interrupting()]))
    assert n_nets(scorer) == 5
    assert scorer.n_epochs_ == 2
    assert np.isfinite(scorer.action_scores_).all()
    assert scorer._judged_samples("train").held_out.all()
    assert len(scorer.label_issues()) == 303


class Mine(Callback):
    """May do anything."""


@pytest.mark.parametrize(
    ("expected", "net", "options"),
    [
        (5, {}, {}),
        (5, {"split": 0.2}, {}),
        (4, {"split": 4}, {}),
        (5, {"callbacks": [LRScheduler("StepLR", step_size=2)]}, {}),
        (1, {"split": 2}, {}),  # each net would learn from half of the rows
        (1, {"split": 10}, {}),
        (1, {"split": 0.3}, {}),
        (5, {"train_split": ValidSplit(StratifiedKFold(5, shuffle=True), stratified=True)}, {}),
        (1, {"train_split": ValidSplit([*GroupKFold(5).split(X, GIVEN, np.arange(303) // 3)])}, {}),
        (1, {"train_split": ValidSplit(TimeSeriesSplit(4))}, {}),
        (1, {"train_split": HeldOutRows(np.arange(60))}, {}),
        (1, {"callbacks": [GradientNormClipping(1.0)]}, {}),
        (1, {"split": None}, {}),
        (1, {"callbacks": [Mine()]}, {}),
        (1, {}, {"refit": True}),
        (1, {}, {"refit": False}),
        (1, {}, {"store_probabilities": False}),
        (1, {}, {"train_sampler": CurriculumSampler()}),
        (3, {}, {"n_repeats": 3}),
        (6, {}, {"n_repeats": 6}),
    ],
)
@pytest.mark.filterwarnings("ignore:samples were visited")
def test_when_several_nets_share_the_rows(expected, net, options):
    assert n_nets(fit(make(**net), **options)) == expected


def test_groups_weights_files_and_large_nets_get_a_second_fit(tmp_path):
    groups = np.arange(303) // 3
    judge = ActionScoreClassifier(store_probabilities=True, random_state=0)
    for params in ({"groups": groups}, {"sample_weight": np.linspace(1, 2, 303)}):
        assert (n_nets(clone(judge).fit(X, GIVEN, epochs=3, **params)), judge.refit) == (1, "auto")
    assert n_nets(fit(make(), store_trajectories=tmp_path / "losses.npy")) == 1  # a page may be watching that file
    assert n_nets(fit(make(max_epochs=2, width=9_000))) == 1


def test_more_training_goes_on_with_the_same_nets(fitted):
    scorer = fit(make())
    n_epochs, held_out = scorer.n_epochs_, [each.validation_mask_ for each in recorders_of(scorer)]
    scorer.partial_fit(X, GIVEN)
    assert scorer.n_epochs_ == n_epochs + 6
    assert all((mine.validation_mask_ == mask).all() for mine, mask in zip(recorders_of(scorer), held_out, strict=True))
    assert scorer.refit_
    with pytest.raises(ValueError, match="n_repeats is 2, but the fit that goes on has 5"):
        scorer.set_params(n_repeats=2).partial_fit(X, GIVEN)


def test_rows_are_dealt_evenly_over_the_classes():
    codes = np.repeat([0, 1, 2], [60, 38, 2])
    rows = deal(np.arange(0, 100, 5), codes, 5)
    assert [len(own) for own in rows] == [20] * 5
    assert set(np.concatenate(rows)) == set(range(100))
    counts = np.array([np.bincount(codes[own], minlength=3) for own in rows[1:]])
    assert (np.ptp(counts, axis=0) <= 1).all()


def test_class_of_one_sample_is_left_to_be_trained_on():
    y, first = GIVEN.copy(), next(ShuffleSplit(test_size=0.2, random_state=0).split(X))[1]
    alone = np.setdiff1d(np.arange(303), first)[0]
    y[alone] = 3
    scorer = fit(make(n_outputs=4, split=0.2), y=y)
    assert n_nets(scorer) == 5
    assert not any(each.validation_mask_[alone] for each in recorders_of(scorer))
    assert np.isfinite(scorer.wrong_label_proba_).all()


def test_parts_of_a_kfold_stay_those_of_the_user():
    """Neighbours may belong together: an unshuffled KFold keeps them on one side."""
    held_out = [np.flatnonzero(each.validation_mask_) for each in recorders_of(fit(make()))]
    theirs = [part for _, part in KFold(5).split(X)]
    assert all(set(part) <= set(mine) for part, mine in zip(theirs, held_out, strict=True))
    assert [len(mine) for mine in held_out] == [61] * 5


def test_stream_of_numpy_is_drawn_from_as_often_as_by_the_net_alone():
    for share, n_repeats in ((0.1, 1), (0.2, 2)):
        splits = []
        for refit in ("auto", True):
            np.random.seed(0)  # noqa: NPY002 - what a split without a seed draws from
            scorer = fit(make(train_split=ValidSplit(share)), refit=refit, n_repeats=n_repeats)
            splits.append(scorer._judged_samples("train").held_out)
        np.testing.assert_array_equal(*splits)


def test_several_inputs_are_no_reason_to_fail():
    class Named(nn.Sequential):
        def forward(self, first):
            return super().forward(first)

    net = make(module=Named(nn.Linear(5, 3)))
    assert n_nets(fit(net, X={"first": X})) == 1
    assert n_nets(fit(make(module=nn.Linear(5, 3)), X={"input": X})) == 1
    assert fit(make(module=nn.Linear(5, 3)), X={"input": X}, n_repeats=2).repeat_scores_.shape == (2, 303)


def test_the_first_net_alone_prints(capsys):
    fit(make(max_epochs=2).set_params(verbose=1))
    assert capsys.readouterr().out.count("train_loss") == 1
