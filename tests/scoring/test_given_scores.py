"""Scores that are passed may be an array, or anything fitted that has some."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from actscore_sk import ActionScoreClassifier, ActionScorePruner, ActionScoreRecorder, ActionScoreTracker
from actscore_sk.inspection import ActionScoreDisplay, group_difficulty


@pytest.mark.parametrize("unfitted", [ActionScoreClassifier(), ActionScoreRecorder(), ActionScoreTracker(4)])
def test_what_has_no_scores_yet_is_told_to_be_fitted(unfitted):
    X, y = np.zeros((4, 2)), [0, 1, 0, 1]
    for take in (
        lambda: group_difficulty(unfitted, y),
        lambda: ActionScoreDisplay.from_scores(unfitted),
        lambda: ActionScorePruner().fit_resample(X, y, action_scores=unfitted),
    ):
        with pytest.raises(NotFittedError, match="has no action_scores_; fit it first, or pass an array"):
            take()


def test_a_fitted_estimator_stands_for_its_scores():
    X, y = load_iris(return_X_y=True)
    fitted = make_pipeline(StandardScaler(), ActionScoreClassifier(random_state=0)).fit(X, y)
    scores = fitted[-1].action_scores_
    pruner = ActionScorePruner(threshold=0.2)
    pruner.fit_resample(X, y, action_scores=fitted)
    np.testing.assert_array_equal(pruner.action_scores_, scores)
    assert group_difficulty(fitted, y).equals(group_difficulty(scores, y))
