"""Parts and units of losses, dense and ragged, against a training loop that owes nothing to skorch."""

import logging
import math
import pickle
from itertools import product

import numpy as np
import pytest
import torch
from helpers import Numbered, seed_everything, tensors_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from skorch import NeuralNet
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import predefined_split
from torch import nn
from torch.utils.data import DataLoader

from actscore_sk import ActionScoreEstimator, ActionScoreRecorder, HardExampleSampler, SampleLossError
from actscore_sk.losses import DetailedLoss, LossDetails, SegmentationLoss, Units
from actscore_sk.losses.read_details import read_details
from actscore_sk.recording import unit_scores
from actscore_sk.recording.unit_scores import pooled

N, K, SHAPE = 37, 3, (2, 3)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 5)).astype(np.float32)
NUMBERS = RNG.normal(size=(N, 4)).astype(np.float32)
MASKS = RNG.integers(0, K, size=(N, *SHAPE))
MASKS[RNG.random(MASKS.shape) < 0.2] = -100
MASKS[5] = -100
LABELS = RNG.integers(0, 2, size=(N, 4))
CLASS_WEIGHT = torch.tensor([1.0, 0.2, 3.0])


class Dense(nn.Sequential):
    """Gives (n, *shape)."""

    def __init__(self, shape=(4,)):
        super().__init__(nn.Linear(5, math.prod(shape)), nn.Unflatten(1, shape))


class Still(nn.Module):
    """Gives what it is given, to the bit, and learns nothing with a learning rate of 0."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, X):
        return X * self.scale


def make_net(criterion, module=Dense, net_class=NeuralNet, **options):
    defaults = {"max_epochs": 3, "batch_size": 8, "lr": 0.1, "train_split": None, "verbose": 0}
    return net_class(module, criterion=criterion, **{"iterator_train__shuffle": True, **defaults, **options})


def fit(criterion, y=NUMBERS, *, X=X, fit_params=None, net=None, **options):
    """Fit a scorer on torch's global stream, as a net by itself does."""
    seed_everything()
    return ActionScoreEstimator(net or make_net(criterion), **options).fit(X, y, **(fit_params or {}))


def assert_same(scorer, other, rows=range(N), rtol=1e-5):
    """Row i of `other` has the scores that row ``rows[i]`` of `scorer` has."""
    rows = np.array(rows)
    np.testing.assert_allclose(scorer.action_scores_[rows], other.action_scores_, rtol=rtol)
    assert scorer.component_scores_.keys() == other.component_scores_.keys()
    for name, scores in other.component_scores_.items():
        np.testing.assert_allclose(scorer.component_scores_[name][rows], scores, rtol=rtol)
    for i, row in enumerate(rows):
        np.testing.assert_allclose(scorer.unit_scores_[int(row)], other.unit_scores_[i], rtol=rtol)


def visits_of(criterion, y, shape=(4,), epochs=3):
    """Train in plain torch; yield rows, output and target of each batch."""
    seed_everything()
    module = Dense(shape)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(epochs):
        for Xi, yi, rows in DataLoader(Numbered(X, y), batch_size=8, shuffle=True):
            output = module(Xi)
            optimizer.zero_grad()
            criterion(output, yi).backward()
            optimizer.step()
            yield rows.numpy(), output.detach().numpy().astype(float), yi.numpy()


def parts_of(y_pred, y_true):
    gaps = (y_pred - y_true).abs()
    return {"absolute": gaps.mean(1), "squared": gaps.square().mean(1)}, gaps


class Detailed(DetailedLoss):
    def details(self, y_pred, y_true):
        parts, gaps = parts_of(y_pred, y_true)
        return LossDetails(sum(parts.values()), parts, gaps, {"signed": y_pred - y_true})


class Ragged(DetailedLoss):
    """Units where the target is above 0; a sample may have none."""

    def details(self, y_pred, y_true):
        parts, gaps = parts_of(y_pred, y_true)
        return LossDetails(sum(parts.values()), parts, Units(gaps, y_true > 0, is_ragged=True))


class ScalarPair(nn.Module):
    def forward(self, y_pred, y_true):
        parts, gaps = parts_of(y_pred, y_true)
        return sum(parts.values()).mean(), {**parts, "units": gaps}


