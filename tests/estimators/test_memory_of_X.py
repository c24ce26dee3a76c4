"""X is not copied: neither by a fit nor by a prediction, whatever its dtype and its container."""

import tracemalloc

import numpy as np
import pytest
import torch
from estimator_cases import MLP, make_net
from skorch import NeuralNetClassifier
from torch import nn

from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.recording.visit_buffer import HELD_BYTES, VisitBuffer

N, WIDTH = 4000, 256


class Recorded(NeuralNetClassifier):
    """Notes of what its data sets are made."""

    def get_dataset(self, X, y=None):
        if isinstance(X, (np.ndarray, torch.Tensor)):
            self.given_ = (*getattr(self, "given_", ()), X)
        return super().get_dataset(X, y)


class Flexible(MLP):
    """Takes any dtype, and notes which it got."""

    dtypes = ()

    def forward(self, X):
        self.dtypes = (*self.dtypes, X.dtype)
        return super().forward(X.float())


class Strict(Flexible):
    """Takes what its layers take."""

    def forward(self, X):
        self.dtypes = (*self.dtypes, X.dtype)
        return MLP.forward(self, X)


def bytes_of(folder):
    return np.random.default_rng(0).integers(0, 256, size=(N, WIDTH), dtype=np.uint8)


def read_only(folder):
    X = bytes_of(folder)
    X.flags.writeable = False
    return X


def mapped(folder):
    np.save(folder / "X.npy", bytes_of(folder).astype(np.float32))
    return np.load(folder / "X.npy", mmap_mode="r")


KINDS = {
    "bytes": bytes_of,
    "read-only": read_only,
    "doubles": lambda folder: bytes_of(folder).astype(np.float64),
    "floats": lambda folder: bytes_of(folder).astype(np.float32),
    "Fortran order": lambda folder: np.asfortranarray(bytes_of(folder)),
    "memory map": mapped,
    "tensor": lambda folder: torch.as_tensor(bytes_of(folder)),
}


@pytest.mark.parametrize("module", [Flexible, Strict])
@pytest.mark.parametrize("kind", KINDS)
def test_data_sets_are_made_of_the_memory_that_was_given(kind, module, tmp_path):
    X, y = KINDS[kind](tmp_path), np.arange(N) % 2
    net = make_net(Recorded, module, module__n_features=WIDTH, batch_size=100, max_epochs=1, lr=1e-6)
    clf = ActionScoreClassifier(net).fit(X[:20], y[:20])  # what is imported late is
    tracemalloc.start()
    try:
        clf.fit(X, y, eval_set=(X, y)).predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    given = clf.estimator_.given_
    assert len(given) == 3
    assert all(np.shares_memory(np.asarray(each), np.asarray(X)) for each in given)
    assert peak < 0.3 * X.nbytes + 2**20  # what torch allocates is not in it


@pytest.mark.parametrize("options", [{}, {"recording": "epoch_end"}], ids=["training", "epoch end"])
def test_large_samples_do_not_wait_in_large_numbers_for_their_evaluation(options, monkeypatch):
    """Each output that is held keeps the memory around it from being used for the next batch."""
    found, evaluate = [], VisitBuffer._evaluate

    def noted(self, visits):
        found.append(sum(len(visit.rows) for visit in visits))
        return evaluate(self, visits)

    monkeypatch.setattr(VisitBuffer, "_evaluate", noted)
    X, y = np.zeros((1000, 3000), np.float32), np.arange(1000) % 2
    net = make_net(module__n_features=3000, batch_size=50, max_epochs=2)
    ActionScoreClassifier(net, **options).fit(X, y, eval_set=(X, y))
    assert sum(found) == 2 * 2 * 1000
    assert max(found) * 3000 * 4 <= HELD_BYTES + 50 * 3000 * 4


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64, np.float32, bool])
def test_the_module_gets_what_skorch_would_pass_unless_it_refuses(dtype):
    X, y = bytes_of(None).astype(dtype)[:200], np.arange(200) % 2
    given = torch.from_numpy(X).dtype
    for module, expected in ((Flexible, given), (Strict, torch.float32)):
        net = make_net(module=module, module__n_features=WIDTH, lr=1e-6, max_epochs=1)
        clf = ActionScoreClassifier(net).fit(X, y, eval_set=(X, y))
        clf.predict_proba(X)
        assert set(clf.estimator_.module_.dtypes) == {expected}
        assert not clf.estimator_.module_._forward_pre_hooks


class Failing(Strict):
    """Fails in training only, and is never lost sight of."""

    made = ()

    def __init__(self, n_features):
        super().__init__(n_features)
        Failing.made = (*Failing.made, self)

    def forward(self, X):
        if self.training:
            raise RuntimeError("no training")
        return super().forward(X)


def test_hook_is_taken_off_after_an_error():
    with pytest.raises(RuntimeError, match="no training"):
        ActionScoreClassifier(make_net(module=Failing, module__n_features=WIDTH)).fit(bytes_of(None), np.arange(N) % 2)
    assert Failing.made
    assert not any(module._forward_pre_hooks for module in Failing.made)


def test_words_stay_integers_beside_numbers_that_are_cast():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.layer = nn.Embedding(10, 3), nn.Linear(4, 2)

        def forward(self, words, pixels):
            return self.layer(torch.cat([self.words(words), pixels], 1))

    words, pixels = np.arange(100) % 10, np.ones((100, 1))
    clf = ActionScoreClassifier(make_net(module=Both)).fit({"words": words, "pixels": pixels}, words % 2)
    assert clf.predict({"words": words, "pixels": pixels}).shape == (100,)
