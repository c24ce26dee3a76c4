"""A sampler that drops samples by their difficulty."""

from collections.abc import Sequence
from numbers import Real
from typing import ClassVar, Literal

import numpy as np
from sklearn.base import is_regressor

from actscore_sk.label_issues.refused import OF_NUMBERS
from actscore_sk.resampling.base import BaseActionScoreSampler
from actscore_sk.resampling.mislabelled import estimate_n_mislabelled
from actscore_sk.resampling.strategies import STRATEGIES, amount_of
from actscore_sk.scoring.class_labels import check_has_classes
from actscore_sk.scoring.judging import decision_of, judges_labels, make_judge
from actscore_sk.utils.sklearn_private import Interval, StrOptions
from actscore_sk.utils.typing import Estimator, Memory, Seed, Strategy


class ActionScorePruner(BaseActionScoreSampler):
    """Drop the hardest samples, or others, before a model is trained.

    Parameters
    ----------
    estimator : estimator, NeuralNet, ActionScoreTracker or None
        The scorer: `ActionScoreClassifier`, `ActionScoreRegressor`, `ActionScoreEstimator`, a skorch net, or a Pipeline
        that ends in one; it is cloned. None: ``ActionScoreClassifier()``, with ``store_probabilities=True`` for
        ``threshold="auto"``; pass ``ActionScoreRegressor()`` if y holds numbers. An `ActionScoreTracker` of the same
        samples is not fitted: its scores are taken.
    strategy : {"hardest", "easiest", "both", "stratified", "random"}
        Samples to drop. "both": half at either end. "stratified": a part as the hardest, the rest so that all strata of
        the scores stay covered [1]_. "random": the control.
    threshold : float, (float, float) or "auto"
        Amount to drop. With ``by="fraction"`` a share of all samples in [0, 1), rounded down to whole samples. With
        ``by="score"`` a score beyond which samples are dropped ("hardest": above, "easiest": below, "random": as many
        as are above), and for "both" a pair (low, high). "auto": as many as seem to be mislabelled, close to none if no
        label is wrong. A scorer with ``store_probabilities=True`` decides which and how many these are, or with a
        warning none if it can decide nothing; without one, the scores alone do, if the hard ones form a second heap.
    by : {"fraction", "score"}
        Meaning of `threshold`.
    class_balanced : bool
        Drop the same share of every class; for ``by="fraction"`` and "auto".
    hard_share : float in [0, 1]
        For "stratified": share of the dropped samples that are cut as the hardest.
    memory : str, joblib.Memory or None
        Place to keep fitted scorers, so that a search over the other parameters scores each part of the data once.
    random_state : int, RandomState instance or None
        Seeds the random strategies, and the scorer if its own `random_state` is None.

    Attributes
    ----------
    action_scores_ : ndarray of float64 (n_samples,)
        Higher = harder. Samples that the net held out of training have the score of their rank among the others.
    sample_indices_ : ndarray of int64 (n_kept,)
        Positions in X of the kept samples, in ascending order.
    sample_weight_ : ndarray of float64 (n_kept,) or None
        Weights of the kept samples, if `fit_resample` was passed weights. A weight counts as so many copies of a
        sample; at the limit some copies are dropped and others kept.
    class_ranks_ : ndarray of float64 (n_samples,)
        Rank of each sample in its class as a share in (0, 1], 1 = the hardest; without classes, in all of X.
    sampling_strategy_ : dict
        Class to number of kept samples; empty without classes.
    estimator_ : estimator or None
        The fitted scorer; None if scores were passed.
    n_features_in_, feature_names_in_
        Only for X with features, and with string column names.

    References
    ----------
    .. [1] H. Zheng, R. Liu, F. Lai, A. Prakash, "Coverage-centric Coreset Selection for High Pruning Rates", ICLR 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> wrong = [3, 100, 250]
    >>> y[wrong] = 1 - y[wrong]
    >>> pruner = ActionScorePruner(threshold=0.05, random_state=0)
    >>> X_kept, y_kept = pruner.fit_resample(X, y)
    >>> X_kept.shape, bool(np.isin(wrong, pruner.sample_indices_).any())
    ((541, 30), False)
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseActionScoreSampler._parameter_constraints,
        "strategy": [StrOptions(set(STRATEGIES))],
        "threshold": [Interval(Real, None, None, closed="neither"), StrOptions({"auto"}), tuple, list],
        "by": [StrOptions({"fraction", "score"})],
        "class_balanced": ["boolean"],
        "hard_share": [Interval(Real, 0, 1, closed="both")],
    }
    _hint = "lower the threshold, or set class_balanced=True with by='fraction'"

    def __init__(
        self,
        estimator: Estimator = None,
        *,
        strategy: Strategy = "hardest",
        threshold: float | Sequence[float] | Literal["auto"] = 0.1,
        by: Literal["fraction", "score"] = "fraction",
        class_balanced: bool = False,
        hard_share: float = 1 / 3,
        memory: Memory = None,
        random_state: Seed = None,
    ) -> None:
        self.estimator = estimator
        self.strategy = strategy
        self.threshold = threshold
        self.by = by
        self.class_balanced = class_balanced
        self.hard_share = hard_share
        self.memory = memory
        self.random_state = random_state

    def _fit_resample(self, X, y, *args, **kwargs):
        self._check_threshold()  # before anything is trained
        return super()._fit_resample(X, y, *args, **kwargs)

    def _check_threshold(self):
        if self.threshold == "auto":
            if hasattr(self.estimator, "fit") and is_regressor(self.estimator):  # a tracker has no tags
                raise ValueError(f'threshold="auto" drops labels that look wrong, but there are {OF_NUMBERS}')
            return
        is_pair = isinstance(self.threshold, (tuple, list))
        ends = self.threshold if is_pair else ()
        if self.by == "score":
            if self.strategy == "stratified" or self.class_balanced:
                raise ValueError(
                    "by='score' is a cut-off; strategy='stratified' and class_balanced=True need a share: by='fraction'"
                )
            is_in_order = len(ends) == 2 and all(isinstance(end, Real) for end in ends) and ends[0] <= ends[1]
            if is_pair != (self.strategy == "both") or (is_pair and not is_in_order):
                raise ValueError(
                    f"threshold={self.threshold!r}; by='score' takes a pair (low, high), low <= high, for "
                    "strategy='both', and one number for the others"
                )
        elif is_pair or not 0 <= self.threshold < 1:
            raise ValueError(
                f"threshold={self.threshold!r}; by='fraction' takes a share of all samples, at least 0 and below 1; "
                "for a cut-off on the score set by='score'"
            )

    def _make_scorer(self):
        is_ours = self.threshold == "auto" and self.estimator is None
        return make_judge(None, self.random_state) if is_ours else super()._make_scorer()

    def _select(self, scores, labels, weights, rng):
        amounts = np.ones(len(scores)) if weights is None else weights
        self._flagged = self._judged() if self.threshold == "auto" else None
        if self._flagged is not None and self.strategy == "hardest" and not self.class_balanced:
            dropped = np.where(self._flagged, amounts, 0)
        elif self.by == "score" and self.threshold != "auto" and self.strategy != "random":
            dropped = np.where(self._is_beyond(scores), amounts, 0)
        else:
            dropped = self._dropped(scores, labels, amounts, rng)
        left = amounts - dropped
        # the rest of a fractional amount may be a rounding error
        indices = np.flatnonzero(left > 1e-9 * amounts)
        return indices, None if weights is None else left[indices]

    def _judged(self):
        """Return the samples whose labels the scorer takes for wrong, (n_samples,) bool; None if it judges none."""
        if not judges_labels(self._judge):
            return None
        flagged = decision_of(self._judge, "is_label_issue_")
        return np.zeros(len(self.action_scores_), dtype=bool) if flagged is None else flagged

    def _is_beyond(self, scores):
        """Return the samples to drop for ``by="score"``, (n_samples,) bool."""
        if self.strategy == "both":
            low, high = self.threshold
            return (scores < low) | (scores > high)
        return scores < self.threshold if self.strategy == "easiest" else scores > self.threshold

    def _dropped(self, scores, labels, amounts, rng):
        """Return the amount to drop of each sample, (n_samples,) float64, by class if they are balanced."""
        share = self._share(scores, amounts)
        groups = [np.arange(len(scores))]
        if self.class_balanced:
            check_has_classes(labels)
            groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        dropped = np.zeros(len(scores))
        for rows in groups:
            amount = amount_of(share, amounts[rows])
            dropped[rows] = STRATEGIES[self.strategy](scores[rows], amounts[rows], amount, rng, self.hard_share)
        return dropped

    def _share(self, scores, amounts):
        """Return the share of all samples to drop, in [0, 1)."""
        if self._flagged is not None:
            return amounts[self._flagged].sum() / amounts.sum()
        if self.threshold == "auto":
            # Weights that are no counts have any scale; the estimate takes them as numbers of samples.
            scale = 1 if (amounts == np.floor(amounts)).all() else len(amounts) / amounts.sum()
            return estimate_n_mislabelled(scores, amounts * scale) / (amounts.sum() * scale)
        if self.by == "score":  # only "random" comes here: as many as are above
            return amounts[scores > self.threshold].sum() / amounts.sum()
        return self.threshold
