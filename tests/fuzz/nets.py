"""Modules of random configurations, one for each kind of input; module-level, as a user's would be."""

import torch
from torch import nn


class Drifting(nn.Module):
    """Layer with a buffer that changes at each call, in training and in evaluation."""

    def __init__(self):
        super().__init__()
        self.register_buffer("drift", torch.tensor(0.0))

    def forward(self, X):
        self.drift.add_(0.1 * X.mean())
        return X + self.drift.clone()


class OwnTrain(nn.Sequential):
    """Keeps its first layer in evaluation mode, as those do who fine-tune."""

    def train(self, mode=True):
        super().train(mode)
        self[0].eval()
        return self


class Noise(nn.Module):
    """Adds numbers from torch's stream, while training."""

    def forward(self, X):
        return X + 0.1 * torch.randn_like(X) if self.training else X


class TwoInputs(nn.Module):
    """Takes words and numbers by name."""

    def __init__(self, n_outputs):
        super().__init__()
        self.words, self.layer = nn.Embedding(11, 2), nn.Linear(5 + 2, n_outputs)

    def forward(self, words, numbers):
        return self.layer(torch.cat([self.words(words).mean(1), numbers], 1))


class Heads(nn.Module):
    """Two outputs in a tuple."""

    def __init__(self, n_outputs):
        super().__init__()
        self.classes, self.number = nn.Linear(5, n_outputs), nn.Linear(5, 1)

    def forward(self, X):
        return self.classes(X), self.number(X)[:, 0]


class TimeFirst(nn.Module):
    """Log-probabilities (time, samples, characters), as CTC takes them."""

    def __init__(self, n_outputs):
        super().__init__()
        self.layer = nn.Linear(3, n_outputs)

    def forward(self, X):
        return self.layer(X).log_softmax(-1).transpose(0, 1)


class Half(nn.Sequential):
    """Computes in half precision, and returns it."""

    def forward(self, X):
        return super().forward(X.bfloat16())


class Bytes(nn.Sequential):
    """Takes images of bytes as they are."""

    def forward(self, X):
        return super().forward(X.float() / 255)


LAYERS = {
    "mlp": lambda k: [nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, k)],
    "linear": lambda k: [nn.Linear(5, k)],
    "noisy": lambda k: [nn.Linear(5, 6), nn.LayerNorm(6), nn.ReLU(), nn.Dropout(0.4), nn.Linear(6, k)],
    "batch norm": lambda k: [nn.BatchNorm1d(5, momentum=None), nn.Linear(5, k)],
    "own noise": lambda k: [Noise(), nn.Linear(5, k)],
    "lazy": lambda k: [nn.LazyLinear(6), nn.ReLU(), nn.LazyLinear(k)],
    "drifting": lambda k: [Drifting(), nn.Linear(5, k)],
    "probabilities": lambda k: [nn.Linear(5, 6), nn.Dropout(0.2), nn.Linear(6, k), nn.Softmax(-1)],
    "log-probabilities": lambda k: [nn.Linear(5, k), nn.LogSoftmax(-1)],
    "flat": lambda k: [nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 1), nn.Flatten(0)],
    "cnn": lambda k: [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, k)],
    "pixels": lambda k: [nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, k, 1)],
    "words": lambda k: [nn.Embedding(11, 3), nn.Flatten(), nn.Linear(12, k)],
}


class Module(nn.Module):
    """Module of some kind; its parameters are drawn from torch's stream."""

    def __init__(self, kind="mlp", n_outputs=3):
        super().__init__()
        self.body = make_body(kind, n_outputs)

    def forward(self, *inputs, **named):
        return self.body(*inputs, **named)


def make_body(kind="mlp", n_outputs=3):
    """Build the layers of a kind."""
    if kind == "two inputs":
        return TwoInputs(n_outputs)
    if kind == "time first":
        return TimeFirst(n_outputs)
    if kind == "heads":
        return Heads(n_outputs)
    if kind == "double":
        return nn.Sequential(*LAYERS["mlp"](n_outputs)).double()
    if kind == "half":
        return Half(*LAYERS["mlp"](n_outputs)).bfloat16()
    if kind == "own train":
        return OwnTrain(nn.Dropout(0.5), *LAYERS["mlp"](n_outputs))
    if kind == "bytes":
        return Bytes(*LAYERS["cnn"](n_outputs))
    return nn.Sequential(*LAYERS[kind](n_outputs))
