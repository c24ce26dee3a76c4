"""Callbacks of random configurations, for skorch and for the plain loop."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from torch import nn

from tests.fuzz.reference import Listener


@dataclass(frozen=True)
class Row:
    """Callback for skorch (a function that makes it), and listener of the plain loop."""

    make: Any
    plain: type[Listener] = Listener
    tasks: tuple[str, ...] = ()  # the only ones, if any
    calls: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()


class ClippedGradients(Listener):
    def after_backward(self, state):
        parameters = [*state.module.parameters(), *state.criterion.parameters()]
        nn.utils.clip_grad_norm_(parameters, max_norm=0.05)


class HalvesRate(Callback):
    """Halves the learning rate after each epoch."""

    def on_epoch_end(self, net, **kwargs):
        for group in net.optimizer_.param_groups:
            group["lr"] = group["lr"] * 0.5


class HalvedRate(Listener):
    def epoch_end(self, state):
        for group in state.optimizer.param_groups:
            group["lr"] = group["lr"] * 0.5


class Draws(Callback):
    """Draws from the streams of torch and NumPy at some events, and changes the net by what it drew."""

    def on_epoch_begin(self, net, **kwargs):
        _draw(net.module_)

    def on_batch_begin(self, net, training=False, **kwargs):
        torch.rand(2 if training else 1)

    def on_batch_end(self, net, **kwargs):
        np.random.uniform()  # noqa: NPY002


class PlainDraws(Listener):
    def epoch_begin(self, state):
        _draw(state.module)

    def batch_begin(self, state, X, y, training):
        torch.rand(2 if training else 1)

    def batch_end(self, state, training):
        np.random.uniform()  # noqa: NPY002


def _draw(module):
    with torch.no_grad():
        next(module.parameters()).mul_(1 + 0.01 * float(torch.rand(())) + 0.01 * float(np.random.uniform()))  # noqa: NPY002


class ScalesBatch(Callback):
    """Writes into the batch that is to be trained on."""

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        batch[0].mul_(0.9)


class PlainScalesBatch(Listener):
    def batch_begin(self, state, X, y, training):
        X.mul_(0.9)


class Interrupts(Callback):
    """Ctrl-C at one event of one epoch, once."""

    def __init__(self, event="on_batch_end", epoch=2, batch=1):
        self.event, self.epoch, self.batch = event, epoch, batch

    def _maybe(self, net, event):
        is_here = event == self.event and len(net.history) == self.epoch and not getattr(self, "is_done", False)
        if is_here and (event.startswith("on_epoch") or len(net.history[-1, "batches"]) - 1 == self.batch):
            self.is_done = True
            raise KeyboardInterrupt

    def on_epoch_begin(self, net, **kwargs):
        self._maybe(net, "on_epoch_begin")

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            self._maybe(net, "on_batch_begin")

    def on_batch_end(self, net, training=False, **kwargs):
        if training:
            self._maybe(net, "on_batch_end")

    def on_epoch_end(self, net, **kwargs):
        self._maybe(net, "on_epoch_end")


def interrupts(event, epoch, batch):
    """Row of an interrupt; the plain loop counts training batches only, as the callback does."""

    class PlainInterrupts(Listener):
        is_done, n_begun = False, 0

        def _stop_if(self, is_here):
            if is_here and not self.is_done:
                self.is_done = True
                raise KeyboardInterrupt

        def epoch_begin(self, state):
            self.n_begun += 1
            self._stop_if(event == "on_epoch_begin" and self.n_begun == epoch)

        def batch_begin(self, state, X, y, training):
            self._stop_if(event == "on_batch_begin" and training and (self.n_begun, state.batch) == (epoch, batch))

        def batch_end(self, state, training):
            self._stop_if(event == "on_batch_end" and training and (self.n_begun, state.batch) == (epoch, batch))

        def epoch_end(self, state):
            self._stop_if(event == "on_epoch_end" and self.n_begun == epoch)

    return Row(lambda: Interrupts(event, epoch, batch), PlainInterrupts)


class Freezes(Callback):
    """Freezes the first parameter after the first epoch."""

    def on_epoch_end(self, net, **kwargs):
        next(net.module_.parameters()).requires_grad_(False)


class PlainFreezes(Listener):
    def epoch_end(self, state):
        next(state.module.parameters()).requires_grad_(False)


class Hooks(Callback):
    """Puts a hook on the module, which changes its output."""

    def on_train_begin(self, net, **kwargs):
        if not getattr(self, "is_done", False):
            self.is_done = True
            net.module_.register_forward_hook(_louder)


class PlainHooks(Listener):
    def initialized(self, state):
        state.module.register_forward_hook(_louder)


def _louder(module, inputs, output):
    return output * 1.1


class ChangesCriterion(Callback):
    """Anneals the criterion, lets it add up, and puts another in its place, one in each epoch."""

    def on_epoch_begin(self, net, **kwargs):
        net.criterion_ = _changed(net.criterion_, len(net.history))


class PlainChangesCriterion(Listener):
    def epoch_begin(self, state):
        state.criterion = _changed(state.criterion, state.epoch + 1)


def _changed(criterion, epoch):
    if epoch % 3 == 0:
        return nn.CrossEntropyLoss(label_smoothing=0.3)
    criterion.label_smoothing, criterion.reduction = 0.1 * epoch, "sum" if epoch % 3 == 2 else "mean"
    return criterion


_TENSORS = ("classes", "number", "numbers", "labels", "images")
LISTENERS = {
    "none": Row(None),
    "clipping": Row(lambda: GradientNormClipping(0.05), ClippedGradients),
    "halves the rate": Row(HalvesRate, HalvedRate),
    "scheduler": Row(lambda: LRScheduler("StepLR", step_size=1, gamma=0.5), HalvedRate, calls=("fit", "partial_fit")),
    "draws": Row(Draws, PlainDraws),
    "scales the batch": Row(ScalesBatch, PlainScalesBatch, tasks=_TENSORS),
    "stops after a batch": interrupts("on_batch_end", 2, 1),
    "stops before a batch": interrupts("on_batch_begin", 2, 1),
    "stops at the first batch": interrupts("on_batch_end", 1, 0),
    "stops before an epoch": interrupts("on_epoch_begin", 2, 0),
    "stops after an epoch": interrupts("on_epoch_end", 2, 0),
    "freezes": Row(Freezes, PlainFreezes),
    "changes the criterion": Row(ChangesCriterion, PlainChangesCriterion, losses=("cross entropy, annealed",)),
    "hooks": Row(Hooks, PlainHooks, tasks=_TENSORS),
}
