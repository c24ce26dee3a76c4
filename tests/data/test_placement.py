"""Where samples are stored while a net trains elsewhere. The CPU stands for the other device: the code is the same."""

import gc
import itertools
import weakref

import numpy as np
import pytest
import torch
from helpers import make_net, make_vectors, seed_everything, tensors_of
from skorch.callbacks import Callback, EpochScoring, LRScheduler
from skorch.dataset import Dataset as SkorchDataset
from torch.utils.data import BatchSampler, DataLoader, Subset, TensorDataset, WeightedRandomSampler

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.data import device_store, host_store, placement
from actscore_sk.data.device_store import DeviceStore
from actscore_sk.data.devices import on_host
from actscore_sk.data.host_store import HostStore
from actscore_sk.data.loading import TrackedLoader
from actscore_sk.data.placement import Placement
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.recording.fast_path_proof import is_proved

CPU = torch.device("cpu")
X, y = make_vectors(70)
STORES = DeviceStore, HostStore


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    """Let every net be on a device that has no samples, and much memory."""
    assert is_proved()  # once per process, on small nets of its own
    monkeypatch.setattr(placement, "is_host", lambda device: False)
    monkeypatch.setattr(placement, "free_bytes", lambda device: 2**40)


@pytest.fixture
def made(monkeypatch):
    """Kinds of the stores that were made."""
    kinds = []
    for kind in STORES:
        monkeypatch.setattr(
            placement, kind.__name__, lambda *args, kind=kind: kinds.append(kind.__name__) or kind(*args)
        )
    return kinds


def moving(data_device="net"):
    found = Placement(data_device)
    found.begin_epoch(CPU, is_seen=False, is_rewritten=False)
    return found


def recorded(data_device="auto", X=X, **options):
    recorder = ActionScoreRecorder(data_device=data_device)
    callbacks = [("action_scores", recorder), *options.pop("callbacks", [])]
    net = make_net(callbacks=callbacks, **options)
    seed_everything()
    net.fit(X, y)
    return net, recorder


# -- batches ---------------------------------------------------------------------------------------------------

PAIRS = SkorchDataset(X, y)
ORDERS = {
    "shuffle": lambda: {"batch_size": 16, "shuffle": True},
    "drop_last": lambda: {"batch_size": 16, "shuffle": True, "drop_last": True},
    "one batch": lambda: {"batch_size": 99},
    "generator": lambda: {"batch_size": 16, "shuffle": True, "generator": torch.Generator().manual_seed(5)},
    "not known before": lambda: {"batch_size": 16, "sampler": WeightedRandomSampler(torch.ones(60), 60)},
    "batches of one's own": lambda: {"batch_sampler": [[3, 1], [2, 0, 4], [59]]},
    "pinned": lambda: {"batch_size": 16, "pin_memory": torch.cuda.is_available()},
}
DATA = {
    "skorch": lambda: PAIRS,
    "dict": lambda: SkorchDataset({"a": X, "b": (X * 9).astype(np.uint8)}, y),
    "tensors": lambda: TensorDataset(torch.from_numpy(X), torch.from_numpy(y), torch.arange(70.0)),
    "no y": lambda: SkorchDataset(X),
}


@pytest.mark.parametrize("data_device", ["net", "host"])
@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("order", ORDERS)
def test_batches_rows_and_random_numbers_are_those_of_the_loader(order, kind, data_device):
    root = DATA[kind]()
    part = Subset(root, list(range(69, 9, -1)))

    def passes(place):
        seed_everything()
        options = ORDERS[order]()
        loader = TrackedLoader(DataLoader(part, **options), root, placement=place)
        seen = [(str(batch), loader.rows_in_hand.tolist()) for _ in range(3) for batch in loader]
        generator = options.get("generator")
        return seen, torch.get_rng_state().tolist(), generator and generator.get_state().tolist()

    assert passes(moving(data_device)) == passes(None)


@pytest.mark.parametrize(
    ("columns", "shares"), [(16, True), (3, False)], ids=["views begin where memory does", "they would not"]
)
def test_batch_of_floats_is_a_view_only_where_its_memory_begins_as_that_of_a_tensor(columns, shares):
    data = torch.randn(64, columns)
    store = DeviceStore(lambda index: [data[index]], 64, CPU)
    order = torch.randperm(64)
    batches = [batch[0] for batch, _ in store.batches(order, order, 8)]
    assert torch.equal(torch.cat(batches), data[order])
    assert (len({batch.untyped_storage().data_ptr() for batch in batches}) == 1) is shares


def test_change_of_a_batch_is_no_change_of_the_others():
    data = torch.zeros(64, 16)
    store = DeviceStore(lambda index: [data[index]], 64, CPU)
    order = torch.arange(64)
    first, second = itertools.islice((batch[0] for batch, _ in store.batches(order, order, 8)), 2)
    first.add_(1)
    assert second._version == 0
    assert not second.any()
    assert not data.any()


def test_order_is_copied_once_for_many_batches(monkeypatch):
    copies = []
    monkeypatch.setattr(device_store, "to_device", lambda tensor, device: copies.append(len(tensor)) or tensor)
    order = torch.arange(64)
    list(DeviceStore(lambda index: [index], 64, CPU).batches(order, order, 8))
    assert copies == [64]
    copies.clear()
    monkeypatch.setattr(device_store, "GATHERED_BYTES", 8 * 16)
    list(DeviceStore(lambda index: [index], 64, CPU).batches(order, order, 8))
    assert copies == [16] * 4


