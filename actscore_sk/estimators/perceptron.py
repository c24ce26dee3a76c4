"""The module of the default net: a perceptron that standardises its features, and brings its outputs to scale."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# Standard deviations that no squashed feature reaches; nearer to the center features hardly change.
_SQUASH_BOUND = 2.0


class Perceptron(nn.Module):
    """Two hidden layers between standardised, squashed features and, for regression, a standardised target.

    A feature z standard deviations from its center enters as z / sqrt(1 + (z / 2)²), between -2 and 2: a wild value,
    or a category of three rows, must not be enough to learn a row one by one.

    Parameters
    ----------
    center, scale : ndarray (n_features,)
        Subtracted from the features, and divided by.
    widths : tuple of int
        Of both hidden layers.
    n_outputs : int
        Number of classes, or of targets.
    target_center, target_scale : float or ndarray (n_outputs,)
        The output is scaled by one and moved by the other.
    dtype : torch.dtype
        Of the layers, and of the output.
    """

    center: Tensor
    scale: Tensor
    target_center: Tensor
    target_scale: Tensor

    def __init__(
        self,
        center: Any,
        scale: Any,
        widths: tuple[int, int],
        n_outputs: int,
        target_center: Any = 0.0,
        target_scale: Any = 1.0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        constants = {"center": center, "scale": scale, "target_center": target_center, "target_scale": target_scale}
        for name, value in constants.items():
            self.register_buffer(name, torch.as_tensor(np.array(value, dtype=np.float64)))
        # Double precision for few rows: it costs little, and scikit-learn checks weights against repetitions.
        self.dtype = dtype
        self.layers = nn.Sequential(
            nn.Linear(len(center), widths[0]),
            nn.SiLU(),
            nn.Linear(*widths),
            nn.SiLU(),
            nn.Linear(widths[1], n_outputs),
        ).to(dtype)

    def forward(self, X: Tensor) -> Tensor:
        """Map X (n_samples, ...) to outputs (n_samples, n_outputs)."""
        return self.rescaled(self.layers(self.squashed(X.flatten(1))))

    def squashed(self, X: Tensor) -> Tensor:
        """Standardise features (..., n_features), and keep them between the bounds."""
        # Numbers of X are as exact as their type; that of a double net, and of integers, is double.
        exact = self.dtype if X.dtype is self.dtype else torch.float64
        standardised = (X - self.center.to(exact)) / self.scale.to(exact)
        return (standardised / torch.sqrt(1 + (standardised / _SQUASH_BOUND) ** 2)).to(self.dtype)

    def rescaled(self, outputs: Tensor) -> Tensor:
        """Bring outputs (..., n_outputs) to the scale of the targets."""
        return (outputs * self.target_scale + self.target_center).to(self.dtype)
