"""How objects present themselves: the call that makes them, and what they hold."""

import inspect
from typing import Any

_LONGEST = 80  # characters of a value


def call_of(instance: Any) -> str:
    """Return the call that makes an object, with the parameters that differ from their defaults.

    Parameters
    ----------
    instance : object
        It keeps each parameter of its constructor as an attribute of that name.

    Examples
    --------
    >>> class Recorder:
    ...     def __init__(self, reduction="sum", metrics=()):
    ...         self.reduction, self.metrics = reduction, metrics
    >>> call_of(Recorder(metrics=("aum",)))
    "Recorder(metrics=('aum',))"
    """
    changed = []
    for name, parameter in inspect.signature(type(instance)).parameters.items():
        value = getattr(instance, name)
        if parameter.default is parameter.empty:
            changed.append(_short(value))
        elif value is not parameter.default and _short(value) != repr(parameter.default):
            changed.append(f"{name}={_short(value)}")
    return f"{type(instance).__name__}({', '.join(changed)})"


def _short(value: Any) -> str:
    """Return what a reader can take in: an array, say, by its kind alone."""
    text = repr(value) if isinstance(value, (str, bool, int, float, tuple, list, type(None))) else ""
    return text if 0 < len(text) <= _LONGEST and "\n" not in text else f"<{type(value).__name__}>"


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count_of(1, "epoch"), count_of(1200, "sample")
    ('1 epoch', '1,200 samples')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
