"""Who defines a method of a net: skorch, a subclass, or an attribute set on the instance."""

from typing import Any

from skorch import NeuralNet

from actscore_sk.recording.class_swap import Swapped


def defining_class(kind: type, name: str) -> type | None:
    """Return the first class that defines `name`, without those that recording adds."""
    for base in kind.__mro__:
        if not issubclass(base, Swapped) and name in vars(base) and not vars(base).get("_records_"):
            return base
    return None


class Stash:
    """Methods set on an instance, which would hide those of a mix-in; kept apart while it is recorded.

    Parameters
    ----------
    net : NeuralNet
        The net.
    names : tuple of str
        Methods of the mix-in.
    """

    def __init__(self, net: Any, names: tuple[str, ...]) -> None:
        self._net, self._names = net, names
        self.methods: dict[str, Any] = {}

    def take(self) -> None:
        """Take from the instance what hides the mix-in; later finds count."""
        attributes = vars(self._net)
        for name in self._names:
            if name in attributes:
                self.methods[name] = attributes.pop(name)

    def put_back(self) -> None:
        """Set on the instance what was taken."""
        vars(self._net).update(self.methods)
        self.methods = {}

    def is_plain(self, name: str, owner: type = NeuralNet) -> bool:
        """Return True if `name` is the method of `owner`, overridden nowhere: not in a class, not on the instance.

        The classes that recording puts in front of the net's own do not count.
        """
        is_set = name in vars(self._net) or name in self.methods
        return not is_set and defining_class(type(self._net), name) is owner
