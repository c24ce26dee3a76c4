"""Collate functions that reorder the samples of a batch are refused; those that augment, pad or gather are not."""

import random
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from helpers import make_net, make_vectors, random_streams, seed_everything
from skorch.dataset import ValidSplit
from torch.nn.utils.rnn import pack_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset, default_collate

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.data.collation import check_order
from actscore_sk.data.loading import TrackedLoader
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.exceptions import IndexTrackingError

N = 12
RNG = np.random.default_rng(0)
GENERATOR = torch.Generator().manual_seed(0)


class Sequences(Dataset):
    """Sequences of different lengths with labels."""

    def __init__(self, label=lambda i: i % 3):
        self.label = label

    def __len__(self):
        return N

    def __getitem__(self, i):
        return torch.arange(1.0, 3 + (5 * i) % N) + 100 * i, self.label(i)


def padded(samples):
    X, y = zip(*samples, strict=True)
    return pad_sequence(X, batch_first=True), torch.tensor(y)


def by_length(samples):
    return padded(sorted(samples, key=lambda sample: -len(sample[0])))


def reversed_batch(samples):
    return padded(samples[::-1])


def shuffled(samples):
    return padded(random.sample(samples, len(samples)))


def shuffled_by_own_generator(samples):
    return padded([samples[i] for i in RNG.permutation(len(samples))])


def rotated(samples):
    return padded(samples[1:] + samples[:1])


def sorted_images_and_targets(samples):
    return tuple(zip(*sorted(samples, key=lambda sample: len(sample[0])), strict=True))


class SortedAndNoisy:
    """Sorts, and adds noise to X, so that labels alone tell."""

    def __call__(self, samples):
        X, y = by_length(samples)
        return X + torch.rand(X.shape, generator=GENERATOR), y


REORDERING = {
    "by length": by_length,
    "reversed": reversed_batch,
    "shuffled": shuffled,
    "shuffled by a generator of its own": shuffled_by_own_generator,
    "rotated": rotated,
    "lists": sorted_images_and_targets,
    "sorted and noisy": SortedAndNoisy(),
    "dict": lambda samples: dict(zip(("X", "y"), by_length(samples), strict=True)),
}


@pytest.mark.parametrize("kind", REORDERING)
def test_reordering_is_refused(kind):
    loader = DataLoader(Sequences(), batch_size=4, collate_fn=REORDERING[kind])
    with pytest.raises(IndexTrackingError, match=r"gives the samples of a batch back in another order.*batch_sampler"):
        TrackedLoader(loader, loader.dataset)


