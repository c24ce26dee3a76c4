"""skorch's training loop with everything decided before the first batch.

skorch asks again at each batch: it calls the empty methods of callbacks, walks the modules to set a mode that is set,
builds a generator of parameters that nobody reads. For a small net that is a third of the time of a step. The
functions here do the same operations in the same order; they serve only nets that do not override them.
"""

from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet, NeuralNetClassifier
from skorch.callbacks import Callback
from skorch.dataset import unpack_data
from skorch.history import History
from skorch.utils import TeeGenerator, to_tensor
from torch import Tensor, nn

from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.modules import all_modules

# What skorch's training step is made of, next to `infer` and `get_loss`.
_STEP = (
    "train_step",
    "train_step_single",
    "get_train_step_accumulator",
    "on_grad_computed",
    "_zero_grad_optimizer",
    "_step_optimizer",
)


class Plan:
    """What does not change within an epoch of a net.

    Parameters
    ----------
    net : NeuralNet
        Initialized, at the start of an epoch.
    own_class : type
        Class of the net before it was disguised.
    aligns : bool
        Whether targets get the shape of the output; see `like_output`.

    Attributes
    ----------
    has_flat_loop, has_flat_notify, has_flat_step : bool
        Whether `run_epoch`, `listeners`, `train_step` do what the net itself would do.
    opens_rows : bool
        Whether the net itself does no more at the start of a batch than to open a row of its history.
    criterion : callable
        The net's.
    sample_loss : SampleLoss
        View of it.
    """

    def __init__(self, net: NeuralNet, own_class: Any, *, aligns: bool) -> None:
        self._aligns = aligns
        self._device = None if net.device is None else torch.device(net.device)
        self._has_flat_infer = own_class.infer is NeuralNet.infer
        self.opens_rows = own_class.on_batch_begin is NeuralNet.on_batch_begin
        modules = all_modules(net)
        self._modules = modules if all(type(module).train is nn.Module.train for module in modules) else []
        self._listeners: dict[str, tuple] = {}
        self.criterion = net.criterion_
        self.sample_loss = SampleLoss(net.criterion_)
        self.has_flat_notify = own_class.notify is NeuralNet.notify
        self.has_flat_loop = own_class.run_single_epoch is NeuralNet.run_single_epoch and type(net.history) is History
        self.has_flat_step = (
            all(getattr(own_class, name) is getattr(NeuralNet, name) for name in _STEP)
            and is_skorch_loss(own_class.get_loss)
            and net._optimizers == ["optimizer"]  # skorch keeps their names in this list
            and _steps_once(net.optimizer_)
            and self.sample_loss.is_pure
            and self.sample_loss.reduces
        )
        self._logs = own_class.get_loss is NeuralNetClassifier.get_loss and isinstance(net.criterion_, nn.NLLLoss)

    def has_mode(self, training: bool) -> bool:
        """Whether all modules are known to be in that mode already."""
        for module in self._modules:
            if module.training is not training:
                return False
        return bool(self._modules)

    def listeners(self, net: NeuralNet, event: str) -> list[Callable]:
        """Methods that `NeuralNet.notify` would call, less the empty ones."""
        callbacks = net.callbacks_
        known = self._listeners.get(event)
        if known is None or known[0] is not callbacks or known[1] != len(callbacks):
            methods = [getattr(thing, event) for thing in (net, *[callback for _, callback in callbacks])]
            empty = [getattr(Callback, event)]
            if event in ("on_batch_end", "on_grad_computed"):
                empty.append(getattr(NeuralNet, event))
            heard = [method for method in methods if getattr(method, "__func__", None) not in empty]
            known = self._listeners[event] = callbacks, len(callbacks), heard
        return known[2]

    def infer(self, net: Any, Xi: Any, **fit_params: Any) -> Any:
        """Return what `NeuralNet.infer`, or the net's own, gives for a batch."""
        if self._has_flat_infer and self._is_there(Xi):
            return net.module_(Xi, **fit_params)
        return net.infer(Xi, **fit_params)

    def _is_there(self, part: Any) -> bool:
        """Whether it is a tensor on the net's device already."""
        return type(part) is Tensor and part.device == self._device

    def criterion_inputs(self, net: NeuralNet, y_pred: Tensor, y_true: Any) -> tuple[Tensor, Any]:
        """Return what the net's `get_loss` calls its criterion with."""
        if self._logs:  # the module of a NeuralNetClassifier gives probabilities to NLLLoss
            y_pred = torch.log(y_pred + torch.finfo(y_pred.dtype).eps)
        if not self._is_there(y_true):
            y_true = to_tensor(y_true, device=net.device)
        return y_pred, like_output(y_true, y_pred) if self._aligns else y_true


