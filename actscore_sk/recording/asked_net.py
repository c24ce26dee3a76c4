"""A net that is asked again, or trained in vain: what it wrote down meanwhile is put back.

A `get_loss` may write into the net's history or count its calls, and a step may be refused after it has moved the
parameters. Neither may show afterwards.
"""

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from actscore_sk.exceptions import ActionScoreError
from actscore_sk.recording.modules import all_modules

# Methods of a net that decide when the optimizer steps: where they are skorch's, that is after the loss was checked.
UPDATE = "train_step", "train_step_single", "get_train_step_accumulator", "_step_optimizer", "on_grad_computed"


def refusal(session: Any) -> AbstractContextManager:
    """Return a context for a step, that undoes it if it is the first of a training and is refused too late.

    Parameters
    ----------
    session : RecordingSession
        Of the net.
    """
    is_late = session.n_steps == 1 and not all(map(session.stash.is_skorchs, UPDATE))
    return undone_if_refused(session.net) if is_late else nullcontext()


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


@contextmanager
def undone_if_refused(net: Any) -> Iterator[None]:
    """Put parameters, buffers and optimizers back if the block ends in an error of this package.

    Parameters
    ----------
    net : NeuralNet
        Initialized. Its parameters are copied, so this is for the first step of a training, and for nets of which
        some errors are known only after the step.
    """
    tensors = [(tensor, tensor.detach().clone()) for tensor in _tensors(net)]
    found = [getattr(net, name + "_", None) for name in net._optimizers]
    optimizers = [each for each in found if isinstance(each, torch.optim.Optimizer)]
    states = [copy.deepcopy(each.state_dict()) for each in optimizers]
    try:
        yield
    except ActionScoreError:
        with torch.no_grad():
            for tensor, value in tensors:
                tensor.copy_(value)
        for optimizer, state in zip(optimizers, states, strict=True):
            optimizer.load_state_dict(state)
        raise


def _tensors(net: Any) -> list[Tensor]:
    """Return parameters and buffers, but those that have no shape yet."""
    found: list[Tensor] = []
    for module in all_modules(net):
        parts = [*module._parameters.values(), *module._buffers.values()]
        found += [part for part in parts if part is not None and not is_lazy(part)]
    return found
