"""A mix-in for nets that several processes train together by Hugging Face Accelerate."""

from collections.abc import Callable
from typing import Any

from skorch.hf import AccelerateMixin
from torch import distributed, nn


class AcceleratedNetMixin(AccelerateMixin):
    """Train a skorch net with Hugging Face Accelerate: on several devices, in mixed precision, accumulating gradients.

    It is skorch's `AccelerateMixin` with what training in several processes needs besides:

    * Criteria without parameters, such as `CrossEntropyLoss`, are not wrapped: there is nothing to share of them, and
      `DistributedDataParallel` refuses them.
    * Gradients that are accumulated add up. skorch clears them at the start of each step, those of the steps before the
      last one of an update, too.
    * Training goes on as it began: skorch takes the module out of what Accelerate wraps it in when training ends, and
      leaves it out in `partial_fit`, so that each process would train a net of its own.
    * Losses in the history are those of the joint batches of all processes, so that early stopping and learning rates
      that go by a loss do the same in all of them.

    Put it in front of the class of a net, and start the program with ``accelerate launch`` or ``torchrun``.

    Parameters
    ----------
    *args
        Of the net.
    accelerator : accelerate.Accelerator
        Says on which devices, in which precision, and how many gradients are added up.
    device : None
        Accelerate places the module.
    unwrap_after_train : bool
        Take the module out of what Accelerate wraps it in when training ends, so that the net can be pickled.
    callbacks__print_log__sink : "auto" or callable
        Prints the log; "auto" prints it once for all processes of a machine.
    **kwargs
        Of the net.

    See Also
    --------
    ActionScoreRecorder : Scores a net that is trained like this.

    Examples
    --------
    >>> import torch
    >>> from accelerate import Accelerator
    >>> from skorch import NeuralNetClassifier
    >>> class AcceleratedNet(AcceleratedNetMixin, NeuralNetClassifier):
    ...     pass
    >>> net = AcceleratedNet(torch.nn.Linear, accelerator=Accelerator(cpu=True), criterion=torch.nn.CrossEntropyLoss)
    """

    def _initialize_accelerator(self) -> Any:
        names: list[str] = self._criteria
        bare = [name for name in names if not _has_parameters(getattr(self, name + "_"))]
        self.__dict__["_criteria"] = [name for name in names if name not in bare]
        try:
            super()._initialize_accelerator()
        finally:
            self.__dict__["_criteria"] = names
        for name in bare:
            criterion = getattr(self, name + "_")
            if isinstance(criterion, nn.Module):
                criterion.to(self.accelerator.device)
        return self

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Wrap the module, unless it is wrapped.

        Parameters
        ----------
        net : NeuralNet
            This one.
        X, y : object
            Samples and targets.
        **kwargs
            Of the event.
        """
        super().on_train_begin(net, X=X, y=y, **kwargs)
        self._initialize_accelerator()

    def _zero_grad_optimizer(self, *args: Any, **kwargs: Any) -> None:
        if self.accelerator.gradient_accumulation_steps == 1:
            super()._zero_grad_optimizer(*args, **kwargs)

    def _step_optimizer(self, step_fn: Callable) -> None:
        super()._step_optimizer(step_fn)
        if self.accelerator.gradient_accumulation_steps > 1:
            for name in self._optimizers:
                getattr(self, name + "_").zero_grad()  # if Accelerate has made the update, else it does nothing

    def run_single_epoch(self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any) -> None:
        """Pass over the data once; losses in the history are then those of the batches of all processes.

        Parameters
        ----------
        iterator : DataLoader or None
            Prepared by Accelerate.
        training : bool
            True for the pass that trains.
        prefix : {"train", "valid"}
            First part of the names in the history.
        step_fn : callable
            The net's own step.
        **fit_params : dict
            Passed to the module.
        """
        super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
        if iterator is not None and self.accelerator.num_processes > 1:
            self._share_losses(prefix)

    def _share_losses(self, prefix: str) -> None:
        loss, size = prefix + "_loss", prefix + "_batch_size"
        rows = [row for row in self.history[-1]["batches"] if loss in row]
        found: list[Any] = [None] * self.accelerator.num_processes
        distributed.all_gather_object(found, [(row[loss], row[size]) for row in rows])
        for row, parts in zip(rows, zip(*found, strict=True), strict=True):
            row[size] = sum(n for _, n in parts)
            row[loss] = sum(value * n for value, n in parts) / row[size]


def _has_parameters(part: Any) -> bool:
    return isinstance(part, nn.Module) and any(parameter.requires_grad for parameter in part.parameters())
