"""A sampler that skips some of the easy samples in each epoch."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from actscore_sk.data.epoch_sampler import EpochSampler, positions_where, shuffled
from actscore_sk.utils.sklearn_private import Interval

# At most this share of the easy samples is skipped: the others stand for them with a weight of at most 4.
_MOST_SKIPPED = 0.75


class DynamicPruningSampler(EpochSampler):
    """Skip in each epoch a random part of the samples whose latest loss is below the mean.

    Those of them that are kept weigh more, such that the expected gradient of the epoch is that of all data: with m
    samples below the mean and k of them skipped, each of the others has the weight m / (m - k) in the loss. The last
    epochs visit all samples [1]_.

    Parameters
    ----------
    data_source : Dataset, int or None
        The data set, or its length; None for `train_sampler` of an estimator, which knows.
    n_epochs : int or None
        Number of epochs in all; None for `train_sampler`: those that the net is going to train.
    fraction : float in [0, 1)
        How many samples an epoch skips, as a share of all. It skips fewer where that would be more than three
        quarters of those below the mean: see `gradient_work_` of the estimator for what was saved.
    full_last : float in [0, 1]
        Share of the epochs, the last ones, that visit all samples.
    rescale : bool
        Whether kept samples weigh more; without it the net is trained on another objective, in which hard samples count
        more.
    random_state : int, RandomState instance or None
        Seeds the draws; None: the system's entropy, or the seed of the estimator.

    References
    ----------
    .. [1] Z. Qin et al., "InfoBatch: Lossless Training Speed Up by Unbiased Dynamic Data Pruning", ICLR 2024,
       arXiv:2303.04947. There the share is one of the samples below the mean, and the weight the inverse of its
       expectation; here both are exact for any number of samples.

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
        """Samples that may be skipped, (n_samples,) bool: none in the last epochs, nor one without a loss."""
        n_full = int(np.ceil(self.full_last * self.n_epochs_ - 1e-9))  # type: ignore[operator]
        if self.epoch_ >= self.n_epochs_ - n_full:  # type: ignore[operator]
            return torch.zeros(self.n_samples_, dtype=torch.bool)
        # The mean in double precision, so that of equal losses it is that loss; compared in single; false for NaN.
        return self.losses_ < torch.nanmean(self.losses_, dtype=torch.float64)

    def _n_skipped(self, n_easy: int) -> int:
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
