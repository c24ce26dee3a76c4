"""A sampler that corrects labels which look wrong."""

import numpy as np

from actscore_sk.data.containers import take_rows
from actscore_sk.resampling.base import BaseActionScoreSampler
from actscore_sk.scoring.judging import decision_of, make_judge, suggested_codes
from actscore_sk.utils.typing import Estimator, Mask, Memory, Seed


class ActionScoreRelabeler(BaseActionScoreSampler):
    """Replace labels that look wrong by what they should be, before a model is trained.

    All samples stay. The labels that `is_label_issue_` of the scorer marks become its `suggested_labels_`; the last
    sample of a class keeps its label. Where the scorer can decide nothing, a warning says why and y stays as it is.

    Parameters
    ----------
    estimator : ActionScoreClassifier, NeuralNetClassifier, ActionScoreTracker or None
        The scorer, or a Pipeline that ends in one; it is cloned, with ``store_probabilities=True``. Its net must hold
        samples out. None: ``ActionScoreClassifier(store_probabilities=True)``. A tracker of the same samples, made with
        ``store_probabilities=True``, has judged them already.
    memory : str, joblib.Memory or None
        As in `ActionScorePruner`.
    random_state : int, RandomState instance or None
        Seeds the scorer if its own `random_state` is None.

    Attributes
    ----------
    is_relabeled_ : ndarray of bool (n_samples,)
        Samples with another label than before.
    sample_indices_ : ndarray of int64 (n_samples,)
        Positions in X, all of them in order.
    sampling_strategy_ : dict
        Class to number of samples with the new labels.
    action_scores_, class_ranks_, sample_weight_, estimator_, n_features_in_, feature_names_in_
        As in `ActionScorePruner`.

    See Also
    --------
    ActionScorePruner : With ``threshold="auto"`` it drops these samples.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> wrong = np.arange(0, len(y), 20)
    >>> given = y.copy()
    >>> given[wrong] = (y[wrong] + 1) % 10
    >>> relabeler = ActionScoreRelabeler(random_state=0)
    >>> X_same, y_better = relabeler.fit_resample(X, given)
    >>> (given != y).sum(), bool((y_better != y).sum() < 60)
    (np.int64(90), True)
    """

    is_relabeled_: Mask
    _hint = "pass some samples"

    def __init__(self, estimator: Estimator = None, *, memory: Memory = None, random_state: Seed = None) -> None:
        self.estimator = estimator
        self.memory = memory
        self.random_state = random_state

    def _fit_resample(self, X, y, action_scores=None, sample_weight=None, **fit_params):
        if action_scores is not None:
            raise ValueError(
                "action_scores say which labels may be wrong, and not what they should be; leave them out, and "
                "ActionScoreRelabeler trains its scorer"
            )
        if y is None:
            raise ValueError(
                "ActionScoreRelabeler requires y to be passed, but the target y is None; pass targets apart from X"
            )
        return super()._fit_resample(X, y, None, sample_weight, **fit_params)

    def _make_scorer(self):
        return make_judge(self.estimator, self.random_state)

    def _select(self, scores, labels, weights, rng):
        self._sources = indices = np.arange(len(scores))
        judge = self._judge
        flagged = decision_of(judge, "is_label_issue_")
        if flagged is not None:
            suggested = suggested_codes(judge, self._labels)
            order = np.argsort(decision_of(judge, "wrong_label_scores_"), kind="stable")
            new = np.where(keep_every_class(labels, flagged & (suggested >= 0), order), labels, suggested)
            # A sample that has the label lends it: whatever y is, a Series, numbers or one column per class.
            _, lender = np.unique(labels, return_index=True)
            self._sources = np.where(new == labels, indices, lender[new])
        self.is_relabeled_ = self._sources != indices
        return indices, weights

    def _take_targets(self, y, indices):
        taken = take_rows(y, self._sources)
        if hasattr(y, "iloc"):
            taken.index = y.index
        return taken

    def _count_kept(self, classes, codes, indices, weights):
        return super()._count_kept(classes, codes, self._sources, weights)


def keep_every_class(labels: np.ndarray, flagged: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Mark samples that keep their label: those not flagged, and one of each class that would lose all of its samples.

    Parameters
    ----------
    labels : ndarray of int64 (n_samples,)
        Class of each sample, from 0.
    flagged : ndarray of bool (n_samples,)
        Labels that look wrong.
    order : ndarray of int64 (n_samples,)
        Samples, the most likely right first.

    Examples
    --------
    >>> keep_every_class(np.array([0, 0, 1, 1]), np.array([True, False, True, True]), np.array([1, 0, 3, 2]))
    array([False,  True, False,  True])
    """
    keeps = ~flagged
    classes, first = np.unique(labels[order], return_index=True)
    lost = np.bincount(labels[keeps], minlength=len(classes)) == 0
    keeps[order[first[lost]]] = True
    return keeps
