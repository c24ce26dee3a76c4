"""A sampler that begins with a part of the data and grows to all of it."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.pacing import PACINGS, share_of_data
from actscore_sk.data.positions import shuffled
from actscore_sk.utils.sklearn_private import Interval, StrOptions
from actscore_sk.utils.typing import Order, Pacing


class CurriculumSampler(EpochSampler):
    """Draw from the easiest samples first, or from the hardest, and from more and more of them.

    Each epoch visits every sample of its part once, in random order. The part is the beginning of a ranking by given
    scores, or by the scores so far. In the latter case the first epoch visits all samples, since none has a loss yet.

    Parameters
    ----------
    data_source : Dataset, int or None
        The data set, or its length. None for `train_sampler`: the estimator passes its data.
    n_epochs : int or None
        Number of epochs in all. None for `train_sampler`: the epochs that the net is going to train.
    scores : array-like of shape (n_samples,) or None
        Difficulty of each sample of X, finite, higher = harder. None: the scores so far.
    order : {"easy_first", "hard_first", "random"}
        Samples to begin with. "random" is the control: a random part of the same size, which grows.
    pacing : {"linear", "root", "exponential", "step"}
        Growth of the part; see `share_of_data`.
    start_fraction : float in (0, 1]
        Share of the samples in the first epoch, or in the second if no scores are given.
    full_at : float in [0, 1]
        Share of the epochs after which all samples are visited.
    random_state : int, RandomState instance or None
        Seeds the order; None: the system's entropy, or the seed of the estimator.

    Examples
    --------
    >>> sampler = CurriculumSampler(10, n_epochs=4, scores=range(10), start_fraction=0.3, full_at=0.5, random_state=0)
    >>> [sorted(sampler) for _ in range(3)]
    [[0, 1, 2], [0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]
    """

    _parameter_constraints: ClassVar[dict] = {
        **EpochSampler._parameter_constraints,
        "n_epochs": [None, Interval(Integral, 1, None, closed="left")],
        "scores": [None, "array-like"],
        "order": [StrOptions({"easy_first", "hard_first", "random"})],
        "pacing": [StrOptions(set(PACINGS))],
        "start_fraction": [Interval(Real, 0, 1, closed="right")],
        "full_at": [Interval(Real, 0, 1, closed="both")],
    }
    needs_n_epochs = True

    def __init__(
        self,
        data_source: Any = None,
        *,
        n_epochs: int | None = None,
        scores: Any = None,
        order: Order = "easy_first",
        pacing: Pacing = "linear",
        start_fraction: float = 0.25,
        full_at: float = 0.5,
        random_state: Any = None,
    ) -> None:
        self.data_source = data_source
        self.n_epochs = n_epochs
        self.scores = scores
        self.order = order
        self.pacing = pacing
        self.start_fraction = start_fraction
        self.full_at = full_at
        self.random_state = random_state

    def _check_bound(self, n_samples: int) -> None:
        if self.scores is None:
            return
        scores = np.asarray(self.scores, dtype=np.float64)
        if scores.shape != (n_samples,) or not np.isfinite(scores).all():
            raise ValueError(
                f"scores of shape {scores.shape} with {np.count_nonzero(~np.isfinite(scores))} that are not finite; "
                f"expected {n_samples} finite numbers, one per sample of X; scores=None goes by the losses so far, "
                "inside cross-validation too"
            )

    def _count(self) -> int:
        # Without scores the first epoch is there to learn the losses.
        past = self.epoch_ - (self.scores is None)
        if past < 0:
            return self.n_samples_
        share = share_of_data(
            past,
            pacing=self.pacing,
            start_fraction=self.start_fraction,
            full_at=self.full_at,
            n_epochs=max(self.n_epochs_ - (self.scores is None), 1),  # type: ignore[operator]
        )
        return max(1, int(np.ceil(share * self.n_samples_ - 1e-9)))

    def _draw(self, generator: torch.Generator) -> tuple[Tensor, None]:
        count = self._count()
        if count == self.n_samples_:
            return torch.randperm(self.n_samples_, generator=generator), None
        if self.order == "random":
            # One ranking for all epochs: the part grows, and nothing leaves it.
            ranking = torch.randperm(self.n_samples_, generator=torch.Generator().manual_seed(self.seed_))
            return shuffled(ranking[:count], generator), None
        scores = self._scores()
        first = np.argpartition(scores if self.order == "easy_first" else -scores, count - 1)[:count]
        return shuffled(torch.from_numpy(first), generator), None

    def _scores(self) -> np.ndarray:
        """Return the scores to rank by, (n_samples_,) float64; a sample that was never visited has the median."""
        if self.scores is None:
            scores = self.scores_.numpy()
            unknown = np.isnan(scores)
            if unknown.any():
                scores = np.where(unknown, 0.0 if unknown.all() else np.nanmedian(scores), scores)
            return scores
        scores = np.asarray(self.scores, dtype=np.float64)
        return scores if self.rows_ is None else scores[self.rows_.numpy()]
