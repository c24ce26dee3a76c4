"""Give one object extra behaviour for a while, without a trace in its class, its pickles or its copies."""

import copyreg
from typing import Any


class Swapped:
    """Base of the class that an object has meanwhile.

    The object answers `isinstance` as before, and the mix-in's methods come first. A pickle or a copy made meanwhile
    is one of the plain object.
    """

    _added_: tuple[str, ...] = ()  # attributes that the swap brought

    def __reduce_ex__(self, protocol: Any) -> tuple:
        state = {name: value for name, value in self.__getstate__().items() if name not in self._added_}  # type: ignore[attr-defined]
        # pickle refuses the usual constructor for a class that is not the object's own
        return copyreg._reconstructor, (plain_class(self), object, None), state  # type: ignore[attr-defined]


def swap_class(thing: Any, mixin: type, **attributes: Any) -> None:
    """Put `mixin` in front of the class of `thing`, unless its class has it already, and set attributes of its own."""
    plain = type(thing)
    if not issubclass(plain, mixin):
        namespace: dict[str, Any] = {
            "__module__": plain.__module__,
            "__qualname__": plain.__qualname__,
            "__doc__": plain.__doc__,
        }
        namespace["_added_"] = (*attributes,)
        # object.__setattr__, since nets and compiled modules send attributes to where they do not belong
        object.__setattr__(thing, "__class__", type(plain.__name__, (Swapped, mixin, plain), namespace))
    for name, value in attributes.items():
        object.__setattr__(thing, name, value)


def restore_class(thing: Any) -> None:
    """Give `thing` its own class back; do nothing if it has it."""
    if isinstance(thing, Swapped):
        names = thing._added_
        object.__setattr__(thing, "__class__", plain_class(thing))
        for name in names:
            object.__delattr__(thing, name)


def plain_class(thing: Any) -> type:
    """Return the class that an object has, or had before the swap."""
    return type(thing).__bases__[2] if isinstance(thing, Swapped) else type(thing)
