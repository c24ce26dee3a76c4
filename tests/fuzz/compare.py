"""What came out of a configuration: equal, refused, or a mismatch."""

import warnings
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from actscore_sk.exceptions import ActionScoreError, NonFiniteLossError
from tests.fuzz import published
from tests.fuzz.configuration import Configuration
from tests.fuzz.data import OF_ESTIMATORS, REORDERING
from tests.fuzz.nets import Module
from tests.fuzz.reference import Outcome, seed_everything, streams
from tests.fuzz.trial import Trial

REFUSED_LOSSES = ("scalar",)  # hide the loss of a sample
CHANGED_BEFORE = ("draws",)  # callbacks that change the net before it is trained


@dataclass
class Report:
    """What came out: `kind` is "equal", "refused", "skorch refuses" or "mismatch"."""

    config: Configuration
    kind: str
    details: list[str] = field(default_factory=list)
    plain_refuses: bool = False

    def __str__(self) -> str:
        """One line, or one for each difference."""
        return "\n    ".join([f"{self.kind}: {self.config}", *self.details])


def run(config: Configuration, folder: Path) -> Report:
    """Train three times and compare."""
    trial = Trial(config, folder)
    report, plain = _compared(trial)
    report.plain_refuses = isinstance(plain, Exception)
    return report


def _compared(trial: Trial) -> tuple[Report, Any]:
    """Return the report, and what plain skorch made of it: a net or an error."""
    config = trial.config
    try:
        expected: Any = _quietly(trial.reference)
    except Exception as error:  # what torch itself does not train
        expected = error
    plain = _attempt(trial.train_net)
    plain_streams = streams()
    scored = _attempt(trial.scored)
    scored_streams = streams()
    if isinstance(plain, Exception) and isinstance(scored, Exception) and not isinstance(scored, ActionScoreError):
        return Report(config, "skorch refuses", [_name(plain)]), plain
    if isinstance(scored, Exception):
        return _refused(trial, scored, expected), plain
    if isinstance(expected, Exception):
        return Report(config, "mismatch", [f"the plain loop fails: {_name(expected)}"]), plain
    differences = []
    if not isinstance(plain, Exception) and not _is_weighted(trial) and config.data not in OF_ESTIMATORS:
        is_same = _same_tensors(_tensors(plain), expected.tensors) and plain_streams == expected.streams
        differences += [] if is_same else ["the plain loop is not what skorch does"]
    net, scores = scored
    differences += _compare(trial, net, scores, expected, scored_streams)
    return Report(config, "mismatch" if differences else "equal", differences), plain


def _quietly(function: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function()


def _attempt(function: Any) -> Any:
    try:
        return _quietly(function)
    except Exception as error:
        return error


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]


def _is_weighted(trial: Trial) -> bool:
    return trial.weights is not None and bool((trial.weights != 1).any())


def _refused(trial: Trial, error: Exception, expected: Any) -> Report:
    """Judge an error: some kinds are to be refused, and some may be."""
    config = trial.config
    is_known = isinstance(error, ActionScoreError)
    may = trial.override.refusal != "never" or config.loss in REFUSED_LOSSES or config.collate in REORDERING
    # What is rounded to three digits does not show how a loss is put together.
    may = may or (config.net == "half" and trial.override.adds_constant)
    # The second call of a step sees what the first made of the whole batch: samples have no losses of their own.
    may = may or (config.override == "loss called twice" and config.loss in ("running buffer", "replaced buffer"))
    blind = config.override != "none" or config.loss in ("vector", "sequences")
    weighted_blindly = _is_weighted(trial) and blind
    if isinstance(error, NonFiniteLossError):
        visits = [] if isinstance(expected, Exception) else expected.visits + expected.eval_visits
        # A batch of ignored targets is trained on NaN, and shows no way to know the losses of its samples.
        may = any(not np.isfinite([*visit.losses, visit.trained]).all() for visit in visits)
    if not is_known or not (may or weighted_blindly):
        return Report(config, "mismatch", [f"refused: {_name(error)}"])
    # A loss of batches of one sample is that of the sample, until a later call makes larger ones.
    grows = config.batch_size == 1 and config.between == "batch size"
    if not isinstance(error, NonFiniteLossError) and not grows and not _is_untouched(trial):
        return Report(config, "mismatch", [f"refused after an update: {_name(error)}"])
    return Report(config, "refused", [_name(error)])


