"""Who hears of batches in a training, and who of them reads the loss, sees the batch, or may change the data.

skorch waits for the loss of each batch, since a callback might read it; on a GPU the host then never gets ahead of the
device. Of skorch's own callbacks it is known what they read. Any other is taken to read and to see everything.
"""

from collections.abc import Callable
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import BatchScoring, Callback, EpochScoring, LRScheduler, TensorBoard
from skorch.utils import to_numpy
from torch.optim.lr_scheduler import ReduceLROnPlateau

# Methods of skorch's callbacks that run at the end of a batch: True if they read its loss.
_READS_LOSS: dict[Any, Callable[[Any], bool]] = {
    EpochScoring.on_batch_end: lambda callback: False,  # keeps outputs and targets for the end of the epoch
    TensorBoard.on_batch_end: lambda callback: False,
    LRScheduler.on_batch_end: lambda callback: (
        callback.step_every == "batch" and isinstance(callback.lr_scheduler_, ReduceLROnPlateau)
    ),
}
_EMPTY = {
    "on_batch_end": (Callback.on_batch_end, NeuralNet.on_batch_end),
    "on_grad_computed": (Callback.on_grad_computed, NeuralNet.on_grad_computed),
}


class BatchEvents:
    """Listeners of a net, found once per list of callbacks.

    Examples
    --------
    >>> from torch import nn
    >>> net = NeuralNet(nn.Linear(2, 1), criterion=nn.MSELoss, callbacks=[("own", Callback())]).initialize()
    >>> events = BatchEvents()
    >>> events.of_batch(net), events.sees_batches(net)
    ((False, [], False), False)
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple] = {}
        self._of_batch: tuple = None, 0, False, [], False

    def listeners(self, net: Any, event: str) -> list[Callable]:
        """Return the methods that `NeuralNet.notify` would call, less the empty ones.

        Parameters
        ----------
        net : NeuralNet
            In training.
        event : str
            Name of a method of callbacks, such as "on_batch_end".

        Returns
        -------
        listeners : list of callable
            In skorch's order: the net's own method first. The same list as long as the callbacks are the same.
        """
        callbacks = net.callbacks_
        known = self._known.get(event)
        if known is None or known[0] is not callbacks or known[1] != len(callbacks):
            methods = [getattr(thing, event) for thing in (net, *[callback for _, callback in callbacks])]
            empty = _EMPTY.get(event, (getattr(Callback, event),))
            heard = [method for method in methods if getattr(method, "__func__", None) not in empty]
            known = self._known[event] = callbacks, len(callbacks), heard
        return known[2]

    def of_batch(self, net: Any) -> tuple[bool, list[Callable], bool]:
        """Return what a step has to know, in one look.

        Returns
        -------
        begins : bool
            True if anybody but the net listens to the begin of a batch.
        ends : list of callable
            Who listens to its end.
        reads_loss : bool
            True if any of them may read the loss of a batch before the epoch ends. Then the host waits for it at each
            batch, as in skorch; else once per epoch.
        """
        known, callbacks = self._of_batch, net.callbacks_
        if known[0] is not callbacks or known[1] != len(callbacks):
            begins = len(self.listeners(net, "on_batch_begin")) > 1
            ends = self.listeners(net, "on_batch_end")
            known = self._of_batch = callbacks, len(callbacks), begins, ends, begins or any(map(_reads_loss, ends))
        return known[2:]

    def sees_batches(self, net: Any) -> bool:
        """Return True if a callback of the user's own gets batches, or a method of the net."""
        heard = [self.listeners(net, event) for event in ("on_batch_begin", "on_batch_end", "on_grad_computed")]
        return any(map(_sees_batch, heard[0][1:])) or any(map(_sees_batch, heard[1] + heard[2]))

    def changes_data(self, net: Any) -> bool:
        """Return True if code of the user's own runs between batches or epochs, which may write into X and y."""
        methods = (getattr(type(net), name) for name in ("on_epoch_begin", "on_epoch_end"))
        return not all(is_skorchs(callback) for _, callback in net.callbacks_) or any(
            not method.__module__.startswith("skorch.") for method in methods
        )


def _reads_loss(listener: Any) -> bool:
    known = _READS_LOSS.get(getattr(listener, "__func__", None))
    return known is None or known(listener.__self__)


def _sees_batch(listener: Any) -> bool:
    callback = getattr(listener, "__self__", None)
    hands_on = isinstance(callback, BatchScoring) or getattr(callback, "target_extractor", to_numpy) is not to_numpy
    return hands_on or not is_skorchs(callback)


def is_skorchs(thing: Any) -> bool:
    """Return True if the class of a callback is one of skorch's, or of this library."""
    return type(thing).__module__.partition(".")[0] in ("skorch", "actscore_sk")
