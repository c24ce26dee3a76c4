"""A sampler that skips some of the easy samples in each epoch."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.positions import positions_where, shuffled
from actscore_sk.utils.sklearn_private import Interval

# At most this share of the easy samples is skipped, so no weight is above 4: the gradient stays usable.
_MOST_SKIPPED = 0.75


class DynamicPruningSampler(EpochSampler):
    """Skip in each epoch a random part of the samples whose latest loss is below the mean.

    The rest of them weighs more, so that the expected gradient of the epoch is the gradient of all data: with m
    samples below the mean and k of them skipped, each of the other m - k has the weight m / (m - k) in the loss. The
    last epochs visit all samples [1]_.

    Parameters
    ----------
    data_source : Dataset, int or None
        The data set, or its length. None for `train_sampler`: the estimator passes its data.
    n_epochs : int or None
        Number of epochs in all. None for `train_sampler`: the epochs that the net is going to train.
    fraction : float in [0, 1)
        Share of all samples that an epoch skips. It skips fewer if that would be more than three quarters of those
        below the mean; `gradient_work_` of the estimator says how many each epoch visited.
    full_last : float in [0, 1]
        Share of the epochs, the last ones, that visit all samples.
    rescale : bool
        Let kept samples weigh more. Without it the net is trained on another objective, in which hard samples count
        more.
    random_state : int, RandomState instance or None
        Seeds the draws; None: the system's entropy, or the seed of the estimator.

    References
    ----------
    .. [1] Z. Qin et al., "InfoBatch: Lossless Training Speed Up by Unbiased Dynamic Data Pruning", ICLR 2024,
       arXiv:2303.04947. There each sample below the mean is skipped with a probability, and the weight is the inverse
       of its complement; here the number of skipped samples, and so the weight, is exact for any number of samples.

    Examples
    --------
    >>> sampler = DynamicPruningSampler(8, n_epochs=10, fraction=0.25, random_state=0)
    >>> len(list(sampler))                                   # no losses yet
    8
    >>> sampler.update(range(8), [0, 0, 0, 0, 1, 1, 1, 1])
    >>> len(list(sampler)), sampler.weights.tolist()
    (6, [2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    """

    _parameter_constraints: ClassVar[dict] = {
        **EpochSampler._parameter_constraints,
        "n_epochs": [None, Interval(Integral, 1, None, closed="left")],
        "fraction": [Interval(Real, 0, 1, closed="left")],
        "full_last": [Interval(Real, 0, 1, closed="both")],
        "rescale": ["boolean"],
    }
    needs_n_epochs = True
    uses_scores = False

    def __init__(
        self,
        data_source: Any = None,
        *,
        n_epochs: int | None = None,
        fraction: float = 0.3,
        full_last: float = 0.125,
        rescale: bool = True,
        random_state: Any = None,
    ) -> None:
        self.data_source = data_source
        self.n_epochs = n_epochs
        self.fraction = fraction
        self.full_last = full_last
        self.rescale = rescale
        self.random_state = random_state

    def _is_easy(self) -> Tensor:
        """Return the samples that may be skipped, (n_samples,) bool: none in the last epochs, none without a loss."""
        n_full = int(np.ceil(self.full_last * self.n_epochs_ - 1e-9))  # type: ignore[operator]
        if self.epoch_ >= self.n_epochs_ - n_full:  # type: ignore[operator]
            return torch.zeros(self.n_samples_, dtype=torch.bool)
        # In double precision the mean of equal losses is that loss, so none is below it. NaN compares as false.
        return self.losses_ < torch.nanmean(self.losses_, dtype=torch.float64)

    def _n_skipped(self, n_easy: int) -> int:
        """Return how many of `n_easy` samples below the mean an epoch skips."""
        return min(int(self.fraction * self.n_samples_ + 1e-9), int(_MOST_SKIPPED * n_easy))

    def _count(self) -> int:
        return self.n_samples_ - self._n_skipped(int(self._is_easy().sum()))

    def _draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        is_easy = self._is_easy()
        n_easy = int(is_easy.sum())
        n_skipped = self._n_skipped(n_easy)
        if n_skipped == 0:
            return torch.randperm(self.n_samples_, generator=generator), None
        is_kept = torch.ones(self.n_samples_, dtype=torch.bool)
        is_kept[shuffled(positions_where(is_easy), generator)[:n_skipped]] = False
        weights = 1 + is_easy * (n_skipped / (n_easy - n_skipped)) if self.rescale else None
        return shuffled(positions_where(is_kept), generator), weights
