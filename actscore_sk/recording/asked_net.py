"""A net that is asked again: what it wrote down meanwhile is put back.

A `get_loss` may write into the net's history or count its calls, which must not show afterwards.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def unwritten(net: Any) -> Iterator[None]:
    """Put back the attributes of a net, and the last rows of its history, at the end of the block.

    What a method appends to a list of its own is not known, and stays.

    Parameters
    ----------
    net : NeuralNet
        In training.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> net = SimpleNamespace(history=[{"batches": [{"term": 1.0}]}], n_calls=1)
    >>> with unwritten(net):
    ...     net.n_calls, net.history[-1]["batches"][-1]["term"] = 2, None
    >>> net
    namespace(history=[{'batches': [{'term': 1.0}]}], n_calls=1)
    """
    rows = [net.history[-1]] if len(net.history) else []
    rows += rows[0].get("batches", [])[-1:] if rows else []
    written = [vars(net), *rows]
    kept = [dict(row) for row in written]
    try:
        yield
    finally:
        for row, values in zip(written, kept, strict=True):
            row.update(values)  # never emptied: an interrupt may come in between
            for name in row.keys() - values.keys():
                del row[name]
