"""Which nets may be trained at once, asked before a fit and before each step, and whether that saves time."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from torch import Tensor, nn
from torch.utils.data import default_collate

from actscore_sk.data.fetching import batch_slicer
from actscore_sk.estimators.batched_layers import LAYERS, is_served
from actscore_sk.estimators.casting import CastInputs
from actscore_sk.recording.overrides import defining_class
from actscore_sk.utils.randomness import preserved_random_state

_KINDS = NeuralNet, NeuralNetClassifier, NeuralNetBinaryClassifier, NeuralNetRegressor
_LOOP = "fit", "partial_fit", "fit_loop", "initialize", "check_data", "get_split_datasets", "get_iterator"
# Optimizers whose step treats each number by itself, so that it does not matter beside which others it is stored.
OPTIMIZERS = (
    torch.optim.Adam, torch.optim.AdamW, torch.optim.Adamax, torch.optim.Adagrad, torch.optim.NAdam, torch.optim.RAdam,
    torch.optim.RMSprop, torch.optim.SGD,
)  # fmt: skip
# A processor's cores are busy with nets of more parameters than this, so that there is nothing to share.
_MOST_NUMBERS = 2**16


def may_train_at_once(net: Any, data: Any) -> bool:
    """Return True if nets like this one may be trained at once; what only training shows is seen there.

    Parameters
    ----------
    net : NeuralNet
        Initialized or not.
    data : FitData
        Of the fit.
    """
    if not isinstance(net, NeuralNet) or data.weights is not None or set(data.fit_params) - {"epochs"}:
        return False
    is_plain = all(name not in vars(net) and defining_class(type(net), name) in _KINDS for name in _LOOP)
    if not is_plain or net.compile or net.optimizer not in OPTIMIZERS or not issubclass(net.criterion, nn.Module):
        return False
    if isinstance(net.module, type):
        return net.module in LAYERS
    if isinstance(net.module, nn.Module):
        return is_served(net.module)
    with preserved_random_state(net.device):  # a function that makes the module
        return is_served(net.initialized_instance(net.module, net.get_params_for("module")))


def shares_work(net: Any) -> bool:
    """Return True if several nets like this one take less time at once than one after another.

    Parameters
    ----------
    net : NeuralNet
        For which `may_train_at_once` is True; initialized or not.
    """
    if torch.device(net.device or "cpu").type != "cpu":
        return True
    with preserved_random_state(net.device):
        return is_small(net.initialized_instance(net.module, net.get_params_for("module")).parameters())


def tensor_slicer(dataset: Any) -> Any:
    """Return a function that fetches batches for several nets, or None if X is no single tensor, or cannot be sliced.

    Parameters
    ----------
    dataset : Dataset
        As in `batch_slicer`.
    """
    fetch = batch_slicer(dataset, default_collate)
    return fetch if fetch is not None and isinstance(fetch(torch.tensor([0]))[0], Tensor) else None


def options_of(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the options of the only group of an optimizer."""
    return {name: value for name, value in optimizer.param_groups[0].items() if name != "params"}


def may_step_at_once(nets: Sequence[Any]) -> bool:
    """Return True if the next step of trained nets may be made at once."""
    first, optimizers = nets[0], [net.optimizer_ for net in nets]
    if type(optimizers[0]) not in OPTIMIZERS or any(len(each.param_groups) > 1 for each in optimizers):
        return False
    options, parameters = options_of(optimizers[0]), optimizers[0].param_groups[0]["params"]
    on_cpu = parameters[0].device.type == "cpu"
    kept = {
        frozenset(each.state.get(parameter, {})) for each in optimizers for parameter in each.param_groups[0]["params"]
    }
    return (
        all(options_of(each) == options for each in optimizers)
        and len(kept) == 1  # the states hold the same
        and [*map(id, parameters)] == [*map(id, first.module_.parameters())]
        and all(parameter.requires_grad and parameter.dtype == parameters[0].dtype for parameter in parameters)
        and not any(map(_is_hooked, first.module_.modules()))
        and (not on_cpu or is_small(parameters))
        and (on_cpu or not any(isinstance(module, nn.Dropout) for module in first.module_.modules()))
    )


def is_small(parameters: Iterable[Tensor]) -> bool:
    """Return True if steps of several such nets on a processor take less time at once than one after another."""
    return sum(parameter.numel() for parameter in parameters) <= _MOST_NUMBERS


def _is_hooked(module: nn.Module) -> bool:
    """Return True if anything but the cast of inputs is hooked to a module."""
    before = [hook for hook in module._forward_pre_hooks.values() if not isinstance(hook, CastInputs)]
    return bool(before or module._forward_hooks or module._backward_hooks or module._backward_pre_hooks)
