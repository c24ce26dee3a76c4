"""Criteria as users write them: with a state, with a random stream, with options, with parameters of their own."""

import random

import numpy as np
import torch
from helpers import cross_entropies
from torch import nn
from torch.nn import functional as F


class Reduced(nn.Module):
    """Base of criteria of a user's own that obey `reduction`."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def each(self, output, target):
        """Loss of each sample (n,)."""
        return cross_entropies(output, target)

    def forward(self, output, target):
        losses = self.each(output, target)
        return {"mean": torch.mean, "sum": torch.sum, "none": lambda same: same}[self.reduction](losses)


class Focal(Reduced):
    """Focal loss, whose `gamma` may be annealed."""

    gamma = 2.0

    def each(self, output, target):
        losses = cross_entropies(output, target)
        return (1 - torch.exp(-losses)) ** self.gamma * losses


class Vector(nn.Module):
    """Criterion that returns one loss per sample."""

    def forward(self, output, target):
        return cross_entropies(output, target)


class Scalar(nn.Module):
    """Criterion that hides the losses of single samples."""

    def forward(self, output, target):
        return F.cross_entropy(output, target)


class Random(Reduced):
    """Weighs samples at random, on torch's stream."""

    def each(self, output, target):
        return cross_entropies(output, target) * torch.rand(len(target))


class RandomNumpy(Reduced):
    """Weighs batches at random, on the streams of NumPy and Python."""

    def each(self, output, target):
        return cross_entropies(output, target) * (np.random.uniform() + random.random())  # noqa: NPY002


class OwnGenerator(Reduced):
    """Draws from a generator of its own."""

    def __init__(self, reduction="mean"):
        super().__init__(reduction)
        self.generator = torch.Generator().manual_seed(0)

    def each(self, output, target):
        return cross_entropies(output, target) * torch.rand(len(target), generator=self.generator)


class RunningBuffer(Reduced):
    """Keeps a running mean in a buffer, written in place."""

    def __init__(self, reduction="mean"):
        super().__init__(reduction)
        self.register_buffer("running", torch.tensor(1.0))

    def each(self, output, target):
        losses = cross_entropies(output, target) * self.running.clone()
        self.running.mul_(0.9).add_(losses.detach().mean(), alpha=0.1)
        return losses


class ReplacedBuffer(RunningBuffer):
    """Keeps it in a buffer that each call replaces."""

    def each(self, output, target):
        losses = cross_entropies(output, target) * self.running
        self.running = 0.9 * self.running + 0.1 * losses.detach().mean()
        return losses


class Counting(Reduced):
    """Counts its calls in a list."""

    def __init__(self, reduction="mean"):
        super().__init__(reduction)
        self.calls = []

    def each(self, output, target):
        self.calls.append(len(target))
        return cross_entropies(output, target) / len(self.calls)


class NamedOptions(nn.Module):
    """Takes options by position, by name, and by name only."""

    def forward(self, output, target, scale=None, mask=None, *, power=1):
        losses = cross_entropies(output, target) ** power
        losses = losses if scale is None else losses * scale
        return losses if mask is None else losses * mask


class LearnedTemperature(Reduced):
    """Has a parameter, which the optimizer trains."""

    def __init__(self, reduction="mean"):
        super().__init__(reduction)
        self.temperature = nn.Parameter(torch.tensor(2.0))

    def each(self, output, target):
        return cross_entropies(output / self.temperature, target)
