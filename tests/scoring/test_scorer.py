"""Who has the scores inside a Pipeline, a search, or a meta-estimator."""

import pytest
from estimator_cases import make_data
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from actscore_sk import ActionScorePruner, ResampledClassifier
from actscore_sk.scoring.fitted_scorer import fitted_with, path_to

X, Y = make_data()


def make_search():
    pruned = ResampledClassifier(ActionScorePruner(), LogisticRegression())
    return GridSearchCV(make_pipeline(StandardScaler(), pruned), {"resampledclassifier__sampler__threshold": [0.1]})


def test_the_path_to_the_scores_leads_through_a_search_a_pipeline_and_a_sampler():
    search = make_search().fit(X, Y, resampledclassifier__action_scores=X[:, 0])
    names = [type(step).__name__ for step in path_to(search, "action_scores_")]
    assert names == ["GridSearchCV", "Pipeline", "ResampledClassifier", "ActionScorePruner"]


@pytest.mark.parametrize("last", [LogisticRegression(), "passthrough", None])
def test_an_estimator_without_scores_is_named_with_what_to_do(last):
    with pytest.raises(NotFittedError, match="Pipeline has no action_scores_; fit it first"):
        fitted_with(make_pipeline(StandardScaler(), last), "action_scores_", "fit it first")
