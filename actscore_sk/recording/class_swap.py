"""Add behaviour to one object for a while, without a trace in its class, its pickles or its copies.

A net must stay the user's own object: callbacks hold references to it, and `isinstance` is asked of it. A wrapper
around it would be another object, and a patched method would be pickled with it. Another class in front of its own is
neither: methods of the mix-in come first, `super()` reaches the net's own, and to undo it is one assignment.
"""

import copyreg
from typing import Any


class Swapped:
    """Base of the class that an object has while its class is swapped.

    The object answers `isinstance` as before, and the mix-in's methods come first. A pickle or a copy made meanwhile
    is one of the plain object.

    Attributes
    ----------
    _added_ : tuple of str
        Names of the attributes that the swap brought; pickles leave them out, and `restore_class` deletes them.

    Examples
    --------
    >>> import copy
    >>> class Polite:
    ...     def greet(self):
    ...         return "Good day, " + super().greet()
    >>> class Person:
    ...     def greet(self):
    ...         return "I am Ada"
    >>> ada = Person()
    >>> swap_class(ada, Polite, title="Dr")
    >>> ada.greet(), isinstance(ada, Person), type(copy.copy(ada)) is Person
    ('Good day, I am Ada', True, True)
    >>> restore_class(ada)
    >>> ada.greet(), vars(ada)
    ('I am Ada', {})
    """

    _added_: tuple[str, ...] = ()  # attributes that the swap brought

    def __reduce_ex__(self, protocol: Any) -> tuple:
        state = {name: value for name, value in self.__getstate__().items() if name not in self._added_}  # type: ignore[attr-defined]
        # pickle refuses the usual constructor for a class that is not the object's own
        return copyreg._reconstructor, (plain_class(self), object, None), state  # type: ignore[attr-defined]


def swap_class(thing: Any, mixin: type, **attributes: Any) -> None:
    """Put `mixin` in front of the class of `thing`, and set attributes on the object.

    The class is made per object: other objects of the same class never see the mix-in. If the object's class inherits
    the mix-in already, only the attributes are set.

    Parameters
    ----------
    thing : object
        Keeps its identity and its state.
    mixin : type
        Its methods come before those of the object's class.
    **attributes : Any
        Set on the object; `restore_class` removes them.

    Raises
    ------
    TypeError
        If the object's class cannot be assigned: functions, objects with slots.
    """
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
    """Set the own class of `thing` again and delete the attributes of the swap; do nothing if it is not swapped.

    Parameters
    ----------
    thing : object
        Any object; may be restored twice.
    """
    if isinstance(thing, Swapped):
        names = thing._added_
        object.__setattr__(thing, "__class__", plain_class(thing))
        for name in names:
            object.__delattr__(thing, name)


def plain_class(thing: Any) -> type:
    """Return the class that an object has, or had before the swap.

    >>> plain_class(3.0)
    <class 'float'>
    """
    return type(thing).__bases__[2] if isinstance(thing, Swapped) else type(thing)
