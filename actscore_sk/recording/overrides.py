"""Who defines a method of a net: skorch, a subclass, or an attribute set on the instance.

The fast path replaces methods of skorch, so it must know that nobody else has replaced them before. Two places are
looked at: the classes of the net, without those that recording puts in front, and the attributes of the instance.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from skorch import NeuralNet

from actscore_sk.recording.class_swap import Swapped


def defining_class(kind: type, name: str) -> type | None:
    """Return the first class that defines `name`, without those that recording adds.

    Parameters
    ----------
    kind : type
        Class of the net.
    name : str
        Name of a method.

    Returns
    -------
    owner : type or None
        None if no class defines it.

    Examples
    --------
    >>> class Mine(NeuralNet):
    ...     def train_step(self, batch, **fit_params):
    ...         return super().train_step(batch, **fit_params)
    >>> defining_class(Mine, "train_step").__name__, defining_class(Mine, "get_loss").__name__
    ('Mine', 'NeuralNet')
    """
    for base in kind.__mro__:
        if name in vars(base) and not issubclass(base, Swapped) and not vars(base).get("_records_"):
            return base
    return None


class Stash:
    """Methods set on an instance, kept apart while the net is recorded: they would hide those of the mix-in.

    Parameters
    ----------
    net : NeuralNet
        The net; any object with attributes will do.
    names : tuple of str
        Methods of the mix-in.

    Attributes
    ----------
    methods : dict of str to list of callable
        The methods taken from the instance, by name, in the order in which they were set.
    running : list of str
        Names of those that are running.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> net = SimpleNamespace(get_loss=print, lr=0.1)
    >>> stash = Stash(net, ("get_loss",))
    >>> stash.take()
    ['get_loss']
    >>> vars(net), stash.latest
    ({'lr': 0.1}, {'get_loss': <built-in function print>})
    >>> stash.put_back()
    >>> net.get_loss is print
    True
    """

    def __init__(self, net: Any, names: tuple[str, ...]) -> None:
        self._net, self._names = net, names
        self.methods: dict[str, list[Any]] = {}
        self._guarded: dict[str, list[Callable]] = {}
        self.running: list[str] = []

    def take(self, names: tuple[str, ...] | None = None) -> list[str]:
        """Move the methods that hide the mix-in from the instance to `methods`.

        Called again at each epoch, since a callback may set a method in the middle of a training; the later one counts.

        Parameters
        ----------
        names : tuple of str, optional
            The methods to look for; by default, all of the mix-in.

        Returns
        -------
        found : list of str
            Names of those that were there.
        """
        attributes = vars(self._net)
        found = [name for name in self._names if name in attributes and (names is None or name in names)]
        for name in found:
            method = attributes.pop(name)
            self.methods.setdefault(name, []).append(method)
            self._guarded.setdefault(name, []).append(self._guard(name, method))
        return found

    def _guard(self, name: str, method: Any) -> Callable:
        """Return a function that calls `method`, and shows in `running` that it does."""

        @wraps(method, updated=())
        def guarded(*args: Any, **kwargs: Any) -> Any:
            self.running.append(name)
            try:
                return method(*args, **kwargs)
            finally:
                self.running.remove(name)

        return guarded

    def method(self, name: str) -> Callable | None:
        """Return the method to call in place of the net's own, if one was set.

        One that is running already has called the method that it stands in for: the one set before it, or the net's.
        """
        methods, n_running = self._guarded.get(name, []), self.running.count(name)
        return methods[-1 - n_running] if n_running < len(methods) else None

    @property
    def latest(self) -> dict[str, Any]:
        """Methods that would be on the instance, by name."""
        return {name: methods[-1] for name, methods in self.methods.items()}

    def put_back(self) -> None:
        """Set on the instance what was taken from it."""
        vars(self._net).update(self.latest)
        self.methods, self._guarded = {}, {}

    def is_plain(self, name: str, owner: type = NeuralNet) -> bool:
        """Return True if `name` is the method of `owner`, overridden nowhere: not in a class, not on the instance.

        The classes that recording puts in front of the net's own do not count.

        Parameters
        ----------
        name : str
            Name of a method.
        owner : type
            The class that is expected to define it.
        """
        is_set = name in vars(self._net) or name in self.methods
        return not is_set and defining_class(type(self._net), name) is owner

    def is_skorchs(self, name: str) -> bool:
        """Return True if `name` is a method of one of skorch's classes, whichever, overridden nowhere else."""
        owner = defining_class(type(self._net), name)
        is_set = name in vars(self._net) or name in self.methods
        return not is_set and owner is not None and str(vars(owner)[name].__module__).startswith("skorch.")


def steps_once(optimizer: Any) -> bool:
    """Return True if a step evaluates the loss once, and gradients are cleared as torch's optimizers do."""
    kind = type(optimizer)
    is_torch = kind.__module__.startswith("torch.optim.") and kind is not torch.optim.LBFGS
    return is_torch and kind.zero_grad is torch.optim.Optimizer.zero_grad and "zero_grad" not in vars(optimizer)