@pytest.mark.parametrize("label", [lambda i: 0, lambda i: i // 6], ids=["equal", "sorted"])
def test_reordering_is_noticed_whatever_the_labels_are(label):
    with pytest.raises(IndexTrackingError, match="by_length"):
        check_order(DataLoader(Sequences(label), collate_fn=by_length))


def noisy(samples):
    X, y = padded(samples)
    return X + torch.randn(X.shape), y


def mixed_up(samples):
    """Mixes each sample with another one, its label, too."""
    X, y = padded(samples)
    other, share = torch.randperm(len(y)), np.random.beta(1, 1)  # noqa: NPY002 - as users do
    return share * X + (1 - share) * X[other], share * y + (1 - share) * y[other]


class Cropping:
    """Draws from generators that it holds."""

    def __init__(self):
        self.rng, self.generator, self.python = np.random.default_rng(1), torch.Generator(), random.Random(1)

    def __call__(self, samples):
        X, y = padded(samples)
        width = self.rng.integers(1, X.shape[1])
        return X[:, :width] + torch.rand(1, generator=self.generator) + self.python.random(), y


def with_global_generators(samples):
    X, y = padded(samples)
    return X + RNG.random() + torch.rand(1, generator=GENERATOR), y


def gathered(samples):
    """As for CTC: targets one behind the other, and lengths."""
    X, y = zip(*samples, strict=True)
    lengths = torch.tensor([len(part) for part in X])
    return {"X": pad_sequence(X), "lengths": lengths}, (torch.tensor(y), torch.cat(X), lengths)


def centred(samples):
    X, y = padded(samples)
    return X - X.mean(0), y


def failing(samples):
    raise RuntimeError("only batches of 4")


KEEPING = {
    "padded": padded,
    "default": lambda samples: default_collate([(len(X), y) for X, y in samples]),
    "noisy": noisy,
    "mixed up": mixed_up,
    "own generators": Cropping(),
    "global generators": with_global_generators,
    "packed": lambda samples: (pack_sequence([X for X, _ in samples], enforce_sorted=False), padded(samples)[1]),
    "gathered": gathered,
    "lists": lambda samples: tuple(zip(*samples, strict=True)),
    "dicts": lambda samples: ([X for X, _ in samples], [{"label": y, "box": X[:1]} for X, y in samples]),
    "centred": centred,
    "failing": failing,
}


@pytest.mark.parametrize("kind", KEEPING)
def test_functions_that_keep_the_order_pass_and_no_stream_moves(kind):
    held = [RNG.bit_generator.state, GENERATOR.get_state().tolist()]
    if kind == "own generators":
        held += [KEEPING[kind].rng.bit_generator.state, KEEPING[kind].python.getstate()]
    seed_everything()
    before = random_streams()
    check_order(DataLoader(Sequences(), batch_size=4, collate_fn=KEEPING[kind]))
    assert random_streams() == before
    found = [RNG.bit_generator.state, GENERATOR.get_state().tolist()]
    if kind == "own generators":
        found += [KEEPING[kind].rng.bit_generator.state, KEEPING[kind].python.getstate()]
    assert found == held


class Drawing(Sequences):
    """A data set that draws from a generator of its own at each sample."""

    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(2)

    def __getitem__(self, i):
        X, y = super().__getitem__(i)
        return X + self.rng.random(), y


def test_samples_are_read_without_moving_the_stream_of_the_data_set():
    data = Drawing()
    before = data.rng.bit_generator.state
    check_order(DataLoader(data, collate_fn=padded))
    assert data.rng.bit_generator.state == before


def test_a_function_that_writes_into_its_samples_does_not_reach_the_data():
    X, y = make_vectors()

    def halving(samples):
        for sample in samples:
            sample[0][:] *= 0.5
        return default_collate(samples)

    given = X.copy()
    check_order(DataLoader([*zip(given, y, strict=True)], collate_fn=halving))
    np.testing.assert_array_equal(given, X)


def sorting(samples):
    return default_collate(sorted(samples, key=lambda sample: float(sample[0][0])))


@pytest.mark.parametrize("part", ["train", "valid"])
def test_a_net_is_refused_before_its_first_update(part):
    X, y = make_vectors()
    options = {f"iterator_{part}__collate_fn": sorting, "train_split": ValidSplit(4)}
    net = make_net(callbacks=[("scores", ActionScoreRecorder())], **options).initialize()
    before = net.module_[0].weight.detach().clone()
    for fit in (net.partial_fit, ActionScoreClassifier(make_net(**options)).fit):
        with pytest.raises(IndexTrackingError, match="collate_fn=sorting"):
            fit(X, y)
    assert torch.equal(net.module_[0].weight, before)


def mixup(samples):
    """Mix each sample with another, as torchvision's transforms of batches do."""
    X, y = default_collate(samples)
    y, places, share = torch.nn.functional.one_hot(y, 3).float(), torch.randperm(len(X)), np.random.beta(1, 1)  # noqa: NPY002
    return share * X + (1 - share) * X[places], share * y + (1 - share) * y[places]


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
def test_mixtures_are_warned_of_where_their_losses_are_recorded(recording):
    recorder = ActionScoreRecorder(recording)
    net = make_net(iterator_train__collate_fn=mixup, train_split=None, callbacks=[("scores", recorder)])
    with pytest.warns() if recording == "training" else nullcontext([]) as told:
        net.fit(*make_vectors())
    assert [str(each.message)[:42] for each in told] == ["collate_fn=mixup mixes the targets of samp"] * len(told)
    assert (recorder.n_visits_ > 0).all()
