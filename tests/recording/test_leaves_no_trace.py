"""Whatever records, the net trains as if nobody looked: parameters, history and random streams, bit for bit."""

import copy
import pickle

import criteria
import numpy as np
import pytest
import torch
from helpers import (
    history_of,
    make_binary,
    make_images,
    make_net,
    make_numbers,
    make_tokens,
    make_vectors,
    random_streams,
    seed_everything,
    tensors_of,
)
from sklearn.base import clone
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, GradientNormClipping, LRScheduler
from skorch.dataset import Dataset as SkorchDataset
from skorch.dataset import ValidSplit
from skorch.helper import predefined_split
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Subset, TensorDataset, WeightedRandomSampler

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.estimators.generic import ActionScoreEstimator

pytestmark = pytest.mark.filterwarnings("ignore:samples were visited")  # it has tests of its own
N = 70
split = ValidSplit(4, stratified=False)


# -- nets of a user's own --------------------------------------------------------------------------------------


class Accumulating(NeuralNetClassifier):  # the recipe of skorch's FAQ
    acc_steps = 2

    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs) / self.acc_steps

    def train_step(self, batch, **fit_params):
        n_batches = len(self.history[-1, "batches"])
        step = self.train_step_single(batch, **fit_params)
        if n_batches % self.acc_steps == 0:
            self.optimizer_.step()
            self.optimizer_.zero_grad()
        return step


class OwnTrainStep(NeuralNetClassifier):
    def train_step(self, batch, **fit_params):
        step = self.train_step_single(batch, **fit_params)
        if len(self.history[-1, "batches"]) % 2:
            self.optimizer_.step()
            self.optimizer_.zero_grad()
        return step


class NoisyGradients(NeuralNetClassifier):
    def train_step_single(self, batch, **fit_params):
        step = super().train_step_single(batch, **fit_params)
        for parameter in self.module_.parameters():
            parameter.grad += 0.01 * torch.randn_like(parameter)
        return step


class Regularised(NeuralNetClassifier):
    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs) + 0.01 * sum(p.abs().sum() for p in self.module_.parameters())


