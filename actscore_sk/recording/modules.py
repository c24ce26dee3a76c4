"""The modules of a net: which there are, and how to leave them as they were.

A second pass over data sets them to inference mode, and a criterion or a layer may write into its buffers and
attributes meanwhile; training must go on as if that pass had not been.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from skorch import NeuralNet
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from actscore_sk.losses.per_sample_twin import independent_copy


def all_modules(net: NeuralNet) -> list[nn.Module]:
    """Return every module whose mode the net switches: modules and criteria, with their children.

    Parameters
    ----------
    net : NeuralNet
        Initialized.
    """
    # skorch keeps the names of a net's modules and criteria in these two lists
    roots = [getattr(net, name + "_") for name in net._modules + net._criteria]
    return [module for root in roots if isinstance(root, nn.Module) for module in root.modules()]


def is_compiled(module: nn.Module) -> bool:
    """Return True if torch has compiled a module, which may then use the memory of an output again at the next batch.

    Examples
    --------
    >>> is_compiled(nn.ReLU())
    False
    """
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None


def reuses_outputs(net: NeuralNet) -> bool:
    """Return True if a module or a criterion of the net is compiled; see `is_compiled`."""
    return net.compile or any(map(is_compiled, all_modules(net)))


@contextmanager
def preserved_modules(modules: list[nn.Module]) -> Iterator[None]:
    """Restore the modes and other attributes of modules, and the values of their buffers, at the end of the block.

    Parameters
    ----------
    modules : list of nn.Module
        Each without its children; see `all_modules`.

    Examples
    --------
    >>> import torch
    >>> norm = nn.BatchNorm1d(1)
    >>> with preserved_modules([norm]):
    ...     _ = norm(torch.tensor([[2.0], [4.0]]))
    ...     norm.eval().running_mean, norm.training
    (tensor([0.3000]), False)
    >>> norm.running_mean, norm.training
    (tensor([0.]), True)
    """
    attributes = [dict(vars(module)) for module in modules]
    buffers = [[(name, buffer, buffer.clone()) for name, buffer in _buffers(module)] for module in modules]
    try:
        yield
    finally:
        for module, kept, saved in zip(modules, attributes, buffers, strict=True):
            # what is gone is that of a lazy module, which has got its shape
            vars(module).update({name: value for name, value in kept.items() if name in vars(module)})
            for name, buffer, value in saved:
                module._buffers[name] = buffer
                buffer.data.copy_(value)


@contextmanager
def copied_criteria(net: NeuralNet, release: Callable) -> Iterator[None]:
    """Let copies take the place of a net's criteria inside the block, so that one with state does not notice it.

    Parameters
    ----------
    net : NeuralNet
        Initialized.
    release : callable
        Called with each copy at the end.
    """
    criteria = {name + "_": getattr(net, name + "_", None) for name in net._criteria}
    copies = {name: independent_copy(kept) for name, kept in criteria.items() if kept is not None}
    _set(net, copies)
    try:
        yield
    finally:
        for criterion in copies.values():
            release(criterion)
        _set(net, {name: criteria[name] for name in copies})


@contextmanager
def unwrapped_modules(net: NeuralNet) -> Iterator[None]:
    """Let a net infer without `DistributedDataParallel`, which would wait for passes of the other processes."""
    modules = {name + "_": getattr(net, name + "_", None) for name in net._modules}
    wrapped = {name: module for name, module in modules.items() if isinstance(module, DistributedDataParallel)}
    _set(net, {name: module.module for name, module in wrapped.items()})
    try:
        yield
    finally:
        _set(net, wrapped)


def _set(net: NeuralNet, parts: dict[str, Any]) -> None:
    vars(net).update(parts)  # past skorch's __setattr__, which registers what it is given


def _buffers(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, buffer) for name, buffer in module._buffers.items() if buffer is not None]
