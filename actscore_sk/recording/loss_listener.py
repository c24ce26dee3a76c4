"""The step in hand: which samples it sees, what the criterion says of them, what the net is trained on."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import LossDetails, without_details
from actscore_sk.losses.per_sample_twin import Replay
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.class_swap import disguise, undisguise
from actscore_sk.recording.fast_path import is_skorch_loss
from actscore_sk.recording.recorded_net import TappedCriterion
from actscore_sk.recording.visit import Consumer, Visit
from actscore_sk.utils.randomness import RandomState


class Step:
    """Turns calls of the net's `get_loss` and criterion into visits.

    The first loss of a step is the one that counts, before any parameter changes: LBFGS asks for several. The loss
    that is trained on is the criterion's own, untouched, unless samples have weights.

    Parameters
    ----------
    sample_weight : tensor (n_samples,), optional
        Weight of each row of X in the loss that is trained on, never in the recorded one.

    Attributes
    ----------
    rows : tensor of int64 (batch_size,)
        Positions in X of the samples in the batch.
    is_listening : bool
        Whether calls of the criterion are part of the step; not outside of one, nor in one on samples not in X.
    """

    def __init__(self, sample_weight: Tensor | None) -> None:
        self.rows = torch.empty(0, dtype=torch.int64)
        self.is_listening = False
        self._weights = sample_weight
        self._mean_weight = 1.0 if sample_weight is None else float(sample_weight.mean())
        self._visit_weights: Tensor | None = None
        self._consumers: Sequence[Consumer] = ()
        self._calls: list[tuple[tuple | None, LossDetails | None]] = []
        self._per_sample = False
        self._criterion: Any = None

    def set_training_rows(self, rows: Tensor | None) -> None:
        """Say which rows of X are trained on, (n_rows,) int64; None: all."""
        if self._weights is not None:
            self._mean_weight = float(
                (self._weights if rows is None else self._weights[rows.to(self._weights.device)]).mean()
            )

    def open(self, rows: Tensor, consumers: Sequence[Consumer], visit_weights: Tensor | None = None) -> None:
        """Begin a step on the samples at `rows`, whose visit `consumers` want.

        `visit_weights` (batch_size,) make up for unequal visits: the mean of the weighted losses is taken over the
        number of visits and not over the sum of these weights, so that its expectation is that of equal visits.
        """
        self.rows, self._consumers, self.is_listening = rows, consumers, True
        self._visit_weights = visit_weights

    def close(self) -> None:
        """End the step, if one is open."""
        self.is_listening = False

    @property
    def is_weighted(self) -> bool:
        """Whether samples have weights."""
        return self._weights is not None or self._visit_weights is not None

    def let_go(self) -> None:
        """Give the criterion its own class back."""
        undisguise(self._criterion)
        self._criterion = None

    def loss(self, net: Any, own_loss: Callable, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Run the net's `get_loss`; hand on what its criterion said if the step has not been recorded yet.

        Raises
        ------
        SampleLossError
            If the loss of single samples cannot be known.
        """
        if net.criterion_ is not self._criterion:
            self._follow(net.criterion_)
        calls: list[tuple[tuple | None, LossDetails | None]] = []
        self._calls = calls
        # A get_loss of the user's may draw random numbers, and may have to be asked again with the same ones.
        before = RandomState(net.device) if self._consumers and not is_skorch_loss(own_loss) else None
        loss = own_loss(y_pred, y_true, *args, **kwargs)
        if not calls:
            raise SampleLossError(
                f"{type(net).__name__}.get_loss did not call criterion_, so the loss of a single sample is unknown; "
                "compute the loss in a criterion"
            )
        if self._consumers:
            inputs, details = calls[0]
            if before is not None and len(calls) > 1:
                after = RandomState(net.device)
                before.restore()
                inputs, details = None, LossDetails(self._combined(own_loss, y_pred, y_true, *args, **kwargs))
                after.restore()
            self._hand_on(inputs, details, self._sample_loss)
        loss = without_details(loss)
        return loss if loss.ndim == 0 and not self.is_weighted else self._trainable(loss)

    def see(self, inputs: tuple, sample_loss: SampleLoss) -> None:
        """Take a visit from what a criterion that is not listened to was called with."""
        details, batch_first = None, _is_batch_first(inputs, len(self.rows))
        if not batch_first:
            with torch.no_grad():
                details = sample_loss.details(sample_loss.unreduced()(*inputs), inputs, len(self.rows))
        self._hand_on(inputs if batch_first else None, details, sample_loss)

    def weigh(self, inputs: tuple, sample_loss: SampleLoss) -> Tensor:
        """Take a visit as `see` does; return the weighted loss."""
        units = sample_loss.units(inputs, len(self.rows))
        # The values are there: to hold inputs back and evaluate them once more would cost more.
        details = sample_loss.details(units.detach(), inputs, len(self.rows))
        self._hand_on(inputs if _is_batch_first(inputs, len(self.rows)) else None, details, sample_loss)
        return sample_loss.weighted(units, inputs, *self._batch_weights(units))

    def _hand_on(self, inputs: tuple | None, details: LossDetails | None, sample_loss: SampleLoss) -> None:
        """Tell the consumers of the visit, once a step."""
        consumers, self._consumers = self._consumers, ()
        visit = Visit(self.rows, inputs, details, sample_loss)
        for consume in consumers:
            consume(visit)

    def criterion_called(self, call: Callable, inputs: tuple, named: dict) -> Any:
        """Answer for the criterion: its own value, or the weighted one; note the loss of each sample."""
        sample_loss, n_samples, details = self._sample_loss, len(self.rows), None
        if self._per_sample:
            return self._sample_values(inputs, named)
        batch_first = not named and _is_batch_first(inputs, n_samples)
        if sample_loss.is_detailed or (self.is_weighted and sample_loss.reduces):
            output, details = self._unreduced(inputs, named)
        elif sample_loss.is_pure and batch_first:
            output = call(*inputs)
        else:
            output, details = self._replay(call, inputs, n_samples, named)
        self._calls.append((inputs if batch_first else None, details))
        return output

    def _unreduced(self, inputs: tuple, named: dict) -> tuple[Any, LossDetails]:
        """Ask for the loss of each sample only, and reduce here what is trained on; returns both."""
        sample_loss, n_samples = self._sample_loss, len(self.rows)
        criterion = sample_loss.criterion
        ask = criterion.details if sample_loss.is_detailed else sample_loss.unreduced()
        raw = ask(*inputs, **named)
        details = sample_loss.details(raw, inputs, n_samples)
        if not self.is_weighted or not sample_loss.reduces:
            return criterion.reduced(details.samples), details.detached()
        units = details.samples
        if isinstance(raw, Tensor):
            units = sample_loss.units(inputs, n_samples, raw)
        output = sample_loss.weighted(units, inputs, *self._batch_weights(units))
        return (output, raw[1]) if isinstance(raw, (tuple, list)) else output, details.detached()

    def _sample_values(self, inputs: tuple, named: dict) -> Any:
        """Answer for the criterion with one loss a sample, in the form that its own answer has."""
        sample_loss = self._sample_loss
        asked = self._replay.twin() if sample_loss.reduces else copy.deepcopy(sample_loss.criterion)
        raw = asked(*inputs, **named)
        samples = sample_loss.details(raw, inputs, len(self.rows)).samples
        return (samples, raw[1]) if isinstance(raw, (tuple, list)) and without_details(raw) is raw[0] else samples

    def _follow(self, criterion: Any) -> None:
        self.let_go()
        self._criterion, self._sample_loss = criterion, SampleLoss(criterion)
        self._replay = Replay(self._sample_loss)
        try:
            disguise(criterion, TappedCriterion, self)
        except TypeError:
            raise SampleLossError(
                f"the criterion is a {type(criterion).__name__}, which cannot be listened to; make it an nn.Module "
                "whose forward returns one loss a sample"
            ) from None

    def check_seen(self, net: Any) -> None:
        """Raise SampleLossError if the step ended without a loss from the net's `get_loss`."""
        if self._consumers:
            raise SampleLossError(
                f"a training step of {type(net).__name__} did not call get_loss, so the loss of its samples is "
                "unknown; let train_step_single take its loss from self.get_loss"
            )

    def _combined(self, own_loss: Callable, *args: Any, **kwargs: Any) -> Tensor:
        """Loss of each sample where `get_loss` combines several calls: the same combination, sample by sample."""
        self._per_sample = True
        try:
            with torch.no_grad():
                losses = own_loss(*args, **kwargs)
        finally:
            self._per_sample = False
        if losses.shape != self.rows.shape:
            raise SampleLossError(
                f"get_loss combines several calls of the criterion into shape {tuple(losses.shape)}; expected "
                f"({len(self.rows)},) when each call gives one loss a sample: add and scale the calls, and take no "
                "mean over the batch"
            )
        return losses

    def _trainable(self, loss: Tensor) -> Tensor:
        """Reduce a vector, on which skorch cannot train, as torch's losses do by default: to the mean."""
        if loss.ndim:
            losses = loss.reshape(len(loss), -1).mean(1)
            if not self.is_weighted:
                return losses.mean()
            weights, amount = self._batch_weights(losses)
            total = (weights * losses).sum()
            return total / (weights.sum().clamp(min=torch.finfo(losses.dtype).tiny) if amount is None else amount)
        if not self._sample_loss.reduces:
            raise SampleLossError(
                f"weights of samples cannot reach the loss: {type(self._criterion).__name__}, or get_loss, reduces the "
                "losses of samples itself; return one loss a sample, or give the criterion a `reduction` that it obeys"
            )
        return loss

    def _batch_weights(self, like: Tensor) -> tuple[Tensor, float | None]:
        """Weights of the samples in the batch, and what to divide by instead of their sum."""
        weights, amount = None, None
        if self._weights is not None:
            if self._weights.device != like.device:
                self._weights = self._weights.to(like.device)
            weights = self._weights[self.rows.to(like.device, non_blocking=True)].to(like.dtype)
        if self._visit_weights is not None:
            visits = self._visit_weights.to(like.device, like.dtype, non_blocking=True)
            weights = visits if weights is None else weights * visits
            amount = len(visits) * self._mean_weight
        return weights, amount  # type: ignore[return-value]


def _is_batch_first(inputs: tuple, n_samples: int) -> bool:
    for part in inputs:
        if not isinstance(part, Tensor) or part.ndim == 0 or part.shape[0] != n_samples:
            return False
    return True
