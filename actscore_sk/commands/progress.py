"""Follow a training on the screen: its epochs, its threads, an interrupt."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback


class EpochWatch(Callback):
    """Advance a progress bar after each epoch, and raise again the Ctrl-C that skorch swallows.

    skorch ends the training and goes on as if it were complete: scores of half the epochs would look like any others.

    Parameters
    ----------
    advance : callable
        Called without arguments after each epoch. A function, since a clone of the net copies all else.
    """

    is_repeatable = True  # a second fit on all rows may call it again

    def __init__(self, advance: Callable[[], None]) -> None:
        self.advance = advance

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Start to count epochs."""
        self.n_epochs_ = 0

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Count an epoch and advance."""
        self.n_epochs_ += 1
        self.advance()

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Raise KeyboardInterrupt if epochs are missing."""
        # Called after skorch has caught the first interrupt, where nothing catches this one.
        session = getattr(net, "session_", None)  # that records the net, and may have had enough of it
        if self.n_epochs_ < net.max_epochs and not (session is not None and session.is_complete):
            raise KeyboardInterrupt


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch work on one thread in the block.

    A step of a small net is shorter than the time that threads need to synchronise; on a busy machine they wait for
    each other up to fifty times longer than they compute.

    Yields
    ------
    None
        After the block torch has as many threads as before.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
