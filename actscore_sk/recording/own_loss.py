"""How the losses of samples follow from a net's own `get_loss`, found out on its first batch.

skorch's `get_loss` returns the value of the criterion, so that the criterion's losses are those of the samples. A
net's own one may add terms; `loss_kinds.py` has the ways to know the loss of a sample then.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import skorch
from skorch import NeuralNet, NeuralNetClassifier
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import LossDetails
from actscore_sk.recording.asked_loss import AskedLoss
from actscore_sk.recording.books import REMEDY
from actscore_sk.recording.criterion_listener import Call
from actscore_sk.recording.loss_kinds import CRITERION, CRITERION_ALONE, KINDS, Kind, form_of


class OwnLoss:
    """The way to know the losses of samples for one `get_loss`.

    Parameters
    ----------
    net_name : str
        Name of the net's class, for messages.
    get_loss : callable
        The net's own method, or a function set on the instance.

    Attributes
    ----------
    is_skorch : bool
        True for skorch's own ones, which call the criterion once and return its value.
    kind : Kind or None
        The way; None before the first batch.

    Examples
    --------
    >>> OwnLoss("Net", NeuralNet.get_loss).kind.name
    'criterion'
    >>> print(OwnLoss("Net", lambda y_pred, y_true: 0.0).kind)
    None
    """

    def __init__(self, net_name: str, get_loss: Callable) -> None:
        self._net_name, self._function = net_name, _function(get_loss)
        self.is_skorch = is_skorch_loss(get_loss)
        self.kind: Kind | None = CRITERION if self.is_skorch else None
        self._form: str | None = None

    def is_of(self, get_loss: Callable) -> bool:
        """Return True if this is about `get_loss`."""
        return _function(get_loss) is self._function

    def details(self, asked: AskedLoss) -> LossDetails | None:
        """Return the losses of samples behind one call; None if they can be had from the criterion's arguments.

        Raises
        ------
        SampleLossError
            If there is no way to know them.
        """
        if self.kind is not None:
            is_one_call = self.kind in (CRITERION, CRITERION_ALONE)
            found = [] if is_one_call and len(asked.calls) != 1 else self.kind.go_on(asked)
            if found:
                return found[0]
        for kind in KINDS:
            found = kind.find(asked)
            if found:
                details = found[0]
                if asked.shows_nothing:
                    return details
                self.kind = kind
                self._form = None if details is None else form_of(details.samples, asked)
                return details
        raise self._error(asked)

    def totals(
        self, call: Call | None, details: LossDetails | None, loss: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return both sides of the books for one batch.

        Parameters
        ----------
        call : Call or None
            The call of the criterion, if there was one.
        details : LossDetails or None
            Losses of samples; None if they are computed later, from the arguments of the call.
        loss : Tensor
            Value of `get_loss`, a scalar.

        Returns
        -------
        trained : Tensor or None
            The loss trained on; None if it cannot be compared.
        recorded : Tensor or None
            The same, put together from `details`; None: later, or not at all.
        """
        if self.kind in (CRITERION, CRITERION_ALONE) and call is not None:
            if details is not None and call.output.ndim:
                return loss, details.samples.sum() if self._form == "sum" else details.samples.mean()
            trained = loss if self.kind is CRITERION else call.output
            return trained, None if details is None else call.sample_loss.put_together(details)
        if details is None or self._form not in ("mean", "sum"):
            return None, None
        return loss, getattr(details.samples, self._form)()

    def _error(self, asked: AskedLoss) -> SampleLossError:
        """Return the error that says which share of the loss belongs to no sample."""
        loss = float(asked.loss.mean())
        if not asked.calls:
            return SampleLossError(
                f"{self._net_name}.get_loss did not call a criterion of the net, and batches of one sample do not have "
                f"losses whose mean is its {loss:.6g}, so the loss of a single sample is unknown; {REMEDY}"
            )
        heard = sum(float(call.output.mean()) for call in asked.calls)
        return SampleLossError(
            f"{self._net_name}.get_loss returns {loss:.6g}, but its {len(asked.calls)} calls of criteria gave "
            f"{heard:.6g} in all, and neither their combination nor batches of one sample give the rest, so the loss "
            f"of a single sample is unknown; {REMEDY}"
        )


def is_skorch_loss(get_loss: Any) -> bool:
    """Return True if `get_loss` is one of skorch's, which return the value of one call of the criterion.

    A function that somebody has put in their place, by a patch of skorch's classes, is none: its code is elsewhere.

    Examples
    --------
    >>> is_skorch_loss(NeuralNet.get_loss), is_skorch_loss(lambda y_pred, y_true: y_pred.sum())
    (True, False)
    """
    function = _function(get_loss)
    if function not in (NeuralNet.get_loss, NeuralNetClassifier.get_loss):
        return False
    code = getattr(function, "__code__", None)
    return code is not None and Path(code.co_filename).parent == Path(skorch.__file__).parent


def _function(method: Any) -> Any:
    """Return the function behind a method, which is one object for all instances."""
    return getattr(method, "__func__", method)
