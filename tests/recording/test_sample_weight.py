"""A weight scales what is trained on, as so many copies of the sample would; it never scales what is recorded."""

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from estimator_cases import (
    MLP,
    TWO_CLASS_NETS,
    Flat,
    Items,
    Probabilities,
    assert_close_net,
    assert_same_net,
    fit_seeded,
    make_data,
    make_net,
    make_regression_net,
    parameters_of,
)
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.dataset import ValidSplit
from skorch.helper import predefined_split
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import TensorDataset

from actscore_sk import ActionScoreClassifier, ActionScoreEstimator, ActionScoreRegressor, SampleLossError

DOUBLE = {"module__dtype": torch.float64}
FULL_BATCH = {**DOUBLE, "batch_size": -1, "max_epochs": 4, "lr": 0.2}


class VectorLoss(nn.Module):
    """A user's criterion that leaves the mean to others."""

    def forward(self, y_pred, y_true):
        return cross_entropy(y_pred, y_true, reduction="none")


class OwnLoss(nn.Module):
    """A user's criterion that obeys a `reduction`."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, y_pred, y_true):
        losses = cross_entropy(y_pred, y_true, reduction="none") ** 2
        return {"mean": torch.mean, "sum": torch.sum, "none": lambda losses: losses}[self.reduction](losses)


class Penalised(NeuralNetClassifier):
    """Adds a penalty that no weight may touch."""

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        loss = super().get_loss(y_pred, y_true, *args, **kwargs)
        return loss + 0.01 * sum(p.square().sum() for p in self.module_.parameters())


class ReducesItself(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, *args, **kwargs):
        return super().get_loss(y_pred, y_true, *args, **kwargs).mean()


def make_weights(n_samples, high=3, seed=1):
    """Whole numbers 0..high, of which some are 0."""
    weights = np.random.default_rng(seed).integers(0, high + 1, size=n_samples)
    weights[:2] = [0, high]
    return weights


CRITERIA = {
    "cross entropy": {},
    "cross entropy, sum": {"criterion__reduction": "sum", "lr": 0.01},
    "class weights": {"criterion__weight": torch.tensor([0.3, 1.7], dtype=torch.float64)},
    "class weights, sum": {
        "criterion__weight": torch.tensor([0.3, 1.7], dtype=torch.float64),
        "criterion__reduction": "sum",
        "lr": 0.01,
    },
    "label smoothing": {
        "criterion__label_smoothing": 0.1,
        "criterion__weight": torch.tensor([0.3, 1.7], dtype=torch.float64),
    },
    "log-likelihood": {"module": Probabilities, "criterion": nn.NLLLoss},
    "margin": {"criterion": nn.MultiMarginLoss},
    "vector": {"criterion": VectorLoss},
    "own": {"criterion": OwnLoss},
    "own, sum": {"criterion": OwnLoss, "criterion__reduction": "sum", "lr": 0.01},
    "none": {"criterion__reduction": "none"},
    "binary": {"kind": NeuralNetBinaryClassifier, "module": Flat},
    "binary, column": {"kind": NeuralNetBinaryClassifier, "module__n_outputs": 1},
    "positive weight": {
        "kind": NeuralNetBinaryClassifier,
        "module": Flat,
        "criterion__pos_weight": torch.tensor(2.0, dtype=torch.float64),
    },
    "penalty": {"kind": Penalised},
    "Adam": {"optimizer": torch.optim.Adam, "lr": 0.02},
    "LBFGS": {"optimizer": torch.optim.LBFGS, "optimizer__max_iter": 3},
}


def fit_weighted(criterion, X, y, weights=None, **options):
    net = make_net(**{**FULL_BATCH, **CRITERIA[criterion], **options})
    return fit_seeded(ActionScoreClassifier(net), X, y, sample_weight=weights)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.filterwarnings("ignore:get_loss (multiplies|adds)")
def test_weight_counts_as_copies(criterion):
    X, codes = make_data()
    weights = make_weights(len(X))
    weighted = fit_weighted(criterion, X, codes, weights)
    repeated = fit_weighted(criterion, X.repeat(weights, axis=0), codes.repeat(weights))
    assert_close_net(weighted, repeated, atol=1e-9)
    # each copy has the score of its original: the recorded loss is not weighted
    np.testing.assert_allclose(weighted.action_scores_.repeat(weights), repeated.action_scores_, rtol=1e-6)
    assert np.isfinite(weighted.action_scores_).all()
    assert (weighted.n_visits_ == 4).all()


REGRESSION = {
    "squared": {},
    "squared, two outputs": {"module__n_outputs": 2},
    "squared, sum": {"criterion__reduction": "sum", "lr": 1e-4},
    "absolute": {"criterion": nn.L1Loss},
    "Huber": {"criterion": nn.HuberLoss},
    "flat": {"module": Flat},
}


@pytest.mark.parametrize("criterion", REGRESSION)
def test_weight_counts_as_copies_in_regression(criterion):
    X, _ = make_data()
    y = X[:, :2].astype(np.float64) if "two" in criterion else X[:, 0].astype(np.float64)
    weights = make_weights(len(X))
    options = {**FULL_BATCH, **REGRESSION[criterion]}
    weighted = fit_seeded(ActionScoreRegressor(make_regression_net(**options)), X, y, sample_weight=weights)
    repeated = fit_seeded(
        ActionScoreRegressor(make_regression_net(**options)), X.repeat(weights, axis=0), y.repeat(weights, axis=0)
    )
    assert_close_net(weighted, repeated, atol=1e-9)
    np.testing.assert_allclose(weighted.action_scores_.repeat(weights), repeated.action_scores_, rtol=1e-6)


class Pixels(MLP):
    def __init__(self):
        super().__init__(n_outputs=6, dtype=torch.float64)

    def forward(self, X):
        return super().forward(X).reshape(-1, 2, 3)


@pytest.mark.parametrize(
    "class_weight", [None, torch.tensor([0.3, 1.7], dtype=torch.float64)], ids=["", "class weights"]
)
def test_weight_counts_as_copies_where_targets_are_ignored(class_weight):
    """Samples differ in how many pixels count; torch divides by their number over the batch."""
    X, codes = make_data()
    y = np.stack([codes, np.where(np.arange(len(X)) % 3, codes, -100), np.where(codes, -100, 1 - codes)], 1)
    weights = make_weights(len(X))
    options = {**FULL_BATCH, "module": Pixels, "criterion": nn.CrossEntropyLoss, "criterion__weight": class_weight}
    del options["module__dtype"]
    weighted = fit_seeded(ActionScoreEstimator(make_net(NeuralNet, **options)), X, y, sample_weight=weights)
    repeated = fit_seeded(
        ActionScoreEstimator(make_net(NeuralNet, **options)), X.repeat(weights, axis=0), y.repeat(weights, axis=0)
    )
    assert_close_net(weighted, repeated, atol=1e-9)
    np.testing.assert_allclose(weighted.action_scores_.repeat(weights), repeated.action_scores_, rtol=1e-6)


@pytest.mark.parametrize("kind", [ActionScoreClassifier, ActionScoreRegressor])
def test_weight_counts_as_copies_for_the_default_net(kind):
    X, codes = make_data()
    weights = make_weights(len(X))
    weighted = kind(random_state=0).fit(X, codes, sample_weight=weights)
    repeated = kind(random_state=0).fit(X.repeat(weights, axis=0), codes.repeat(weights))
    np.testing.assert_allclose(weighted.action_scores_.repeat(weights), repeated.action_scores_, rtol=1e-5)


@pytest.mark.parametrize(
    "weights", [np.ones(48), [1] * 48, np.ones(48, dtype=bool), 1.0, pd.Series(np.ones(48))], ids=repr
)
@pytest.mark.parametrize("net", TWO_CLASS_NETS)
def test_weights_of_one_are_no_weights(net, weights):
    X, codes = make_data()
    plain = fit_seeded(ActionScoreClassifier(TWO_CLASS_NETS[net][0]()), X, codes)
    weighted = fit_seeded(ActionScoreClassifier(TWO_CLASS_NETS[net][0]()), X, codes, sample_weight=weights)
    assert_same_net(weighted, plain)
    np.testing.assert_array_equal(weighted.action_scores_, plain.action_scores_)


@pytest.mark.parametrize("factor", [0.25, 3.0, 1e6])
@pytest.mark.parametrize("criterion", [name for name in CRITERIA if "sum" not in name])
@pytest.mark.filterwarnings("ignore:get_loss (multiplies|adds)")
def test_constant_weights_cancel_in_a_mean(criterion, factor):
    X, codes = make_data()
    plain = fit_weighted(criterion, X, codes, batch_size=20)
    weighted = fit_weighted(criterion, X, codes, np.full(len(X), factor), batch_size=20)
    assert_close_net(weighted, plain, atol=1e-8)


@pytest.mark.parametrize("criterion", ["cross entropy, sum", "class weights, sum", "own, sum"])
def test_constant_weights_scale_a_sum(criterion):
    X, codes = make_data()
    weighted = fit_weighted(criterion, X, codes, np.full(len(X), 2.0))
    faster = fit_weighted(criterion, X, codes, lr=0.02)
    assert_close_net(weighted, faster, atol=1e-9)


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.filterwarnings("ignore:get_loss (multiplies|adds)")
def test_recorded_loss_is_not_weighted(criterion, recording):
    """At a learning rate of 0 nothing but the recorded loss could differ."""
    X, codes = make_data()
    scores = []
    for weights in (None, make_weights(len(X)), np.random.default_rng(0).uniform(0.1, 9, len(X))):
        net = make_net(**{**FULL_BATCH, **CRITERIA[criterion], "lr": 0.0, "batch_size": 20})
        clf = ActionScoreClassifier(net, recording=recording, metrics=("action_score", "aum", "el2n"), random_state=0)
        scores.append(pd.DataFrame(clf.fit(X, codes, sample_weight=weights).sample_metrics_))
    pd.testing.assert_frame_equal(scores[0], scores[1])
    pd.testing.assert_frame_equal(scores[0], scores[2])


def test_sample_without_weight_is_scored_as_a_stranger():
    X, codes = make_data()
    weights = np.ones(len(X))
    weights[30:] = 0
    clf = ActionScoreClassifier(make_net(**FULL_BATCH), recording="epoch_end", random_state=0)
    clf.fit(X, codes, sample_weight=weights)
    without = ActionScoreClassifier(make_net(**FULL_BATCH), recording="epoch_end", random_state=0)
    without.fit(X[:30], codes[:30], eval_set=(X[30:], codes[30:]))
    assert_close_net(clf, without, atol=1e-12)
    np.testing.assert_allclose(clf.action_scores_[30:], without.eval_action_scores_, rtol=1e-9)


@pytest.mark.parametrize("criterion", ["cross entropy", "vector", "class weights", "binary", "own"])
def test_batch_without_any_weight_changes_nothing(criterion):
    X, codes = make_data()
    weights = np.ones(len(X))
    weights[20:40] = 0  # the second batch of three
    clf = fit_weighted(criterion, X, codes, weights, batch_size=20, max_epochs=1)
    keep = weights > 0
    without = fit_weighted(criterion, X[keep], codes[keep], batch_size=20, max_epochs=1)
    assert_close_net(clf, without, atol=1e-9)
    assert all(value.isfinite().all() for value in parameters_of(clf).values())
    assert np.isfinite(clf.action_scores_).all()
    assert np.isfinite(clf.history_[:, "train_loss"]).all()


@pytest.mark.parametrize("shuffle", [False, True])
def test_weights_follow_their_samples_through_a_shuffle(shuffle):
    """A loop in torch, with the same order, is the reference."""
    X, codes = make_data()
    weights = np.random.default_rng(0).uniform(0.1, 4, len(X))
    options = {**DOUBLE, "batch_size": 20, "max_epochs": 3, "iterator_train__shuffle": shuffle}
    order = []

    class Spy(NeuralNetClassifier):
        def get_loss(self, y_pred, y_true, X=None, training=False):
            if training:
                order.append(X[:, 0].tolist())
            return super().get_loss(y_pred, y_true, X=X, training=training)

    clf = fit_seeded(ActionScoreClassifier(make_net(Spy, **options)), X, codes, sample_weight=weights)
    torch.manual_seed(0)
    net = make_net(**options).initialize()
    places = {float(np.float64(value)): i for i, value in enumerate(X[:, 0])}
    assert len(order) == 9
    for batch in order:
        rows = [places[value] for value in batch]
        net.optimizer_.zero_grad()
        output = net.module_(torch.from_numpy(X[rows]).double())
        losses = cross_entropy(output, torch.from_numpy(codes[rows]), reduction="none")
        w = torch.from_numpy(weights[rows])
        ((w * losses).sum() / w.sum()).backward()
        net.optimizer_.step()
    assert_close_net(clf, net, atol=1e-12)


def test_weights_stay_with_the_training_part_of_a_split():
    X, codes = make_data()
    weights = np.random.default_rng(0).uniform(0.1, 4, len(X))
    options = {**FULL_BATCH, "train_split": ValidSplit(4)}
    clf = fit_seeded(ActionScoreClassifier(make_net(**options)), X, codes, sample_weight=weights)
    held_out = clf.validation_mask_
    assert held_out.sum() == 12
    alone = fit_seeded(
        ActionScoreClassifier(make_net(**FULL_BATCH)), X[~held_out], codes[~held_out], sample_weight=weights[~held_out]
    )
    assert_same_net(clf, alone)
    # weights of the held-out part never reach the net, and never its scores
    others = np.where(held_out, weights * 7, weights)
    again = fit_seeded(ActionScoreClassifier(make_net(**options)), X, codes, sample_weight=others)
    assert_same_net(clf, again)
    np.testing.assert_array_equal(clf.action_scores_, again.action_scores_)


def test_validation_loss_counts_copies_too():
    """Early stopping must judge by what is trained on."""
    X, codes = make_data()
    weights = make_weights(len(X))
    options = {**FULL_BATCH, "train_split": ValidSplit(4)}
    clf = fit_seeded(ActionScoreClassifier(make_net(**options)), X, codes, sample_weight=weights)
    losses = clf.estimator_.forward(torch.from_numpy(X[clf.validation_mask_]).double())
    losses = cross_entropy(losses, torch.from_numpy(codes[clf.validation_mask_]), reduction="none").detach().numpy()
    w = weights[clf.validation_mask_]
    # the last validation pass comes after the last update
    np.testing.assert_allclose(clf.history_[-1, "valid_loss"], (w * losses).sum() / w.sum(), rtol=1e-9)


def test_samples_from_elsewhere_have_no_weight():
    X, codes = make_data()
    elsewhere = TensorDataset(torch.from_numpy(X[:7]).double(), torch.from_numpy(codes[:7]))
    options = {**FULL_BATCH, "train_split": predefined_split(elsewhere)}
    clf = fit_seeded(
        ActionScoreClassifier(make_net(**options)), X, codes, sample_weight=make_weights(len(X)), eval_set=elsewhere
    )
    losses = cross_entropy(clf.estimator_.forward(elsewhere), torch.from_numpy(codes[:7])).item()
    np.testing.assert_allclose(clf.history_[-1, "valid_loss"], losses, rtol=1e-9)
    assert clf.eval_action_scores_.shape == (7,)
    np.testing.assert_array_equal(clf.validation_mask_, False)


@pytest.mark.parametrize("given", ["array", "dict", "tuple", "dataset", "frame"])
def test_weights_for_every_kind_of_X(given):
    X, codes = make_data()
    weights = make_weights(len(X))
    expected = fit_seeded(ActionScoreClassifier(make_net()), X, codes, sample_weight=weights)
    X = {"array": X, "dict": {"X": X}, "tuple": X, "dataset": Items(X, codes), "frame": pd.DataFrame(X)}[given]
    clf = fit_seeded(ActionScoreClassifier(make_net()), X, codes, sample_weight=weights)
    assert_same_net(clf, expected)


WEIGHT_KINDS = {
    "list": lambda w: w.tolist(),
    "integers": lambda w: w.astype(np.int32),
    "float32": lambda w: w.astype(np.float32),
    "Series, another index": lambda w: pd.Series(w, index=np.arange(len(w))[::-1]),
    "tensor": torch.from_numpy,
    "read-only": lambda w: np.frombuffer(w.astype(np.float64).tobytes()),
    "strided": lambda w: np.stack([w, -w], 1)[:, 0],
}


@pytest.mark.parametrize("kind", WEIGHT_KINDS)
def test_kinds_of_weights(kind):
    X, codes = make_data()
    weights = make_weights(len(X)).astype(np.float64)
    expected = fit_seeded(ActionScoreClassifier(make_net()), X, codes, sample_weight=weights)
    clf = fit_seeded(ActionScoreClassifier(make_net()), X, codes, sample_weight=WEIGHT_KINDS[kind](weights))
    assert_same_net(clf, expected)
    assert not torch.equal(
        parameters_of(clf)["output.weight"],
        parameters_of(fit_seeded(ActionScoreClassifier(make_net()), X, codes))["output.weight"],
    )


def _with(value):
    weights = np.ones(48)
    weights[5] = value
    return weights


BAD_WEIGHTS = {
    "negative": (_with(-1.0), "Negative values in data passed to `sample_weight`"),
    "NaN": (_with(np.nan), "Input sample_weight contains NaN"),
    "infinite": (_with(np.inf), "Input sample_weight contains infinity"),
    "all zero": (np.zeros(48), "Sample weights must contain at least one non-zero number"),
    "too short": (np.ones(47), r"sample_weight.shape == \(47,\), expected \(48,\)"),
    "too long": (np.ones(49), r"sample_weight.shape == \(49,\), expected \(48,\)"),
    "column": (np.ones((48, 1)), "Sample weights must be 1D array or scalar, got 2D array"),
    "strings": (["heavy"] * 48, "could not convert string to float"),
    "balanced": ("balanced", "could not convert string to float"),
}


@pytest.mark.parametrize("estimator", ["user's", "default"])
@pytest.mark.parametrize("kind", BAD_WEIGHTS)
def test_bad_weights(kind, estimator):
    X, codes = make_data()
    weights, message = BAD_WEIGHTS[kind]
    with pytest.raises(ValueError, match=message):
        ActionScoreClassifier(make_net() if estimator == "user's" else None).fit(X, codes, sample_weight=weights)


@pytest.mark.parametrize(
    "options", [{"criterion": VectorLoss}, {"criterion__reduction": "none"}], ids=["vector", "none"]
)
def test_net_that_reduces_itself_cannot_be_weighted(options):
    X, codes = make_data()
    net = make_net(ReducesItself, **options)
    assert np.isfinite(ActionScoreClassifier(net).fit(X, codes).action_scores_).all()
    clf = ActionScoreClassifier(net)
    with pytest.raises(SampleLossError, match=r"weights of samples cannot reach the loss.*get_loss, reduces"):
        clf.fit(X, codes, sample_weight=make_weights(len(X)))


class CallsTwice(NeuralNetClassifier):
    """One criterion, called for the batch and for a smoothed batch."""

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        first = super().get_loss(y_pred, y_true, *args, **kwargs)
        return first + 0.5 * super().get_loss(0.5 * y_pred, y_true, *args, **kwargs)


def test_weights_where_the_criterion_is_called_twice():
    X, codes = make_data()
    weights = make_weights(len(X))
    weighted = fit_seeded(ActionScoreClassifier(make_net(CallsTwice, **FULL_BATCH)), X, codes, sample_weight=weights)
    repeated = fit_seeded(
        ActionScoreClassifier(make_net(CallsTwice, **FULL_BATCH)), X.repeat(weights, axis=0), codes.repeat(weights)
    )
    assert_close_net(weighted, repeated, atol=1e-9)
    np.testing.assert_allclose(weighted.action_scores_.repeat(weights), repeated.action_scores_, rtol=1e-6)


def test_each_partial_fit_has_its_own_weights():
    X, codes = make_data()
    weights = make_weights(len(X))
    net = make_net(**FULL_BATCH)
    clf = fit_seeded(ActionScoreClassifier(net), X, codes, sample_weight=weights)
    clf.partial_fit(X, codes)  # without: the old ones must be gone
    rows = np.repeat(np.arange(len(X)), weights)
    by_copies = fit_seeded(ActionScoreClassifier(net), X[rows], codes[rows])
    by_copies.estimator_.partial_fit(X.astype(np.float64), codes)
    assert_close_net(clf, by_copies, atol=1e-9)


# -- through scikit-learn --------------------------------------------------------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def _expected(X, codes, weights, lr=0.1):
    return ActionScoreClassifier(make_net(lr=lr), random_state=0).fit(X, codes, sample_weight=weights)


@pytest.mark.usefixtures("routing")
def test_routing_through_a_grid_search():
    X, codes = make_data()
    weights = make_weights(len(X)).astype(float)
    clf = ActionScoreClassifier(make_net(), random_state=0)
    clf.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
    search = GridSearchCV(clf, {"estimator__lr": [0.1]}, cv=2).fit(X, codes, sample_weight=weights)
    assert_same_net(search.best_estimator_, _expected(X, codes, weights))
    folds = cross_validate(
        clf, X, codes, params={"sample_weight": weights}, cv=2, return_estimator=True, return_indices=True
    )
    for fitted, rows in zip(folds["estimator"], folds["indices"]["train"], strict=True):
        assert_same_net(fitted, _expected(X[rows], codes[rows], weights[rows]))


@pytest.mark.usefixtures("routing")
def test_routing_through_a_pipeline():
    X, codes = make_data()
    weights = make_weights(len(X)).astype(float)
    clf = ActionScoreClassifier(make_net(), random_state=0).set_fit_request(sample_weight=True)
    pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), clf)
    pipeline.fit(X, codes, sample_weight=weights)
    assert_same_net(pipeline[-1], _expected(StandardScaler().fit_transform(X), codes, weights))


@pytest.mark.usefixtures("routing")
def test_routing_of_other_metadata():
    X, codes = make_data()
    weights = np.ones(len(X))
    clf = ActionScoreClassifier(make_net(), random_state=0)
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        make_pipeline(clf).fit(X, codes, sample_weight=weights)
    clf.set_fit_request(eval_set=True, sample_weight=False)
    pipeline = make_pipeline(clf).fit(X, codes, eval_set=(X[:9], codes[:9]))
    assert pipeline[-1].eval_action_scores_.shape == (9,)
    with pytest.raises(TypeError, match="nonsense"):
        ActionScoreClassifier(make_net()).fit(X, codes, nonsense=1)


def test_weights_are_cut_to_folds_without_routing():
    X, codes = make_data()
    weights = make_weights(len(X)).astype(float)
    search = GridSearchCV(ActionScoreClassifier(make_net(), random_state=0), {"estimator__lr": [0.1]}, cv=2)
    search.fit(X, codes, sample_weight=weights)
    assert_same_net(search.best_estimator_, _expected(X, codes, weights))
    pipeline = make_pipeline(StandardScaler(), ActionScoreClassifier(make_net(), random_state=0))
    pipeline.fit(X, codes, actionscoreclassifier__sample_weight=weights)
    assert_same_net(pipeline[-1], _expected(StandardScaler().fit_transform(X), codes, weights))


def test_squared_error_by_hand():
    """One step of plain gradient descent, written out."""
    X, _ = make_data()
    y, weights = X[:, 0].astype(float), np.random.default_rng(0).uniform(0, 3, len(X))
    reg = fit_seeded(
        ActionScoreRegressor(make_regression_net(**{**FULL_BATCH, "max_epochs": 1})), X, y, sample_weight=weights
    )
    torch.manual_seed(0)
    module = MLP(n_outputs=1, dtype=torch.float64)
    losses = mse_loss(module(torch.from_numpy(X).double())[:, 0], torch.from_numpy(y), reduction="none")
    (torch.from_numpy(weights) @ losses / weights.sum()).backward()
    with torch.no_grad():
        for p in module.parameters():
            p -= 0.2 * p.grad
    for name, value in parameters_of(reg).items():
        torch.testing.assert_close(value, module.state_dict()[name], rtol=0, atol=1e-12)
    np.testing.assert_allclose(reg.action_scores_, losses.detach().numpy(), rtol=1e-9)
