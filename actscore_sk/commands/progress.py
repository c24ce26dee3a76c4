"""The net that the commands train, and how they follow its training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback
from torch import nn, optim

# Hidden units for a feature; more features than this allows for share the widest layer.
UNITS_PER_FEATURE = 4
WIDTHS = (32, 256)
# A batch is this part of the rows: a small table still gives an epoch enough steps to learn from.
BATCHES_PER_EPOCH = 16
BATCH_SIZES = (16, 256)
LEARNING_RATE = 2e-3

NETS: dict[str, tuple[type[NeuralNet], type[nn.Module]]] = {
    "classification": (NeuralNetClassifier, nn.CrossEntropyLoss),
    "regression": (NeuralNetRegressor, nn.MSELoss),
}


class MLP(nn.Sequential):
    """Two hidden layers of one width, with ReLU between.

    Parameters
    ----------
    n_features : int
        Columns of the input.
    n_outputs : int
        Columns of the output: one logit a class, or one number.
    """

    def __init__(self, n_features: int, n_outputs: int) -> None:
        width = int(np.clip(UNITS_PER_FEATURE * n_features, *WIDTHS))
        super().__init__(
            nn.Linear(n_features, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, n_outputs),
        )


class EpochWatch(Callback):
    """Tell of each epoch, and do not let an interrupted training pass for a whole one.

    skorch ends the training at Ctrl-C and goes on: scores of half the epochs would look like any others.

    Parameters
    ----------
    advance : callable
        Called without arguments after each epoch. A function, since a clone of the net copies all else.
    """

    def __init__(self, advance: Callable[[], None]) -> None:
        self.advance = advance

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Start to count."""
        self.n_epochs_ = 0

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Count and tell."""
        self.n_epochs_ += 1
        self.advance()

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Pass an interrupt on."""
        # Called after skorch has caught the first interrupt, where nothing catches this one.
        if self.n_epochs_ < net.max_epochs:
            raise KeyboardInterrupt


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch work on one thread in the block.

    Steps of a small net take less time than its threads take to meet; on a busy machine they wait for each
    other up to fifty times longer than they work.

    Yields
    ------
    None
        The number of threads is what it was after the block.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def build_net(
    task: str, shape: tuple[int, int], n_outputs: int, *, epochs: int, advance: Callable[[], None]
) -> NeuralNet:
    """Build a small net whose size and batches fit the data.

    Parameters
    ----------
    task : {"classification", "regression"}
        Decides the kind of net and its loss: cross-entropy, or squared error.
    shape : (int, int)
        Rows and columns of the data.
    n_outputs : int
        One a class, or one.
    epochs : int
        Epochs of training.
    advance : callable
        Called without arguments after each epoch.

    Returns
    -------
    net : NeuralNetClassifier or NeuralNetRegressor
        Not initialised; it shuffles, holds no rows out and prints nothing.
    """
    n_rows, n_features = shape
    kind, criterion = NETS[task]
    return kind(
        MLP,
        module__n_features=n_features,
        module__n_outputs=n_outputs,
        criterion=criterion,
        optimizer=optim.Adam,
        lr=LEARNING_RATE,
        batch_size=int(np.clip(n_rows // BATCHES_PER_EPOCH, *BATCH_SIZES)),
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[("epoch_watch", EpochWatch(advance))],
        verbose=0,
    )
