"""Ways to know the losses of samples behind a net's own `get_loss`.

Each way returns a list with the details, or an empty one if it fails. The first row of `KINDS` that gives the loss
trained on is kept.

1. The loss is the value of one criterion.
2. It is that value times a factor plus a constant, in which no sample has a share; a warning says so.
3. It combines the values of criteria sample by sample.
4. Batches of one sample have losses whose mean, or sum, is the loss of the batch. Costs one `get_loss` per sample.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from actscore_sk.losses.details import LossDetails
from actscore_sk.recording.asked_loss import AskedLoss
from actscore_sk.recording.books import agrees


def _of_criterion(asked: AskedLoss) -> list[LossDetails | None]:
    """Accept a loss that is the value of one call of the criterion, or the mean or sum of its values."""
    if len(asked.calls) != 1:
        return []
    loss, output = asked.loss, asked.calls[0].output
    values = [output] if loss.shape == output.shape else [output.mean(), output.sum()] if loss.ndim == 0 else []
    is_same = any(torch.allclose(loss, value, rtol=1e-5, atol=1e-7, equal_nan=True) for value in values)
    return [asked.calls[0].details] if is_same else []


def _of_criterion_alone(asked: AskedLoss) -> list[LossDetails | None]:
    """Accept a loss that is the value of one call times a factor, plus a rest; both constant, whatever the samples are.

    Parts of the batch and other outputs give pairs (value of the criterion, loss). They must be on one straight line,
    through the smallest and the largest value; its slope and intercept are the factor and the rest.
    """
    if len(asked.calls) != 1 or asked.loss.ndim:
        return []
    pairs = []
    for value, probed in _tried(asked):
        if len(probed) != 1 or probed[0].ndim or not isinstance(value, Tensor) or value.ndim:
            return []
        pairs.append((float(probed[0].detach()), float(value)))
    (x0, y0), (x1, y1) = min(pairs), max(pairs)
    factor = (y1 - y0) / (x1 - x0) if x1 - x0 > 1e-6 * abs(x1) else 1.0
    rest = y0 - factor * x0
    if any(abs(factor * x + rest - y) > 2e-5 * (abs(y) + abs(x)) + 1e-6 for x, y in pairs):
        return []
    _warn_of_constant(factor, rest, float(asked.loss))
    return [asked.calls[0].details]


def _tried(asked: AskedLoss) -> list[tuple[Any, list[Tensor]]]:
    """Return losses and values of the criterion for parts of the batch, and for other outputs of its samples.

    A batch of few samples has too few parts, one whose outputs are stored by time has none, and losses of a net whose
    last layer begins at zero are all equal: its parts differ with other outputs, by their classes.
    """
    tried: list[tuple[Any, list[Tensor]]] = []
    parts = [part for part in torch.arange(asked.n_samples).tensor_split(4) if len(part)]
    with suppress(Exception):  # of a criterion, to which outputs and targets no longer belong together
        tried += [asked.again("probe", part) for part in parts]
        tried += [asked.again("probe", part, changed_after=0, factor=0.1) for part in parts]
    return tried + [asked.again("probe", changed_after=0, factor=factor) for factor in (1.0, 0.85, 0.7, 0.5, 0.3, 0.1)]


def _combined(asked: AskedLoss) -> list[LossDetails | None]:
    """Accept calls that are combined sample by sample, when each call gives one loss per sample."""
    losses = asked.again("per sample")[0] if asked.calls else None
    if not isinstance(losses, Tensor) or losses.shape != (asked.n_samples,):
        return []
    return [LossDetails(losses)]


def _combined_alone(asked: AskedLoss) -> list[LossDetails | None]:
    """Accept what `_combined` does, if other terms are no mean over the batch, which would mix samples.

    Criteria that answer zeros leave the other terms alone. If these are not zero, half of the batch is changed: the
    losses of the other half, and the other terms in them, which may be small, must not change with it.
    """
    found = _combined(asked)
    if not found or (asked.n_samples > 1 and not _is_combined(found[0].samples, asked)):  # type: ignore[union-attr]
        return []
    rest = asked.again("zeros")[0]
    if not bool(rest.count_nonzero()):  # nothing but what criteria answer
        return found
    if asked.n_samples == 1:  # one sample has no other to show it
        return found if asked.listener.weights.is_used else []
    # One change may leave a mean as it was by chance, so there is one of outputs and inputs, and one of whole samples.
    half, order = asked.n_samples // 2, torch.arange(asked.n_samples)
    changes: list[dict[str, Any]] = [{"changed_after": half}, {"samples": torch.where(order < half, order, 0)}]
    for mode, before in (("per sample", found[0].samples), ("zeros", rest)):  # type: ignore[union-attr]
        before = before.expand(asked.n_samples)[:half]
        for change in changes:
            changed = asked.again(mode, **change)[0].expand(asked.n_samples)[:half]
            if not torch.allclose(changed, before, rtol=1e-4, atol=1e-4 * float(before.abs().mean()), equal_nan=True):
                return []
    return found


def _one_by_one(asked: AskedLoss) -> list[LossDetails | None]:
    """Accept the losses of batches of one sample."""
    losses = None if asked.listener.weights.is_used else asked.one_by_one("scored")
    return [] if losses is None else [LossDetails(losses)]


def _one_by_one_alone(asked: AskedLoss) -> list[LossDetails | None]:
    """Accept what `_one_by_one` does, if the mean or the sum of these losses is the loss of the batch."""
    found = _one_by_one(asked)
    trained = asked.one_by_one() if found else None  # with weights of classes, which scores leave out
    form = None if trained is None else form_of(trained, asked)
    is_plain = form == "mean" or form == "sum"
    return found if is_plain and _holds_for_others(form, asked, lambda others: others.one_by_one()) else []


@dataclass(frozen=True)
class Kind:
    """One way to know the losses of samples.

    Parameters
    ----------
    name : str
        For messages and debuggers.
    find : callable
        Tries the way on the first batch, which may cost more; returns a list with the details, empty if it fails.
    go_on : callable
        The same for later batches, without the proof.
    """

    name: str
    find: Callable[[AskedLoss], list[LossDetails | None]]
    go_on: Callable[[AskedLoss], list[LossDetails | None]]


CRITERION = Kind("criterion", _of_criterion, _of_criterion)
CRITERION_ALONE = Kind("criterion, and a constant", _of_criterion_alone, lambda asked: [asked.calls[0].details])
COMBINED = Kind("combined", _combined_alone, _combined)
ONE_BY_ONE = Kind("one by one", _one_by_one_alone, _one_by_one)
KINDS = CRITERION, CRITERION_ALONE, COMBINED, ONE_BY_ONE


def form_of(losses: Tensor, asked: AskedLoss) -> str | None:
    """Return how losses of samples become the loss trained on: "mean", "sum", "other" (a criterion's own), or None.

    None means that they do not: a term is missing from them.
    """
    loss, mean = float(asked.loss.mean()), float(losses.mean())
    if isfinite(loss) and not isfinite(mean):  # a variance of one sample, say
        return None
    form = "mean" if agrees(mean, loss) else "sum" if agrees(mean * len(losses), loss) else None
    has_own_mean = asked.listener.weights.is_used or any(call.sample_loss.has_own_mean for call in asked.calls)
    return "other" if form is None and has_own_mean else form


def _is_combined(losses: Tensor, asked: AskedLoss) -> bool:
    """Return True if the loss trained on is made of these losses, and not of a function of their mean.

    With other outputs it must be, too: where all losses are equal, the mean of a function is that of the mean. Where
    criteria have means of their own, by weights, the mean of the losses must come out if they take the plain one.
    """
    form = form_of(losses, asked)
    if form is None or form == "other":
        return form is not None and agrees(float(asked.again("mean")[0]), float(losses.mean()))
    return _holds_for_others(form, asked, lambda others: others.again("per sample")[0])


def _holds_for_others(form: str | None, asked: AskedLoss, losses_of: Callable[[AskedLoss], Tensor | None]) -> bool:
    """Return True if losses become the loss trained on in the same form where the net answers other outputs."""
    with suppress(Exception):  # of a criterion that takes no such outputs
        others = asked.of_other_outputs()
        losses = losses_of(others)
        return losses is None or form_of(losses, others) == form
    return True


def _warn_of_constant(factor: float, rest: float, loss: float) -> None:
    times = "" if agrees(factor, 1.0) else f"multiplies the loss of the criterion by {factor:.4g}"
    plus = "" if agrees(rest + loss, loss) else f"adds {rest:.4g} that no sample has a share in"
    warnings.warn(
        f"get_loss {' and '.join(part for part in (times, plus) if part)}; this is left out of the scores, which are "
        "sums of the criterion's own losses",
        UserWarning,
    )
