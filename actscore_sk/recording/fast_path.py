"""skorch's training loop with everything decided before the first batch.

skorch asks again at each batch: it calls the empty methods of callbacks, walks the modules to set a mode that is set,
builds a generator of parameters that nobody reads. For a small net that is a third of the time of a step. The
functions here do the same operations in the same order; they serve only nets that do not override them, and only a
skorch that was seen to do the same (`fast_path_proof`).

Each part is taken by itself: a net with a `train_step` of its own still has the loop, and a callback that listens to
batches hears of them through skorch's `notify`.
"""

from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet, NeuralNetClassifier
from skorch.dataset import unpack_data
from skorch.history import History
from skorch.utils import TeeGenerator, to_tensor
from torch import Tensor, nn

from actscore_sk.data.placement import full_device
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.batch_events import BatchEvents
from actscore_sk.recording.batch_parts import like_output
from actscore_sk.recording.modules import all_modules, is_compiled
from actscore_sk.recording.overrides import Stash, steps_once
from actscore_sk.recording.pending_losses import PendingLosses
from actscore_sk.recording.sample_axis import SampleAxis
from actscore_sk.recording.visit_buffer import Visit

# Methods that skorch's training step is made of, next to `get_loss`.
STEP = (
    "train_step",
    "train_step_single",
    "get_train_step_accumulator",
    "on_grad_computed",
    "_zero_grad_optimizer",
    "_step_optimizer",
    "_set_training",
)
LOOP = "run_single_epoch", "on_batch_begin", "on_batch_end"
SEES_BATCHES = (*STEP, *LOOP, "validation_step", "infer", "get_loss", "notify")


class FastPath:
    """Decisions that hold for one epoch of a net.

    Parameters
    ----------
    net : NeuralNet
        Initialized, at the start of an epoch.
    sample_loss : SampleLoss or None
        View of its criterion; None if the net has no `criterion_`.
    stash : Stash
        Knows the methods that were set on the instance.
    is_proved : bool
        True if the installed skorch does what this module does.
    align_targets : bool
        Reshape targets to the shape of the output; see `like_output`.
    axis : SampleAxis
        Knows if arguments of the criterion may be held and joined.

    Attributes
    ----------
    device : torch.device or None
        That of the net, with its index.
    events : BatchEvents
        Who hears of batches.
    sees_batches : bool
        True if code of the user's own gets the batches of the loader.
    is_compiled : bool
        True if modules may use the memory of an output again at the next batch.
    has_notify : bool
        True if `events.listeners` are all that `NeuralNet.notify` would call.
    has_loop : bool
        True if `run_epoch` does what the net's `run_single_epoch` would do.
    has_step : bool
        True if `train_step` does what the net's own one would do: nothing is overridden, the optimizer evaluates the
        loss once per step, and the criterion is one of torch's own.
    has_plain_infer : bool
        True if the module may be called without the net's `infer`.
    sample_loss : SampleLoss
        View of the criterion; only if `has_step`.
    """

    def __init__(
        self,
        net: NeuralNet,
        sample_loss: SampleLoss | None,
        stash: Stash,
        axis: SampleAxis,
        *,
        is_proved: bool,
        align_targets: bool,
    ) -> None:
        self._aligns, self._axis = align_targets, axis
        self.device = full_device(net.device)
        modules = all_modules(net)
        is_torch = all(type(module).train is nn.Module.train and "train" not in vars(module) for module in modules)
        self._modules = modules if is_torch else []
        self.is_compiled = net.compile or any(map(is_compiled, modules))
        self.events = BatchEvents()
        self.has_notify = is_proved and stash.is_plain("notify")
        self.has_loop = self.has_notify and all(stash.is_plain(name) for name in LOOP) and type(net.history) is History
        self.has_plain_infer = stash.is_plain("infer")
        self.sees_batches = self.events.sees_batches(net) or not all(map(stash.is_skorchs, SEES_BATCHES))
        self.has_step = (
            is_proved
            and all(stash.is_plain(name) for name in STEP)
            and (stash.is_plain("get_loss") or stash.is_plain("get_loss", NeuralNetClassifier))
            and net._optimizers == ["optimizer"]  # skorch keeps their names in this list
            and steps_once(net.optimizer_)
            and sample_loss is not None
            and sample_loss.is_stateless
            and sample_loss.has_reduction
            and sample_loss.criterion is net.criterion_
        )
        self.may_join = False
        if self.has_step:
            self.sample_loss = sample_loss
            # The class that listens to the criterion is passed by; torch's own losses do not override __call__.
            self._criterion = nn.Module.__call__.__get__(net.criterion_)
            is_classifier = stash.is_plain("get_loss", NeuralNetClassifier)
            self._takes_log = is_classifier and isinstance(net.criterion_, nn.NLLLoss)

    def serves(self, net: Any) -> bool:
        """Return True if the next step of the net may run here; its criterion may have been replaced."""
        if not self.has_step or net.criterion_ is not self.sample_loss.criterion:  # type: ignore[union-attr]
            return False
        self.may_join = self.may_join or self._axis.may_join(self.sample_loss)  # type: ignore[arg-type]
        return self.may_join

    def has_mode(self, training: bool) -> bool:
        """Return True if all modules are known to be in that mode already.

        False as well if a module has a `train` of its own, whose effect nobody knows.

        Parameters
        ----------
        training : bool
            True for training mode, False for inference mode.
        """
        for module in self._modules:
            if module.training is not training:
                return False
        return bool(self._modules)

    def forward(self, net: Any, Xi: Any, yi: Any, **fit_params: Any) -> tuple[Any, tuple]:
        """Compute the output of the net for a batch.

        Parameters
        ----------
        net : NeuralNet
            In training mode.
        Xi, yi : Tensor, or any batch that the net takes
            Parts of the batch; moved to the net's device if they are elsewhere.
        **fit_params : dict
            Passed to the module.

        Returns
        -------
        y_pred : Any
            Output of the module.
        inputs : tuple
            Arguments that the net's `get_loss` passes to the criterion: the log of the output for `NLLLoss` in a
            classifier.
        """
        device = self.device
        if self.has_plain_infer and type(Xi) is Tensor and Xi.device == device:
            y_pred = net.module_(Xi, **fit_params)
        else:
            y_pred = net.infer(Xi, **fit_params)
        score = torch.log(y_pred + torch.finfo(y_pred.dtype).eps) if self._takes_log else y_pred
        if not (type(yi) is Tensor and yi.device == device):
            yi = to_tensor(yi, device=net.device)
        return y_pred, (score, like_output(yi, score) if self._aligns else yi)

    def loss(self, inputs: tuple) -> Tensor:
        """Return the value of the criterion."""
        return self._criterion(*inputs)


