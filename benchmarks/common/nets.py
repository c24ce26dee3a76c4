"""Small nets, and how they are trained."""

from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNetClassifier
from torch import nn


def perceptron(n_features: int, n_classes: int, width: int = 128) -> nn.Module:
    """Two hidden layers."""
    first, second = nn.Linear(n_features, width), nn.Linear(width, width)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), nn.Linear(width, n_classes))


def strided_cnn(n_classes: int = 10) -> nn.Module:
    """Two strided convolutions and a linear layer, for images of 28 x 28."""
    first = nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU()
    second = nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(32 * 7 * 7, n_classes))


def make_net(
    module: Callable[[], nn.Module], *, lr: float = 0.01, batch_size: int = 64, max_epochs: int = 20, **options: Any
) -> NeuralNetClassifier:
    """Build a net that trains by Adam on shuffled batches, on all that it is given."""
    return NeuralNetClassifier(
        module,
        **{
            "criterion": nn.CrossEntropyLoss,
            "optimizer": torch.optim.Adam,
            "lr": lr,
            "batch_size": batch_size,
            "max_epochs": max_epochs,
            "iterator_train__shuffle": True,
            "train_split": None,
            "verbose": 0,
        }
        | options,
    )
