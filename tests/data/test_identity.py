"""Data sets that hold the same samples, and those that hold others, however many samples they have."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from skorch.dataset import Dataset as SkorchDataset
from torch.utils.data import Dataset, Subset, TensorDataset

from actscore_sk.data.identity import identify

N = 6000
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 3)).astype(np.float32)
y = rng.integers(0, 3, N)
order = rng.permutation(N)


class OnDisk(Dataset):
    """Reads its samples when asked, and knows its targets."""

    def __init__(self, targets):
        self.targets = targets

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        raise AssertionError("a sample was read")


KINDS = {
    "array": lambda X, y: identify(X, y),
    "double": lambda X, y: identify(X.astype(np.float64), y.astype(np.float64)),
    "tensor": lambda X, y: identify(torch.as_tensor(X), torch.as_tensor(y)),
    "data set of skorch": lambda X, y: identify(SkorchDataset(X, y)),
    "data set of tensors": lambda X, y: identify(TensorDataset(torch.as_tensor(X), torch.as_tensor(y))),
    "part": lambda X, y: identify(Subset(SkorchDataset(X[::-1], y[::-1]), range(N - 1, -1, -1))),
    "dict": lambda X, y: identify({"a": X, "b": X[:, 0]}, y),
    "tuple": lambda X, y: identify((X, X[:, 0]), (y, X)),
    "sparse": lambda X, y: identify(sparse.csr_matrix(X), y),
    "strings": lambda X, y: identify(X, np.array(["no", "perhaps", "yes"])[y]),
    "dense targets": lambda X, y: identify(X, np.repeat(y, 20).reshape(N, 20)),
    "frame": lambda X, y: identify(pd.DataFrame(X).assign(name="a"), y, pd.date_range("2020", periods=N)),
    "on disk": lambda X, y: identify(OnDisk(y)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_equal_samples_are_the_same_and_shuffled_ones_are_not(kind):
    identity = KINDS[kind](X, y)
    identity.check_same(KINDS[kind](X.copy(), y.copy()))
    with pytest.raises(ValueError, match="targets differ"):
        identity.check_same(KINDS[kind](X[order], y[order]))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "on disk"])
def test_other_values_in_X_are_noticed(kind):
    assert KINDS[kind](X, y).differing(KINDS[kind](X + 1, y)) == ["X"] if kind != "tuple" else ["X", "targets"]


def test_one_target_among_many_is_noticed():
    other = y.copy()
    other[4321] += 1
    assert identify(X, y).differing(identify(X, other)) == ["targets"]


def test_samples_of_another_type_are_compared_by_value():
    names = ["array", "double", "tensor", "data set of skorch", "data set of tensors", "part"]
    identities = [KINDS[name](X, y) for name in names]
    assert all(identity == identities[0] for identity in identities)


def test_what_cannot_be_read_is_not_compared():
    things = [object()] * N
    identify(things, y).check_same(identify([object()] * N, y))
    with pytest.raises(ValueError, match=f"X has {N - 1} samples, but the scores so far are those of {N}"):
        identify(things).check_same(identify(things[:-1]))


def test_a_memory_map_is_not_read_whole(tmp_path):
    class Seen(np.ndarray):
        n_bytes = 0

        def __getitem__(self, index):
            found = np.asarray(self.view(np.ndarray)[index])
            Seen.n_bytes += found.nbytes
            return found

    large = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.uint8, (50_000, 3, 32, 32))
    assert identify(large.view(Seen)).digests
    assert 0 < Seen.n_bytes < large.nbytes / 20
