"""A second fit on all rows: where it is made, and how the net is prepared for it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from skorch import NeuralNet

from actscore_sk.estimators.learners import kind_of
from actscore_sk.estimators.net_callbacks import callbacks_of, is_repeatable, name_of, steers, watched_by, without
from actscore_sk.estimators.pipeline_steps import last_step
from actscore_sk.recording.overrides import defining_class

MAX_HELD_OUT = 2_000  # rows that carry a decision alone, a fifth of 10,000; a second fit gains little then


class FirstFit(NamedTuple):
    """What remains of the first of two fits.

    Parameters
    ----------
    held_out : ndarray of bool (n_samples,)
        Rows that it did not train on.
    probabilities : ndarray of float32 (n_held_out, n_outputs) or None
        Class probabilities of these rows over the window; None if none are stored.
    """

    held_out: np.ndarray
    probabilities: np.ndarray | None

    @classmethod
    def of(cls, recorder: Any, *, has_probabilities: bool) -> "FirstFit":
        """Keep what a recorder has of the rows held out."""
        held_out = recorder.validation_mask_
        return cls(held_out, recorder.label_evidence().probabilities[held_out] if has_probabilities else None)


def merged_first_fits(fits: Sequence[FirstFit | None]) -> FirstFit | None:
    """Return the first fits of several repeats as one, the mean of the nets that held a row out; None if none is made.

    Examples
    --------
    >>> fits = [FirstFit(np.array(held_out), np.array([[p, 1 - p]])) for held_out, p in (([1, 0], 0.5), ([1, 0], 0.25))]
    >>> merged_first_fits([fit._replace(held_out=fit.held_out > 0) for fit in fits])
    FirstFit(held_out=array([ True, False]), probabilities=array([[0.375, 0.625]]))
    """
    made = [fit for fit in fits if fit is not None]
    if len(made) < 2:
        return made[0] if made else None
    held_out = np.logical_or.reduce([fit.held_out for fit in made])
    if made[0].probabilities is None:
        return FirstFit(held_out, None)
    total = np.zeros((len(held_out), made[0].probabilities.shape[1]), dtype=made[0].probabilities.dtype)
    for fit in made:
        total[fit.held_out] += fit.probabilities
    times = np.sum([fit.held_out for fit in made], axis=0)
    return FirstFit(held_out, total[held_out] / times[held_out, None].astype(total.dtype))


def most_held_out(refit: Any, net: Any, *, stores_probabilities: bool) -> float:
    """Return the number of held-out rows below which a second fit is made; 0 = never.

    Parameters
    ----------
    refit : {"auto"} or bool
        As in `ActionScoreClassifier`.
    net : estimator or None
        The one to be fitted; None is the default net.
    stores_probabilities : bool
        As in `ActionScoreClassifier`.

    Raises
    ------
    ValueError
        If `refit` is True and the net cannot be trained on all rows.

    Examples
    --------
    >>> most_held_out("auto", None, stores_probabilities=True)
    2000
    >>> most_held_out("auto", None, stores_probabilities=False)
    0
    """
    if refit is True:
        reason = _reason_against(net)
        if reason is not None:
            raise ValueError(f"refit=True trains a second net, on all rows, but {reason}; set refit=False")
        return np.inf
    is_asked = refit == "auto" and stores_probabilities and _reason_against(net) is None
    return MAX_HELD_OUT if is_asked and all(map(is_repeatable, callbacks_of(net))) else 0


def ends_with_window(net: Any) -> bool:
    """Return True if a minimum of the held-out loss can be told from one on the way: nothing steers the training."""
    return not any(map(steers, callbacks_of(net)))


def prepare_second(net: NeuralNet) -> NeuralNet:
    """Let a net train on all rows, for as many epochs as it is told: without `train_split` and EarlyStopping.

    Examples
    --------
    >>> from skorch import NeuralNetClassifier
    >>> from skorch.callbacks import EarlyStopping
    >>> net = prepare_second(NeuralNetClassifier(None, callbacks=[("stop", EarlyStopping())]))
    >>> net.callbacks, net.train_split is None
    ([], True)
    """
    net.set_params(train_split=None)
    net.callbacks = without(net.callbacks, "EarlyStopping")
    return net


def _reason_against(net: Any) -> str | None:
    """Return why a net cannot be trained on all rows after a first fit; None if it can."""
    if net is None:
        return None
    kind = kind_of(net)
    if kind is not None:
        stops = kind.early_fraction(last_step(net), 0) is not None
        return "its early stopping needs held-out rows" if stops else None
    if not isinstance(net, NeuralNet):
        return f"{type(net).__name__} is no skorch net"
    if defining_class(type(net), "get_split_datasets") is not NeuralNet or "get_split_datasets" in vars(net):
        return "a get_split_datasets of its own decides what the net trains on"
    for callback in callbacks_of(net):
        monitor = watched_by(callback)
        if name_of(callback) != "EarlyStopping" and (callable(monitor) or "valid" in str(monitor)):
            return f"its callback {name_of(callback)} watches {monitor!r}, which needs held-out rows"
    return None
