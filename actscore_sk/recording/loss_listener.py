"""From a call of the net's `get_loss` to one visit: losses of its samples, and the loss that is trained on."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import LossDetails
from actscore_sk.losses.read_details import without_details
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.losses.weighting import SampleWeights, weighted_loss
from actscore_sk.recording.asked_loss import AskedLoss
from actscore_sk.recording.asked_net import unwritten
from actscore_sk.recording.batch_order import BatchOrder
from actscore_sk.recording.batch_parts import like_output
from actscore_sk.recording.criterion_listener import Call, answering
from actscore_sk.recording.followed_criteria import FollowedCriteria
from actscore_sk.recording.loss_kinds import CRITERION, ONE_BY_ONE
from actscore_sk.recording.order_check import LossSource, OrderCheck
from actscore_sk.recording.own_loss import OwnLoss
from actscore_sk.recording.sample_axis import SampleAxis
from actscore_sk.recording.step_check import check_trained
from actscore_sk.recording.trainable_loss import trainable_loss
from actscore_sk.recording.visit import Visit
from actscore_sk.utils.randomness import RandomState

OnVisit = Callable[[Visit], None]
_NOBODY: Sequence[OnVisit] = (lambda visit: None,)


class LossListener:
    """Turns the losses of training and validation steps into visits.

    The first loss of a step counts, before any parameter changes: LBFGS asks for several. The loss that is trained on
    is the net's own, untouched, unless samples have weights.

    Parameters
    ----------
    weights : SampleWeights
        Weights of samples in the loss that is trained on.
    score_class_weights : bool
        As in `SampleLoss`.
    align_targets : bool
        As in `RecordingSession`.

    Attributes
    ----------
    rows : Tensor of int64 (batch_size,)
        Positions in X of the samples in the batch.
    is_open : bool
        True inside a step on samples of X.
    criteria : FollowedCriteria
        Those of the net.
    axis : SampleAxis
        Remembers for each criterion that its arguments have one row per sample.
    """

    def __init__(
        self, weights: SampleWeights, *, score_class_weights: bool = False, align_targets: bool = False
    ) -> None:
        self.rows = torch.empty(0, dtype=torch.int64)
        self.is_open, self.weights = False, weights
        self._align_targets = align_targets
        self.criteria = FollowedCriteria(self, score_class_weights=score_class_weights)
        self._on_visit: Sequence[OnVisit] = ()
        self._is_training = self._needs_visit = False
        self._own_loss: OwnLoss | None = None
        self.axis = SampleAxis()
        self._order, self._batch_order, self._batch = OrderCheck(), BatchOrder(), None
        self._returned: list[Tensor] = []
        self._has_warned = False

    def open(
        self, rows: Tensor, batch: Any, on_visit: Sequence[OnVisit], *, is_training: bool, is_first: bool = False
    ) -> None:
        """Begin a step on the samples at `rows`, whose visit goes to each of `on_visit`; `is_open` ends it.

        The first step that trains is looked at even if nobody records it: a loss that hides its samples is refused
        before the update, and not by the pass at the end of the epoch.
        """
        self.rows, self._is_training, self.is_open = rows, is_training, True
        self._needs_visit = bool(on_visit)
        self._on_visit = on_visit or (_NOBODY if is_first and is_training else ())
        self._batch, self._returned = batch, []

    # -- calls on the fast path ----------------------------------------------------------------------------

    def weigh(self, inputs: tuple, sample_loss: SampleLoss, loader: Any, on_visit: Sequence[OnVisit]) -> Tensor:
        """Make a visit of the arguments of a stateless criterion; return the weighted loss."""
        rows, n_samples = loader.rows_in_hand, loader.batch_size_in_hand
        self.weights.set_visits(loader.weights_in_hand)
        units = sample_loss.units(inputs, n_samples, scored=False)
        # Without class weights the values are there: to hold inputs back and evaluate them again would cost more.
        scored = sample_loss.units(inputs, n_samples) if sample_loss.has_class_weights else units
        visit = Visit(rows, inputs, sample_loss.details(scored.detach(), inputs, n_samples), sample_loss)
        for record in on_visit:
            record(visit)
        if not self.weights.is_used:
            return sample_loss.criterion(*inputs)
        return weighted_loss(sample_loss, units, inputs, *self.weights.of_batch(rows, units))

    # -- calls through the net's get_loss ------------------------------------------------------------------

    def loss(self, net: Any, get_loss: Callable, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Run the net's `get_loss`; make a visit of it if the step has none yet.

        Parameters
        ----------
        net : NeuralNet
            Its criteria are followed from here on.
        get_loss : callable
            The net's own; it gets `y_pred`, `y_true` and the other arguments.

        Returns
        -------
        loss : Tensor
            Scalar to train on; one per sample where a validation step asks for it.

        Raises
        ------
        SampleLossError
            If the loss of single samples cannot be known.
        """
        if self._on_visit and self.is_open:
            self._batch_order.check(self._batch, kwargs.get("X"), y_true)
        if self._align_targets:
            y_true = like_output(y_true, y_pred)
        if not self.is_open:
            return without_details(get_loss(y_pred, y_true, *args, **kwargs))
        calls, before = self.criteria.follow(net), self._remember(net, get_loss)
        loss = get_loss(y_pred, y_true, *args, **kwargs)
        value = without_details(loss)
        if self._on_visit:
            if before is None and len(calls) == 1:
                details = calls[0].details
            else:
                before, arguments = before or RandomState(net.device), ((y_pred, y_true, *args), kwargs)
                asked = AskedLoss(get_loss, arguments, calls, value.detach(), before, self, net)
                details = self._own_loss.details(asked)  # type: ignore[union-attr]
            if self._is_training and not self._order.is_settled:
                self._check_order(net, get_loss, calls, kwargs)
            self._hand_on(self._visit(calls, details, value.detach()))
        self._returned.append(trainable_loss(value, calls, self.weights, self.rows))
        return self._returned[-1]

    def _remember(self, net: Any, get_loss: Callable) -> RandomState | None:
        """Keep the state before the first call, where `get_loss` may have to be asked again for losses of samples.

        None where it is known to return the value of one criterion, or where nobody records it.
        """
        own = self._own_loss
        if own is None or not own.is_of(get_loss):
            own = self._own_loss = OwnLoss(type(net).__name__, get_loss)
        listeners = self.criteria.listeners
        if not self._on_visit or (own.kind is CRITERION and listeners):
            return None
        for listener in listeners:
            listener.remember()
        return RandomState(net.device)

    def _visit(self, calls: list[Call], details: LossDetails | None, loss: Tensor) -> Visit:
        call = calls[0] if len(calls) == 1 else None
        trained = expected = None
        if self._is_training and not self.weights.is_used:
            trained, expected = self._own_loss.totals(call, details, loss.mean())  # type: ignore[union-attr]
        inputs, sample_loss = (None, SampleLoss(None)) if call is None else (call.inputs, call.sample_loss)
        return Visit(self.rows, inputs, details, sample_loss, trained, expected)

    def _check_order(self, net: Any, get_loss: Callable, calls: list[Call], kwargs: dict) -> None:
        """Check that losses follow their samples, where a criterion or a combination of criteria gives them."""
        kind = self._own_loss.kind  # type: ignore[union-attr]
        if kind is None or (not calls and kind is not ONE_BY_ONE) or self.weights.is_used:
            return

        def losses_of(y_pred: Any, batch: tuple) -> Any:
            y_true = like_output(batch[1], y_pred) if self._align_targets else batch[1]
            named = kwargs | ({"X": batch[0]} if "X" in kwargs else {})
            if kind is ONE_BY_ONE:
                before, value = RandomState(net.device), torch.zeros(())
                return AskedLoss(get_loss, ((y_pred, y_true), named), calls, value, before, self, net).one_by_one()
            with unwritten(net), answering(self.criteria.listeners, "per sample") as told:
                value = without_details(get_loss(y_pred, y_true, **named))
            return told[0] if not value.ndim and len(told) == 1 else value  # a mean that get_loss takes itself

        source = LossSource(
            tuple(part for call in calls for part in call.arguments),
            losses_of,
            is_stateless=kind is ONE_BY_ONE or all(call.sample_loss.is_stateless for call in calls),
            is_first=kind is ONE_BY_ONE or all(call.is_batch_first for call in calls),
            is_whole=kind is CRITERION,
            is_plain=self._own_loss.is_skorch,  # type: ignore[union-attr]
        )
        self._order.run(net, self._batch, len(self.rows), source)

    def _hand_on(self, visit: Visit) -> None:
        """Pass the visit on, once per step."""
        listeners, self._on_visit = self._on_visit, ()
        for on_visit in listeners:
            on_visit(visit)

    def check_step(self, net: Any, step: Any, name: str) -> None:
        """Compare the loss that a step trains on with that of `get_loss`, where the step is the net's own.

        Parameters
        ----------
        net : NeuralNet
            In training.
        step : dict
            What the step returned.
        name : {"train_step_single", "train_step"}
            The method.

        Raises
        ------
        SampleLossError
            If the step trains on something else.
        """
        returned, self._returned = self._returned, []
        loss = step.get("loss") if isinstance(step, dict) else None
        if self.is_open and returned and isinstance(loss, Tensor) and loss is not returned[0]:
            self._has_warned |= check_trained(net, name, loss, returned, warns=not self._has_warned)

    def require_visit(self, net: Any) -> None:
        """Raise SampleLossError if the step ended without a loss from the net's `get_loss`."""
        if self._on_visit and self._needs_visit:
            raise SampleLossError(
                f"a training step of {type(net).__name__} did not call get_loss, so the loss of its samples is "
                "unknown; let train_step_single take its loss from self.get_loss"
            )
