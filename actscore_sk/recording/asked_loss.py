"""One call of a net's own `get_loss`, which can be asked again: for parts of the batch, with other criteria.

The answer to a second call depends on random numbers and on the state of criteria. Both are put back to what they were
before the first call, and afterwards to what the first call left, so that training does not notice. What the call
writes into the net or its history is put back as well.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from actscore_sk.losses.read_details import without_details
from actscore_sk.recording.asked_net import unwritten
from actscore_sk.recording.batch_parts import map_batch, take_samples
from actscore_sk.recording.criterion_listener import Call, answering
from actscore_sk.utils.randomness import RandomState

Arguments = tuple[tuple, dict]


@dataclass
class AskedLoss:
    """One call of the net's `get_loss`, which can be asked again.

    Parameters
    ----------
    get_loss : callable
        The net's own.
    arguments : tuple (args, kwargs)
        Arguments it was called with.
    calls : list of Call
        Calls of criteria that it made.
    loss : Tensor
        Value that it returned, without gradient.
    before : RandomState
        Generators before the call.
    listener : LossListener
        Of the step; its `rows` are those of the samples asked for.
    net : NeuralNet
        Whose `get_loss` it is; what that writes down is put back.
    """

    get_loss: Callable
    arguments: Arguments
    calls: list[Call]
    loss: Tensor
    before: RandomState
    listener: Any
    net: Any
    _has_gradient: bool = False

    @property
    def n_samples(self) -> int:
        """Number of samples in the batch."""
        return len(self.listener.rows)

    @property
    def shows_nothing(self) -> bool:
        """True if other functions give this loss, too: NaN of ignored targets, or 0 of samples that weigh nothing."""
        values = [self.loss, *(call.output for call in self.calls)]
        return not bool(self.loss.isfinite().all()) or not any(bool(value.count_nonzero()) for value in values)

    def again(
        self, mode: str, samples: Tensor | None = None, *, changed_after: int | None = None, factor: float = 0.9
    ) -> tuple[Any, list[Tensor]]:
        """Ask once more, with the same random numbers.

        Parameters
        ----------
        mode : {"per sample", "zeros", "mean", "probe"}
            How criteria answer; see `CriterionListener`.
        samples : Tensor of int64 (n,), optional
            Positions in the batch of the samples to ask for. None: all.
        changed_after : int, optional
            Inputs and outputs of the net for the samples from this position on are changed; 0: all of them.
        factor : float
            Their share in the changed ones; the rest is between 0.1 and 0.9, so that probabilities stay in (0, 1).

        Returns
        -------
        value : Tensor
            The value of `get_loss`, without details.
        probed : list of Tensor
            Values of the criteria, in mode "probe".
        """
        arguments, rows = self.arguments, self.listener.rows
        if changed_after is not None:
            arguments = self._changed_arguments(changed_after, factor)
        if samples is not None:
            arguments = take_samples(arguments, samples, self.n_samples)
        try:
            self.listener.rows = rows if samples is None else rows[samples]
            return self._with_gradient_if_needed(lambda: self._answer(mode, arguments))
        finally:
            self.listener.rows = rows

    def of_other_outputs(self) -> "AskedLoss":
        """Return the call as if the net had answered other outputs, by which losses that are equal differ."""
        arguments = self._changed_arguments(0, 0.3)
        return replace(self, arguments=arguments, loss=self.again("probe", changed_after=0, factor=0.3)[0])

    def _changed_arguments(self, start: int, factor: float) -> Arguments:
        """Return the arguments with other inputs and outputs for the samples from a position on."""
        (y_pred, *others), named = self.arguments
        inputs = {"X": named["X"]} if "X" in named else {}
        y_pred, inputs = _changed((y_pred, inputs), start, factor, self.n_samples)
        return (y_pred, *others), named | inputs

    def _answer(self, mode: str, arguments: Arguments) -> tuple[Any, list[Tensor]]:
        args, kwargs = arguments
        with self._replayed(mode) as probed:
            value = without_details(self.get_loss(*args, **kwargs))
            return value.detach() if isinstance(value, Tensor) else value, probed

    def _with_gradient_if_needed(self, ask: Callable[[], Any]) -> Any:
        """Ask without gradient, and with it if `get_loss` needs one inside, as for a penalty on gradients."""
        try:
            return ask()
        except RuntimeError as error:
            if self._has_gradient or "does not require grad" not in str(error):
                raise
            self._has_gradient = True
            return ask()

    def one_by_one(self, mode: str = "probe") -> Tensor | None:
        """Return the value for each sample as a batch of its own, (n_samples,); None if it cannot be computed.

        Criteria answer in the mode, "probe" or "scored".

        `vmap` computes all of them in one pass; a `get_loss` that it cannot trace is called once per sample.
        """
        arguments, n_samples = self.arguments, self.n_samples
        axes = map_batch(arguments, n_samples, lambda part: 0, lambda part: None)

        def of_one(parts: Arguments) -> Tensor:
            args, kwargs = _with_batch_axis(parts, axes)
            return without_details(self.get_loss(*args, **kwargs)).reshape(())

        def in_a_loop() -> Tensor:
            parts = [take_samples(arguments, torch.tensor([i]), n_samples) for i in range(n_samples)]
            with self._replayed(mode):
                return torch.stack([without_details(self.get_loss(*a, **k)).detach().reshape(()) for a, k in parts])

        with suppress(Exception), self._replayed(mode), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "There is a performance drop")  # still faster than a loop
            return torch.func.vmap(of_one, in_dims=(axes,), randomness="different")(arguments)
        with suppress(Exception):  # a loss that needs several samples
            return self._with_gradient_if_needed(in_a_loop)
        return None

    @contextmanager
    def _replayed(self, mode: str) -> Iterator[list[Tensor]]:
        """Restore the random numbers of the first call inside the block, and let criteria answer in a mode."""
        after = RandomState(self.net.device)
        self.before.restore()
        try:
            grad = torch.set_grad_enabled(self._has_gradient)
            with unwritten(self.net), grad, answering(self.listener.criteria.listeners, mode) as probed:
                yield probed
        finally:
            after.restore()


def _changed(parts: Any, start: int, factor: float, n_samples: int) -> Any:
    """Return inputs or outputs of which those from `start` on are moved towards other values.

    Numbers that are all zero, as the outputs of a layer may be before training, move as well.
    """

    def change(part: Any) -> Any:
        if not isinstance(part, Tensor) or not part.is_floating_point() or not part.ndim:
            return part
        ramp = torch.linspace(0.1, 0.4, part.shape[-1], dtype=part.dtype, device=part.device)
        others = torch.where(part < 0.5, 1 - ramp, ramp)  # no number is near its own
        return torch.cat([part[:start], factor * part[start:] + (1 - factor) * others[start:]])

    return map_batch(parts, n_samples, change, None if start else change)  # all of it, wherever samples are stored


def _with_batch_axis(parts: Any, axes: Any) -> Any:
    """Return the parts of one sample as a batch of one; parts that no sample owns stay as they are."""
    if isinstance(parts, dict):
        return {name: _with_batch_axis(part, axes[name]) for name, part in parts.items()}
    if isinstance(parts, (tuple, list)):
        return type(parts)(_with_batch_axis(part, axis) for part, axis in zip(parts, axes, strict=True))
    return parts if axes is None else parts[None]