class Masking(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        return self.criterion_(y_pred, y_true, mask=(X[:, 0] > 0).float()).mean()


class Powering(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        return self.criterion_(y_pred, target=y_true, power=2).mean()


class MixedUp(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        share = torch.rand(())
        return share * self.criterion_(y_pred, y_true) + (1 - share) * self.criterion_(y_pred, y_true.flip(0))


class MixedUpByNumpy(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        share = np.random.beta(1, 1)  # noqa: NPY002
        return share * self.criterion_(y_pred, y_true) + (1 - share) * self.criterion_(y_pred, y_true.flip(0))


class TwoOptimizers(NeuralNetClassifier):
    def initialize_optimizer(self, *args, **kwargs):
        super().initialize_optimizer(*args, **kwargs)
        self.second_optimizer_ = torch.optim.SGD([self.module_[0].bias], lr=0.5)
        return self


class InferenceMode(NeuralNetClassifier):
    def validation_step(self, batch, **fit_params):
        with torch.inference_mode():
            return super().validation_step(batch, **fit_params)


class FreezesBatchNorm(Callback):
    def on_epoch_begin(self, net, **kwargs):
        net.module_[1].eval()


class NewLabels(Callback):
    """Corrects labels between epochs, as label refurbishment does."""

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        if len(net.history) == 2:
            dataset_train.y = dataset_train.y[::-1].copy()


class NewIndices(Callback):
    """Trains on fewer samples in later epochs, as pruning and curricula do."""

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        if len(net.history) == 2:
            dataset_train.indices = dataset_train.indices[::-3]


class Asking(Callback):
    """Uses the net in the middle of training, as scoring callbacks do."""

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        net.validation_step(batch)

    def on_epoch_end(self, net, dataset_train=None, **kwargs):
        net.predict(dataset_train)
        for batch in net.get_iterator(dataset_train, training=True):
            net.validation_step(batch)


class Augmented(Subset):
    """Subset with a random transform of some samples."""

    def __getitem__(self, i):
        Xi, yi = self.dataset[self.indices[i]]
        return (Xi * (0.5 + float(torch.rand(()))) if i % 3 == 2 else Xi), yi  # not the first, not the last

    def __getitems__(self, index):
        return [self[i] for i in index]


def split_augmented(dataset, y=None, **kwargs):
    return Augmented(dataset, list(range(10, 66))), Subset(dataset, list(range(10)))


def split_half(dataset, y=None, **kwargs):
    return Subset(dataset, list(range(0, N, 2))), Subset(dataset, list(range(1, N, 2)))


def split_from_the_end(dataset, y=None, **kwargs):
    return Subset(dataset, [-1, -2, -3, -4, 5, 6]), Subset(dataset, [0, 1])


def ignoring(make):
    def made():
        X, y = make()
        return X, np.where(np.arange(len(y)) % 5 == 0, -100, y)

    return made


def tensors():
    X, y = make_vectors()
    return TensorDataset(torch.as_tensor(X), torch.as_tensor(y)), y


weights = torch.tensor([1.0, 0.0, 3.0])
held_out = TensorDataset(*map(torch.as_tensor, make_vectors(20, seed=5)))
adam = {"optimizer": torch.optim.Adam, "lr": 0.01}
binary = {"data": make_binary, "kind": "flat"}
numbers = {"data": make_numbers, "net_class": NeuralNetRegressor, "n_outputs": 1}


def sampled(sampler, **options):
    return {"iterator_train__sampler": sampler, "iterator_train__shuffle": False, **options}


CASES = {
    # nets
    "mlp": {},
    "cnn": {"kind": "cnn", "data": make_images},
    "dropout and batch norm": {"kind": "noisy", **adam},
    "lazy layers": {"kind": "lazy"},
    "embedding": {"kind": "tokens", "data": make_tokens},
    "buffers of its own": {"kind": "drifting", "train_split": split},
    # criteria
    "class weights": {"criterion__weight": weights},
    "label smoothing": {"criterion__label_smoothing": 0.2, "criterion__weight": weights},
    "ignore_index": {"data": ignoring(make_vectors), "criterion__weight": weights},
    "sum": {"criterion__reduction": "sum", "lr": 0.01},
    "NLLLoss": {"kind": "probabilities", "criterion": nn.NLLLoss, "criterion__weight": weights},
    "BCEWithLogitsLoss": {**binary, "net_class": NeuralNetBinaryClassifier, "criterion": nn.BCEWithLogitsLoss},
    "BCELoss": {**binary, "kind": "flat_probability", "net_class": NeuralNet, "criterion": nn.BCELoss},
    "MSELoss": {**numbers, "criterion": nn.MSELoss},
    "SmoothL1Loss": {**numbers, "criterion": nn.SmoothL1Loss},
    "own, with reduction": {"criterion": criteria.Focal},
    "own, learned": {"criterion": criteria.LearnedTemperature},
    "own, random": {"criterion": criteria.Random, "kind": "noisy"},
    "own, random by NumPy": {"criterion": criteria.RandomNumpy},
    "own, with a generator": {"criterion": criteria.OwnGenerator},
    "own, running buffer": {"criterion": criteria.RunningBuffer, "train_split": split},
    "own, replaced buffer": {"criterion": criteria.ReplacedBuffer, "train_split": split},
    "own, counting": {"criterion": criteria.Counting},
    "own, options by name": {"criterion": criteria.NamedOptions, "net_class": Masking},
    "own, option by name only": {"criterion": criteria.NamedOptions, "net_class": Powering},
    # optimizers
    "momentum": {"optimizer__momentum": 0.9},
    "Adam": adam,
    "LBFGS": {"optimizer": torch.optim.LBFGS, "optimizer__max_iter": 3},
    # order
    "sequential": {"iterator_train__shuffle": False},
    "drop_last": {"iterator_train__drop_last": True},
    "with replacement": sampled(WeightedRandomSampler(torch.arange(N) + 1.0, 50)),
    "random, short": sampled(RandomSampler(range(N), num_samples=41)),
    "batch sampler": {
        "iterator_train__batch_sampler": BatchSampler(RandomSampler(range(N)), 11, drop_last=False),
        "iterator_train__batch_size": 1,
        "iterator_train__shuffle": False,
    },
    "workers": {"iterator_train__num_workers": 2, "kind": "noisy", "train_split": split},
    "one batch": {"batch_size": -1},
    "last batch of one": {"batch_size": 23},
    # splits
    "ValidSplit": {"train_split": ValidSplit(5), "kind": "noisy"},
    "predefined_split": {"train_split": predefined_split(held_out)},
    "Dataset": {"data": tensors, "train_split": split},
    "augmented by a Subset": {"train_split": split_augmented},
    "negative indices": {"train_split": split_from_the_end},
    "validated in inference mode": {"net_class": InferenceMode, "train_split": split},
    # steps
    "gradient accumulation": {"net_class": Accumulating},
    "own train_step": {"net_class": OwnTrainStep},
    "own train_step_single": {"net_class": NoisyGradients},
    "regularised": {"net_class": Regularised},
    "mixup": {"net_class": MixedUp, "kind": "noisy"},
    "mixup by NumPy": {"net_class": MixedUpByNumpy},
    "mixup with a buffer": {"net_class": MixedUp, "criterion": criteria.RunningBuffer},
    "two optimizers": {"net_class": TwoOptimizers},
    # callbacks
    "schedule": {"callbacks": [("rate", LRScheduler("StepLR", step_size=1, gamma=0.3))], **adam},
    "early stopping": {
        "callbacks": [("stop", EarlyStopping("train_loss", patience=1, threshold=10.0))],
        "max_epochs": 6,
    },
    "clipping": {"callbacks": [("clip", GradientNormClipping(0.1))]},
    "scoring": {
        "callbacks": [("f1", EpochScoring("f1_macro")), ("on_train", EpochScoring("accuracy", on_train=True))],
        "train_split": split,
    },
    "asking": {"callbacks": [("ask", Asking())], "kind": "noisy", "train_split": split},
    "frozen batch norm": {"callbacks": [("freeze", FreezesBatchNorm())], "kind": "noisy"},
    "new labels": {"callbacks": [("new", NewLabels())]},
    "new indices": {"callbacks": [("new", NewIndices())], "train_split": split_half},
}

RECORDERS = {
    "training": lambda data: ActionScoreRecorder(store_trajectories=True),
    "epoch_end": lambda data: ActionScoreRecorder(recording="epoch_end"),
    "eval_set": lambda data: ActionScoreRecorder(eval_set=data),
}


def as_dataset(X, y):
    return X if isinstance(X, TensorDataset) else SkorchDataset(X, y)


def make(case, **more):
    """Give data and two equal nets."""
    options = {key: copy.deepcopy(value) for key, value in CASES[case].items() if key not in ("data", "callbacks")}
    callbacks = copy.deepcopy(CASES[case].get("callbacks", []))
    X, y = CASES[case].get("data", make_vectors)()
    return X, y, lambda *also: make_net(**options, callbacks=[*also, *callbacks], **more)


def train(net, X, y):
    """Train from one seed; give all there is to compare."""
    seed_everything()
    net.fit(X, y)
    return tensors_of(net), history_of(net), random_streams()


def assert_same(recorded, plain):
    for name, values in plain[0].items():
        assert torch.equal(recorded[0][name], values), name
    assert recorded[1] == plain[1]
    assert recorded[2] == plain[2]


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:get_loss (multiplies|adds)")
def test_recorder_changes_nothing(case):
    X, y, build = make(case)
    plain = train(build(), X, y)
    for name, recorder in RECORDERS.items():
        net = build(("action_scores", recorder(as_dataset(X, y))))
        assert_same(train(net, X, y), plain)
        assert type(net) is type(build()), name


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:get_loss (multiplies|adds)")
def test_estimator_changes_nothing(case):
    X, y, build = make(case)
    plain = train(build(), X, y)
    seed_everything()
    scorer = ActionScoreEstimator(build()).fit(X, y)
    assert_same((tensors_of(scorer.estimator_), history_of(scorer.estimator_), random_streams()), plain)


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
def test_estimator_needs_no_callbacks(recording):
    X, y, build = make("dropout and batch norm")
    net = build().set_params(callbacks="disable")
    plain = train(clone(net), X, y)
    seed_everything()
    scorer = ActionScoreEstimator(net, recording=recording).fit(X, y, eval_set=(X[:9], y[:9]))
    assert_same((tensors_of(scorer.estimator_), history_of(scorer.estimator_), random_streams()), plain)
    assert np.isfinite(scorer.action_scores_).all()


def test_second_training_changes_nothing():
    # What a first training leaves in the recorder or the net must not reach the second.
    X, y, build = make("mlp")
    results = []
    for net in (build(), build(("action_scores", ActionScoreRecorder()))):
        seed_everything()
        net.fit(X, y).partial_fit(X, y).fit(X[:40], y[:40])
        results.append((tensors_of(net), history_of(net), random_streams()))
    assert_same(results[1], results[0])


def test_interrupted_training_goes_on_as_it_would():
    # torch draws from a given generator at the end of an epoch, which an interrupted one does not reach.
    class Interrupt(Callback):
        def on_batch_end(self, net, **kwargs):
            if len(net.history) == 1 and len(net.history[-1, "batches"]) == 2:
                raise KeyboardInterrupt

    X, y, build = make("mlp")
    results = []
    for recorders in ([], [("action_scores", ActionScoreRecorder())]):
        net = build(*recorders, ("interrupt", Interrupt()))
        net.set_params(iterator_train__generator=torch.Generator().manual_seed(1))
        seed_everything()
        net.fit(X, y).partial_fit(X, y)
        results.append((tensors_of(net), history_of(net), random_streams()))
    assert_same(results[1], results[0])


EVENTS = [
    "on_train_begin",
    "on_epoch_begin",
    "on_batch_begin",
    "on_grad_computed",
    "on_batch_end",
    "on_epoch_end",
    "on_train_end",
]


def failing(event):
    def fail(self, net, *args, **kwargs):
        raise RuntimeError("the callback fails")

    return type("Failing", (Callback,), {event: fail})()


@pytest.mark.parametrize(
    ("event", "how"),
    # A callback cannot see an error of another one at the start of training: the next fit cleans up.
    [(e, h) for e in EVENTS for h in ("recorder", "estimator") if (e, h) != ("on_train_begin", "recorder")],
)
def test_error_leaves_no_swapped_class(event, how):
    X, y = make_vectors()
    criterion = nn.CrossEntropyLoss()
    recorder = ActionScoreRecorder()
    callbacks = [("fail", failing(event))]
    if how == "recorder":
        callbacks.insert(0, ("action_scores", recorder))
    net = make_net(criterion=criterion, callbacks=callbacks)
    with pytest.raises(RuntimeError, match="the callback fails"):
        net.fit(X, y) if how == "recorder" else ActionScoreEstimator(net).fit(X, y)
    assert type(net) is NeuralNetClassifier
    assert type(criterion) is nn.CrossEntropyLoss
    assert not {"session_", "listener_"} & (vars(net).keys() | vars(criterion).keys())
    assert not criterion._forward_hooks
    assert not criterion._forward_pre_hooks


def test_fit_after_an_error_at_the_start():
    X, y = make_vectors()
    recorder = ActionScoreRecorder()
    net = make_net(callbacks=[("action_scores", recorder), ("fail", failing("on_train_begin"))])
    with pytest.raises(RuntimeError, match="the callback fails"):
        net.fit(X, y)
    assert net.predict(X).shape == (N,)
    net.set_params(callbacks__fail=None).fit(X, y)
    assert type(net) is NeuralNetClassifier
    assert recorder.n_visits_.tolist() == [2] * N


@pytest.mark.parametrize("where", ["module", "criterion", "loader"])
def test_error_in_a_step_leaves_no_swapped_class(where):
    class Breaks(nn.Linear):
        def forward(self, X):
            if where == "module":
                raise RuntimeError("it breaks")
            return super().forward(X)

    class BreaksLater(criteria.Reduced):
        def each(self, output, target):
            if where == "criterion":
                raise RuntimeError("it breaks")
            return super().each(output, target)

    def collate(samples):
        raise RuntimeError("it breaks")

    X, y = make_vectors()
    criterion, options = BreaksLater(), {"iterator_train__collate_fn": collate} if where == "loader" else {}
    net = NeuralNetClassifier(Breaks(5, 3), criterion=criterion, verbose=0, train_split=None, **options)
    net.set_params(callbacks=[("action_scores", ActionScoreRecorder())])
    with pytest.raises(RuntimeError, match="it breaks"):
        net.fit(X, y)
    assert type(net) is NeuralNetClassifier
    assert type(net.criterion_) is BreaksLater


def test_non_finite_loss_before_an_interrupt_leaves_no_swapped_class():
    class Interrupt(Callback):
        def on_batch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    X, y = make_vectors()
    X[:] = np.nan
    net = make_net(callbacks=[("action_scores", ActionScoreRecorder()), ("interrupt", Interrupt())])
    with pytest.raises(ValueError, match="NaN or infinite in epoch 1"):
        net.fit(X, y)
    assert type(net) is NeuralNetClassifier
    assert type(net.criterion_) is nn.CrossEntropyLoss


def test_pass_that_is_interrupted_leaves_train_mode():
    class Interrupts(nn.Linear):
        def forward(self, X):
            if not self.training:
                raise KeyboardInterrupt
            return super().forward(X)

    X, y = make_vectors()
    net = NeuralNetClassifier(Interrupts(5, 3), criterion=nn.CrossEntropyLoss, verbose=0, train_split=None)
    net.set_params(callbacks=[("action_scores", ActionScoreRecorder(recording="epoch_end"))])
    net.fit(X, y)
    assert net.module_.training
    assert len(net.history) == 1


def test_user_objects_stay_as_they_are():
    X, y = make_vectors()
    data = TensorDataset(torch.as_tensor(X), torch.as_tensor(y))
    module, criterion = nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3)), criteria.Focal()
    net = NeuralNetClassifier(module, criterion=criterion, verbose=0, max_epochs=2, train_split=None, callbacks=[])
    things = (data, module, criterion, net)
    attributes, before = [dict(vars(thing)) for thing in things], copy.deepcopy((module.state_dict(), X, y))
    scorer = ActionScoreEstimator(net, recording="epoch_end").fit(data, y, eval_set=(X, y))
    assert scorer.estimator_.module_ is not module
    for thing, attribute in zip(things, attributes, strict=True):
        assert dict(vars(thing)).keys() == attribute.keys()
        assert all(vars(thing)[name] is value for name, value in attribute.items())
    for one, two in zip(module.state_dict().values(), before[0].values(), strict=True):
        assert torch.equal(one, two)
    assert np.array_equal(X, before[1])
    assert np.array_equal(y, before[2])


def test_loader_of_the_user_stays_as_it_is():
    X, y = make_vectors()
    data = TensorDataset(torch.as_tensor(X), torch.as_tensor(y))
    loader = DataLoader(data, batch_size=16)
    before = dict(vars(loader))
    net = make_net(iterator_train=lambda dataset, **options: loader, callbacks=[("scores", ActionScoreRecorder())])
    net.fit(data, y)
    assert all(vars(loader)[name] is value for name, value in before.items())


COPIES = {
    "clone": clone,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


class Copying(Callback):
    """Copies the net once, at the end of a batch or of an epoch; at module level, to be pickled with the net."""

    copies: list = []  # noqa: RUF012 - shared on purpose: a copy of the callback is not asked

    def __init__(self, how, event):
        self.how, self.event = how, event

    def take(self, net, event):
        if event == self.event and not self.copies:
            self.copies.append(COPIES[self.how](net))

    def on_batch_end(self, net, **kwargs):
        self.take(net, "batch")

    def on_epoch_end(self, net, **kwargs):
        self.take(net, "epoch")


@pytest.mark.parametrize("event", ["batch", "epoch"])
@pytest.mark.parametrize("how", COPIES)
def test_copy_made_in_training_is_plain(how, event):
    X, y = make_vectors()
    Copying.copies.clear()
    scorer = ActionScoreEstimator(make_net(callbacks=[Copying(how, event)])).fit(X, y)
    (twin,) = Copying.copies
    assert type(twin) is NeuralNetClassifier
    assert not hasattr(twin, "session_")
    if how != "clone":
        assert type(twin.criterion_) is nn.CrossEntropyLoss
        assert twin.predict(X).shape == (N,)
    twin.set_params(callbacks="disable").fit(X[:30], y[:30])
    assert scorer.n_visits_.tolist() == [2] * N


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_copy_of_recorder_in_mid_epoch_holds_all_visits(how):
    # Visits wait in a block for their evaluation; a copy must not lose them.
    counts = []

    class Take(Callback):
        def on_batch_end(self, net, **kwargs):
            twin = COPIES[how](recorder)
            counts.append((int(twin.n_visits_.sum()), len(net.history[-1, "batches"])))

    X, y = make_vectors()
    recorder = ActionScoreRecorder()
    make_net(callbacks=[("action_scores", recorder), ("take", Take())], max_epochs=1).fit(X, y)
    assert counts == [(min(16 * n, N), n) for n in range(1, 6)]


def test_same_criterion_object_in_two_nets():
    X, y = make_vectors()
    criterion = criteria.Vector()
    nets = [make_net(criterion=criterion, callbacks=[("scores", ActionScoreRecorder())]) for _ in range(2)]
    for net in nets:
        net.fit(X, y)
    assert type(criterion) is criteria.Vector
