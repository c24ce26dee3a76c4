"""Layers of several nets computed at once: x has shape (n_nets, batch_size, ...).

A layer type is a row of the table `LAYERS`: which of its settings are served, and how a function is made of the layers
that the nets have in one place. A function does for each net what its own layer does, to rounding.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from actscore_sk.estimators.perceptron import Perceptron

Function = Callable[[Tensor], Tensor]
Stack = Callable[[Sequence[Tensor]], Tensor]  # tensors of the nets as one, (n_nets, ...), sharing their memory
_ELEMENTWISE = (
    nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Tanh,
    nn.Sigmoid, nn.LogSigmoid, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Softplus, nn.Softsign,
)  # fmt: skip


class Row(NamedTuple):
    """How layers of one type are computed at once.

    Parameters
    ----------
    make : callable
        Takes layers of one type, one per net, a function that stacks tensors, and the generators of the nets.
    serves : callable
        Returns True for a layer whose settings are served.
    prepare : callable or None
        Takes a layer and its input (n_samples, ...), and does what comes first and is equal in all nets: `make` begins
        behind it. Only for a module that is no part of another one.
    """

    make: Callable[[Sequence[Any], Stack, Sequence[torch.Generator]], Function]
    serves: Callable[[Any], bool] = lambda layer: True
    prepare: Callable[[Any, Tensor], Tensor] | None = None


def _linear(layers: Sequence[nn.Linear], stack: Stack, generators: Sequence[torch.Generator]) -> Function:
    weight = stack([layer.weight for layer in layers])
    if layers[0].bias is None:
        return lambda x: torch.bmm(x, weight.transpose(1, 2))
    bias = stack([layer.bias for layer in layers])
    return lambda x: torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))


def _flatten(layers: Sequence[nn.Flatten], stack: Stack, generators: Sequence[torch.Generator]) -> Function:
    return lambda x: x.flatten(2)


def _elementwise(layers: Sequence[nn.Module], stack: Stack, generators: Sequence[torch.Generator]) -> Function:
    return layers[0].forward  # nothing is hooked to it


def _softmax(layers: Sequence[Any], stack: Stack, generators: Sequence[torch.Generator]) -> Function:
    function = functional.softmax if isinstance(layers[0], nn.Softmax) else functional.log_softmax
    return lambda x: function(x, dim=-1)


def _dropout(layers: Sequence[nn.Dropout], stack: Stack, generators: Sequence[torch.Generator]) -> Function:
    keep = 1 - layers[0].p

    def drop(x: Tensor) -> Tensor:
        """Draw as torch does on the CPU, each net from its own stream."""
        masks = [
            torch.empty_like(part).bernoulli_(keep, generator=own) for part, own in zip(x, generators, strict=True)
        ]
        return x * torch.stack(masks).div_(keep)

    return drop


def _batch_norm(layers: Sequence[nn.BatchNorm1d], stack: Stack, generators: Sequence[torch.Generator]) -> Function:
    means, variances, counts = (
        stack([getattr(layer, name) for layer in layers])
        for name in ("running_mean", "running_var", "num_batches_tracked")
    )
    momentum: Any = layers[0].momentum
    weight, bias = (
        None if getattr(layers[0], name) is None else stack([getattr(layer, name) for layer in layers])
        for name in ("weight", "bias")
    )

    def normalise(x: Tensor) -> Tensor:
        counts.add_(1)
        columns = x.transpose(0, 1).flatten(1)  # a column per net and feature
        found = functional.batch_norm(
            columns, means.view(-1), variances.view(-1), None if weight is None else weight.flatten(),
            None if bias is None else bias.flatten(), True, momentum, layers[0].eps,
        )  # fmt: skip
        return found.unflatten(1, x.shape[::2]).transpose(0, 1)

    return normalise


def _sequential(layers: Sequence[nn.Sequential], stack: Stack, generators: Sequence[torch.Generator]) -> Function:
    steps = [function_of(place, stack, generators) for place in zip(*layers, strict=True)]

    def run(x: Tensor) -> Tensor:
        for step in steps:
            x = step(x)
        return x

    return run


def _perceptron(layers: Sequence[Perceptron], stack: Stack, generators: Sequence[torch.Generator]) -> Function:
    first, inner = layers[0], function_of([layer.layers for layer in layers], stack, generators)
    return lambda x: first.rescaled(inner(x))  # by constants of the data, equal in all nets


LAYERS: dict[type, Row] = {
    nn.Linear: Row(_linear),
    nn.Flatten: Row(_flatten, lambda layer: (layer.start_dim, layer.end_dim) == (1, -1)),
    nn.Softmax: Row(_softmax, lambda layer: layer.dim in (1, -1)),
    nn.LogSoftmax: Row(_softmax, lambda layer: layer.dim in (1, -1)),
    nn.Dropout: Row(_dropout, lambda layer: 0 < layer.p < 1),
    nn.BatchNorm1d: Row(_batch_norm, lambda layer: layer.track_running_stats and layer.momentum is not None),
    nn.Sequential: Row(_sequential, lambda layer: all(is_served(each) and not _row(each).prepare for each in layer)),
    Perceptron: Row(
        _perceptron, lambda layer: is_served(layer.layers), prepare=lambda layer, x: layer.squashed(x.flatten(1))
    ),
    **dict.fromkeys(_ELEMENTWISE, Row(_elementwise)),
}


def is_served(module: nn.Module) -> bool:
    """Return True if nets of this module can be computed at once.

    Examples
    --------
    >>> is_served(nn.Sequential(nn.Linear(2, 3), nn.ReLU())), is_served(nn.Conv2d(1, 1, 3))
    (True, False)
    """
    row = _row(module)
    return row is not None and "forward" not in vars(module) and row.serves(module)


def _row(module: nn.Module) -> Any:
    return LAYERS.get(type(module))


def prepared(module: nn.Module, x: Tensor) -> Tensor:
    """Return X (n_samples, ...) as the function of `function_of` takes it: what is equal in all nets is done."""
    prepare = _row(module).prepare
    return x if prepare is None else prepare(module, x)


def function_of(layers: Sequence[nn.Module], stack: Stack, generators: Sequence[torch.Generator]) -> Function:
    """Return the function that computes the modules that the nets have in one place, all of them served."""
    return LAYERS[type(layers[0])].make(layers, stack, generators)
