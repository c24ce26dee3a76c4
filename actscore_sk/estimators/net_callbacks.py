"""The callbacks that a net was made with, instances or classes: what each does, as far as a fit has to know."""

import inspect
from typing import Any

from skorch.callbacks import Callback, EpochScoring, LRScheduler

# Callbacks of skorch that do nothing outside of the net and its history, so that a training can be repeated.
_SCHEDULES = ("Freezer", "LRScheduler", "ParamMapper", "Unfreezer", "WarmRestartLR")
_OTHERS = ("BatchScoring", "EpochScoring", "EpochTimer", "GradientNormClipping", "Initializer", "InputShapeSetter")
_REPEATABLE = {*_SCHEDULES, *_OTHERS, "EarlyStopping", "PassthroughScoring", "PrintLog", "ProgressBar"}


def callbacks_of(net: Any) -> list[Any]:
    """Return the callbacks that a net was made with, without their names."""
    listed = getattr(net, "callbacks", None)
    return [_of_pair(each) for each in listed] if isinstance(listed, list | tuple) else []


def _of_pair(each: Any) -> Any:
    """Return the callback of an entry: it may have a name."""
    return each[1] if isinstance(each, list | tuple) else each


def without(callbacks: Any, name: str) -> Any:
    """Return a list of callbacks, named or not, without those of a class; anything but a list as it is."""
    if not isinstance(callbacks, list | tuple):
        return callbacks
    return [each for each in callbacks if name_of(_of_pair(each)) != name]


def name_of(callback: Any) -> str:
    """Return the name of the class of a callback."""
    return callback.__name__ if isinstance(callback, type) else type(callback).__name__


def steers(callback: Any) -> bool:
    """Return True for callbacks of skorch that change how a net learns from epoch to epoch."""
    return name_of(callback) in _SCHEDULES


def watched_by(callback: Any) -> Any:
    """Return what a callback, or one that is made of a class, watches in the history; None if nothing."""
    if not isinstance(callback, type):
        return getattr(callback, "monitor", None)
    return getattr(inspect.signature(callback).parameters.get("monitor"), "default", None)


def is_repeatable(callback: Any) -> bool:
    """Return True for callbacks of skorch without effects outside, and for those that say so of themselves."""
    kind = callback if isinstance(callback, type) else type(callback)
    return (
        callback is None
        or getattr(kind, "is_repeatable", False)
        or (kind.__module__.startswith("skorch.") and kind.__name__ in _REPEATABLE)
    )


def hears_batches(callback: Any) -> bool:
    """Return True for a callback that does something with training batches; its net is not trained with others at once.

    Parameters
    ----------
    callback : Callback, type or None
        As a net is made with it.

    Examples
    --------
    >>> hears_batches(EpochScoring("accuracy")), hears_batches(EpochScoring("accuracy", on_train=True))
    (False, True)
    """
    kind = callback if isinstance(callback, type) else type(callback)
    if kind is LRScheduler:
        return getattr(callback, "step_every", "epoch") != "epoch"
    if kind is EpochScoring:  # of the validation part, it has nothing to do
        return bool(getattr(callback, "on_train", False))
    events = "on_batch_begin", "on_batch_end", "on_grad_computed"
    return callback is not None and any(getattr(kind, name, None) is not getattr(Callback, name) for name in events)
