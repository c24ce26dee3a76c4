"""A skorch net in training, recorded.

Each method calls the net's own one, so that whatever a subclass of `NeuralNet` overrides stays in force. What a method
adds is one call of the session; a net without a session trains as if the mix-in were not there.
"""

from collections.abc import Callable
from typing import Any

from sklearn.base import clone

from actscore_sk.data.loading import TrackedLoader
from actscore_sk.recording.class_swap import Swapped, plain_class
from actscore_sk.recording.epoch_callbacks import in_short
from actscore_sk.recording.fast_steps import run_epoch
from actscore_sk.recording.refused_step import undone_if_late

METHODS = (
    "fit_loop",
    "get_split_datasets",
    "get_iterator",
    "run_single_epoch",
    "train_step",
    "train_step_single",
    "validation_step",
    "get_loss",
    "notify",
    "save_params",
)
# Those that skorch looks up at each batch; the others it has in hand when an epoch begins.
WITHIN_AN_EPOCH = "train_step_single", "get_loss", "notify", "save_params"


def _own(net: Any, name: str) -> Callable:
    """Return the method that a net has without the mix-in: one set on the instance comes first.

    That may call the method which it found in its place. Someone who took it in a training and calls it later finds the
    net's own.
    """
    if not isinstance(net, RecordedNetMixin):
        return getattr(type(net), name).__get__(net)
    stashed = None if net.session_ is None else net.session_.stash.method(name)
    return getattr(super(RecordedNetMixin, net), name) if stashed is None else stashed


def _session_of(net: Any, name: str) -> Any:
    """Return the session of a net; None without one, or if the method set in place of this one has called it."""
    session = getattr(net, "session_", None)
    return None if session is None or name in session.stash.running else session


class RecordedNetMixin:
    """Mix-in for a skorch net whose training can be recorded; `session_` holds all state of the recording.

    Recording puts it in front of the class of any net for the time of a training. A class may also inherit it openly;
    then nothing is swapped.

    Attributes
    ----------
    session_ : RecordingSession or None
        None if nothing records the net: a clone made while training has the class, but no session.

    Examples
    --------
    >>> from skorch import NeuralNetClassifier
    >>> class MyNet(RecordedNetMixin, NeuralNetClassifier):
    ...     pass
    """

    _records_ = True
    session_: Any = None  # a clone made while training has the class, but no session

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Train; if an error ends the training, restore the net's own class.

        An interrupt is no error here: skorch catches it, and `on_train_end` follows as usual.
        """
        session, own = _session_of(self, "fit_loop"), _own(self, "fit_loop")
        try:
            return own(*args, **kwargs)
        except KeyboardInterrupt:  # skorch keeps the net, and ends the training in the usual way
            raise
        except BaseException:
            if session is not None:
                session.detach()
            raise

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Split as the net does, and find the rows of each part in X."""
        own, session = _own(self, "get_split_datasets"), _session_of(self, "get_split_datasets")
        if session is None:
            return own(X, y, **fit_params)
        splits = own(*session.build_root(X, y), **fit_params, **session.split_params)
        session.end_split(*splits)
        return splits

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Build the loader, tracked if it is one that the fit loop trains or validates with."""
        session, own = _session_of(self, "get_iterator"), _own(self, "get_iterator")
        loader = own(dataset, training=training)
        return loader if session is None else session.track(loader, dataset, training)

    def run_single_epoch(self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any) -> None:
        """Pass over the data once, by the loop of the fast path if it may run."""
        session, own = _session_of(self, "run_single_epoch"), _own(self, "run_single_epoch")
        if session is not None:
            session.renew()
            session.forward_params = fit_params
            if session.path.has_loop and isinstance(iterator, TrackedLoader):
                return run_epoch(self, session.path, session, iterator, training, prefix, step_fn, **fit_params)
        return own(iterator, training, prefix, step_fn, **fit_params)

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """Train on one batch, whose rows of X the session knows meanwhile.

        LBFGS calls `train_step_single` several times inside; the session counts the first loss only.
        """
        session, own = _session_of(self, "train_step"), _own(self, "train_step")
        if session is None:
            return own(batch, **fit_params)
        session.renew()
        listener = session.open_step(batch, True)
        try:
            with undone_if_late(session):
                step = own(batch, **fit_params)
                listener.check_step(self, step, "train_step")
                listener.require_visit(self)
            return step
        finally:
            listener.is_open = False

    def train_step_single(self, batch: Any, **fit_params: Any) -> Any:
        """Compute loss and gradients of one batch, and check that the loss is the recorded one."""
        session, own = _session_of(self, "train_step_single"), _own(self, "train_step_single")
        step = own(batch, **fit_params)
        if session is not None:
            session.listener.check_step(self, step, "train_step_single")
        return step

    def validation_step(self, batch: Any, **fit_params: Any) -> Any:
        """Validate on one batch, whose rows the session knows meanwhile if they are rows of X."""
        session, own = _session_of(self, "validation_step"), _own(self, "validation_step")
        if session is None:
            return own(batch, **fit_params)
        listener = session.open_step(batch, False)
        try:
            step = own(batch, **fit_params)
        finally:
            listener.is_open = False
        # skorch wants one number of a batch that is not listened to, too
        return step | {"loss": step["loss"].mean()} if step["loss"].ndim else step

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the net's own loss; the first one in a step is a visit of the samples in the batch."""
        session, own = _session_of(self, "get_loss"), _own(self, "get_loss")
        if session is None:
            return own(y_pred, y_true, *args, **kwargs)
        return session.listener.loss(self, own, y_pred, y_true, *args, **kwargs)

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Tell the session first, so that scores are up to date in callbacks and kept if one stops training.

        Training ends after an epoch if the session says that none of those to come counts.
        """
        session, own = _session_of(self, "notify"), _own(self, "notify")
        try:
            if session is not None:
                session.event(method_name)
            if session is not None and session.ranks is not None:
                session.ranks.stop.notify(own, method_name, **kwargs)
            elif session is None or session.path is None or not session.path.tells(self):
                own(method_name, **kwargs)
            else:
                for listener in session.path.events.listeners(self, method_name):
                    in_short(listener)(self, **kwargs)
            if session is not None and method_name == "on_epoch_end" and session.is_complete:
                raise KeyboardInterrupt  # skorch ends the training in the usual way
        finally:
            if session is not None and method_name == "on_train_end":
                session.detach()

    def save_params(self, *args: Any, **kwargs: Any) -> None:
        """Save the net, and beside each file the scores so far; a checkpoint then holds both."""
        session, own = _session_of(self, "save_params"), _own(self, "save_params")
        own(*args, **kwargs)
        if session is not None:
            session.save_beside(args, kwargs)

    def __sklearn_clone__(self) -> Any:
        """Clone the plain net: a clone is a new net that nobody records."""
        plain: Any = object.__new__(plain_class(self))
        vars(plain).update({name: value for name, value in vars(self).items() if name != "session_"})
        if isinstance(self, Swapped):
            return clone(plain)
        return super().__sklearn_clone__()  # type: ignore[misc]

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of the net alone, with the methods that were set on it."""
        state: Any = super().__getstate__()
        stash = {} if self.session_ is None else self.session_.stash.latest
        return {name: value for name, value in state.items() if name != "session_"} | stash