class VectorPair(nn.Module):
    def forward(self, y_pred, y_true):
        parts, gaps = parts_of(y_pred, y_true)
        return sum(parts.values()), {**parts, "units": gaps}


class ObeyingPair(nn.Module):
    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, y_pred, y_true):
        losses, parts = VectorPair()(y_pred, y_true)
        return losses if self.reduction == "none" else losses.mean(), parts


class NamedLoss(nn.Module):
    def forward(self, y_pred, y_true):
        losses, parts = VectorPair()(y_pred, y_true)
        return losses.mean(), {**parts, "loss": losses, "other": parts["absolute"]}


class RaggedPair(nn.Module):
    def forward(self, y_pred, y_true):
        loss, parts = ScalarPair()(y_pred, y_true)
        units = [gaps[target > 0] for gaps, target in zip(parts.pop("units"), y_true, strict=True)]
        return loss, {**parts, "boxes": units}


class Returned(nn.Module):
    def forward(self, y_pred, y_true):
        return Detailed().details(y_pred, y_true)


CRITERIA = [Detailed, ScalarPair, VectorPair, ObeyingPair, NamedLoss, Returned, Ragged, RaggedPair]


def expected_of(criterion=None):
    """Sums of parts, and of units, in a plain loop."""
    parts = {name: np.zeros(N) for name in ("loss", "absolute", "squared")}
    units = np.zeros((N, 4))
    for rows, output, target in visits_of(lambda *inputs: Detailed()(*inputs), NUMBERS):
        for row, one, other in zip(rows, output, target, strict=True):
            gaps = [abs(a - b) for a, b in zip(one, other, strict=True)]
            parts["absolute"][row] += sum(gaps) / 4
            parts["squared"][row] += sum(gap * gap for gap in gaps) / 4
            units[row] += gaps
    parts["loss"] = parts["absolute"] + parts["squared"]
    return parts, units


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_parts_and_units_are_those_of_a_loop(criterion, reduction):
    parts, units = expected_of()
    share = 3 if reduction == "mean" else 1
    scorer = fit(criterion, reduction=reduction)
    assert scorer.component_scores_.keys() - {"other"} == {"absolute", "squared"}
    for name, scores in {"loss": scorer.action_scores_, **scorer.component_scores_}.items():
        np.testing.assert_allclose(scores, parts["absolute" if name == "other" else name] / share, rtol=1e-5)
    if "Ragged" in criterion.__name__:
        assert min(map(len, scorer.unit_scores_)) == 0
        for i, scores in enumerate(scorer.unit_scores_):
            np.testing.assert_allclose(scores, units[i][NUMBERS[i] > 0] / share, rtol=1e-5)
        assert scorer.unit_scores_.sample_indices.tolist() == np.nonzero(NUMBERS > 0)[0].tolist()
    else:
        np.testing.assert_allclose(scorer.unit_scores_, units / share, rtol=1e-5)
        assert scorer.unit_scores_.dtype == np.float32


def softmax_loss(output, target):
    exps = [math.exp(value) for value in output]
    return -math.log(exps[target] / sum(exps))  # weights of classes train, and do not score


def binary_loss(output, target):
    p = 1 / (1 + math.exp(-output))
    return -math.log(p if target else 1 - p)


