"""A step that is refused after it has moved the parameters: they are put back."""

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


def undone_if_late(session: Any) -> AbstractContextManager:
    """Undo a step inside the context if it is the first of a training, and is refused after the net may have changed.

    Parameters
    ----------
    session : RecordingSession
        Of the net.
    """
    is_late = session.n_steps == 1 and not all(map(session.stash.is_skorchs, UPDATE))
    return undone_if_refused(session.net) if is_late else nullcontext()


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
