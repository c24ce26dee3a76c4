"""What torch does in ``loss.backward()`` for one number, without its preparations for anything else.

torch imports, compares shapes and wraps tuples before it calls its engine: a twentieth of the step of a small net.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import graph
from torch.overrides import has_torch_function_unary


def backpropagate(loss: Tensor) -> None:
    """Do the same as ``loss.backward()``.

    Parameters
    ----------
    loss : Tensor
        One floating number, with a graph. The method, or the function that it calls, may be a patch, and a mode of
        torch may be watching; they are called then.

    Examples
    --------
    >>> weight = torch.ones(2, requires_grad=True)
    >>> backpropagate((3 * weight).sum())
    >>> weight.grad
    tensor([3., 3.])
    """
    if (
        _is_of(torch._tensor, Tensor.backward)
        and _is_of(torch.autograd, torch.autograd.backward)
        and loss.requires_grad
        and not has_torch_function_unary(loss)
    ):
        ones = (torch.ones_like(loss),)
        graph._engine_run_backward((loss,), ones, False, False, (), allow_unreachable=True, accumulate_grad=True)
    else:
        loss.backward()


def _is_of(module: Any, function: Any) -> bool:
    """Return True if a module of torch defines a function: a patch has other globals, whatever attributes it copies."""
    return getattr(function, "__globals__", None) is vars(module)
