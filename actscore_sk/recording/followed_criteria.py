"""The criteria of a net in training, and the listener on each of them."""

from typing import Any

from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.class_swap import restore_class, swap_class
from actscore_sk.recording.criterion_listener import Call, CriterionListener, RecordedCriterionMixin


class FollowedCriteria:
    """Puts a listener on each criterion of a net, and takes it off again.

    Parameters
    ----------
    step : LossListener
        Of the step in hand; listeners ask it for the rows of the batch.
    score_class_weights : bool
        As in `SampleLoss`.
    """

    def __init__(self, step: Any, *, score_class_weights: bool = False) -> None:
        self._step, self._score_class_weights = step, score_class_weights
        self._listeners: dict[int, CriterionListener] = {}  # by the id of the criterion
        self._sample_losses: dict[int, SampleLoss] = {}

    @property
    def listeners(self) -> list[CriterionListener]:
        """Those on all criteria followed so far."""
        return [*self._listeners.values()]

    def sample_loss_of(self, criterion: Any) -> SampleLoss:
        """Return the view of a criterion, the same one in all epochs."""
        known = self._sample_losses.get(id(criterion))
        if known is None or known.criterion is not getattr(criterion, "_orig_mod", criterion):
            known = SampleLoss(criterion, score_class_weights=self._score_class_weights)
            self._sample_losses[id(criterion)] = known
        return known

    def follow(self, net: Any) -> list[Call]:
        """Listen to all criteria of the net as it is now; return the list to which they add their calls."""
        calls: list[Call] = []
        # skorch keeps the names of a net's criteria that are modules in this list
        for name in net._criteria or ["criterion"]:
            criterion = getattr(net, name + "_", None)
            listener = self._listeners.get(id(criterion))
            if listener is None and criterion is not None:
                listener = CriterionListener(self._step, criterion, self.sample_loss_of(criterion))
                try:
                    swap_class(criterion, RecordedCriterionMixin, listener_=listener)
                except TypeError:  # a function; its net is asked for the loss of each sample
                    continue
                self._listeners[id(criterion)] = listener
            if listener is not None:
                listener.calls = calls
        return calls

    def release(self, criterion: Any = None) -> None:
        """Restore the own class of a criterion, or of all of them."""
        for key in [*self._listeners] if criterion is None else [id(criterion)]:
            listener = self._listeners.pop(key, None)
            if listener is not None:
                restore_class(listener.criterion)
                self._sample_losses.pop(key, None)
