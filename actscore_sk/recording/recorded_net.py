"""A skorch net, and its criterion, while they are watched.

Each method calls the net's own one, so that whatever a subclass of `NeuralNet` overrides stays in force.
"""

import inspect
from typing import Any

from sklearn.base import clone

from actscore_sk.data.loading import TrackedLoader
from actscore_sk.losses.details import without_details
from actscore_sk.recording import fast_path
from actscore_sk.recording.class_swap import Disguise


class TappedCriterion(Disguise):
    """Tells the step what the criterion is called with; returns what the step makes of its answer."""

    tap_: Any = None

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Compute the loss."""
        call, step = super().__call__, self.tap_  # type: ignore[misc]
        if step is None or not step.is_listening:
            return call(*inputs, **named)
        if named:
            bound = inspect.signature(self.forward).bind(*inputs, **named)  # type: ignore[attr-defined]
            bound.apply_defaults()
            inputs, named = bound.args, bound.kwargs
        return step.criterion_called(call, inputs, named)


class TappedNet(Disguise):
    """Mix-in for a net in training; `tap_` holds all state."""

    tap_: Any = None  # a clone made while training has the class, but no tap

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Train; whatever error ends it, leave the net as it was."""
        tap = self.tap_
        try:
            return super().fit_loop(*args, **kwargs)  # type: ignore[misc]
        except KeyboardInterrupt:  # skorch keeps the net, and ends the training in the usual way
            raise
        except BaseException:
            if tap is not None:
                tap.detach()
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
        """Pass over the data once."""
        tap = self.tap_
        if tap is not None:
            tap.forward_params = fit_params
        if tap is None or not tap.plan.has_flat_loop or not isinstance(iterator, TrackedLoader):
            return super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)  # type: ignore[misc]
        return fast_path.run_epoch(self, tap.plan, iterator, training, prefix, step_fn, **fit_params)

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """Train on one batch, whose samples are known meanwhile."""
        tap = self.tap_
        if tap is None:
            return super().train_step(batch, **fit_params)  # type: ignore[misc]
        tap.open_step(batch, True)
        try:
            if tap.plan.has_flat_step and self.criterion_ is tap.plan.criterion:  # type: ignore[attr-defined]
                tap.step.is_listening = False  # it is told
                return fast_path.train_step(self, tap.plan, batch, tap.step, **fit_params)
            step = super().train_step(batch, **fit_params)  # type: ignore[misc]
            tap.step.check_seen(self)
            return step
        finally:
            tap.step.close()

    def validation_step(self, batch: Any, **fit_params: Any) -> Any:
        """Validate on one batch, whose samples are known meanwhile if they are samples of X."""
        tap = self.tap_
        if tap is None:
            return super().validation_step(batch, **fit_params)  # type: ignore[misc]
        tap.open_step(batch, False)
        try:
            step = super().validation_step(batch, **fit_params)  # type: ignore[misc]
        finally:
            tap.step.close()
        # skorch wants one number of a batch that is not listened to, too
        return step | {"loss": step["loss"].mean()} if step["loss"].ndim else step

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the net's own loss; the first one in a step is a visit of the samples in the batch."""
        tap, own_loss = self.tap_, super().get_loss  # type: ignore[misc]
        if tap is None:
            return own_loss(y_pred, y_true, *args, **kwargs)
        if tap.align_targets:
            y_true = fast_path.like_output(y_true, y_pred)
        if not tap.step.is_listening:
            return without_details(own_loss(y_pred, y_true, *args, **kwargs))
        return tap.step.loss(self, own_loss, y_pred, y_true, *args, **kwargs)

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Tell the tap first, so that scores are up to date in callbacks and kept if one stops training."""
        tap = self.tap_
        try:
            if tap is not None:
                tap.event(method_name)
            if tap is None or tap.plan is None or not tap.plan.has_flat_notify:
                super().notify(method_name, **kwargs)  # type: ignore[misc]
            else:
                for listener in tap.plan.listeners(self, method_name):
                    listener(self, **kwargs)
        finally:
            if tap is not None and method_name == "on_train_end":
                tap.detach()

    def __sklearn_clone__(self) -> Any:
        """Clone the net that it is without the disguise."""
        plain: Any = object.__new__(type(self).__bases__[1])
        vars(plain).update({name: value for name, value in vars(self).items() if name != "tap_"})
        return clone(plain)

    def _set_training(self, training: bool = True) -> None:
        # nn.Module.train() walks the tree and sets what is set already, at each batch
        if self.tap_ is None or self.tap_.plan is None or not self.tap_.plan.has_mode(training):
            super()._set_training(training)  # type: ignore[misc]