def _is_untouched(trial: Trial) -> bool:
    """Whether a net of the caller's was refused before its first update."""
    config = trial.config
    if config.who == "estimator" or config.net == "lazy" or config.listener in CHANGED_BEFORE:
        return True
    seed_everything(config.seed)
    before = Module(config.net, trial.task.n_outputs)
    found = trial.last_net.module_.state_dict()
    return all(torch.equal(value, found[name]) for name, value in before.named_parameters())


def _tensors(net: Any) -> dict[str, torch.Tensor]:
    parts = {"module": net.module_, "criterion": net.criterion_}
    return {f"{part}.{name}": value for part, thing in parts.items() for name, value in thing.state_dict().items()}


def _same_tensors(ours: dict, theirs: dict, atol: float = 0.0) -> bool:
    return ours.keys() == theirs.keys() and all(_is_same(ours[name], theirs[name], atol) for name in ours)


def _is_same(one: torch.Tensor, two: torch.Tensor, atol: float) -> bool:
    if is_lazy(one) or is_lazy(two):
        return is_lazy(one) and is_lazy(two)
    return one.shape == two.shape and torch.allclose(one.double(), two.double(), rtol=0, atol=atol, equal_nan=True)


def _compare(trial: Trial, net: Any, scores: Any, expected: Outcome, found_streams: tuple) -> list[str]:
    config, n = trial.config, trial.config.n_samples
    found: list[str] = []
    if found_streams != expected.streams:
        pairs = zip(("torch", "NumPy", "Python"), found_streams, expected.streams, strict=True)
        found.append(f"generators differ: {[name for name, one, two in pairs if one != two]}")
    # skorch cannot train on a vector: the order in which its sums are reduced is the library's
    is_summed_otherwise = config.loss == "vector" and config.override != "none"
    atol = 1e-4 if _is_weighted(trial) else 1e-6 if is_summed_otherwise else 0.0
    if not _same_tensors(_tensors(net), expected.tensors, atol=atol):
        found.append("trained parameters differ")
    is_hidden = (config.loss in REFUSED_LOSSES and config.batch_size != 1) or trial.override.refusal == "must"
    if is_hidden and expected.n_steps:  # of a batch that is dropped nothing is known
        found.append("a loss that hides its samples was not refused")
    visits = expected.visits
    found += _numbers("n_visits_", scores.n_visits_, published.n_visits(visits, n))
    found += _numbers("n_epochs_", scores.n_epochs_, expected.n_epochs)
    found += _numbers("validation_mask_", scores.validation_mask_, expected.held_out)
    if scores.n_epochs_ != expected.n_epochs:
        return found
    reduced = partial(published.action_scores, n_epochs=expected.n_epochs, reduction=config.reduction)
    is_half = config.net == "half" or config.override.startswith("autocast")
    rtol = 1e-2 if is_half else 2e-4  # a criterion that is asked once has its losses in half precision
    found += _numbers("action_scores_", scores.action_scores_, reduced(visits, n), rtol)
    if config.trajectories and expected.n_epochs:
        expected_rows = published.trajectories(visits, n, expected.n_epochs)
        found += _numbers("trajectories_", scores.trajectories_, expected_rows, rtol)
    if trial.has_units and visits:
        expected_units = published.unit_scores(visits, trial.loss, reduced, n)
        found += _numbers("unit_scores_", scores.unit_scores_, expected_units, rtol)
    if trial.asks_for_classes:
        for name, values in published.other_metrics(visits, n).items():
            found += _numbers(name, scores.sample_metrics_[name], values)
    if config.eval_set and expected.eval_visits:
        values = reduced(expected.eval_visits, len(trial.eval_y))
        found += _numbers("eval_action_scores_", scores.eval_action_scores_, values, rtol)
    return found


def _numbers(name: str, ours: Any, theirs: Any, rtol: float = 2e-4) -> list[str]:
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if ours.shape != theirs.shape:
        return [f"{name} has shape {ours.shape}, expected {theirs.shape}"]
    if np.allclose(ours, theirs, rtol=rtol, atol=2e-5, equal_nan=True):
        return []
    is_off = ~np.isclose(ours, theirs, rtol=rtol, atol=2e-5, equal_nan=True)
    at = tuple(int(i) for i in np.argwhere(is_off)[0]) if ours.ndim else ()
    where = f"{int(is_off.sum())} of {ours.size} places, first at {at}"
    return [f"{name} differs in {where}: {ours[at]:.6g}, expected {theirs[at]:.6g}"]
