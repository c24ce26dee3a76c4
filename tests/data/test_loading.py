"""The fast path and the order of batches against torch's own `DataLoader`, to the bit."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import make_net, make_vectors, random_streams, seed_everything
from scipy import sparse
from skorch.dataset import Dataset as SkorchDataset
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.data.alignment import Alignment, is_part_of, unwrap_subsets
from actscore_sk.data.fetching import batch_slicer
from actscore_sk.data.loading import TrackedLoader
from actscore_sk.data.positions import as_positions
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.exceptions import IndexTrackingError

N = 13
rng = np.random.default_rng(0)
table = rng.normal(size=(N, 4)).astype(np.float32)
y = rng.integers(0, 3, N)
quiet = pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")


def read_only():
    array = table.copy()
    array.flags.writeable = False
    return array


def mapped(tmp_path):
    np.save(tmp_path / "X.npy", table)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


def with_gaps():
    array = table.copy()
    array[2, 1], array[0, 0] = np.nan, np.inf
    return array


def same(one, two):
    """Whether two batches are equal in structure, dtypes and bits."""
    if isinstance(one, torch.Tensor):
        if not (isinstance(two, torch.Tensor) and one.dtype == two.dtype and one.shape == two.shape):
            return False
        return torch.equal(one.nan_to_num(), two.nan_to_num()) and torch.equal(one.isnan(), two.isnan())
    if isinstance(one, dict):
        return isinstance(two, dict) and list(one) == list(two) and all(same(one[k], two[k]) for k in one)
    return type(one) is type(two) and len(one) == len(two) and all(map(same, one, two))


# -- what is fetched as one slice ------------------------------------------------------------------------------

FAST = {
    "float32": lambda: SkorchDataset(table, y),
    "float64": lambda: SkorchDataset(table.astype(np.float64), y),
    "float16": lambda: SkorchDataset(table.astype(np.float16), y),
    "int32": lambda: SkorchDataset((table * 9).astype(np.int32), y),
    "uint8": lambda: SkorchDataset((table * 9).astype(np.uint8), y.astype(np.uint8)),
    "bool": lambda: SkorchDataset(table > 0, y > 0),
    "complex": lambda: SkorchDataset(table + 1j * table, y),
    "gaps": lambda: SkorchDataset(with_gaps(), y),
    "1-D": lambda: SkorchDataset(table[:, 0], y.astype(np.float32)),
    "4-D": lambda: SkorchDataset(table.reshape(N, 1, 2, 2), y),
    "no columns": lambda: SkorchDataset(table[:, :0], y),
    "y of several columns": lambda: SkorchDataset(table, table[:, :2]),
    "no y": lambda: SkorchDataset(table),
    "read-only": lambda: SkorchDataset(read_only(), y),
    "negative strides": lambda: SkorchDataset(table[::-1], y[::-1]),
    "Fortran order": lambda: SkorchDataset(np.asfortranarray(table), y),
    "every second": lambda: SkorchDataset(np.repeat(table, 2, axis=0)[::2], y),
    "sparse": lambda: SkorchDataset(sparse.csr_matrix(np.where(table > 0, table, 0)), y),
    "tensors": lambda: SkorchDataset(torch.as_tensor(table), torch.as_tensor(y)),
    "dict": lambda: SkorchDataset({"b": table, "a": y}, y),
    "tuple": lambda: SkorchDataset((table, y), y),
    "list of arrays": lambda: SkorchDataset([table, y], y),
    "DataFrame": lambda: SkorchDataset(pd.DataFrame({"b": table[:, 0], "a": y}), y),
    "TensorDataset": lambda: TensorDataset(torch.as_tensor(table), torch.as_tensor(y)),
    "TensorDataset of three": lambda: TensorDataset(*[torch.as_tensor(y)] * 3),
}


def subset_of(dataset):
    return Subset(Subset(dataset, [12, 0, 5, 3, 7, 7, 1]), np.array([6, 2, 0, 4, 1, 5]))


@quiet
@pytest.mark.parametrize("layers", ["whole", "subsets"])
@pytest.mark.parametrize("kind", FAST)
def test_slice_equals_collation(kind, layers):
    dataset = FAST[kind]() if layers == "whole" else subset_of(FAST[kind]())
    fetch = batch_slicer(dataset, default_collate)
    assert fetch is not None
    for index in ([0], [1, 4, 2], [5, 5, 0, 3], list(range(len(dataset)))):
        assert same(fetch(torch.tensor(index)), default_collate([dataset[i] for i in index]))


def test_slice_of_a_memory_map(tmp_path):
    X = mapped(tmp_path)
    fetch = batch_slicer(SkorchDataset(X, y), default_collate)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batch = fetch(torch.tensor([3, 1]))
    batch[0].zero_()  # a copy: neither the file nor a read-only page is written to
    np.testing.assert_array_equal(X, table)


@pytest.mark.parametrize("kind", ["float32", "tensors", "TensorDataset", "sparse"])
def test_batch_shares_no_memory_with_the_data(kind):
    dataset = FAST[kind]()
    fetch = batch_slicer(dataset, default_collate)
    before = fetch(torch.arange(N))[0].clone()
    fetch(torch.arange(N))[0].zero_()
    assert torch.equal(fetch(torch.arange(N))[0], before)


class Transformed(SkorchDataset):
    def transform(self, X, y):
        X, y = super().transform(X, y)
        return X + 1, y


class Indexed(SkorchDataset):
    def __getitem__(self, i):
        return super().__getitem__(i)


class NoisyTensors(TensorDataset):
    def __getitem__(self, i):
        X, target = super().__getitem__(i)
        return X + torch.rand(()), target


class NoisySubset(Subset):
    """Changes samples in the middle only: the first and the last come out as they are."""

    def __getitem__(self, i):
        X, target = self.dataset[self.indices[i]]
        return (X + float(torch.rand(())) if 0 < i < len(self) - 1 else X), target

    def __getitems__(self, index):
        return [self[i] for i in index]


class NoisyBatches(Subset):
    def __getitems__(self, index):
        return [(X + float(torch.rand(())), target) for X, target in super().__getitems__(index)]


def with_own_transform():
    dataset = SkorchDataset(table, y)
    dataset.transform = lambda X, target: (X * 2, target)
    return dataset


def collate_like_torch(samples):
    return default_collate(samples)


SLOW = {
    "transform": (lambda: Transformed(table, y), default_collate),
    "transform of the object": (with_own_transform, default_collate),
    "getitem": (lambda: Indexed(table, y), default_collate),
    "TensorDataset subclass": (lambda: NoisyTensors(torch.as_tensor(table), torch.as_tensor(y)), default_collate),
    "Subset subclass": (lambda: NoisySubset(SkorchDataset(table, y), range(N)), default_collate),
    "Subset of it": (
        lambda: Subset(NoisySubset(SkorchDataset(table, y), range(N)), [0, 3, 12]),
        default_collate,
    ),
    "Subset subclass, batches": (lambda: NoisyBatches(SkorchDataset(table, y), range(N)), default_collate),
    "collate_fn": (lambda: SkorchDataset(table, y), collate_like_torch),
    "objects": (lambda: SkorchDataset(np.array([*table, None], dtype=object)[:-1], y), default_collate),
    "strings": (lambda: SkorchDataset(np.array(["a"] * N), y), default_collate),
    "empty": (lambda: SkorchDataset(table[:0], y[:0]), default_collate),
    "gradient": (lambda: TensorDataset(torch.as_tensor(table).requires_grad_()), default_collate),
}


@pytest.mark.parametrize("kind", SLOW)
def test_other_data_are_left_to_the_loader(kind):
    make, collate_fn = SLOW[kind]
    dataset = make()
    seed_everything()
    before = random_streams()
    assert batch_slicer(dataset, collate_fn) is None
    assert random_streams() == before  # a look at the data set draws nothing


# -- order and random stream -----------------------------------------------------------------------------------


class Eager(Sampler):
    """Draws when its iterator is made, not at the first item."""

    def __init__(self, n_samples=N):
        self.n_samples = n_samples

    def __len__(self):
        return self.n_samples

    def __iter__(self):
        return iter(torch.randint(self.n_samples, (self.n_samples,)).tolist())


class EagerBatches(Eager):
    def __len__(self):
        return 4

    def __iter__(self):
        order = torch.randperm(self.n_samples)
        return iter([part.tolist() for part in order.split(4)])


class TensorBatches(EagerBatches):
    def __iter__(self):
        return iter(torch.randperm(self.n_samples).split(4))


class NumpyItems(Eager):
    def __iter__(self):
        return iter(torch.randperm(self.n_samples).numpy())


class WeightedShuffle(RandomSampler):
    """A subclass need not shuffle as its base does."""

    def __iter__(self):
        return iter(sorted(super().__iter__()))


def generator():
    return torch.Generator().manual_seed(5)


LOADERS = {
    "sequential": lambda: {"batch_size": 4},
    "shuffle": lambda: {"batch_size": 4, "shuffle": True},
    "shuffle, drop_last": lambda: {"batch_size": 4, "shuffle": True, "drop_last": True},
    "drop_last, fitting": lambda: {"batch_size": 13, "shuffle": True, "drop_last": True},
    "drop_last, too few": lambda: {"batch_size": 14, "drop_last": True},
    "generator": lambda: {"batch_size": 4, "shuffle": True, "generator": generator()},
    "generator, sequential": lambda: {"batch_size": 4, "generator": generator()},
    "one": lambda: {"batch_size": 1, "shuffle": True},
    "all": lambda: {"batch_size": 99, "shuffle": True},
    "weighted": lambda: {"batch_size": 4, "sampler": WeightedRandomSampler(np.arange(1.0, N + 1), 22)},
    "with replacement": lambda: {"batch_size": 4, "sampler": RandomSampler(range(N), replacement=True)},
    "fewer": lambda: {"batch_size": 4, "sampler": RandomSampler(range(N), num_samples=7)},
    "more": lambda: {"batch_size": 4, "sampler": RandomSampler(range(N), num_samples=20)},
    "sampler's generator": lambda: {"batch_size": 4, "sampler": RandomSampler(range(N), generator=generator())},
    "subclass": lambda: {"batch_size": 4, "sampler": WeightedShuffle(range(N))},
    "list": lambda: {"batch_size": 4, "sampler": [5, 5, 2, 0, 9]},
    "eager": lambda: {"batch_size": 4, "sampler": Eager()},
    "NumPy integers": lambda: {"batch_size": 4, "sampler": NumpyItems()},
    "batch sampler": lambda: {"batch_sampler": BatchSampler(Eager(), 5, drop_last=True)},
    "batch sampler, eager": lambda: {"batch_sampler": EagerBatches()},
    "batch sampler, tensors": lambda: {"batch_sampler": TensorBatches()},
    "no batches": lambda: {"batch_size": None, "sampler": SequentialSampler(range(N))},
    "collate_fn": lambda: {"batch_size": 4, "shuffle": True, "collate_fn": collate_like_torch},
    "workers": lambda: {"batch_size": 4, "shuffle": True, "num_workers": 2},
    "workers, eager": lambda: {"batch_sampler": EagerBatches(), "num_workers": 2},
    "persistent workers": lambda: {
        "batch_size": 4,
        "shuffle": True,
        "num_workers": 2,
        "persistent_workers": True,
        "prefetch_factor": 3,
    },
    "pin_memory": lambda: {"batch_size": 4, "shuffle": True, "pin_memory": True},
}


def numbered(n_samples=N):
    """Samples that tell their own position."""
    return TensorDataset(torch.arange(n_samples).float()[:, None].repeat(1, 2), torch.arange(n_samples))


def tracked(loader):
    """Track a loader whose data set is X as a whole."""
    return TrackedLoader(loader, loader.dataset)


def states(*generators):
    return [torch.get_rng_state(), *(each.get_state() for each in generators)]


def run(options, track, n_epochs=2):
    """Iterate; give batches, rows and the random state after each batch and each epoch."""
    options = options()
    own = [part for part in (options.get("generator"), getattr(options.get("sampler"), "generator", None)) if part]
    loader = DataLoader(numbered(), **options)
    loader = tracked(loader) if track else loader
    seed_everything()
    batches, rows, streams = [], [], []
    for _ in range(n_epochs):
        for batch in loader:
            batches.append(batch)
            rows.append(loader.rows_of(batch) if track else torch.as_tensor(batch[1]).reshape(-1))
            streams.append(states(*own))
        streams.append(states(*own))
    return batches, rows, streams


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true but no accelerator is found")
@pytest.mark.parametrize("kind", LOADERS)
def test_order_and_random_stream_are_those_of_the_loader(kind):
    plain, tracked = run(LOADERS[kind], track=False), run(LOADERS[kind], track=True)
    assert len(tracked[0]) == len(plain[0])
    for one, two in zip(tracked[0], plain[0], strict=True):
        assert same(one, two)
    for one, two in zip(tracked[1], plain[1], strict=True):
        assert one.dtype == torch.int64
        assert torch.equal(one, two)
    for step, (one, two) in enumerate(zip(tracked[2], plain[2], strict=True)):
        assert all(map(torch.equal, one, two)), f"after step {step}"


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("custom", [False, True])
def test_epoch_that_was_left_early(workers, custom):
    # The log of an unfinished epoch must not be taken for that of the next.
    options = {"batch_size": 2, "shuffle": True, "num_workers": workers}
    options |= {"collate_fn": collate_like_torch} if custom else {}
    loader = tracked(DataLoader(numbered(), **options))
    for batch in loader:
        assert torch.equal(loader.rows_of(batch), batch[1])
        break
    for batch in loader:
        assert torch.equal(loader.rows_of(batch), batch[1])


def test_length_and_attributes_are_the_loader_s():
    loader = tracked(DataLoader(numbered(), batch_size=4))
    assert len(loader) == 4
    assert loader.batch_size == 4
    assert len(loader.dataset) == N


@pytest.mark.parametrize("custom", [False, True])
def test_rows_of_a_foreign_batch_are_unknown(custom):
    options = {"collate_fn": collate_like_torch} if custom else {}
    loader = tracked(DataLoader(numbered(), batch_size=4, **options))
    for batch in loader:
        assert loader.rows_of([part.clone() for part in batch]) is None
        assert loader.rows_of(batch) is not None
    assert loader.rows_of(batch) is None  # it is over


def test_data_replaced_between_epochs():
    dataset = SkorchDataset(table, y)
    part = Subset(dataset, list(range(9)))
    loader = TrackedLoader(DataLoader(part, batch_size=4), dataset)
    list(loader)
    dataset.X, part.indices = table + 1, [11, 2, 3, 4, 5, 12]
    rows = []
    for batch in loader:
        rows += loader.rows_of(batch).tolist()
        np.testing.assert_array_equal(batch[0], (table + 1)[rows[-len(batch[0]) :]])
    assert rows == [11, 2, 3, 4, 5, 12]


# -- positions -------------------------------------------------------------------------------------------------


def test_unwrap_stops_at_the_root():
    data = numbered()
    root = Subset(data, [4, 3, 2, 1])
    part = Subset(Subset(root, [3, 1, 0]), [2, 0])
    base, positions = unwrap_subsets(part, root)
    assert base is root
    assert positions.tolist() == [0, 3]
    base, positions = unwrap_subsets(part)
    assert base is data
    assert positions.tolist() == [4, 1]
    assert is_part_of(part, root)
    assert not is_part_of(data, root)
    assert not is_part_of(Subset(data, [1]), root)


def test_negative_indices_count_from_the_end():
    data = numbered()
    assert unwrap_subsets(Subset(Subset(data, [-1, -2, 3]), [-1, 0]))[1].tolist() == [3, 12]


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ([3, 1], [3, 1]),
        ((3, 1), [3, 1]),
        (range(2), [0, 1]),
        (np.array([3, 1], dtype=np.int32), [3, 1]),
        (torch.tensor([3, 1]), [3, 1]),
        ([torch.tensor(3), torch.tensor(1)], [3, 1]),
        ([np.int64(3)], [3]),
        (5, [5]),
        (np.int64(5), [5]),
    ],
)
def test_positions_from_what_a_sampler_yields(index, expected):
    positions = as_positions(index)
    assert positions.dtype == torch.int64
    assert positions.tolist() == expected


@pytest.mark.parametrize("index", [["a", "b"], ["7", "8"], [0.5, 1.0], "7", [(3, 1)], [None]])
def test_other_things_are_no_positions(index):
    with pytest.raises(IndexTrackingError, match=r"the sampler yields .* but a sample is known by its position"):
        as_positions(index)


# -- what cannot be tracked ------------------------------------------------------------------------------------


class Stream(IterableDataset):
    def __iter__(self):
        return iter(numbered())


class StreamOfKnownLength(Stream):
    def __len__(self):
        return N


class Endless(Dataset):
    def __getitem__(self, i):
        return numbered()[i % N]


class HuggingFace:
    """Shows what a `datasets.Dataset` shows."""

    column_names, features = ["text", "label"], {}

    def __len__(self):
        return N

    def __getitem__(self, i):
        return {"text": "a", "label": 0}


class OwnIteration(DataLoader):
    def __iter__(self):
        return iter(list(super().__iter__()))


class Names(Dataset):
    def __len__(self):
        return N

    def __getitem__(self, name):
        return numbered()[int(name)]


def split_of_other_data(dataset, y=None, **kwargs):
    return SkorchDataset(dataset.X.copy(), dataset.y), None


UNTRACKABLE = {
    "IterableDataset": (lambda: DataLoader(Stream(), batch_size=4), "Stream is an IterableDataset, which has no index"),
    "out of order": (
        lambda: DataLoader(numbered(), num_workers=2, in_order=False),
        "in_order=False lets batches overtake each other",
    ),
    "own __iter__": (lambda: OwnIteration(numbered()), "OwnIteration iterates in its own way"),
    "no DataLoader": (lambda: [numbered()[0]], "list is not a torch DataLoader; use iterator_train=DataLoader"),
}


@pytest.mark.parametrize("case", UNTRACKABLE)
def test_loader_without_an_index_is_an_error(case):
    make, message = UNTRACKABLE[case]
    with pytest.raises(IndexTrackingError, match=message):
        TrackedLoader(make(), numbered())


SOURCES = {
    "stream": (Stream, "Stream is an IterableDataset, which has no index; give a map-style Dataset"),
    "stream with a length": (StreamOfKnownLength, "StreamOfKnownLength is an IterableDataset"),
    "no length": (Endless, "Endless has no __len__, so nobody knows how many samples there are"),
    "loader": (lambda: DataLoader(numbered()), "X is a DataLoader, .* pass loader.dataset as X"),
    "Hugging Face": (HuggingFace, "X is a HuggingFace with the columns 'text', 'label', .* pass its columns"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_source_without_samples_at_positions_is_refused(kind):
    make, message = SOURCES[kind]
    calls = [
        lambda: make_net(callbacks=[("scores", ActionScoreRecorder())]).partial_fit(make(), np.zeros(N, np.int64)),
        lambda: ActionScoreClassifier(make_net()).fit(make()),
        lambda: ActionScoreClassifier(make_net()).fit(make(), y),
        lambda: ActionScoreClassifier(make_net()).fit(*make_vectors(), eval_set=(make(), y)),
    ]
    for call in calls:
        with pytest.raises(IndexTrackingError, match=message):
            call()


def test_order_does_not_matter_without_workers():
    loader = tracked(DataLoader(numbered(), in_order=False))
    assert sum(len(loader.rows_of(batch)) for batch in loader) == N


@pytest.mark.parametrize("workers", [0, 2])
def test_names_are_no_positions(workers):
    names = [str(i) for i in range(N)]
    loader = tracked(DataLoader(Names(), batch_size=4, sampler=names, num_workers=workers))
    with pytest.raises(IndexTrackingError, match="the sampler yields str, but a sample is known by its position"):
        list(loader)


def test_part_of_other_data_is_an_error():
    with pytest.raises(IndexTrackingError, match="returned a TensorDataset that is not a part of X"):
        Alignment(numbered(), numbered())


def plain_iterator(dataset, **options):
    return [batch for batch in DataLoader(dataset, batch_size=options["batch_size"])]  # noqa: C416


NETS = {
    "train_split": ({"train_split": split_of_other_data}, "train_split returned a Dataset that is not a part of X"),
    "iterator": ({"iterator_train": plain_iterator}, "list is not a torch DataLoader"),
    "loader": ({"iterator_train": OwnIteration}, "OwnIteration iterates in its own way"),
}


@pytest.mark.parametrize("case", NETS)
def test_net_is_refused_before_training(case):
    options, message = NETS[case]
    net = make_net(**options, callbacks=[("action_scores", ActionScoreRecorder())])
    seed_everything()
    net.initialize()
    before = net.module_[0].weight.detach().clone()
    with pytest.raises(IndexTrackingError, match=message):
        net.partial_fit(*make_vectors())
    assert torch.equal(net.module_[0].weight, before)
