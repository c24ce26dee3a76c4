"""What a fit, a tracker or a metric cannot mean is an error in one sentence, and labels keep their type."""

import numpy as np
import pandas as pd
import pytest
import torch
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from actscore_sk import (
    ActionScoreClassifier,
    ActionScorePruner,
    ActionScoreRecorder,
    ActionScoreRegressor,
    ActionScoreTracker,
    ResampledClassifier,
    ReweightedRegressor,
    metrics,
)

X = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
Y = np.arange(12) % 2
NET = {"module": nn.Linear(2, 2), "max_epochs": 1, "verbose": 0, "train_split": None}
DATES = np.array(["2020-01-01", "2021-01-01"], "M8[s]")[Y]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: ActionScoreClassifier(NeuralNetRegressor(**NET)).fit(X, Y),
            TypeError,
            "NeuralNetRegressor predicts numbers, not classes; pass it to ActionScoreRegressor",
        ),
        (
            lambda: ActionScoreRegressor(NeuralNetClassifier(**NET)).fit(X, X[:, 0]),
            TypeError,
            "NeuralNetClassifier predicts classes, not numbers; pass it to ActionScoreClassifier",
        ),
        (
            lambda: ActionScoreRegressor().fit(X, DATES),
            ValueError,
            r"y holds dates.*pass seconds: y\.astype\('M8\[s\]'\)",
        ),
        (lambda: ActionScoreRegressor().fit(X, DATES - DATES[0]), ValueError, r"y holds durations.*'m8\[s\]'"),
        (lambda: ActionScoreClassifier().fit(X, np.where(Y, 1.0, np.nan)), ValueError, "6 of 12 samples have no label"),
        (
            lambda: ActionScoreTracker(3).merge(ActionScoreRecorder()),
            TypeError,
            "merge takes an ActionScoreTracker, got",
        ),
        (
            lambda: ActionScoreTracker(2).update([0, 1], torch.ones(2), held_out=torch.tensor([True, False])),
            ValueError,
            "held_out has a value per sample; expected one for the batch",
        ),
        (
            lambda: metrics.confidence([[-3.0, 4.0]]),
            ValueError,
            r"from -3 to 4; expected them in \[0, 1\], and no logits",
        ),
        (lambda: metrics.correctness([[2.0]]), ValueError, "correct has values from 0 to 2"),
        (lambda: metrics.forgetting([[-1.0]]), ValueError, "correct has values from -1 to 1"),
        (lambda: metrics.el2n([[1.0]], k=-1), ValueError, "k=-1; expected a number of epochs"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("dtype", ["boolean", "Int64", "bool[pyarrow]", "UInt8"])
def test_labels_of_nullable_types_are_no_floats(dtype):
    labels = pd.Series(Y == 1).astype(dtype) if "bool" in dtype else pd.Series(Y, dtype=dtype)
    classifier = ActionScoreClassifier(NeuralNetClassifier(**NET, criterion=nn.CrossEntropyLoss), random_state=0).fit(
        X, labels
    )
    expected = np.bool_ if "bool" in dtype else np.integer
    assert np.issubdtype(classifier.classes_.dtype, expected)
    assert np.issubdtype(classifier.predict(X).dtype, expected)
    plain = ActionScoreClassifier(NeuralNetClassifier(**NET, criterion=nn.CrossEntropyLoss), random_state=0).fit(X, Y)
    np.testing.assert_array_equal(classifier.action_scores_, plain.action_scores_)


@pytest.mark.parametrize("estimator", [ResampledClassifier(ActionScorePruner(), None), ReweightedRegressor(None)])
def test_a_forgotten_estimator_is_shown_in_a_notebook(estimator):
    assert "None" in estimator._repr_html_()