def run_epoch(
    net: Any, path: FastPath, session: Any, loader: Any, training: bool, prefix: str, step_fn: Callable, **params: Any
) -> None:
    """Do the same as `NeuralNet.run_single_epoch`, with a tracked loader.

    Parameters
    ----------
    net : NeuralNet
        In training; its history gets the same rows.
    path : FastPath
        Of the epoch, with `has_loop`.
    session : RecordingSession
        Of the net.
    loader : TrackedLoader
        Of the training or the validation part.
    training : bool
        True for the pass that trains.
    prefix : {"train", "valid"}
        First part of the names in the history.
    step_fn : callable
        The net's own step, for batches that the fast path does not serve.
    **params : dict
        Passed to the module.
    """
    loss_name, size_name, count = prefix + "_loss", prefix + "_batch_size", 0
    rows_of_history, of_batch = net.history[-1]["batches"], path.events.of_batch
    losses = PendingLosses(loss_name, copies=path.is_compiled)
    try:
        for batch in loader:
            if of_batch(net)[0]:
                net.notify("on_batch_begin", batch=batch, training=training)
            else:
                rows_of_history.append({})
            if training and session.n_steps and path.serves(net):  # the first step shows if the books balance
                step = train_step(net, path, session, batch, loader, **params)
            else:
                step = step_fn(batch, **params)
            row, (_, listeners, reads_loss) = rows_of_history[-1], of_batch(net)
            if reads_loss:
                row[loss_name] = step["loss"].item()  # skorch's own host sync, one per batch
            else:
                losses.add(row, step["loss"])
            row[size_name] = loader.batch_size_in_hand
            for listener in listeners:
                listener(net, batch=batch, training=training, **step)
            count += 1
    finally:
        losses.write()
    net.history.record(prefix + "_batch_count", count)


def train_step(net: Any, path: FastPath, session: Any, batch: Any, loader: Any, **fit_params: Any) -> dict:
    """Do the same as `NeuralNet.train_step`, and make a visit of the criterion's arguments.

    Gradients are set to None, the loss is computed and visited, and the optimizer steps, in skorch's order.

    Parameters
    ----------
    net, path, session, loader, **fit_params
        As in `run_epoch`; the loader has the rows of the batch in hand.
    batch : tuple
        The batch that `loader` has just yielded.

    Returns
    -------
    step : dict
        "loss", a scalar with its graph used up, and "y_pred", as skorch's callbacks expect them.
    """
    Xi, yi = unpack_data(batch)
    for group in net.optimizer_.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
    if not path.has_mode(True):
        net._set_training(True)
    y_pred, inputs = path.forward(net, Xi, yi, **fit_params)
    session.n_trained += loader.batch_size_in_hand
    if session.is_weighted:
        loss = session.listener.weigh(inputs, path.sample_loss, loader, session.on_visit[True])
    else:
        loss = path.loss(inputs)
        visit = Visit(loader.rows_in_hand, inputs, None, path.sample_loss, loss.detach())  # type: ignore[arg-type]
        for on_visit in session.on_visit[True]:
            on_visit(visit)
    loss.backward()
    if path.events.listeners(net, "on_grad_computed"):
        parameters = TeeGenerator(net.get_all_learnable_params())
        net.notify("on_grad_computed", named_parameters=parameters, batch=batch, training=True)
    net.optimizer_.step()
    return {"loss": loss, "y_pred": y_pred}
