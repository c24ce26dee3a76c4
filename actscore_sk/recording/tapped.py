"""A skorch net, and its criterion, while they are watched.

Each method calls the net's own one, so that whatever a subclass of `NeuralNet` overrides stays in force. Where
it overrides nothing, the same steps run without skorch's cost of asking again at each batch.
"""

import inspect
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import unpack_data
from skorch.utils import TeeGenerator
from torch import nn

from actscore_sk.recording.disguise import Disguise


class TappedCriterion(Disguise):
    """Tells the tap what the criterion is called with; returns what the tap makes of its answer."""

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        call = super().__call__  # type: ignore[misc]
        if self.tap_.rows is None:  # type: ignore[attr-defined]
            return call(*inputs, **named)
        if named:
            inputs = inspect.signature(self.forward).bind(*inputs, **named).args  # type: ignore[attr-defined]
        return self.tap_.criterion_called(call, inputs)  # type: ignore[attr-defined]


class TappedNet(Disguise):
    """Mix-in for a net in training; `tap_` holds all state."""

    tap_: Any = None  # a clone made while training has the class, but no tap

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Train; whatever error ends it, leave the net as it was."""
        if self.tap_ is None:
            return super().fit_loop(*args, **kwargs)  # type: ignore[misc]
        try:
            return super().fit_loop(*args, **kwargs)  # type: ignore[misc]
        except KeyboardInterrupt:  # skorch keeps the net, and ends the training in the usual way
            raise
        except BaseException:
            self.tap_.detach()
            raise

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Split as the net does, and learn where each part lies in X."""
        if self.tap_ is None:
            return super().get_split_datasets(X, y, **fit_params)  # type: ignore[misc]
        X, y = self.tap_.start_split(X, y)
        splits = super().get_split_datasets(X, y, **fit_params)  # type: ignore[misc]
        self.tap_.end_split(*splits)
        return splits

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Build the data set, and notice the one that is made of X."""
        dataset = super().get_dataset(X, y)  # type: ignore[misc]
        if self.tap_ is not None:
            self.tap_.dataset_built(dataset)
        return dataset

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Build the loader, tracked if it is one that the fit loop trains or validates with."""
        loader = super().get_iterator(dataset, training=training)  # type: ignore[misc]
        return loader if self.tap_ is None else self.tap_.loader_built(loader, dataset, training)

    def run_single_epoch(self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any) -> None:
        """Pass over the data once: `NeuralNet.run_single_epoch`, with the parts that never change hoisted."""
        tap, run = self.tap_, super().run_single_epoch  # type: ignore[misc]
        if tap is not None:
            tap.forward_params = fit_params
        if tap is None or iterator is None or run.__func__ is not NeuralNet.run_single_epoch:
            return run(iterator, training, prefix, step_fn, **fit_params)
        record, count, loss_name, size_name = self.history.record_batch, 0, prefix + "_loss", prefix + "_batch_size"  # type: ignore[attr-defined]
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            record(loss_name, step["loss"].item())  # skorch's own host sync, one a batch
            record(size_name, tap.batch_size)
            self.notify("on_batch_end", batch=batch, training=training, **step)
            count += 1
        self.history.record(prefix + "_batch_count", count)  # type: ignore[attr-defined]
        return None

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """Train on one batch, whose samples are known meanwhile."""
        if self.tap_ is None:
            return super().train_step(batch, **fit_params)  # type: ignore[misc]
        self.tap_.open(batch, training=True)
        try:
            if self.tap_.has_plain_step:
                return plain_step(self, batch, **fit_params)
            return super().train_step(batch, **fit_params)  # type: ignore[misc]
        finally:
            self.tap_.rows = None

    def validation_step(self, batch: Any, **fit_params: Any) -> Any:
        """Validate on one batch, whose samples are known meanwhile if they are samples of X."""
        if self.tap_ is None:
            return super().validation_step(batch, **fit_params)  # type: ignore[misc]
        self.tap_.open(batch, training=False)
        try:
            return super().validation_step(batch, **fit_params)  # type: ignore[misc]
        finally:
            self.tap_.rows = None

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the net's own loss; the first one in a step is a visit of the samples in the batch."""
        own_loss = super().get_loss  # type: ignore[misc]
        if self.tap_ is None:
            return own_loss(y_pred, y_true, *args, **kwargs)
        y_true = self.tap_.fit_target(y_pred, y_true)
        if self.tap_.rows is None:
            return own_loss(y_pred, y_true, *args, **kwargs)
        return self.tap_.loss_asked(own_loss, y_pred, y_true, *args, **kwargs)

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Tell the tap first, so that scores are up to date in callbacks and kept if one stops training."""
        tap, notify = self.tap_, super().notify  # type: ignore[misc]
        if tap is None:
            return notify(method_name, **kwargs)
        tap.event(method_name, **kwargs)
        if notify.__func__ is not NeuralNet.notify or method_name == "on_train_begin":
            notify(method_name, **kwargs)
        else:
            for listener in tap.listeners(method_name, self.callbacks_):  # type: ignore[attr-defined]
                listener(self, **kwargs)
        if method_name == "on_train_end":
            tap.detach()
        return None

    def _set_training(self, training: bool = True) -> None:
        # nn.Module.train() walks the tree and sets what is set already, at each batch
        if self.tap_ is None or not self.tap_.has_mode(training):
            super()._set_training(training)  # type: ignore[misc]


# What skorch's training step is made of, next to `infer` and `get_loss`.
_STEP = (
    "train_step",
    "train_step_single",
    "get_train_step_accumulator",
    "on_grad_computed",
    "_zero_grad_optimizer",
    "_step_optimizer",
)


def has_plain_step(net: Any) -> bool:
    """Whether `net` trains with one optimizer, and with no step of its own."""
    plain = type(net).__bases__[1]
    return net._optimizers == ["optimizer"] and all(getattr(plain, name) is getattr(NeuralNet, name) for name in _STEP)


def plain_step(net: Any, batch: Any, **fit_params: Any) -> dict:
    """Do what `NeuralNet.train_step` does: the same operations, in the same order, with fewer calls around them.

    The step that counts is the first one; LBFGS asks for several.
    """
    Xi, yi = unpack_data(batch)
    steps: list[dict] = []

    def closure() -> Any:
        net.optimizer_.zero_grad()
        net._set_training(True)
        y_pred = net.infer(Xi, **fit_params)
        loss = net.get_loss(y_pred, yi, X=Xi, training=True)
        loss.backward()
        if not steps:
            steps.append({"loss": loss, "y_pred": y_pred})
        if net.tap_.hears_gradients:
            parameters = TeeGenerator(net.get_all_learnable_params())
            net.notify("on_grad_computed", named_parameters=parameters, batch=batch, training=True)
        return loss

    net.optimizer_.step(closure)
    return steps[0]


def heard_by(net: Any, callbacks: list, method_name: str) -> list:
    """Methods that `NeuralNet.notify` would call, less the empty ones that `Callback` provides."""
    empty = getattr(Callback, method_name, None)
    methods = [getattr(callback, method_name) for _, callback in callbacks]
    return [getattr(type(net), method_name).__get__(net)] + [
        method for method in methods if getattr(method, "__func__", None) is not empty
    ]


def all_modules(net: Any) -> list[nn.Module]:
    """Every module whose mode the net switches."""
    # skorch keeps the names of a net's modules and criteria in these two lists
    roots = [getattr(net, name + "_") for name in net._modules + net._criteria]
    return [module for root in roots if isinstance(root, nn.Module) for module in root.modules()]
