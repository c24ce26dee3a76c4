"""Several nets of one structure as one: their parameters side by side in memory, their optimizers as one optimizer.

A *place* is a parameter of the structure, such as the weight of the first layer. One flat tensor holds the parameters
of all nets, place by place, and within a place net by net::

    first weight: net 1 | net 2 | ...    first bias: net 1 | net 2 | ...    second weight: ...

So each place is one stacked tensor (n_nets, ...), of which a layer of all nets is computed at once; and an optimizer,
which treats each number by itself, has one tensor to change. Running statistics and states of optimizers are stored
alike. The nets stay usable: what they had becomes a view of the flat tensor, which a step of all changes in place.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from actscore_sk.estimators.batchable import options_of
from actscore_sk.estimators.batched_layers import function_of, prepared
from actscore_sk.recording.optimizer_step import take_step

_FUSED = torch.optim.Adam, torch.optim.AdamW
_CHUNK = 2**15  # numbers that an optimizer works on at a time: with its state they fit the cache of a core


class BatchedNets:
    """Nets whose next steps are made at once.

    Parameters
    ----------
    nets : sequence of NeuralNet
        Initialized alike, and trained for at least one step; see `may_step_at_once`.
    generators : sequence of torch.Generator
        Random numbers of each, for dropout.
    """

    def __init__(self, nets: Sequence[Any], generators: Sequence[torch.Generator]) -> None:
        self.nets, self.device = [*nets], nets[0].device
        self._shared: list[tuple[Tensor, Tensor]] = []  # a tensor of a net, and the view that it has become
        self._leaves: dict[int, Tensor] = {}
        groups = [net.optimizer_.param_groups[0]["params"] for net in nets]
        self._flat, views = self._side_by_side(groups)
        for place, view in zip(zip(*groups, strict=True), views, strict=True):
            self._leaves[id(place[0])] = view.detach().requires_grad_()
        self._parameters, self._gradient = [*self._leaves.values()], torch.empty_like(self._flat)
        parts = self._gradient.split([leaf.numel() for leaf in self._parameters])
        self._gradients = [part.view(leaf.shape) for part, leaf in zip(parts, self._parameters, strict=True)]
        self._optimizer = self._one_optimizer(groups)
        self._casts = [*nets[0].module_._forward_pre_hooks.values()]
        self._function = function_of([net.module_ for net in nets], self._stacked, generators)

    def _side_by_side(self, groups: Sequence[Sequence[Tensor]]) -> tuple[Tensor, list[Tensor]]:
        """Store the tensors of the nets, place by place, in one flat tensor; they become views of it."""
        places = [torch.stack([tensor.detach() for tensor in place]) for place in zip(*groups, strict=True)]
        flat = torch.cat([place.reshape(-1) for place in places])
        parts = flat.split([place.numel() for place in places])
        views = [part.view(place.shape) for part, place in zip(parts, places, strict=True)]
        for place, view in zip(zip(*groups, strict=True), views, strict=True):
            self._share(place, view)
        return flat, views

    def _share(self, tensors: Sequence[Tensor], stacked: Tensor) -> None:
        for tensor, view in zip(tensors, stacked, strict=True):
            tensor.data = view
            self._shared.append((tensor, view))

    def _stacked(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return tensors of the nets as one: the leaf that gets their gradients, or a buffer."""
        if id(tensors[0]) in self._leaves:
            return self._leaves[id(tensors[0])]
        stacked = torch.stack([tensor.detach() for tensor in tensors])
        self._share(tensors, stacked)
        return stacked

    def _one_optimizer(self, groups: Sequence[Sequence[Tensor]]) -> torch.optim.Optimizer:
        """Make an optimizer of all nets that goes on from the states of theirs."""
        size = len(self._flat) if self.on_gpu else _CHUNK
        chunks = [nn.Parameter(chunk, requires_grad=False) for chunk in self._flat.split(size)]
        for chunk, gradient in zip(chunks, self._gradient.split(size), strict=True):
            chunk.grad = gradient
        optimizer = type(self.nets[0].optimizer_)(chunks, lr=1.0)
        states = [
            [net.optimizer_.state.get(tensor, {}) for tensor in group]
            for net, group in zip(self.nets, groups, strict=True)
        ]
        for name, value in states[0][0].items():
            if isinstance(value, Tensor) and value.shape == groups[0][0].shape:
                flat, _ = self._side_by_side([[state[name] for state in own] for own in states])
                for chunk, part in zip(chunks, flat.split(size), strict=True):
                    optimizer.state[chunk][name] = part
            else:  # a count of steps, the same for all
                for chunk in chunks:
                    optimizer.state[chunk][name] = value.clone() if isinstance(value, Tensor) else value
                for state in (state for own in states for state in own):
                    state[name] = optimizer.state[chunks[0]][name]
        return optimizer

    @property
    def on_gpu(self) -> bool:
        """True if the nets are on another device than the CPU."""
        return self._flat.device.type != "cpu"

    # -- used in an epoch ---------------------------------------------------------------------------------

    def is_of(self, nets: Sequence[Any]) -> bool:
        """Return True if these are the nets, and nobody has given them other tensors since."""
        if len(nets) != len(self.nets) or any(one is not other for one, other in zip(nets, self.nets, strict=True)):
            return False
        return all(tensor.data_ptr() == view.data_ptr() for tensor, view in self._shared)

    def take_options(self) -> None:
        """Set learning rate and other options of the optimizer to those of the nets, which are equal."""
        options = options_of(self.nets[0].optimizer_)
        if isinstance(self._optimizer, _FUSED) and not self.on_gpu and isinstance(options["lr"], float):
            options |= {"fused": True, "foreach": False}  # one pass over the numbers instead of twelve
        self._optimizer.param_groups[0].update(options)

    def prepare(self, X: Tensor) -> Tensor:
        """Return samples (n_samples, ...) on the device of the nets, as `module_` takes them."""
        X = X.to(self.device)
        for cast in self._casts:
            X = cast(None, (X,), {})[0][0]
        return prepared(self.nets[0].module_, X)

    def module_(self, X: Tensor) -> Tensor:
        """Compute the outputs (n_nets * batch_size, ...) of all nets for their batches, one behind the other."""
        return self._function(X.unflatten(0, (len(self.nets), -1))).flatten(0, 1)

    def step(self, units: Tensor, shares: Tensor) -> None:
        """Change the parameters of each net by the gradient of its loss.

        Parameters
        ----------
        units, shares : Tensor (n_nets * batch_size, ...)
            Losses, and what each counts; see `Block.losses`.
        """
        gradients = torch.autograd.grad(units, self._parameters, shares)
        for kept, gradient in zip(self._gradients, gradients, strict=True):
            kept.copy_(gradient)
        take_step(self._optimizer)

    def release(self) -> None:
        """Give each net tensors of its own again."""
        for tensor, view in self._shared:
            if tensor.data_ptr() == view.data_ptr():
                tensor.data = view.clone()
        for net in self.nets:
            for state in net.optimizer_.state.values():
                state.update({name: each.clone() for name, each in state.items() if isinstance(each, Tensor)})
