"""Pickles of fitted scorers that any process can read.

A class of the user's script or notebook goes into the pickle itself, since a worker process cannot import it.
"""

import io
from typing import Any

import cloudpickle
from skorch import NeuralNet


def dumps(scorer: Any) -> bytes:
    """Pickle a fitted scorer, classes of a script or notebook by value.

    Parameters
    ----------
    scorer : estimator
        Fitted.

    Returns
    -------
    pickled : bytes
        To be read by `loads`.

    Raises
    ------
    TypeError
        If something in it cannot be pickled.

    Examples
    --------
    >>> Doubled = type("Doubled", (), {"twice": lambda self: 2 * self.value})  # a class that no module has
    >>> scorer = Doubled()
    >>> scorer.value = 21
    >>> loads(dumps(scorer)).twice()
    42
    """
    with io.BytesIO() as file:
        try:
            _Pickler(file).dump(scorer)
        except Exception as error:  # pickling fails with errors of many types
            raise TypeError(f"the fitted scorer can't be kept ({error}); set memory=None") from error
        return file.getvalue()


loads = cloudpickle.loads


class _Pickler(cloudpickle.Pickler):
    """Pickles a net by its attributes.

    `NeuralNet.__getstate__` calls the standard pickle for some of them, which stores a class by its name only.
    """

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, NeuralNet) and type(thing).__getstate__ is NeuralNet.__getstate__:
            return object.__new__, (type(thing),), vars(thing), None, None, _set_attributes
        return super().reducer_override(thing)


def _set_attributes(thing: Any, attributes: dict[str, Any]) -> None:
    vars(thing).update(attributes)
