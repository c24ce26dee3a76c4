"""From what a learner says after a stage to the loss of each sample, and to class scores."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid, one_hot

# (prediction, target, parameter) to losses, elementwise. SciPy's and scikit-learn's definitions, without their halves.
NumberLoss = Callable[[Tensor, Tensor, float], Tensor]
NUMBER_LOSSES: dict[str, NumberLoss] = {
    "squared_error": lambda p, y, _: (p - y) ** 2,
    "absolute_error": lambda p, y, _: (p - y).abs(),
    "quantile": lambda p, y, level: torch.maximum(level * (y - p), (level - 1) * (y - p)),
    "huber": lambda p, y, delta: _huber((p - y).abs(), delta),
    # scikit-learn's boosting bends its parabola at a quantile of the residuals, anew in each stage
    "adaptive_huber": lambda p, y, level: _huber((p - y).abs(), torch.quantile((p - y).abs(), level)),
    "epsilon_insensitive": lambda p, y, epsilon: ((p - y).abs() - epsilon).clamp(min=0),
    "squared_epsilon_insensitive": lambda p, y, epsilon: ((p - y).abs() - epsilon).clamp(min=0) ** 2,
    "poisson": lambda p, y, _: 2 * (torch.xlogy(y, y / p) - y + p),
    "gamma": lambda p, y, _: 2 * (torch.log(p / y) + y / p - 1),
}

# A learner that decides by a number, and by one of each class against the rest if there are several: loss of
# (decision, sign), sign +1 or -1.
MARGIN_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "hinge": lambda d, s: (1 - s * d).clamp(min=0),
    "squared_hinge": lambda d, s: (1 - s * d).clamp(min=0) ** 2,
    "perceptron": lambda d, s: (-s * d).clamp(min=0),
    "modified_huber": lambda d, s: torch.where(s * d >= -1, (1 - s * d).clamp(min=0) ** 2, -4 * s * d),
}


def _huber(residual: Tensor, delta: float | Tensor) -> Tensor:
    return torch.where(residual <= delta, residual**2 / 2, delta * (residual - delta / 2))


class Objective(NamedTuple):
    """What a learner for numbers minimises.

    Parameters
    ----------
    loss : str
        Name in `NUMBER_LOSSES`.
    parameter : float
        Of the loss: a quantile, a delta or an epsilon.
    is_log : bool
        The learner's scores are logarithms of its predictions.
    """

    loss: str
    parameter: float = 0.0
    is_log: bool = False


@dataclass(frozen=True)
class StageReader:
    """How scores of a learner become losses.

    Parameters
    ----------
    outputs : callable
        Maps scores (n_samples, ...) of float64, as the learner gives them, to class scores (n_samples, n_classes) whose
        softmax gives the probabilities, or to predictions.
    loss : callable
        Maps outputs and targets to losses (n_samples,).
    is_cross_entropy : bool
        Losses are in nats, and can be compared with the entropy of the classes.

    Examples
    --------
    >>> losses, scores = read_softmax.read(np.array([0.0, 2.0]), torch.tensor([0, 1]))
    >>> losses.numpy().round(3), scores.tolist()
    (array([0.693, 0.127]), [[0.0, 0.0], [0.0, 2.0]])
    """

    outputs: Callable[[Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]
    is_cross_entropy: bool = False

    def read(self, raw: np.ndarray, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses (n_samples,) and outputs, both float64, for scores of one stage."""
        outputs = self.outputs(torch.from_numpy(np.asarray(raw, dtype=np.float64)))
        return self.loss(outputs, targets), outputs


def class_scores(raw: Tensor) -> Tensor:
    """Return one column per class: a single decision d of two classes becomes (0, d).

    Examples
    --------
    >>> class_scores(torch.tensor([[3.0], [-1.0]])).tolist()
    [[0.0, 3.0], [0.0, -1.0]]
    """
    raw = raw.reshape(len(raw), -1)
    return torch.cat([torch.zeros_like(raw), raw], 1) if raw.shape[1] == 1 else raw


def _cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(scores, targets, reduction="none")


def read_scaled_softmax(factor: float) -> StageReader:
    """Return a reader of scores that are log odds up to a factor."""
    return StageReader(lambda raw: class_scores(raw) * factor, _cross_entropy, is_cross_entropy=True)


read_softmax = read_scaled_softmax(1.0)
# One log odds per class against the rest; probabilities are the sigmoids, divided by their sum.
read_one_vs_rest = StageReader(
    lambda raw: class_scores(raw) if raw.ndim == 1 or raw.shape[1] == 1 else logsigmoid(raw),
    _cross_entropy,
    is_cross_entropy=True,
)
# No probability below the precision of its number: a single sample of probability 0 would have an infinite loss.
read_probabilities = StageReader(
    lambda raw: raw.clamp(min=float(np.finfo(np.float64).eps)).log(), _cross_entropy, is_cross_entropy=True
)


def read_margins(loss: Callable[[Tensor, Tensor], Tensor]) -> StageReader:
    """Return a reader of decisions that are no log odds: the loss is the learner's own, added up over its deciders.

    Parameters
    ----------
    loss : callable
        Loss of (decision, sign).

    Examples
    --------
    >>> reader = read_margins(MARGIN_LOSSES["hinge"])
    >>> reader.read(np.array([2.0, 0.5]), torch.tensor([0, 1]))[0].tolist()
    [3.0, 0.5]
    """

    def losses_of(scores: Tensor, targets: Tensor) -> Tensor:
        signs = 2.0 * one_hot(targets, scores.shape[1]) - 1
        if scores.shape[1] == 2:  # one decider
            return loss(scores[:, 1] - scores[:, 0], signs[:, 1])
        return loss(scores, signs).sum(1)

    return StageReader(class_scores, losses_of)


def read_numbers(objective: Objective) -> StageReader:
    """Return a reader of predictions; several outputs count by the mean of their losses.

    Examples
    --------
    >>> reader = read_numbers(Objective("quantile", 0.9))
    >>> reader.read(np.array([1.0, 1.0]), torch.tensor([0.0, 2.0]))[0].numpy().round(2)
    array([0.1, 0.9])
    """
    function = NUMBER_LOSSES[objective.loss]

    def losses_of(predictions: Tensor, targets: Tensor) -> Tensor:
        values = function(predictions, targets.reshape(predictions.shape), objective.parameter)
        return values.reshape(len(values), -1).mean(1)

    return StageReader(torch.exp if objective.is_log else lambda raw: raw, losses_of)