# criterion, its options, targets, shape of the net's output, loss of one unit
TORCH_LOSSES = {
    "masks": (nn.CrossEntropyLoss, {"weight": CLASS_WEIGHT}, MASKS, (K, *SHAPE), softmax_loss),
    "labels": (nn.BCEWithLogitsLoss, {}, LABELS, (4,), binary_loss),
    "numbers": (nn.MSELoss, {}, NUMBERS, (4,), lambda output, target: (output - target) ** 2),
    "added numbers": (nn.L1Loss, {"reduction": "sum"}, NUMBERS, (4,), lambda output, target: abs(output - target)),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", TORCH_LOSSES)
def test_units_of_torch_losses_are_those_of_a_loop(case, weighted):
    kind, options, y, shape, loss_of = TORCH_LOSSES[case]
    expected = np.zeros(y.shape)
    plain = y.astype(np.float32) if case == "labels" else y
    for rows, output, target in visits_of(kind(**options), plain, shape):
        for row, logits, codes in zip(rows, output, target, strict=True):
            for place in np.ndindex(codes.shape):
                ignored = codes[place] == -100
                output_there = logits[(slice(None), *place)] if case == "masks" else logits[place]
                expected[(row, *place)] += math.nan if ignored else loss_of(output_there, codes[place])
    net = make_net(kind, module__shape=shape, **{f"criterion__{name}": value for name, value in options.items()})
    params = {}
    if weighted:  # another road: the loss is computed here; equal weights leave it as it is
        net.set_params(lr=0.05 if "added" in case else 0.1)
        params = {"sample_weight": np.full(N, 2.0)}
    scorer = fit(None, y, net=net, fit_params=params)
    np.testing.assert_allclose(scorer.unit_scores_, expected, rtol=1e-4, atol=1e-5)
    flat = scorer.unit_scores_.reshape(N, -1).astype(float)
    flat = np.where(np.isnan(flat), 0, flat).sum(1) / (1 if "added" in case else (~np.isnan(flat)).sum(1).clip(1))
    np.testing.assert_allclose(flat, scorer.action_scores_, rtol=1e-5)
    assert not scorer.component_scores_


@pytest.mark.filterwarnings("ignore:train_sampler visited samples")
@pytest.mark.parametrize("reduction", ["sum", "mean", "interpolated"])
@pytest.mark.filterwarnings("ignore:samples were visited")
def test_units_add_up_to_samples_in_unequal_visits(reduction):
    options = {"reduction": reduction, "train_sampler": HardExampleSampler(power=2, random_state=0)}
    scorer = fit(Detailed, **options)
    parts, units = scorer.component_scores_, scorer.unit_scores_
    assert scorer.n_visits_.min() < scorer.n_visits_.max()
    np.testing.assert_allclose(sum(parts.values()), scorer.action_scores_, rtol=1e-5)
    np.testing.assert_allclose(units.mean(1), parts["absolute"], rtol=1e-5)
    torch_scorer = fit(nn.MSELoss, **options)
    np.testing.assert_allclose(torch_scorer.unit_scores_.mean(1), torch_scorer.action_scores_, rtol=1e-5)
    if reduction != "interpolated":
        np.testing.assert_allclose(fit(Ragged, **options).unit_scores_.values, units[NUMBERS > 0], rtol=1e-5)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("reduction", ["sum", "mean", "interpolated"])
@pytest.mark.filterwarnings("ignore:samples were visited")
def test_epochs_that_miss_samples(reduction, shuffle):
    net = make_net(Detailed, iterator_train__shuffle=shuffle, iterator_train__drop_last=True)
    scorer = fit(None, net=net, reduction=reduction)
    missed, parts = scorer.n_visits_ == 0, scorer.component_scores_
    assert missed.sum() == (0 if shuffle else N % 8)
    for scores in (*parts.values(), scorer.unit_scores_[:, 1], scorer.action_scores_):
        np.testing.assert_array_equal(np.isnan(scores), missed)
    np.testing.assert_allclose(sum(parts.values()), scorer.action_scores_, rtol=1e-5)
    np.testing.assert_allclose(scorer.unit_scores_.mean(1), parts["absolute"], rtol=1e-5)
    if reduction != "interpolated":
        ragged = fit(None, net=net.set_params(criterion=Ragged), reduction=reduction).unit_scores_
        for i in range(N):  # none of a sample that was never visited
            units = scorer.unit_scores_[i][(NUMBERS[i] > 0) & ~missed[i]]
            np.testing.assert_allclose(ragged[i], units, rtol=1e-5)


@pytest.mark.parametrize("criterion", [Detailed, Ragged, nn.MSELoss])
def test_epoch_end(criterion):
    scorer = fit(None, net=make_net(criterion, max_epochs=1), recording="epoch_end")
    output = scorer.estimator_.forward(X)
    if criterion is nn.MSELoss:
        np.testing.assert_allclose(scorer.unit_scores_, (output.numpy() - NUMBERS) ** 2, rtol=1e-5)
        return
    details = criterion().details(output, torch.as_tensor(NUMBERS))
    for name, scores in details.components.items():
        np.testing.assert_allclose(scorer.component_scores_[name], scores, rtol=1e-5)
    units = details.units.values[details.units.mask] if criterion is Ragged else details.units
    found = scorer.unit_scores_.values if criterion is Ragged else scorer.unit_scores_
    np.testing.assert_allclose(found, units, rtol=1e-5)


@pytest.mark.parametrize("criterion", [ScalarPair, VectorPair, Returned, Detailed, Ragged, nn.MSELoss])
def test_held_out_samples_have_their_validation_losses(criterion):
    net = make_net(criterion, train_split=ValidSplit(5), lr=0.0)
    scorer = fit(None, net=net)
    assert scorer.validation_mask_.sum() > 0
    whole = fit(None, net=clone(net).set_params(train_split=None))
    assert_same(scorer, whole)


@pytest.mark.parametrize("criterion", [ScalarPair, VectorPair, Returned, Detailed])
def test_validation_on_other_samples(criterion):
    other = Dataset(X[:9] + 1, NUMBERS[:9])
    scorer = fit(None, net=make_net(criterion, train_split=predefined_split(other)))
    assert not scorer.validation_mask_.any()
    output = scorer.estimator_.forward(X[:9] + 1)
    expected = Detailed().details(output, torch.as_tensor(NUMBERS[:9])).samples.mean()
    np.testing.assert_allclose(scorer.history_[-1, "valid_loss"], expected, rtol=1e-5)


# -- nothing depends on the neighbours -------------------------------------------------------------------------

LOGITS = RNG.normal(size=(N, K, *SHAPE)).astype(np.float32)
OUTPUTS = {
    **{kind.__name__: (kind, LOGITS, MASKS) for kind in (nn.CrossEntropyLoss, SegmentationLoss)},
    **{kind.__name__: (kind, NUMBERS[::-1].copy(), NUMBERS) for kind in (Detailed, Ragged, ScalarPair, nn.MSELoss)},
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_scores_do_not_depend_on_the_batch(case):
    criterion, outputs, y = OUTPUTS[case]
    order = RNG.permutation(N)
    net = make_net(criterion, Still, lr=0.0)
    whole = fit(None, y, X=outputs, net=clone(net).set_params(batch_size=-1, iterator_train__shuffle=False))
    for size, shuffles in product((1, 7, -1), (False, True)):
        net.set_params(batch_size=size, iterator_train__shuffle=shuffles)
        assert_same(fit(None, y, X=outputs, net=net), whole, rtol=0)
    assert_same(whole, fit(None, y[order], X=outputs[order], net=net), rows=order, rtol=0)


# -- leaves no trace -------------------------------------------------------------------------------------------


class Mean(NeuralNet):
    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs).mean()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("criterion", [Detailed, Ragged])
def test_training_is_that_of_the_net_alone(criterion, reduction):
    net = make_net(criterion, net_class=Mean, criterion__reduction=reduction, lr=0.01)
    seed_everything()
    alone = clone(net).fit(X, NUMBERS)
    watched = fit(None, net=net).estimator_
    assert all(torch.equal(tensors_of(watched)[name], tensor) for name, tensor in tensors_of(alone).items())
    assert type(watched.criterion_) is criterion


class Unpacking(NeuralNet):
    """Takes the pair apart itself, and adds a penalty on weights."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss, _ = self.criterion_(y_pred, y_true)
        return loss + 0.01 * sum(part.square().sum() for part in self.module_.parameters())


@pytest.mark.filterwarnings("ignore:get_loss adds")
@pytest.mark.parametrize("criterion", [ScalarPair, ObeyingPair])
def test_get_loss_that_takes_the_pair_apart(criterion):
    scorer = fit(None, net=make_net(criterion, net_class=Unpacking, lr=0.0))
    plain = fit(None, net=make_net(Detailed, lr=0.0))
    assert_same(scorer, plain)
    if criterion is ObeyingPair:
        weights = {"sample_weight": np.arange(N)}
        assert_same(fit(None, net=make_net(criterion, net_class=Unpacking, lr=0.0), fit_params=weights), plain)
    seed_everything()
    alone = make_net(Detailed, lr=0.1).initialize()
    penalised = fit(None, net=make_net(criterion, net_class=Unpacking)).estimator_
    assert not torch.equal(alone.module_[0].weight, penalised.module_[0].weight)


@pytest.mark.parametrize("criterion", [Detailed, Ragged, ObeyingPair, VectorPair, Returned])
def test_sample_weight_trains_and_is_not_recorded(criterion):
    weights = np.arange(N) % 3
    copies = np.repeat(np.arange(N), weights)
    net = make_net(criterion, batch_size=-1, iterator_train__shuffle=False)
    scorer = fit(None, net=net, fit_params={"sample_weight": weights})
    alike = fit(None, NUMBERS[copies], X=X[copies], net=net)
    assert_same(scorer, alike, rows=copies, rtol=1e-4)


def test_plain_callback():
    expected = fit(ScalarPair, store_units=True)
    recorder = ActionScoreRecorder(store_units=True)
    seed_everything()
    make_net(ScalarPair, callbacks=[("action_scores", recorder)]).fit(X, NUMBERS)
    assert_same(recorder, expected, rtol=0)
    assert recorder.unit_component_scores_ == {}
    by_default = ActionScoreRecorder()
    make_net(ScalarPair, callbacks=[("action_scores", by_default)]).fit(X, NUMBERS)
    with pytest.raises(AttributeError, match="no losses of units were recorded; set store_units"):
        _ = by_default.unit_scores_


# -- memory ----------------------------------------------------------------------------------------------------


def small(monkeypatch, name):
    monkeypatch.setattr(unit_scores, name, 10)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("where", ["path", "temporary"])
def test_units_in_a_file_are_those_in_memory(where, reduction, monkeypatch, tmp_path):
    expected = fit(Detailed, reduction=reduction)
    if where == "temporary":
        small(monkeypatch, "IN_MEMORY")
    options = {} if where == "temporary" else {"store_units": tmp_path / "scores.npy"}
    scorer = fit(Detailed, reduction=reduction, **options)
    assert_same(scorer, expected)
    assert isinstance(scorer.unit_scores_, np.memmap)
    assert not scorer.unit_scores_.flags.writeable
    parts, expected_parts = scorer.unit_component_scores_, expected.unit_component_scores_
    np.testing.assert_allclose(parts["signed"], expected_parts["signed"], rtol=1e-5)
    if where == "path":
        np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), scorer.unit_scores_)
        np.testing.assert_array_equal(np.load(tmp_path / "scores-signed.npy"), parts["signed"])
    monkeypatch.undo()
    copy = pickle.loads(pickle.dumps(scorer))
    for each in (expected, scorer, copy):
        seed_everything()
        assert_same(each.partial_fit(X, NUMBERS), expected)
    assert scorer.n_visits_.tolist() == [6] * N


def test_new_fit_leaves_scores_of_an_earlier_one_alone(tmp_path):
    scorer = fit(nn.MSELoss, store_units=tmp_path / "scores.npy")
    earlier, kept = scorer.unit_scores_, scorer.unit_scores_.copy()
    scorer.fit(X[:3], NUMBERS[:3])
    np.testing.assert_array_equal(earlier, kept)
    assert np.load(tmp_path / "scores.npy").shape == (3, 4)


def test_what_is_no_earlier_run_is_not_overwritten(tmp_path):
    np.save(tmp_path / "masks.npy", MASKS)
    with pytest.raises(FileExistsError, match=r"masks\.npy exists and holds no losses of units"):
        fit(nn.MSELoss, store_units=tmp_path / "masks.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "masks.npy"), MASKS)


@pytest.mark.parametrize(("criterion", "number"), [(nn.MSELoss, "37 x 4"), (RaggedPair, "about ")])
def test_auto_refuses_what_is_too_much(criterion, number, monkeypatch):
    small(monkeypatch, "UNASKED")
    with pytest.warns(
        UserWarning, match=f"losses of {number}.* units would take .* are not kept; set store_units"
    ) as caught:
        scorer = fit(criterion)
    assert len(caught) == 1
    assert not hasattr(scorer, "unit_scores_")
    assert scorer.action_scores_.shape == (N,)
    assert fit(criterion, store_units=True).unit_scores_ is not None  # and no warning
    assert not hasattr(fit(criterion, store_units=False), "unit_scores_")


@pytest.mark.parametrize(
    ("criterion", "options", "message"),
    [
        (nn.MSELoss, {"store_units": True}, "losses of units: (37, 4) float32, 0.0 MiB, in memory"),
        (nn.MSELoss, {"store_units": "auto", "unit_grid": 2}, "losses of units: (37, 2) float32, 0.0 MiB, in memory"),
        (Ragged, {"store_units": True}, "losses of units: about 74, ragged, float64, 0.0 MiB, in memory"),
        (nn.MSELoss, {"store_units": False}, None),
    ],
)
def test_size_is_logged_before_the_first_update(criterion, options, message, caplog):
    y = np.where(np.arange(4) < 2, 1.0, -1.0).astype(np.float32) * (1 + np.abs(NUMBERS))  # two above 0
    net, seen = make_net(criterion, callbacks=[("scores", ActionScoreRecorder(**options))]), []

    class Listener(logging.Handler):
        def emit(self, record):
            seen.append((record.getMessage(), tensors_of(net)))

    seed_everything()
    net.initialize()
    before = tensors_of(net)
    logger, listener = logging.getLogger("actscore_sk"), Listener()
    logger.addHandler(listener)
    with caplog.at_level(logging.INFO, "actscore_sk"):
        net.partial_fit(X, y)
    logger.removeHandler(listener)
    assert [text for text, _ in seen] == [message][: message is not None]
    assert all(torch.equal(tensors[name], before[name]) for _, tensors in seen for name in before)


# -- a grid ----------------------------------------------------------------------------------------------------


def pool_plainly(values, mask, grid):
    """Mean over cells from floor(i H / G) to ceil((i + 1) H / G), of what counts; NaN where nothing does."""
    pools = np.full((len(values), *grid), np.nan)
    for place in np.ndindex(pools.shape):
        cell = tuple(
            slice(i * size // cells, -(-(i + 1) * size // cells))
            for i, size, cells in zip(place[1:], values.shape[1:], grid, strict=True)
        )
        inside = values[place[0]][cell][mask[place[0]][cell]]
        pools[place] = inside.mean() if inside.size else np.nan
    return pools


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 7), st.integers(1, 5)), min_size=1, max_size=3), st.integers(0, 99), st.booleans()
)
def test_pooling_is_that_of_numpy(sizes, seed, masked):
    shape, grid = zip(*sizes, strict=True)
    rng = np.random.default_rng(seed)
    values, mask = rng.normal(size=(2, *shape)), rng.random((2, *shape)) < (0.5 if masked else 2)
    values[~mask] = np.nan
    units = Units(torch.tensor(values), torch.tensor(mask) if masked else None)
    found = pooled(units, grid)
    expected = pool_plainly(values, mask, grid)
    assert found.values.shape == (2, *grid)
    kept = found.values.double() if found.mask is None else found.values.double().masked_fill(~found.mask, np.nan)
    np.testing.assert_allclose(kept, expected, rtol=1e-4, atol=1e-5)


def test_unit_grid_pools_sums():
    net = make_net(nn.CrossEntropyLoss, module__shape=(K, *SHAPE))
    whole = fit(None, MASKS, net=net).unit_scores_
    found = fit(None, MASKS, net=net, unit_grid=(2, 2)).unit_scores_
    expected = pool_plainly(np.nan_to_num(whole.astype(float)), ~np.isnan(whole), (2, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.isnan(found[5]).all()
    assert fit(Ragged, unit_grid=2).unit_scores_.values.shape == ((NUMBERS > 0).sum(),)  # there is nothing to pool


# -- what goes wrong -------------------------------------------------------------------------------------------


class Entries(nn.Module):
    """Returns what it was made to, from the losses of samples and the number of the call."""

    def __init__(self, make):
        super().__init__()
        self.make, self.n_calls = make, 0

    def forward(self, y_pred, y_true):
        self.n_calls += 1
        return self.make((y_pred - y_true).square().mean(1), self.n_calls)


def pixels(size):
    return lambda x, n: (x.mean(), {"loss": x, "units": x[:, None].expand(-1, size(n))})


def boxes(size):
    return lambda x, n: (x.mean(), {"loss": x, "boxes": [each.expand(size(n)) for each in x]})


# what the criterion returns, options of the estimator, what is said
WRONG = {
    "part of another length": (lambda x, n: (x, {"a": x[:3]}), {}, r"'a' of shape \(3,\) for 8 samples; expected"),
    "no tensor": (lambda x, n: (x, {"a": "b"}), {}, "Entries returned 'a' of shape str for 8"),
    "one list": (lambda x, n: (x, {"a": [x]}), {}, "Entries returned 'a' of shape list"),
    "another batch": (lambda x, n: (x[1:], {"a": x}), {}, r"Entries returned 'loss' of shape \(7,\)"),
    "no whole": (lambda x, n: (x, {"a": x[:, None], "b": x[:, None]}), {}, "units: a, b; name the one"),
    "nothing": (lambda x, n: (x.mean(), {}), {}, "Entries returned a scalar beside an empty dict"),
    "another size": (pixels(lambda n: 2 + n // 7), {}, r"had shape \(2,\) per sample, and now have \(3,\);"),
    "more boxes": (boxes(lambda n: 2 if n < 7 else 99), {}, "a sample had another number of units than at its first"),
    "fewer boxes": (boxes(lambda n: 2 if n < 7 else 0), {}, "a sample had another number of units than at its first"),
    "boxes in a file": (boxes(int), {"store_units": "a.npy"}, "store_units='a.npy' is a file, but units of which"),
    "boxes filled in": (boxes(int), {"reduction": "interpolated"}, "is not known for units of which samples have"),
    "file filled in": (pixels(int), {"reduction": "interpolated", "store_units": "a.npy"}, "losses of units in memory"),
    "grid": (pixels(int), {"unit_grid": (2, 2)}, r"unit_grid=\(2, 2\) has 2 dimensions, but .* 1"),
    "weights": (pixels(int), {"fit_params": {"sample_weight": np.arange(N)}}, "weights of samples cannot reach"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_goes_wrong_is_said(case):
    make, options, message = WRONG[case]
    with pytest.raises((SampleLossError, ValueError), match=message):
        fit(None, net=make_net(Entries(make)), **options)


def test_four_dimensions_have_no_grid():
    with pytest.raises(ValueError, match="the units of a sample have 4; expected as many, and no more than 3"):
        pooled(Units(torch.zeros(1, 2, 2, 2, 2)), (1, 1, 1, 1))


def test_detailed_loss_that_is_none():
    with pytest.raises(NotImplementedError, match="DetailedLoss must define details"):
        DetailedLoss()(torch.zeros(1), torch.zeros(1))
    with pytest.raises(ValueError, match="reduction='max'; expected one of 'mean', 'sum', 'none'"):
        DetailedLoss("max")
    with pytest.raises(TypeError, match="Own defines forward; define details"):
        type("Own", (DetailedLoss,), {"forward": lambda self, y_pred, y_true: y_pred.mean()})


def test_loss_of_samples_is_found_in_a_pair():
    ones = torch.ones(2)
    units = Units(torch.tensor([[2.0, 4.0], [1.0, 9.0]]), torch.tensor([[True, True], [False, False]]))
    assert read_details((ones.sum(), {"units": [torch.tensor([2.0, 4.0]), ones[:0]]}), 2, None).samples.tolist() == [
        3,
        0,
    ]
    assert read_details((torch.ones(2, 3), {"a": ones}), 2, None).samples.tolist() == [1, 1]
    assert read_details((ones.sum(), {"a": ones, "b": ones}), 2, None).samples.tolist() == [2, 2]
    assert read_details(LossDetails(ones, units=units), 2, None).units is units
    assert read_details(ones, 2, None) is None
    with_gradient = LossDetails(ones, {"a": ones.requires_grad_()}, [ones, ones], {"b": ones[:, None]}).detached()
    tensors = with_gradient.components["a"], with_gradient.units.values, with_gradient.unit_components["b"].values
    assert not any(tensor.requires_grad for tensor in tensors)


def test_clone_and_frame():
    scorer = fit(Detailed, unit_grid=2, store_units=True)
    params = clone(scorer).get_params(deep=False)
    assert (params["unit_grid"], params["store_units"]) == (2, True)
    assert not hasattr(clone(scorer), "unit_scores_")
    frame = scorer.to_frame()
    for name, scores in scorer.component_scores_.items():
        np.testing.assert_array_equal(frame[f"component_{name}"], scores)