def test_one_batch_of_the_host_is_in_flight(monkeypatch):
    events = []
    monkeypatch.setattr(host_store, "to_device", lambda tensor, device: events.append("sent") or tensor)
    order = torch.arange(4)
    for batch, _ in HostStore(lambda index: [index], CPU).batches(order, order, 2):
        events.append(f"used {batch[0].tolist()}")
    assert events == ["sent"] * 4 + ["used [0, 1]", "used [2, 3]"]  # X and rows of the first, then of the second


def test_sampler_whose_order_is_not_known_is_asked_when_the_batch_before_was_used():
    asked = []

    class Asked(BatchSampler):
        def __iter__(self):
            for batch in ([0, 1], [2, 3], [4, 5]):
                asked.append(batch[0])
                yield batch

    loader = DataLoader(PAIRS, batch_sampler=Asked(range(6), 2, drop_last=False))
    for count, _ in enumerate(TrackedLoader(loader, PAIRS, placement=moving("host")), start=1):
        assert len(asked) == count


# -- where they are stored -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data_device", "free", "kind"),
    [
        ("auto", 2 * X.nbytes + 2 * y.nbytes, "DeviceStore"),
        ("auto", 2 * X.nbytes + 2 * y.nbytes - 2, "HostStore"),
        ("net", 0, "DeviceStore"),
        ("host", 2**40, "HostStore"),
    ],
)
def test_half_of_the_free_memory_decides(made, monkeypatch, data_device, free, kind):
    monkeypatch.setattr(placement, "free_bytes", lambda device: free)
    recorded(data_device)
    assert made == [kind]


def test_free_memory_is_asked_for_after_the_first_step(monkeypatch):
    steps, asked = [], []

    def free_bytes(device):
        asked.append(len(steps))
        return 2**40

    monkeypatch.setattr(placement, "free_bytes", free_bytes)
    own_step = torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self, *args: steps.append(1) or own_step(self, *args))
    recorded()
    assert asked == [1]


def test_device_that_refuses_the_data_leaves_them_on_the_host(made, monkeypatch):
    def refuse(*args):
        made.append("refused")
        raise torch.OutOfMemoryError("no piece is large enough")

    monkeypatch.setattr(placement, "DeviceStore", refuse)
    recorded("auto")
    assert made == ["refused", "HostStore"]
    with pytest.raises(torch.OutOfMemoryError, match="no piece"):
        recorded("net")


class Looking(Callback):
    def on_batch_end(self, net, batch=None, **kwargs):
        self.seen_ = batch


class OwnStep(make_net().__class__):
    def train_step_single(self, batch, **fit_params):
        return super().train_step_single(batch, **fit_params)


@pytest.mark.parametrize("options", [{"callbacks": [("looking", Looking())]}, {"net_class": OwnStep}])
def test_batches_that_others_see_stay_where_the_data_are(made, options):
    recorded("auto", **options)
    recorded("host", **options)
    assert made == []
    recorded("net", **options)
    assert made == ["DeviceStore"]


@pytest.mark.parametrize("callback", [EpochScoring("accuracy", on_train=True), LRScheduler("StepLR", step_size=1)])
def test_callbacks_of_skorch_are_no_reason_to_leave_batches_on_the_host(made, callback):
    recorded("auto", callbacks=[("theirs", callback)])
    assert made == ["DeviceStore"]


def test_net_on_the_host_moves_nothing(made, monkeypatch):
    monkeypatch.undo()
    assert not moving("net").moves


@pytest.mark.parametrize("as_kind", [np.copy, torch.tensor])
def test_data_that_a_callback_changes_are_copied_again(as_kind):
    class Shifting(Callback):
        def on_epoch_end(self, net, dataset_train=None, **kwargs):
            dataset_train.X[:] += 1

    shifting = {"callbacks": [("shifting", Shifting())]}
    stored, on_the_host = (tensors_of(recorded(place, X=as_kind(X), **shifting)[0]) for place in ("net", "host"))
    assert all(torch.equal(stored[name], on_the_host[name]) for name in stored)


def test_memory_is_given_back(monkeypatch):
    kept = []
    own = DeviceStore.__init__
    monkeypatch.setattr(DeviceStore, "__init__", lambda self, *args: kept.append(weakref.ref(self)) or own(self, *args))
    _net, recorder = recorded()
    gc.collect()
    assert len(kept) == 1
    assert kept[0]() is None
    assert recorder.n_epochs_ == 2


# -- what can be read where ------------------------------------------------------------------------------------


class Elsewhere(torch.Tensor):
    """A tensor that NumPy cannot read, as one on a GPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    numpy = __array__

    def cpu(self):
        return self.as_subclass(torch.Tensor)


def test_targets_and_weights_on_a_device_are_read_on_the_host():
    there = torch.from_numpy(y).as_subclass(Elsewhere)
    weights = torch.arange(70.0).as_subclass(Elsewhere)
    with pytest.raises(TypeError, match="cuda:0"):
        np.asarray(there)
    one, two = (ActionScoreClassifier(make_net(), random_state=0) for _ in range(2))
    one.fit(X, there, sample_weight=weights, eval_set=(X[:5], there[:5]))
    two.fit(X, y, sample_weight=np.arange(70.0), eval_set=(X[:5], y[:5]))
    np.testing.assert_array_equal(one.action_scores_, two.action_scores_)
    assert one.to_frame()["target"].tolist() == y.tolist()


def test_data_on_the_host_are_not_rebuilt():
    given = {"a": torch.zeros(3)}, np.zeros(3), "text"
    assert all(on_host(data) is data for data in given)


@pytest.mark.parametrize(
    "fit", [recorded, lambda place: ActionScoreClassifier(make_net(), data_device=place).fit(X, y)]
)
def test_unknown_place_is_an_error(fit):
    with pytest.raises(ValueError, match=r"data_device.*'cuda'"):
        fit("cuda")
