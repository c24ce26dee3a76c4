"""Give one object extra behaviour for a while, without a trace in its class, its pickles or its copies."""

import copyreg
from typing import Any


class Disguise:
    """Base of behaviour that is put in front of an object's own class.

    While disguised, an object answers `isinstance` as before and calls the mix-in's methods first. A pickle
    or a copy made meanwhile is one of the plain object.
    """

    def __reduce_ex__(self, protocol: Any) -> tuple:
        plain = type(self).__bases__[1]
        state = {name: value for name, value in self.__getstate__().items() if name != "tap_"}  # type: ignore[attr-defined]
        # pickle refuses the usual constructor for a class that is not the object's own
        return copyreg._reconstructor, (plain, object, None), state  # type: ignore[attr-defined]


def disguise(thing: Any, mixin: type[Disguise], tap: Any) -> None:
    """Put `mixin` in front of the class of `thing`; its methods find `tap` in ``self.tap_``."""
    plain = type(thing)
    namespace = {"__module__": plain.__module__, "__qualname__": plain.__qualname__, "__doc__": plain.__doc__}
    # object.__setattr__, since nets and compiled modules send attributes to where they do not belong
    object.__setattr__(thing, "__class__", type(plain.__name__, (mixin, plain), namespace))
    object.__setattr__(thing, "tap_", tap)


def undisguise(thing: Any) -> None:
    """Give `thing` its own class back; do nothing if it has it."""
    if isinstance(thing, Disguise):
        object.__setattr__(thing, "__class__", type(thing).__bases__[1])
        object.__delattr__(thing, "tap_")
