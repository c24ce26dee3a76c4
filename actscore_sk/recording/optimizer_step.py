"""What one of torch's optimizers does in a step, without the wrappers that tell its name to a profiler.

They take a third of the time in which plain SGD updates a small net. They also call hooks, so that they are left out
only while there are none, and while nothing is being profiled.
"""

from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim import optimizer as _torchs

# All steps that torch has wrapped run this code, and no other function does: not a patch, which may copy attributes.
_WRAPPER = Optimizer.profile_hook_step(lambda self: None).__code__
_HOOKS_OF_ALL = _torchs._global_optimizer_pre_hooks, _torchs._global_optimizer_post_hooks


def take_step(optimizer: Optimizer) -> None:
    """Do the same as ``optimizer.step()``.

    Parameters
    ----------
    optimizer : Optimizer
        One of torch's. Its step may have been replaced, on the instance or in the class.

    Examples
    --------
    >>> weight = torch.ones(1, requires_grad=True)
    >>> weight.grad = torch.ones(1)
    >>> take_step(torch.optim.SGD([weight], lr=0.25))
    >>> weight
    tensor([0.7500], requires_grad=True)
    """
    wrapped: Any = type(optimizer).step
    if (
        "step" in vars(optimizer)  # as learning rate schedulers set it
        or getattr(wrapped, "__code__", None) is not _WRAPPER
        or optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or any(_HOOKS_OF_ALL)
        or torch.autograd._profiler_enabled()
    ):
        optimizer.step()
    else:
        wrapped.__wrapped__(optimizer)


def clear_gradients(optimizer: Optimizer) -> None:
    """Do the same as ``optimizer.zero_grad()``, the one of torch's own class."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
