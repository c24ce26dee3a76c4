"""Fitted scorers as bytes that any process can read, also one that can't import the classes of the user's script."""

import io
from typing import Any

import cloudpickle
from skorch import NeuralNet


def dumps(scorer: Any) -> bytes:
    """Pickle a fitted scorer, classes of a script or notebook by value.

    Raises
    ------
    TypeError
        If something in it can't be pickled.
    """
    with io.BytesIO() as file:
        try:
            _Pickler(file).dump(scorer)
        except Exception as error:  # pickles fail with errors of many types
            raise TypeError(f"the fitted scorer can't be kept ({error}); set memory=None") from error
        return file.getvalue()


loads = cloudpickle.loads


class _Pickler(cloudpickle.Pickler):
    """Pickles a net by its attributes.

    skorch has the standard pickle do that, which knows a class by name only. A worker process has no script to find the
    name in.
    """

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, NeuralNet) and type(thing).__getstate__ is NeuralNet.__getstate__:
            return object.__new__, (type(thing),), vars(thing), None, None, _set_attributes
        return super().reducer_override(thing)


def _set_attributes(thing: Any, attributes: dict[str, Any]) -> None:
    vars(thing).update(attributes)
