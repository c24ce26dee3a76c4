"""A sampler that visits hard samples more often."""

import math
from numbers import Real
from typing import Any, ClassVar

import torch
from torch import Tensor

from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.positions import shuffled
from actscore_sk.utils.sklearn_private import Interval


class HardExampleSampler(EpochSampler):
    """Visit each sample in proportion to a power of its score so far, smoothed with uniform.

    Sample i of n with score s_i has the probability::

        p_i = (1 - smoothing) * s_i ** power / sum over j of s_j ** power + smoothing / n

    and, with `importance_weights`, the weight 1 / (n p_i) in the loss, so that the expected gradient is the gradient of
    all data [1]_. No weight is above 1 / smoothing. Without the weights the net is trained on another objective, in
    which hard samples count more: its optimum gives up easy samples for hard ones, wrong labels among them.

    An epoch of m visits draws sample i either floor(m p_i) or ceil(m p_i) times: systematic sampling has the
    expectation of independent draws and a smaller variance. A sample without a score counts as one with the mean
    score, so the first epoch visits each sample once.

    Parameters
    ----------
    data_source : Dataset, int or None
        The data set, or its length. None for `train_sampler`: the estimator passes its data.
    power : float
        At least 0; 0 is uniform.
    smoothing : float in (0, 1]
        Share of the uniform distribution; 1 is uniform.
    fraction : float
        Above 0. Number of visits in an epoch, as a share of the samples.
    importance_weights : bool
        Weigh samples in the loss, as above.
    random_state : int, RandomState instance or None
        Seeds the draws; None: the system's entropy, or the seed of the estimator.

    References
    ----------
    .. [1] A. Katharopoulos, F. Fleuret, "Not All Samples Are Created Equal: Deep Learning with Importance Sampling",
       ICML 2018, arXiv:1803.00942. The paper finds an upper bound of the gradient's norm to be a better measure than
       the loss.

    Examples
    --------
    >>> sampler = HardExampleSampler(4, smoothing=0.5, random_state=0)
    >>> sampler.update([0, 1, 2, 3], [0.0, 0.0, 0.0, 8.0])
    >>> list(sampler).count(3) >= 2, sampler.weights.tolist()
    (True, [2.0, 2.0, 2.0, 0.4000000059604645])
    """

    _parameter_constraints: ClassVar[dict] = {
        **EpochSampler._parameter_constraints,
        "power": [Interval(Real, 0, None, closed="left")],
        "smoothing": [Interval(Real, 0, 1, closed="right")],
        "fraction": [Interval(Real, 0, None, closed="neither")],
        "importance_weights": ["boolean"],
    }

    def __init__(
        self,
        data_source: Any = None,
        *,
        power: float = 1.0,
        smoothing: float = 0.25,
        fraction: float = 1.0,
        importance_weights: bool = True,
        random_state: Any = None,
    ) -> None:
        self.data_source = data_source
        self.power = power
        self.smoothing = smoothing
        self.fraction = fraction
        self.importance_weights = importance_weights
        self.random_state = random_state

    def _count(self) -> int:
        return max(1, round(self.fraction * self.n_samples_))

    def _draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        p = self.probabilities()
        offset = float(torch.rand((), generator=generator, dtype=torch.float64))
        n_drawn = self._count()
        drawn = torch.repeat_interleave(systematic_counts(p, n_drawn, offset), output_size=n_drawn)
        weights = (1 / (len(p) * p)).float() if self.importance_weights else None
        return shuffled(drawn, generator), weights

    def probabilities(self) -> Tensor:
        """Return the probability of each sample in the next epoch.

        Returns
        -------
        probabilities : tensor of float64 (n_samples,)
            They sum to 1. Negative losses, such as those of a density, are shifted to begin at 0.
        """
        self._ensure_bound()
        scores, n_samples = self.scores_, self.n_samples_
        unknown = scores.isnan()
        if bool(unknown.any()):
            scores = torch.where(unknown, 1.0 if bool(unknown.all()) else scores[~unknown].mean(), scores)
        lowest = float(scores.min())
        scores = scores - lowest if lowest < 0 else scores
        powers = scores if self.power == 1 else scores**self.power
        total = float(powers.sum())
        if not (math.isfinite(total) and total > 0):
            powers, total = torch.ones_like(powers), float(n_samples)
        return (powers * ((1 - self.smoothing) / total)).add_(self.smoothing / n_samples)


def systematic_counts(probabilities: Tensor, n_drawn: int, offset: float) -> Tensor:
    """Draw each sample ``floor(n_drawn p)`` or ``ceil(n_drawn p)`` times, ``n_drawn p`` times in expectation.

    The samples are laid side by side, each as wide as ``n_drawn p``. Points at a distance of 1 from each other, the
    first at a random offset, hit the samples that are drawn.

    Parameters
    ----------
    probabilities : tensor of float64 (n_samples,)
        They sum to 1.
    n_drawn : int
        Number of draws.
    offset : float in [0, 1)
        Place of the first point, drawn uniformly.

    Returns
    -------
    counts : tensor of int64 (n_samples,)
        They sum to `n_drawn`.

    Examples
    --------
    >>> systematic_counts(torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64), 2, 0.7)
    tensor([1, 0, 1])
    """
    edges = torch.cumsum(probabilities, 0) * n_drawn
    # Number of points below each edge; the last edge is n_drawn but for rounding.
    below = torch.ceil(edges - offset).clamp(0, n_drawn).long()
    below[-1] = n_drawn
    return torch.diff(below, prepend=below.new_zeros(1))
