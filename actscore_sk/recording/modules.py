"""The modules of a net: which there are, and how to leave them as they were."""

from collections.abc import Iterator
from contextlib import contextmanager

from skorch import NeuralNet
from torch import Tensor, nn


def all_modules(net: NeuralNet) -> list[nn.Module]:
    """Every module whose mode the net switches."""
    # skorch keeps the names of a net's modules and criteria in these two lists
    roots = [getattr(net, name + "_") for name in net._modules + net._criteria]
    return [module for root in roots if isinstance(root, nn.Module) for module in root.modules()]


@contextmanager
def preserved_modules(modules: list[nn.Module]) -> Iterator[None]:
    """Put the modes of modules, and their buffers, back as they were before the block."""
    modes = [module.training for module in modules]
    buffers = [[(name, buffer, buffer.clone()) for name, buffer in _buffers(module)] for module in modules]
    try:
        yield
    finally:
        for module, mode, saved in zip(modules, modes, buffers, strict=True):
            module.training = mode
            for name, buffer, value in saved:
                module._buffers[name] = buffer
                buffer.data.copy_(value)


def _buffers(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, buffer) for name, buffer in module._buffers.items() if buffer is not None]
