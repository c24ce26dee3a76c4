"""Data and nets for the tests, and a training loop that owes nothing to skorch or to the package."""

import random
from collections import namedtuple

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset

# One visit: running number of the epoch, whether it was trained on, positions in X, loss of each sample,
# output of the net, targets.
Visit = namedtuple("Visit", "epoch training rows losses output target")


def make_vectors(n_samples=70, n_classes=3, seed=0):
    """Give X (n, 5) float32 and labels 0..K-1 that X does not fully explain."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 5)).astype(np.float32)
    y = (X[:, :n_classes] + rng.normal(size=(n_samples, n_classes))).argmax(axis=1)
    return X, y.astype(np.int64)


def make_images(n_samples=70):
    """Give X (n, 1, 6, 6) float32 and labels of three classes."""
    _, y = make_vectors(n_samples)
    return np.random.default_rng(1).normal(size=(n_samples, 1, 6, 6)).astype(np.float32), y


def make_tokens(n_samples=70):
    """Give X (n, 4) int64 below 11 and labels of three classes."""
    _, y = make_vectors(n_samples)
    return np.random.default_rng(1).integers(0, 11, size=(n_samples, 4)), y


def make_numbers(n_samples=70):
    """Give X (n, 5) and targets (n, 1), both float32."""
    X, y = make_vectors(n_samples)
    return X, (X[:, :1] + y[:, None]).astype(np.float32)


def make_binary(n_samples=70):
    """Give X (n, 5) and targets (n,), 0.0 or 1.0, both float32."""
    X, y = make_vectors(n_samples, n_classes=2)
    return X, y.astype(np.float32)


class Drifting(nn.Module):
    """Layer with a buffer that changes at each call, in training and in evaluation."""

    def __init__(self):
        super().__init__()
        self.register_buffer("drift", torch.tensor(0.0))

    def forward(self, X):
        self.drift.add_(0.1 * X.mean())
        return X + self.drift.clone()


class Net(nn.Sequential):
    """Small net; `kind` chooses the layers."""

    def __init__(self, kind="mlp", n_outputs=3):
        layers = {
            "mlp": [nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, n_outputs)],
            "cnn": [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, n_outputs)],
            "noisy": [nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, n_outputs)],
            "lazy": [nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(n_outputs)],
            "tokens": [nn.Embedding(11, 4), nn.Flatten(), nn.Linear(16, n_outputs)],
            "probabilities": [nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, n_outputs), nn.Softmax(-1)],
            "drifting": [Drifting(), nn.Linear(5, n_outputs)],
            "flat": [nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)],
            "flat_probability": [nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid(), nn.Flatten(0)],
        }
        super().__init__(*layers[kind])


def make_net(net_class=NeuralNetClassifier, kind="mlp", n_outputs=3, criterion=nn.CrossEntropyLoss, **options):
    """Give a net that trains two shuffled epochs on all of X, unless told otherwise."""
    defaults = {"max_epochs": 2, "batch_size": 16, "lr": 0.1, "verbose": 0, "train_split": None}
    defaults |= {"iterator_train__shuffle": True, "module__kind": kind, "module__n_outputs": n_outputs}
    return net_class(Net, criterion=criterion, **{**defaults, **options})


def seed_everything(seed=0):
    """Seed the three global generators."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what a user's own code draws from
    random.seed(seed)


def random_streams():
    """Give the state of the three global generators, comparable with ==."""
    name, words, *rest = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), (name, words.tolist(), *rest), random.getstate()


def tensors_of(net):
    """Give all parameters and buffers of module and criterion, copied."""
    parts = {"module": net.module_.state_dict()}
    if isinstance(net.criterion_, nn.Module):
        parts["criterion"] = net.criterion_.state_dict()
    return {f"{part}.{name}": value.clone() for part, state in parts.items() for name, value in state.items()}


def history_of(net):
    """Give what skorch wrote down, without the clock."""
    return [{name: value for name, value in epoch.items() if name != "dur"} for epoch in net.history.to_list()]


class Numbered(Dataset):
    """Give the position in X along with each sample."""

    def __init__(self, X, y):
        self.X, self.y = torch.as_tensor(X), torch.as_tensor(y)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y[i], i


def train_plainly(
    X,
    y,
    each_loss,
    *,
    kind="mlp",
    n_outputs=3,
    reduce=torch.mean,
    scored=None,
    train=None,
    valid=None,
    epochs=2,
    batch_size=16,
    optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    seed=0,
    **loader_options,
):
    """Train in plain torch as skorch does with the same seed; give the module and all visits.

    `each_loss` maps output and target to one loss per sample, `reduce` these to what is trained on (it may take the
    target as a second argument), `scored` to what is recorded, if that is something else. `train`
    and `valid` are positions in X.
    """
    seed_everything(seed)
    module = Net(kind, n_outputs)
    optimizer = optimizer(module.parameters())
    data, visits = Numbered(X, y), []
    train = data if train is None else Subset(data, train)
    loader_options = {"batch_size": batch_size, "shuffle": True, **loader_options}
    train_loader = DataLoader(train, **loader_options)
    valid_loader = None if valid is None else DataLoader(Subset(data, valid), batch_size=batch_size)
    for epoch in range(1, epochs + 1):
        for Xi, yi, rows in train_loader:
            module.train()
            optimizer.zero_grad()
            output = module(Xi)
            losses = each_loss(output, yi)
            loss = reduce(losses) if reduce in (torch.mean, torch.sum) else reduce(losses, yi)
            loss.backward()
            optimizer.step()
            recorded = losses if scored is None else scored(output, yi)
            visits.append(Visit(epoch, True, rows.numpy(), recorded.detach().numpy(), output.detach(), yi))
        for Xi, yi, rows in valid_loader or ():
            module.eval()
            with torch.no_grad():
                output = module(Xi)
                losses = each_loss(output, yi)
            visits.append(Visit(epoch, False, rows.numpy(), losses.numpy(), output, yi))
    return module, visits


def add_up(visits, n_samples):
    """Give the sums of the losses (n,), NaN = never visited, and the numbers of visits (n,)."""
    total, count = np.zeros(n_samples), np.zeros(n_samples, dtype=int)
    for visit in visits:
        np.add.at(total, visit.rows, visit.losses.astype(np.float64))
        np.add.at(count, visit.rows, 1)
    return np.where(count > 0, total, np.nan), count


def spread(visits, values, n_samples):
    """Give a trajectory (n_epochs, n_samples) of `values`, one array a visit; for one visit an epoch at most."""
    rows = np.full((visits[-1].epoch, n_samples), np.nan)
    for visit, value in zip(visits, values, strict=True):
        rows[visit.epoch - 1, visit.rows] = value
    return rows


def cross_entropies(output, target, **options):
    """Cross-entropy of each sample."""
    return F.cross_entropy(output, target, reduction="none", **options)
