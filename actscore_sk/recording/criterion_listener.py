"""Listen to one criterion: arguments of each call, and the losses of samples behind its answer.

A criterion returns a mean. Its arguments tell the loss of each sample, so its call is intercepted, inside of whatever
`get_loss` does before and after.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from actscore_sk.losses.details import LossDetails
from actscore_sk.losses.per_sample_twin import PerSampleTwin, independent_copy
from actscore_sk.losses.read_details import without_details
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.losses.weighting import weighted_loss

# By mode, what a criterion answers, made of the losses (n_samples,) of its samples.
_ANSWERS: dict[str, Callable[[Tensor], Tensor]] = {
    "per sample": lambda samples: samples,
    "zeros": lambda samples: 0 * samples,
    "mean": Tensor.mean,
}


@dataclass
class Call:
    """One call of a criterion inside `get_loss`.

    Parameters
    ----------
    arguments : tuple
        Its arguments, in the order of the signature of `forward`.
    is_batch_first : bool
        True if they are tensors of one row per sample.
    details : LossDetails or None
        Losses of samples; None if they can be computed from `arguments` at any time.
    output : Tensor
        Value that it returned, without gradient.
    sample_loss : SampleLoss
        View of the criterion.
    """

    arguments: tuple
    is_batch_first: bool
    details: LossDetails | None
    output: Tensor
    sample_loss: SampleLoss

    @property
    def inputs(self) -> tuple | None:
        """The arguments, or None if they have other rows than samples."""
        return self.arguments if self.is_batch_first else None


class CriterionListener:
    """Answers for a criterion inside a step: its own value, or the weighted one.

    Parameters
    ----------
    parent : LossListener
        Knows the samples in the batch and their weights.
    criterion : callable
        Usually an `nn.Module`.
    sample_loss : SampleLoss
        View of it.

    Attributes
    ----------
    calls : list of Call
        Each call is added to it.
    mode : {"listen", "per sample", "zeros", "mean", "probe", "scored"}
        The answer to a call. ``"listen"``: the criterion's own value; the call is added to `calls`. ``"per sample"``:
        one loss per sample. ``"zeros"``: as many zeros. ``"mean"``: the plain mean of these losses. ``"probe"``: the
        value of a copy, which changes nothing in the criterion and is added to `probed`. ``"scored"``: the same
        without weights of classes, where scores leave them out.
    probed : list of Tensor
        Values of the calls made in modes "probe" and "scored", and losses of samples in the others.
    """

    def __init__(self, parent: Any, criterion: Any, sample_loss: SampleLoss) -> None:
        self.criterion, self._parent, self.sample_loss = criterion, parent, sample_loss
        self._twin = PerSampleTwin(self.sample_loss)
        self.calls: list[Call] = []
        self.mode = "listen"
        self.probed: list[Tensor] = []
        self._before: Any = None
        self._copy: Any = None

    def remember(self) -> None:
        """Keep the criterion's state, which its calls in `get_loss` may change, for answers to the same calls."""
        self._before = None if self.sample_loss.is_stateless else independent_copy(self.criterion)

    def replay(self, mode: str, probed: list[Tensor]) -> None:
        """Answer in another mode than "listen", beginning at the state kept last.

        Parameters
        ----------
        mode : {"per sample", "zeros", "mean", "probe", "scored"}
            See the attribute.
        probed : list of Tensor
            Filled by mode "probe"; shared by all criteria of a net, in the order of their calls.
        """
        self.mode, self.probed = mode, probed
        self._copy = independent_copy(self.criterion if self._before is None else self._before)
        if mode == "scored":
            self.sample_loss.leave_out_class_weights(self._copy)
        elif mode != "probe" and self.sample_loss.has_reduction:
            self.sample_loss.leave_out_reduction(self._copy)

    @property
    def is_listening(self) -> bool:
        """True inside a step on samples of X."""
        return self._parent.is_open

    def answer(self, call: Callable, inputs: tuple, named: dict) -> Any:
        """Answer a call of the criterion.

        Parameters
        ----------
        call : callable
            The criterion's own `__call__`.
        inputs : tuple
            Positional arguments.
        named : dict
            Keyword arguments; they are bound to the signature, so that each criterion is evaluated by position.

        Returns
        -------
        output : Any
            In the form in which the criterion answers.
        """
        if named:
            bound = inspect.signature(self.criterion.forward).bind(*inputs, **named)
            bound.apply_defaults()
            inputs, named = bound.args, bound.kwargs
        if self.mode in _ANSWERS:
            return self._per_sample(inputs, named)
        if self.mode in ("probe", "scored"):
            value = self._copy(*inputs, **named)
            self.probed.append(without_details(value))
            return value
        sample_loss, parent, n_samples = self.sample_loss, self._parent, len(self._parent.rows)
        is_batch_first, details = not named and parent.axis.is_first(sample_loss, inputs, n_samples), None
        if sample_loss.is_detailed or (parent.weights.is_used and sample_loss.has_reduction):
            output, details = self._reduced_here(inputs, named)
        elif sample_loss.is_stateless and is_batch_first and parent.axis.may_join(sample_loss):
            output = call(*inputs)
        else:
            output, details = self._twin(call, inputs, n_samples, named)
        value = without_details(output)
        value = getattr(value, "loss", value)  # torch's adaptive softmax returns a pair (output, loss)
        self.calls.append(Call(inputs, is_batch_first, details, value.detach(), sample_loss))
        return output

    def _reduced_here(self, inputs: tuple, named: dict) -> tuple[Any, LossDetails]:
        """Ask for the loss of each sample only, and reduce it to the loss that is trained on; return both.

        One evaluation serves training and recording: for criteria with details, and wherever samples have weights.
        """
        sample_loss, weights, n_samples = self.sample_loss, self._parent.weights, len(self._parent.rows)
        criterion = sample_loss.criterion
        ask = criterion.details if sample_loss.is_detailed else sample_loss.unreduced(scored=False)
        raw = ask(*inputs, **named)
        details = sample_loss.details(raw, inputs, n_samples)
        if not weights.is_used or not sample_loss.has_reduction:
            return criterion.reduced(details.samples), details.detached()
        units = sample_loss.units(inputs, n_samples, raw) if isinstance(raw, Tensor) else details.samples
        output = weighted_loss(sample_loss, units, inputs, *weights.of_batch(self._parent.rows, units))
        if sample_loss.has_class_weights and not sample_loss.score_class_weights:
            with torch.no_grad():
                details = sample_loss.details(sample_loss.unreduced()(*inputs, **named), inputs, n_samples)
        return (output, raw[1]) if isinstance(raw, (tuple, list)) else output, details.detached()

    def _per_sample(self, inputs: tuple, named: dict) -> Any:
        """Answer with one loss per sample, in the form that the criterion's own answer has."""
        sample_loss = self.sample_loss
        raw = self._copy(*inputs, **named)
        samples = sample_loss.details(raw, inputs, len(self._parent.rows)).samples
        self.probed.append(samples)
        samples = _ANSWERS[self.mode](samples)
        return (samples, raw[1]) if isinstance(raw, (tuple, list)) and without_details(raw) is raw[0] else samples


class RecordedCriterionMixin:
    """A criterion in training: it passes its arguments to `listener_`, and returns the listener's answer.

    Attributes
    ----------
    listener_ : CriterionListener or None
        None in a copy of the criterion, which nobody listens to.
    """

    listener_: Any = None

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Compute the loss; outside of a step, as if the mix-in were not there."""
        call, listener = super().__call__, self.listener_  # type: ignore[misc]
        if listener is None or not listener.is_listening:
            return call(*inputs, **named)
        return listener.answer(call, inputs, named)


@contextmanager
def answering(listeners: list[CriterionListener], mode: str) -> Iterator[list[Tensor]]:
    """Let criteria answer in another mode inside the block.

    Parameters
    ----------
    listeners : list of CriterionListener
        Of all criteria of a net.
    mode : {"per sample", "zeros", "mean", "probe", "scored"}
        See `CriterionListener`.

    Yields
    ------
    probed : list of Tensor
        Values of the calls made in mode "probe", in order.
    """
    probed: list[Tensor] = []
    for each in listeners:
        each.replay(mode, probed)
    try:
        yield probed
    finally:
        for each in listeners:
            each.mode, each._copy = "listen", None