def like_output(y_true: Any, y_pred: Any) -> Any:
    """Give a target of shape (n,) or (n, 1) the other one if the output has it; torch would make (n, n) of both."""
    if isinstance(y_true, Tensor) and isinstance(y_pred, Tensor):
        n_dims = y_true.ndim, y_pred.ndim
        if (n_dims == (1, 2) and y_pred.shape[1] == 1) or (n_dims == (2, 1) and y_true.shape[1] == 1):
            return y_true.reshape(y_pred.shape)
    return y_true


def is_skorch_loss(get_loss: Any) -> bool:
    """Whether `get_loss`, of a net or of its class, is one of skorch's, which call the criterion once."""
    return getattr(get_loss, "__func__", get_loss) in (NeuralNet.get_loss, NeuralNetClassifier.get_loss)


def _steps_once(optimizer: Any) -> bool:
    """Whether a step evaluates the loss once, and gradients are cleared as torch's optimizers do."""
    kind = type(optimizer)
    is_torch = kind.__module__.startswith("torch.optim.") and kind is not torch.optim.LBFGS
    return is_torch and kind.zero_grad is torch.optim.Optimizer.zero_grad


def run_epoch(
    net: Any, plan: Plan, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
) -> None:
    """Do what `NeuralNet.run_single_epoch` does with a tracked loader."""
    loss_name, size_name, count = prefix + "_loss", prefix + "_batch_size", 0
    rows = net.history[-1]["batches"]
    for batch in iterator:
        if plan.opens_rows and len(plan.listeners(net, "on_batch_begin")) == 1:
            rows.append({})
        else:
            net.notify("on_batch_begin", batch=batch, training=training)
        step = step_fn(batch, **fit_params)
        row = rows[-1]
        row[loss_name] = step["loss"].item()  # skorch's own host sync, one a batch
        row[size_name] = iterator.batch_size_in_hand
        if plan.listeners(net, "on_batch_end"):
            net.notify("on_batch_end", batch=batch, training=training, **step)
        count += 1
    net.history.record(prefix + "_batch_count", count)


def train_step(net: Any, plan: Plan, batch: Any, step: Any, **fit_params: Any) -> dict:
    """Do what `NeuralNet.train_step` does; the `Step` is told what the criterion was called with, and may weigh it."""
    Xi, yi = unpack_data(batch)
    for group in net.optimizer_.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
    net._set_training(True)
    y_pred = plan.infer(net, Xi, **fit_params)
    inputs = plan.criterion_inputs(net, y_pred, yi)
    if step.is_weighted:
        loss = step.weigh(inputs, plan.sample_loss)
    else:
        loss = plan.criterion(*inputs)
        step.see(inputs, plan.sample_loss)
    loss.backward()
    if plan.listeners(net, "on_grad_computed"):
        parameters = TeeGenerator(net.get_all_learnable_params())
        net.notify("on_grad_computed", named_parameters=parameters, batch=batch, training=True)
    net.optimizer_.step()
    return {"loss": loss, "y_pred": y_pred}
