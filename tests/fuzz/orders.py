"""Loaders, splits and optimizers of random configurations, for skorch and for the plain loop alike."""

from functools import partial

import numpy as np
import torch
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold
from skorch.dataset import ValidSplit
from torch.utils.data import Dataset, RandomSampler, Sampler, Subset, WeightedRandomSampler


class Eager(Sampler):
    """Draws when its iterator is made, not at the first item, and visits some samples twice and others never."""

    def __init__(self, n_samples):
        self.n_samples = n_samples

    def __len__(self):
        return self.n_samples

    def __iter__(self):
        return iter(torch.randint(self.n_samples, (self.n_samples,)).tolist())


class Batches(Eager):
    """Batches of three in random order."""

    def __len__(self):
        return -(-self.n_samples // 3)

    def __iter__(self):
        return iter([part.tolist() for part in torch.randperm(self.n_samples).split(3)])


def _generator():
    return torch.Generator().manual_seed(5)


RARE = ("workers",)  # slow: processes are started for each epoch
# name: options of a loader, from the number of samples that it draws from
ORDERS = {
    "in order": lambda n: {},
    "shuffled": lambda n: {"shuffle": True},
    "shuffled, rest dropped": lambda n: {"shuffle": True, "drop_last": True},
    "own generator": lambda n: {"shuffle": True, "generator": _generator()},
    "in order, own generator": lambda n: {"generator": _generator()},
    "weighted": lambda n: {"sampler": WeightedRandomSampler(np.arange(1.0, n + 1), n)},
    "weighted, own generator": lambda n: {"sampler": WeightedRandomSampler(np.ones(n), n, generator=_generator())},
    "with replacement": lambda n: {"sampler": RandomSampler(range(n), replacement=True)},
    "fewer": lambda n: {"sampler": RandomSampler(range(n), num_samples=max(1, n // 2))},
    "more": lambda n: {"sampler": RandomSampler(range(n), num_samples=n + 3)},
    "list": lambda n: {"sampler": [*reversed(range(n)), 0, 0]},
    "eager": lambda n: {"sampler": Eager(n)},
    "workers": lambda n: {"shuffle": True, "num_workers": 2},
    "batch sampler": lambda n: {"batch_sampler": Batches(n)},
}


def _overlapping(dataset, y=None, **kwargs):
    n = len(dataset)
    return Subset(dataset, range(n - 1)), Subset(dataset, range(n // 2, n))


def _shuffled(dataset, y=None, **kwargs):
    order = np.random.default_rng(3).permutation(len(dataset))
    return Subset(dataset, order[2:].tolist()), Subset(dataset, order[:2])


def _nested(dataset, y=None, **kwargs):
    part = Subset(dataset, range(1, len(dataset)))
    return Subset(part, range(len(part) - 2)), Subset(part, [-1, -2])


class Wrapped(Dataset):
    """Hands on the samples of another data set, as one that augments them does."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        X, y = self.data[i]
        return X, y


def _wrapped(dataset, y=None, **kwargs):
    return tuple(map(Wrapped, _nested(dataset)))


# name: what skorch is given, and positions (trained, held out) for the plain loop from y
SPLITS = {
    "none": (None, lambda n, y: (None, None)),
    "five": (ValidSplit(5), lambda n, y: next(KFold(5).split(np.empty(n)))),
    "stratified": (
        ValidSplit(4, stratified=True),
        lambda n, y: next(StratifiedKFold(4).split(np.empty(n), y)),
    ),
    "share": (
        ValidSplit(0.3, random_state=1),
        lambda n, y: next(ShuffleSplit(test_size=0.3, random_state=1).split(np.empty(n))),
    ),
    "share, unseeded": (ValidSplit(0.3), lambda n, y: next(ShuffleSplit(test_size=0.3).split(np.empty(n)))),
    "overlapping": (_overlapping, lambda n, y: (np.arange(n - 1), np.arange(n // 2, n))),
    "shuffled": (
        _shuffled,
        lambda n, y: (np.random.default_rng(3).permutation(n)[2:], np.random.default_rng(3).permutation(n)[:2]),
    ),
    "nested": (_nested, lambda n, y: (np.arange(1, n - 2), np.array([n - 1, n - 2]))),
    "wrapped": (_wrapped, lambda n, y: (np.arange(1, n - 2), np.array([n - 1, n - 2]))),
}


def _closure_free(kind):
    class Custom(kind):
        """An optimizer of a user's own, which takes half steps."""

        def step(self, closure=None):
            loss = closure()
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.data.sub_(0.5 * group["lr"] * parameter.grad)
            return loss

    return Custom


OPTIMIZERS = {
    "SGD": (torch.optim.SGD, {"lr": 0.1}),
    "SGD, momentum": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "Adam": (torch.optim.Adam, {"lr": 0.02}),
    "AdamW": (torch.optim.AdamW, {"lr": 0.02, "weight_decay": 0.1}),
    "RMSprop": (torch.optim.RMSprop, {"lr": 0.01}),
    "Adagrad": (torch.optim.Adagrad, {"lr": 0.05}),
    "LBFGS": (torch.optim.LBFGS, {"lr": 0.1, "max_iter": 3}),
    "own": (_closure_free(torch.optim.SGD), {"lr": 0.1}),
}


def plain_optimizer(name, parameters, module):
    """Make the optimizer as skorch does: of all parameters, in the order of module and criterion."""
    kind, options = OPTIMIZERS[name]
    return kind([parameter for _, parameter in parameters], **options)


def optimizer_of(name):
    """What the plain loop makes its optimizer with."""
    return partial(plain_optimizer, name)
