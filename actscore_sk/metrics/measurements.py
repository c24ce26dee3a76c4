"""Measurements at a visit: functions from a batch of visits to one value per visit.

They run on every batch, under ``torch.no_grad`` of the caller: a few vector operations, no host sync on CUDA.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch

# With up to so many classes, a CPU is faster with a row per class: rows of visits are too short for its vectors.
N_FEW_CLASSES = 32


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
    def axis(self) -> int:
        """Dimension of the classes in `scores`."""
        return 0 if self.loss.is_cpu and self.logits.shape[1] <= N_FEW_CLASSES else 1  # type: ignore[union-attr]

    @cached_property
    def scores(self) -> torch.Tensor:
        """Logits in float32 or better, (n_classes, n_visits) if `axis` is 0, else (n_visits, n_classes).

        Raises
        ------
        ValueError
            If the visits have no logits or no labels.
        """
        if self.logits is None or self.labels is None:
            raise ValueError(
                "this metric needs the logits and labels of every visit, but the visits have the loss only; "
                "for nets without classes use the regression_measurement of the metric"
            )
        # Half precision has 3 digits: sums of the exponentials need more.
        logits = self.logits.to(torch.promote_types(self.logits.dtype, torch.float32))
        # The columns stacked are several times faster than a transposed copy.
        return torch.stack(logits.unbind(1)) if self.axis == 0 else logits

    @cached_property
    def given(self) -> torch.Tensor:
        """Labels as an index along `axis` into `scores`."""
        return self.labels.unsqueeze(self.axis)  # type: ignore[union-attr]

    @cached_property
    def margins(self) -> torch.Tensor:
        """Logit of the given label minus the largest other one, (n_visits,)."""
        # A masked copy costs one block of memory; topk(2) would sort every row.
        others = self.scores.scatter(self.axis, self.given, -torch.inf)
        return self.scores.gather(self.axis, self.given).squeeze(self.axis) - others.amax(dim=self.axis)

    @cached_property
    def log_probabilities(self) -> torch.Tensor:
        """Natural logarithm of the class probabilities, shaped like `scores`."""
        return torch.log_softmax(self.scores, dim=self.axis)

    @cached_property
    def given_log_probability(self) -> torch.Tensor:
        """Natural logarithm of the given label's probability, along `axis` of length 1."""
        return self.log_probabilities.gather(self.axis, self.given)


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
    return visits.margins


def probability(visits: VisitBatch) -> torch.Tensor:
    """Probability of the given label, in [0, 1], float64; lower = harder.

    >>> probability(VisitBatch(torch.zeros(1), torch.zeros(1, 4), torch.tensor([2])))
    tensor([0.2500], dtype=torch.float64)
    """
    # Class-wide work stays in the precision of the logits; from here on there is one number per visit.
    given = visits.given_log_probability.squeeze(visits.axis)
    return given.to(precise_dtype(given.device)).exp()


def probabilities(visits: VisitBatch) -> torch.Tensor:
    """Probability of each class (n_visits, n_classes), in [0, 1], float32.

    >>> probabilities(VisitBatch(torch.zeros(1), torch.zeros(1, 4), torch.tensor([2])))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    found = visits.log_probabilities.exp().to(torch.float32)
    return found.t() if visits.axis == 0 else found


def correct(visits: VisitBatch) -> torch.Tensor:
    """1.0 where ``argmax`` of the logits is the given label, else 0.0; lower = harder.

    >>> correct(VisitBatch(torch.zeros(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1])))
    tensor([1., 0.])
    """
    margins, logits, labels = visits.margins, visits.logits, visits.labels
    if not margins.is_cpu:  # to look for ties would make the host wait
        return (logits.argmax(dim=1) == labels).to(margins.dtype)  # type: ignore[union-attr]
    is_correct = margins > 0
    ties = (~(is_correct | (margins < 0))).nonzero()[:, 0]
    is_correct[ties] = logits[ties].argmax(dim=1) == labels[ties]  # type: ignore[index]
    return is_correct.to(margins.dtype)


def error(visits: VisitBatch) -> torch.Tensor:
    """Euclidean norm of (probabilities − one-hot label), in [0, √2]; higher = harder.

    >>> error(VisitBatch(torch.zeros(1), torch.zeros(1, 2), torch.tensor([0])))
    tensor([0.7071])
    """
    # The given label's entry is p − 1, exact near p = 1 as expm1; no one-hot matrix is made.
    to_given = torch.expm1(visits.given_log_probability)
    gaps = visits.log_probabilities.exp().scatter_(visits.axis, visits.given, to_given)
    if visits.axis == 0:  # where torch's own norm takes the columns one by one
        return gaps.square_().sum(0).sqrt_()
    return torch.linalg.vector_norm(gaps, dim=1)
