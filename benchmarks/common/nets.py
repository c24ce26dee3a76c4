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


def colour_cnn(n_classes: int = 10) -> nn.Module:
    """Three strided convolutions and a linear layer, for pictures of 3 x 32 x 32."""
    layers: list[nn.Module] = []
    for n_in, n_out in ((3, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4 * 4, n_classes))


class ResNet9(nn.Module):
    """Eight convolutions with batch normalisation, two of the blocks residual, and a linear layer; for small pictures.

    It takes bytes or floats (n_samples, 3, 32, 32), computes in bfloat16 and returns logits in float32.
    """

    def __init__(self, n_classes: int = 10, width: int = 64) -> None:
        super().__init__()
        self.first = nn.Sequential(_convolution(3, width), _convolution(width, 2 * width, pooled=True))
        self.second = _residual(2 * width)
        self.third = nn.Sequential(
            _convolution(2 * width, 4 * width, pooled=True), _convolution(4 * width, 8 * width, pooled=True)
        )
        self.fourth = _residual(8 * width)
        self.head = nn.Sequential(nn.MaxPool2d(4), nn.Flatten(), nn.Linear(8 * width, n_classes))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map pictures to logits."""
        return self.logits(X.to(torch.bfloat16) / 255)

    def logits(self, X: torch.Tensor) -> torch.Tensor:
        """Map pictures whose values are of about unit scale to logits."""
        with torch.autocast(X.device.type, torch.bfloat16):
            X = self.first(X.contiguous(memory_format=torch.channels_last))
            X = self.third(X + self.second(X))
            return self.head(X + self.fourth(X)).float()


def _convolution(n_in: int, n_out: int, *, pooled: bool = False) -> nn.Module:
    layers = [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pooled else []))


def _residual(width: int) -> nn.Module:
    return nn.Sequential(_convolution(width, width), _convolution(width, width))


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
