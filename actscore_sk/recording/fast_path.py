"""skorch's training loop with everything decided before the first batch.

skorch asks again at each batch: it calls the empty methods of callbacks, walks the modules to set a mode that is set,
builds a generator of parameters that nobody reads. For a small net that is a third of the time of a step. The
functions of `fast_steps` do the same operations in the same order; they serve only nets that do not override them, and
only a skorch that was seen to do the same (`fast_path_proof`).

Each part is taken by itself: a net with a `train_step` of its own still has the loop, and a callback that listens to
batches hears of them through skorch's `notify`. This file decides which parts may be taken.
"""

from typing import Any

import torch
from skorch import NeuralNet, NeuralNetClassifier
from skorch.history import History
from skorch.utils import to_tensor
from torch import Tensor, nn

from actscore_sk.data.devices import full_device
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.batch_events import BatchEvents
from actscore_sk.recording.batch_parts import like_output
from actscore_sk.recording.modules import all_modules, reuses_outputs
from actscore_sk.recording.overrides import Stash, steps_once
from actscore_sk.recording.sample_axis import SampleAxis

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
        self.is_compiled = reuses_outputs(net)
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
        self.may_join, self._n_attributes = False, len(vars(net))
        if self.has_step:
            self.sample_loss = sample_loss
            # The class that listens to the criterion is passed by; torch's own losses do not override __call__.
            self._criterion = nn.Module.__call__.__get__(net.criterion_)
            is_classifier = stash.is_plain("get_loss", NeuralNetClassifier)
            self._takes_log = is_classifier and isinstance(net.criterion_, nn.NLLLoss)

    def serves(self, net: Any) -> bool:
        """Return True if the next step of the net may run here.

        Its criterion may have been replaced since the epoch began, and a method may have been set on the net.
        """
        if not self.has_step or net.criterion_ is not self.sample_loss.criterion:  # type: ignore[union-attr]
            return False
        if self.is_changed(net):
            return False
        self.may_join = self.may_join or self._axis.may_join(self.sample_loss)  # type: ignore[arg-type]
        return self.may_join

    def is_changed(self, net: Any) -> bool:
        """Return True if an attribute was set on the net, or deleted, since the epoch began."""
        return len(vars(net)) != self._n_attributes

    def leave(self, names: list[str]) -> None:
        """Leave steps, and events, to the net for the rest of the epoch, of which methods were set on the instance."""
        self.has_step, self.has_notify = False, self.has_notify and "notify" not in names

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

    def tells(self, net: Any) -> bool:
        """Return True if `events.listeners` are still all that the net's `notify` would call."""
        return self.has_notify and not self.is_changed(net)

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
