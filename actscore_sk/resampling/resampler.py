"""A sampler that draws samples with replacement, in proportion to their difficulty."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np

from actscore_sk.resampling.base import BaseActionScoreSampler
from actscore_sk.resampling.weighting import WEIGHTINGS, difficulty_weights
from actscore_sk.scoring.class_labels import check_has_classes
from actscore_sk.utils.sklearn_private import Interval, StrOptions
from actscore_sk.utils.typing import Estimator, Memory, Seed, Weighting


class ActionScoreResampler(BaseActionScoreSampler):
    """Draw samples with replacement by their difficulty, for models that take no weights.

    Parameters
    ----------
    estimator : estimator, NeuralNet, ActionScoreTracker or None
        The scorer, as in `ActionScorePruner`.
    weighting : {"hard", "easy", "middle"} or callable
        Samples that are drawn more often, as in `ReweightedClassifier`. A callable maps scores (n_samples,) to weights.
    temperature : float
        Above 0; the smaller, the more unequal: the most preferred sample is drawn at most ``exp(1 / temperature)``
        times as often as the least.
    n_samples : int, float or None
        Number of draws, or its share of the number of samples. None: as many as there are samples.
    class_balanced : bool
        Draw from each class in proportion to its share in y, and at least once.
    memory : str, joblib.Memory or None
        As in `ActionScorePruner`.
    random_state : int, RandomState instance or None
        As in `ActionScorePruner`.

    Attributes
    ----------
    sample_indices_ : ndarray of int64 (n_drawn,)
        Position in X of each draw, in order.
    sample_weight_ : ndarray of float64 (n_drawn,) or None
        Weights of the drawn samples, if `fit_resample` was passed weights. They count in the ranks of the scores, but
        do not change how often a sample is drawn.
    action_scores_, class_ranks_, sampling_strategy_, estimator_, n_features_in_, feature_names_in_
        As in `ActionScorePruner`.

    Examples
    --------
    >>> resampler = ActionScoreResampler(weighting="hard", temperature=0.1, random_state=0)
    >>> X, _ = resampler.fit_resample([["easy"], ["hard"]] * 50, [0, 1] * 50, action_scores=[0.1, 3.0] * 50)
    >>> len(X), X.count(["hard"]) > 90
    (100, True)
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseActionScoreSampler._parameter_constraints,
        "weighting": [StrOptions(set(WEIGHTINGS)), callable],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "n_samples": [None, Interval(Integral, 1, None, closed="left"), Interval(Real, 0, None, closed="neither")],
        "class_balanced": ["boolean"],
    }
    _hint = "set class_balanced=True, or draw more samples"

    def __init__(
        self,
        estimator: Estimator = None,
        *,
        weighting: Weighting = "easy",
        temperature: float = 1.0,
        n_samples: float | None = None,
        class_balanced: bool = False,
        memory: Memory = None,
        random_state: Seed = None,
    ) -> None:
        self.estimator = estimator
        self.weighting = weighting
        self.temperature = temperature
        self.n_samples = n_samples
        self.class_balanced = class_balanced
        self.memory = memory
        self.random_state = random_state

    def _select(self, scores, labels, weights, rng):
        preference = difficulty_weights(scores, self.weighting, temperature=self.temperature, sample_weight=weights)
        if self.class_balanced:
            check_has_classes(labels)
        groups = (
            [labels == label for label in np.unique(labels)] if self.class_balanced else [np.ones_like(scores, bool)]
        )
        rows = [np.flatnonzero(group) for group in groups]
        counts = _shared_out(self._n_drawn(len(scores)), [len(members) for members in rows])
        drawn = [self._draw(members, count, preference, rng) for members, count in zip(rows, counts, strict=True)]
        indices = np.concatenate(drawn)
        if len(drawn) > 1:
            indices = rng.permutation(indices)
        return indices, None if weights is None else weights[indices]

    def _n_drawn(self, n_samples):
        if self.n_samples is None:
            return n_samples
        return self.n_samples if isinstance(self.n_samples, Integral) else max(1, round(self.n_samples * n_samples))

    def _draw(self, rows, count, preference, rng):
        if not preference[rows].any():
            raise ValueError(f"weighting={self.weighting!r} sets all weights of a class to 0; leave some above 0")
        probabilities = preference[rows] / preference[rows].sum()
        return rng.choice(rows, size=count, p=probabilities)


def _shared_out(total, sizes):
    """Split a number in proportion to `sizes`, at least 1 each, by largest remainders.

    >>> _shared_out(10, [5, 5, 90]), _shared_out(7, [5, 5])
    ([1, 1, 9], [4, 3])
    """
    exact = total * np.array(sizes) / sum(sizes)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return np.maximum(counts, 1).tolist()
