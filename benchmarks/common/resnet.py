"""A ResNet-9 for CIFAR-10, trained by skorch for one cycle of the learning rate; images stay on the device."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from skorch.dataset import ValidSplit
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from benchmarks.common.nets import ResNet9

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of the colours of CIFAR-10
LOGIT_SCALE = 0.125  # without it, losses of the first epochs, at a high rate, are those of noise
PAD = 4  # pixels by which a training image is moved at most


class MovedResNet9(ResNet9):
    """A `ResNet9` of the ten classes of CIFAR-10; in train mode, images are moved and mirrored.

    Parameters
    ----------
    width : int
        Channels of the first convolution; the last one has eight times as many.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, width: int = 64) -> None:
        super().__init__(10, width)
        self.register_buffer("mean", 255 * torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", 255 * torch.tensor(STD)[:, None, None])

    def forward(self, X: Tensor) -> Tensor:
        """Map uint8 images (n, 3, 32, 32) to logits (n, 10), float32."""
        X = (X.float() - self.mean) / self.std
        return LOGIT_SCALE * self.logits(moved(X) if self.training else X)


def moved(X: Tensor) -> Tensor:
    """Move each image by up to four pixels in both directions, and mirror half of them."""
    n, _, height, width = X.shape
    padded = F.pad(X, (PAD,) * 4)
    top, left = torch.randint(2 * PAD + 1, (2, n, 1), device=X.device)
    rows, columns = top + torch.arange(height, device=X.device), left + torch.arange(width, device=X.device)
    columns = torch.where(torch.rand(n, 1, device=X.device) < 0.5, columns.flip(1), columns)
    images = torch.arange(n, device=X.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Cycle:
    """How the net is trained."""

    epochs: int = 20
    batch_size: int = 512
    max_lr: float = 0.4
    width: int = 64


def make_resnet(n_samples: int, cycle: Cycle, device: str, seed: int, *, holds_out: bool) -> NeuralNetClassifier:
    """Build a net that trains for one cycle, and holds a tenth out if it is told to."""
    steps = cycle.epochs * -(-n_samples // cycle.batch_size)
    schedule = LRScheduler(
        torch.optim.lr_scheduler.OneCycleLR,
        max_lr=cycle.max_lr,
        total_steps=steps,
        pct_start=0.25,
        step_every="batch",
    )
    return NeuralNetClassifier(
        partial(MovedResNet9, cycle.width),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        optimizer__momentum=0.9,
        optimizer__nesterov=True,
        optimizer__weight_decay=5e-4,
        lr=cycle.max_lr / 25,
        batch_size=cycle.batch_size,
        max_epochs=cycle.epochs,
        iterator_train__shuffle=True,
        train_split=ValidSplit(0.1, random_state=seed) if holds_out else None,
        callbacks=[("cycle", schedule)],
        device=device,
        verbose=0,
    )


def on_device(images: np.ndarray, labels: np.ndarray, device: str) -> TensorDataset:
    """Put uint8 images (n, 3, 32, 32) and their labels on the device."""
    return TensorDataset(torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device))


def out_of_fold(
    images: np.ndarray, labels: np.ndarray, cycle: Cycle, device: str, seed: int, n_folds: int
) -> np.ndarray:
    """Return what nets (one per fold) say of the images that they did not train on, (n, 10)."""
    fold = np.random.default_rng(seed).permutation(len(labels)) % n_folds
    says = np.empty((len(labels), 10), dtype=np.float32)
    for k in range(n_folds):
        torch.manual_seed(seed)
        net = make_resnet(len(labels), cycle, device, seed, holds_out=False)
        net.fit(on_device(images[fold != k], labels[fold != k], device), None)
        says[fold == k] = net.predict_proba(on_device(images[fold == k], labels[fold == k], device))
    return says
