"""Samples of a learner that learns in stages: as it is trained on them, and as they are scored."""

from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from actscore_sk.data.containers import take_rows


class StageSamples(NamedTuple):
    """Samples to train on and to score, in the order of X.

    Parameters
    ----------
    X : array-like (n_samples, n_features)
        As the user passed it.
    labels : ndarray (n_samples, ...)
        What the learner is to predict.
    targets : ndarray (n_samples, ...)
        Codes of classes, or numbers.
    weights : ndarray (n_samples,) or None
        Weights of the samples.
    classes : ndarray or None
        All labels of a classifier, sorted.
    """

    X: Any
    labels: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    classes: np.ndarray | None

    @property
    def codes(self) -> np.ndarray | None:
        """Codes of the classes, if there are any."""
        return None if self.classes is None else self.targets

    def take(self, rows: np.ndarray) -> "StageSamples":
        """Return some of them."""
        weights = None if self.weights is None else self.weights[rows]
        everything = len(rows) == len(self.targets)  # in order
        X = self.X if everything else take_rows(self.X, rows)
        return StageSamples(X, self.labels[rows], self.targets[rows], weights, self.classes)


class Part(NamedTuple):
    """Samples that are scored together after each stage.

    Parameters
    ----------
    X : array-like (n_samples, n_features)
        In the form that the learner takes.
    rows : Tensor of int64 (n_samples,)
        Their positions in X, or in the `eval_set`.
    targets : Tensor (n_samples, ...)
        Codes of their classes, or numbers.
    weights : Tensor of float64 (n_samples,) or None
        Of the samples in training.
    is_eval : bool
        They are those of the `eval_set`.
    """

    X: Any
    rows: Tensor
    targets: Tensor
    weights: Tensor | None = None
    is_eval: bool = False
