"""What skorch's own callbacks leave behind at the end of an epoch, without the work that nobody sees.

skorch lays out a row of its table where nothing is printed, and goes through the rows of the history four times for a
mean. With batches of microseconds that is a hundredth of the training. Callbacks and history end up equal, to the bit.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from skorch.callbacks import Callback, PassthroughScoring, PrintLog


def _pass_through(callback: PassthroughScoring, net: Any, **kwargs: Any) -> None:
    """Record the mean of a number over the batches of the epoch, as `PassthroughScoring.on_epoch_end` does."""
    batches, name = net.history[-1]["batches"], callback.name
    size = "train_batch_size" if callback.on_train else "valid_batch_size"
    pairs = [(row[size], row[name]) for row in batches if name in row and size in row]
    if not pairs and batches and not any(name in row for row in batches):
        return  # there is no validation part
    if not pairs:
        callback.on_epoch_end(net, **kwargs)  # which knows what is missing
        return
    weights, scores = map(np.array, zip(*pairs, strict=True))
    mean = (scores * weights).sum() / weights.sum()  # what np.average does, after a look at shapes
    is_best = callback._is_best_score(mean)
    if is_best:
        callback.best_score_ = mean
    net.history.record(name, mean)
    if is_best is not None:
        net.history.record(name + "_best", bool(is_best))


def _print_log(callback: PrintLog, net: Any, **kwargs: Any) -> None:
    """Do what `PrintLog.on_epoch_end` does: nothing, but for a mark, where nothing is printed."""
    if net.verbose or callback.sink is not print:
        callback.on_epoch_end(net, **kwargs)
    else:
        callback.first_iteration_ = False
        sys.stdout.flush()


_SHORT: dict[type[Callback], Callable] = {PassthroughScoring: _pass_through, PrintLog: _print_log}
_METHODS = {kind: {name: value for name, value in vars(kind).items() if callable(value)} for kind in _SHORT}


def in_short(listener: Callable) -> Callable:
    """Return a function with the same effect as a method of a callback, or the method itself.

    Parameters
    ----------
    listener : callable
        Method of a callback, such as ``callback.on_epoch_end``.

    Returns
    -------
    listener : callable
        A shorter one for `on_epoch_end` of some of skorch's callbacks; not of a subclass, nor if one of their methods
        is another one than at the import of this module.

    Examples
    --------
    >>> in_short(PrintLog().on_epoch_end).func.__name__
    '_print_log'
    >>> in_short(print) is print
    True
    """
    callback: Any = getattr(listener, "__self__", None)
    short = _SHORT.get(type(callback))
    if short is None or getattr(listener, "__name__", "") != "on_epoch_end":
        return listener
    methods = _METHODS[type(callback)]
    is_own = all(vars(type(callback)).get(name) is method for name, method in methods.items())
    return partial(short, callback) if is_own and not vars(callback).keys() & methods.keys() else listener
