"""Measurements at a visit: functions from a batch of visits to one value per visit.

They run on every batch, under ``torch.no_grad`` of the caller: a few vector operations, no host sync on CUDA.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch


def precise_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype of recorded values: float64, or float32 on "mps", which has no float64.

    >>> precise_dtype(torch.device("cpu"))
    torch.float64
    """
    return torch.float32 if device.type == "mps" else torch.float64


@dataclass(eq=False)
class VisitBatch:
    """Answers of the net in one block of visits; intermediate values are computed once, at first use.

    Parameters
    ----------
    loss : torch.Tensor of shape (n_visits,)
        Loss of each visit, floating.
    logits : torch.Tensor of shape (n_visits, n_classes), optional
        Any floating tensor whose softmax gives the class probabilities; n_classes >= 2.
    labels : torch.Tensor of shape (n_visits,), optional
        Given label of each visit, int64 in [0, n_classes).

    Examples
    --------
    >>> visits = VisitBatch(torch.tensor([0.3]), torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
    >>> margin(visits)
    tensor([2.])
    """

    loss: torch.Tensor
    logits: torch.Tensor | None = None
    labels: torch.Tensor | None = None

    @cached_property
    def classes(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, in float32 or better, and labels as a column (n_visits, 1).

        Raises
        ------
        ValueError
            If the visits has no logits or no labels.
        """
        if self.logits is None or self.labels is None:
            raise ValueError(
                "this metric needs the logits and labels of every visit, but the visits has the loss only; "
                "for nets without classes use the regression_measurement of the metric"
            )
        # Half precision has 3 digits: sums of the exponentials need more.
        return self.logits.to(torch.promote_types(self.logits.dtype, torch.float32)), self.labels[:, None]

    @cached_property
    def log_probabilities(self) -> torch.Tensor:
        """Natural logarithm of the class probabilities, (n_visits, n_classes), float32 or float64."""
        return torch.log_softmax(self.classes[0], dim=1)

    @cached_property
    def given_log_probability(self) -> torch.Tensor:
        """Natural logarithm of the given label's probability as a column (n_visits, 1)."""
        return self.log_probabilities.gather(1, self.classes[1])


Measurement = Callable[[VisitBatch], torch.Tensor]


def loss(visits: VisitBatch) -> torch.Tensor:
    """Loss of each visit as the net's criterion gives it; higher = harder.

    >>> loss(VisitBatch(torch.tensor([0.5, 2.0])))
    tensor([0.5000, 2.0000])
    """
    return visits.loss


def margin(visits: VisitBatch) -> torch.Tensor:
    """Logit of the given label minus the largest other logit, in (−inf, inf); lower = harder.

    Infinite only where a logit is, as with logarithms of probabilities that underflowed to 0.

    >>> margin(VisitBatch(torch.zeros(1), torch.tensor([[1.0, 4.0, 2.0]]), torch.tensor([2])))
    tensor([-2.])
    """
    logits, labels = visits.classes
    # A masked copy costs one block of memory; topk(2) would sort every row.
    others = logits.scatter(1, labels, -torch.inf)
    return logits.gather(1, labels)[:, 0] - others.amax(dim=1)


def probability(visits: VisitBatch) -> torch.Tensor:
    """Probability of the given label, in [0, 1], float64; lower = harder.

    >>> probability(VisitBatch(torch.zeros(1), torch.zeros(1, 4), torch.tensor([2])))
    tensor([0.2500], dtype=torch.float64)
    """
    # Class-wide work stays in the precision of the logits; from here on there is one number per visit.
    given = visits.given_log_probability[:, 0]
    return given.to(precise_dtype(given.device)).exp()


def probabilities(visits: VisitBatch) -> torch.Tensor:
    """Probability of each class (n_visits, n_classes), in [0, 1], float32.

    >>> probabilities(VisitBatch(torch.zeros(1), torch.zeros(1, 4), torch.tensor([2])))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    return visits.log_probabilities.exp().to(torch.float32)


def correct(visits: VisitBatch) -> torch.Tensor:
    """1.0 where ``argmax`` of the logits is the given label, else 0.0; lower = harder.

    >>> correct(VisitBatch(torch.zeros(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1])))
    tensor([1., 0.])
    """
    logits, labels = visits.classes
    return (logits.argmax(dim=1) == labels[:, 0]).to(logits.dtype)


def error(visits: VisitBatch) -> torch.Tensor:
    """Euclidean norm of (probabilities − one-hot label), in [0, √2]; higher = harder.

    >>> error(VisitBatch(torch.zeros(1), torch.zeros(1, 2), torch.tensor([0])))
    tensor([0.7071])
    """
    # The given label's entry is p − 1, exact near p = 1 as expm1; no one-hot matrix is made.
    to_given = torch.expm1(visits.given_log_probability)
    gaps = visits.log_probabilities.exp().scatter_(1, visits.classes[1], to_given)
    return torch.linalg.vector_norm(gaps, dim=1)
