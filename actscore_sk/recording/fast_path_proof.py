"""Proof that the fast path does what the installed skorch does: tried once per process, on nets of four parameters.

A version of skorch that does more in a step, or a patch of one of its methods, would otherwise be left out in silence.
"""

import logging
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from actscore_sk.recording.fast_path import LOOP, STEP
from actscore_sk.recording.session import RecordingSession
from actscore_sk.utils.randomness import preserved_random_state

_log = logging.getLogger("actscore_sk")
_proofs: dict[tuple, bool] = {}
# Methods of skorch that the fast path stands in for, or that are called around it.
_METHODS = (
    *STEP,
    *LOOP,
    "fit_loop",
    "get_loss",
    "infer",
    "notify",
    "validation_step",
    "evaluation_step",
    "get_iterator",
)


def is_proved() -> bool:
    """Return True if a net comes out of the fast path as it comes out of skorch.

    The answer is kept per state of skorch's methods, so that a patch of one of them is noticed at the next epoch. If
    skorch does more than the fast path, skorch's own loop runs, and one line in the log says so.

    Returns
    -------
    is_proved : bool
        After the first call, the cost of a dictionary look-up.
    """
    key = tuple(getattr(kind, name, None) for kind in (NeuralNet, NeuralNetClassifier) for name in _METHODS)
    if key not in _proofs:  # two threads may both try; a lock could stay taken after Ctrl-C
        is_equal = _is_equal()
        if not is_equal:
            _log.warning("skorch, as installed or patched, trains in another way than the fast path; it is not used")
        _proofs[key] = is_equal
    return _proofs[key]


class _Events(Callback):
    """A callback that keeps each event with its numbers, so that two trainings can be compared."""

    def __init__(self) -> None:
        self.seen: list[tuple] = []

    def on_batch_begin(self, net: Any, **kwargs: Any) -> None:
        self.seen.append(("begin", *sorted(kwargs)))

    def on_batch_end(self, net: Any, **kwargs: Any) -> None:
        self.seen.append(("end", float(kwargs["loss"].detach()), *sorted(kwargs)))

    def on_grad_computed(self, net: Any, **kwargs: Any) -> None:
        self.seen.append(("grad", *[float(part.grad.sum()) for _, part in kwargs["named_parameters"]]))


def _is_equal() -> bool:
    """Train four small nets both ways, with and without listeners; return True if nothing differs, to the bit."""
    try:
        with preserved_random_state():
            return all(
                _train(kind, criterion, is_heard, flat=False) == _train(kind, criterion, is_heard, flat=True)
                for kind, criterion in ((NeuralNet, nn.CrossEntropyLoss), (NeuralNetClassifier, nn.NLLLoss))
                for is_heard in (False, True)
            )
    except Exception:  # a patch that does not even train this net
        return False


def _train(kind: Any, criterion: Any, is_heard: bool, *, flat: bool) -> tuple:
    """Train for two epochs.

    Parameters
    ----------
    kind : type of NeuralNet
        Class of the net.
    criterion : type of nn.Module
        Class of its criterion.
    is_heard : bool
        True for a callback that listens to batches.
    flat : bool
        True for the fast path, False for skorch.

    Returns
    -------
    seen : tuple
        Parameters, rows of the history, events and the state of torch's generator, as lists: exact.
    """
    torch.manual_seed(0)
    X, events = np.linspace(-1, 1, 7, dtype=np.float32)[:, None], _Events()
    module = nn.Sequential(nn.Linear(1, 2), nn.Softmax(1))
    net = kind(
        module, criterion=criterion, optimizer=torch.optim.Adam, lr=0.1, max_epochs=2, batch_size=2, verbose=0,
        train_split=None, callbacks=[("events", events)] if is_heard else [],
        callbacks__print_log=None,  # where print was replaced, as by Ray, skorch prints under verbose=0 as well
    ).initialize()  # fmt: skip
    session = RecordingSession(net, is_proved=lambda: True) if flat else None
    if session is not None:
        session.recordings.append(_Nothing())
    try:
        net.partial_fit(X, np.array([0, 1, 1, 0, 1, 0, 1]))
    finally:
        if session is not None:
            session.detach()
    rows = [{name: value for name, value in row.items() if name != "dur"} for row in net.history]
    return [part.tolist() for part in net.module_.parameters()], rows, events.seen, torch.get_rng_state().tolist()


class _Nothing:
    """A recording that records nothing."""

    records_steps, is_complete = True, False

    def begin(self, session: Any) -> None:
        """Allocate nothing."""

    def on_visit(self, visit: Any) -> None:
        """Record nothing."""

    def end_epoch(self) -> None:
        """Close nothing."""

    def end(self) -> None:
        """Release nothing."""
