"""Difficulty as a feature: measured for the training samples, predicted for new ones."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import torch
from estimator_cases import MLP, Convolution, make_data, make_net, make_regression_net
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNet
from torch import nn
from torch.utils.data import TensorDataset

from actscore_sk import ActionScoreClassifier, ActionScoreRegressor, ActionScoreTransformer, ReweightedClassifier

X, Y = make_data(n_samples=60)
NEW = make_data(n_samples=20, seed=1)[0]
SCORES = np.random.default_rng(0).normal(size=60)


class PassThrough(nn.Module):
    """Knows its hidden layer, and calls its layers in another order than it names them."""

    def __init__(self):
        super().__init__()
        self.output, self.hidden, self.drop = nn.Linear(5, 2), nn.Linear(4, 5), nn.Dropout(0.5)
        self.never_called = nn.Linear(3, 3)

    def forward(self, X):
        return self.output(self.drop(torch.tanh(self.hidden(X))))


class Flattened(nn.Module):
    """Its last layer sees the pairs of a sample one by one."""

    def __init__(self):
        super().__init__()
        self.output = nn.Linear(2, 2)

    def forward(self, X):
        return self.output(X.reshape(-1, 2)).reshape(len(X), 2, 2).mean(1)


class NoCall(nn.Module):
    """Uses the parameters of a layer without calling it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, X):
        return nn.functional.linear(X, self.layer.weight)


class Wrapped(nn.Module):
    """Has its layers two levels down, and one without parameters behind them."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(MLP(), nn.LogSoftmax(1))

    def forward(self, X):
        return self.block(X)


def hidden_by_hand(transformer, X):
    """Input of the output layer, from the trained weights."""
    module = transformer.estimator_.estimator_.module_
    layer = module.block[0].hidden if hasattr(module, "block") else module.hidden
    weight, bias = (part.detach().numpy().astype(np.float64) for part in (layer.weight, layer.bias))
    return np.tanh(X @ weight.T + bias)


# -- measured, then predicted ----------------------------------------------------------------------------------


def test_training_samples_get_the_scores_of_the_fit():
    transformer = ActionScoreTransformer(make_net(), random_state=0)
    scores = transformer.fit_transform(X, Y)
    alone = ActionScoreClassifier(make_net(), random_state=0).fit(X, Y)
    np.testing.assert_array_equal(scores, alone.action_scores_[:, None])
    np.testing.assert_array_equal(transformer.action_scores_, alone.action_scores_)
    scores += 1
    np.testing.assert_array_equal(transformer.action_scores_, alone.action_scores_)
    assert clone(transformer).fit(X, Y).transform(X) == pytest.approx(alone.action_scores_[:, None], rel=1e-4)


@pytest.mark.parametrize("module", [MLP, PassThrough, Wrapped])
def test_new_samples_are_judged_by_the_hidden_layer(module):
    """Ridge regression on the hidden activations, computed from the weights."""
    transformer = ActionScoreTransformer(make_net(module=module), regressor=Ridge(), random_state=0).fit(X, Y)
    ridge = Ridge().fit(hidden_by_hand(transformer, X), transformer.action_scores_)
    expected = ridge.predict(hidden_by_hand(transformer, NEW))
    np.testing.assert_allclose(transformer.transform(NEW)[:, 0], expected, rtol=1e-4)
    np.testing.assert_allclose(transformer.transform(NEW[3:4])[:, 0], expected[3:4], rtol=1e-4)


def test_the_default_regressor_averages_over_neighbours():
    transformer = ActionScoreTransformer(make_net(), random_state=0).fit(X, Y)
    features = hidden_by_hand(transformer, np.concatenate([X, NEW]))
    features = (features - features[:60].mean(0)) / features[:60].std(0)
    plain = KNeighborsRegressor(10, weights="distance").fit(features[:60], transformer.action_scores_)
    np.testing.assert_allclose(transformer.transform(NEW)[:, 0], plain.predict(features[60:]), rtol=1e-3)


def test_a_sample_is_as_hard_as_its_neighbours():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 2)).astype(np.float32)
    transformer = ActionScoreTransformer().fit(X, action_scores=np.abs(X[:, 0]))
    new = rng.normal(size=(50, 2)).astype(np.float32)
    assert np.corrcoef(transformer.transform(new)[:, 0], np.abs(new[:, 0]))[0, 1] > 0.9
    assert transformer.prediction_correlation_ > 0.9
    assert transformer.prediction_r2_ > 0.8


@pytest.mark.parametrize("n_features", [3, 40])
@pytest.mark.parametrize("as_kind", [np.asarray, sparse.csr_matrix, sparse.coo_array, pd.DataFrame, pl.DataFrame])
def test_given_scores_are_learnt_from_the_input(as_kind, n_features):
    dense = np.random.default_rng(1).normal(size=(60, n_features))
    names = {"columns": [f"f{i}" for i in range(n_features)]} if as_kind is pd.DataFrame else {}
    transformer = ActionScoreTransformer(make_net()).fit(as_kind(dense, **names), action_scores=SCORES)
    assert transformer.estimator_ is None
    np.testing.assert_allclose(transformer.transform(as_kind(dense, **names))[:, 0], SCORES, rtol=1e-6, atol=1e-6)
    assert transformer.n_features_in_ == n_features


def test_features_of_the_input_although_a_net_was_trained():
    transformer = ActionScoreTransformer(make_net(), features="input", regressor=Ridge(), random_state=0).fit(X, Y)
    ridge = Ridge().fit(X.astype(np.float64), transformer.action_scores_)
    np.testing.assert_allclose(transformer.transform(NEW)[:, 0], ridge.predict(NEW.astype(np.float64)))


@pytest.mark.parametrize("cv", [5, 3, KFold(4)], ids=str)
def test_the_correlation_is_that_of_scores_not_seen(cv):
    transformer = ActionScoreTransformer(make_net(), regressor=Ridge(), cv=cv, random_state=0).fit(X, Y)
    folds = KFold(cv, shuffle=True, random_state=0) if isinstance(cv, int) else cv
    scores = transformer.action_scores_
    predicted = cross_val_predict(Ridge(), hidden_by_hand(transformer, X), scores, cv=folds)
    assert transformer.prediction_correlation_ == pytest.approx(spearmanr(scores, predicted).statistic, abs=1e-6)
    assert transformer.prediction_r2_ == pytest.approx(r2_score(scores, predicted), abs=1e-5)


def test_what_cannot_be_predicted_is_not_called_predicted():
    rng = np.random.default_rng(3)
    transformer = ActionScoreTransformer().fit(rng.normal(size=(150, 2)), action_scores=rng.normal(size=150))
    assert abs(transformer.prediction_correlation_) < 0.25
    assert ActionScoreTransformer().fit(X, action_scores=np.ones(60)).prediction_correlation_ == 0


def test_labels_are_not_looked_at_again():
    transformer = ActionScoreTransformer(make_net(), random_state=0).fit(X, np.array(["no", "yes"])[Y])
    plain = ActionScoreTransformer(make_net(), random_state=0).fit(X, Y)
    np.testing.assert_array_equal(transformer.transform(NEW), plain.transform(NEW))


# -- kinds of input --------------------------------------------------------------------------------------------


def test_images():
    images = np.random.default_rng(0).normal(size=(60, 3, 6, 6)).astype(np.float32)
    transformer = ActionScoreTransformer(make_net(module=Convolution), regressor=Ridge(), random_state=0)
    transformer.fit(images, Y)
    with torch.no_grad():
        features = transformer.estimator_.estimator_.module_.layers[:2](torch.as_tensor(images)).double().numpy()
    expected = Ridge().fit(features, transformer.action_scores_).predict(features)
    np.testing.assert_allclose(transformer.transform(images)[:, 0], expected, rtol=1e-4)
    given = ActionScoreTransformer().fit(images, action_scores=SCORES)
    np.testing.assert_allclose(given.transform(images)[:, 0], SCORES, rtol=1e-6)


@pytest.mark.parametrize("kind", ["tensor", "Dataset", "dict", "float64", "list"])
def test_kinds_of_samples_that_nets_take(kind):
    module = MLP if kind != "dict" else Named
    as_kind = {
        "tensor": torch.as_tensor,
        "Dataset": lambda X: TensorDataset(torch.as_tensor(X), torch.as_tensor(np.resize(Y, len(X)))),
        "dict": lambda X: {"values": X},
        "float64": lambda X: X.astype(np.float64),
        "list": lambda X: X.tolist(),
    }[kind]
    transformer = ActionScoreTransformer(make_net(module=module), regressor=Ridge(), random_state=0)
    transformer.fit(as_kind(X), Y)
    plain = ActionScoreTransformer(make_net(), regressor=Ridge(), random_state=0).fit(X, Y)
    np.testing.assert_allclose(transformer.transform(as_kind(NEW)), plain.transform(NEW), rtol=1e-5)


class Named(MLP):
    def forward(self, values):
        return super().forward(values)


SCORERS = {
    "nothing": None,
    "net": make_net(),
    "generic net": make_net(NeuralNet, criterion=nn.CrossEntropyLoss),
    "pipeline": make_pipeline(StandardScaler(), StandardScaler(), ActionScoreClassifier(make_net())),
    "search": GridSearchCV(ActionScoreClassifier(make_net()), {"estimator__lr": [0.1]}, cv=2),
    "search over a pipeline": GridSearchCV(
        make_pipeline(StandardScaler(), ActionScoreClassifier(make_net())), {}, cv=2
    ),
}


@pytest.mark.parametrize("kind", SCORERS)
def test_scorers_of_all_kinds(kind):
    transformer = ActionScoreTransformer(SCORERS[kind], random_state=0).fit(X, Y)
    assert transformer.transform(NEW).shape == (20, 1)
    np.testing.assert_allclose(transformer.transform(X)[:, 0], transformer.action_scores_, rtol=0.05)
    assert not hasattr(SCORERS[kind], "module_")


def test_a_pipeline_scales_new_samples_too():
    scaled = StandardScaler().fit(X)
    pipeline = make_pipeline(StandardScaler(), ActionScoreClassifier(make_net()))
    one = ActionScoreTransformer(pipeline, random_state=0).fit(X, Y)
    two = ActionScoreTransformer(make_net(), random_state=0).fit(scaled.transform(X), Y)
    np.testing.assert_array_equal(one.transform(NEW), two.transform(scaled.transform(NEW)))


def test_numbers_to_predict():
    y = (X[:, 0] + 0.1 * SCORES).astype(np.float32)
    for scorer in (ActionScoreRegressor(), make_regression_net()):
        transformer = ActionScoreTransformer(scorer, random_state=0)
        assert transformer.fit_transform(X, y).shape == (60, 1)
        assert transformer.transform(NEW).shape == (20, 1)


def test_transform_leaves_the_net_and_the_random_streams_alone():
    transformer = ActionScoreTransformer(make_net(module=PassThrough), random_state=0).fit(X, Y)
    module = transformer.estimator_.estimator_.module_
    module.train()
    streams = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first = transformer.transform(NEW)
    np.testing.assert_array_equal(transformer.transform(NEW), first)
    assert streams == (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert not any(layer._forward_pre_hooks for layer in module.modules())


# -- as a part of scikit-learn ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("library", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_output_as_a_frame(library, frame):
    transformer = ActionScoreTransformer().set_output(transform=library)
    data = frame(X, **({"columns": list("abcd"), "index": np.arange(60)[::-1]} if library == "pandas" else {}))
    fitted = transformer.fit_transform(data, action_scores=SCORES)
    new = transformer.transform(data)
    assert isinstance(fitted, frame)
    assert isinstance(new, frame)
    assert list(fitted.columns) == list(new.columns) == ["action_score"]
    if library == "pandas":
        assert fitted.index.tolist() == new.index.tolist() == data.index.tolist()
        assert transformer.feature_names_in_.tolist() == list("abcd")
        with pytest.raises(ValueError, match="feature names should match"):
            transformer.transform(data[list("bacd")])


def test_a_feature_next_to_others():
    frame = pd.DataFrame(X, columns=list("abcd")).assign(town=np.array(["here", "there"])[Y])
    columns = ColumnTransformer(
        [
            ("difficulty", ActionScoreTransformer(make_net(), random_state=0), list("abcd")),
            ("rest", "passthrough", ["a"]),
        ]
    )
    assert columns.fit_transform(frame, Y).shape == (60, 2)
    assert columns.get_feature_names_out().tolist() == ["difficulty__action_score", "rest__a"]
    union = FeatureUnion([("difficulty", ActionScoreTransformer(make_net(), random_state=0)), ("X", StandardScaler())])
    model = make_pipeline(union, LogisticRegression()).fit(X, Y)
    assert model[0].transform(NEW).shape == (20, 5)
    alone = ActionScoreTransformer(make_net(), random_state=0).fit(X, Y)
    np.testing.assert_array_equal(columns.fit(frame, Y).transform(frame)[:, 0], alone.transform(X)[:, 0])
    assert 0 <= model.score(X, Y) <= 1


def test_clone_pickle_and_seed():
    transformer = ActionScoreTransformer(make_net(), random_state=0)
    expected = transformer.fit(X, Y).transform(NEW)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(transformer)).transform(NEW), expected)
    again = clone(transformer)
    assert not hasattr(again, "regressor_")
    np.testing.assert_array_equal(again.fit(X, Y).transform(NEW), expected)
    assert (clone(transformer).set_params(random_state=1).fit(X, Y).transform(NEW) != expected).any()


def test_weights_reach_the_scorer():
    weights = np.linspace(0.1, 2, 60)
    expected = ActionScoreClassifier(make_net(), random_state=0).fit(X, Y, sample_weight=weights).action_scores_
    pipeline = make_pipeline(StandardScaler(), ActionScoreClassifier(make_net()))
    for scorer, data in ((None, X), (make_net(), X), (pipeline, X)):
        transformer = ActionScoreTransformer(scorer, random_state=0)
        given = transformer.fit(data, Y, sample_weight=weights).action_scores_
        assert (given != clone(transformer).fit(data, Y).action_scores_).any()
        if scorer is not None and scorer is not pipeline:
            np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("scorer", [None, ActionScoreClassifier(make_net())], ids=["nothing", "estimator"])
def test_weights_and_scores_by_routing(scorer):
    weights = np.linspace(0.1, 2, 60)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = scorer and clone(scorer).set_fit_request(sample_weight=True)
        transformer = ActionScoreTransformer(scorer, random_state=0)
        if "sample_weight" in transformer._get_metadata_request()._serialize().get("fit", {}):
            transformer.set_fit_request(sample_weight=True)
        weighted = clone(transformer).fit(X, Y, sample_weight=weights).action_scores_
        assert (weighted != clone(transformer).fit(X, Y).action_scores_).any()
        pipeline = Pipeline(
            [("difficulty", transformer), ("model", LogisticRegression().set_fit_request(sample_weight=True))]
        )
        pipeline.fit(X, Y, sample_weight=weights)
        np.testing.assert_array_equal(pipeline["difficulty"].action_scores_, weighted)
        transformer = ActionScoreTransformer().set_fit_request(action_scores=True)
        pipeline = Pipeline([("difficulty", transformer), ("model", LogisticRegression())])
        assert pipeline.fit(X, Y, action_scores=SCORES)[0].action_scores_.tolist() == SCORES.tolist()


# -- errors ----------------------------------------------------------------------------------------------------

GIVEN = {"action_scores": SCORES}
ERRORS = {
    "features": (ActionScoreTransformer(features="hidden"), GIVEN, "The 'features' parameter"),
    "regressor": (ActionScoreTransformer(regressor=StandardScaler()), GIVEN, "The 'regressor' parameter"),
    "cv": (ActionScoreTransformer(cv="five"), GIVEN, "The 'cv' parameter"),
    "no net": (ActionScoreTransformer(features="penultimate"), GIVEN, "needs a net, but action_scores were given"),
    "short scores": (ActionScoreTransformer(), {"action_scores": SCORES[1:]}, r"shape \(59,\), but X has 60 samples"),
    "NaN": (ActionScoreTransformer(), {"action_scores": SCORES * np.nan}, "60 values that are NaN or infinite"),
    "no scores": (ActionScoreTransformer(LogisticRegression()), {}, "LogisticRegression has no action_scores_"),
    "a class": (ActionScoreTransformer(ActionScoreClassifier), {}, "pass an instance"),
    "rows of pairs": (
        ActionScoreTransformer(make_net(module=Flattened)),
        {},
        "120 rows for 60 samples.*features='input'",
    ),
    "no net in the scorer": (
        ActionScoreTransformer(ReweightedClassifier(LogisticRegression(), random_state=0)),
        {},
        "ReweightedClassifier has scores, but no net .* features='input'",
    ),
    "no layers": (ActionScoreTransformer(make_net(module=NoCall)), {}, "no layer .* features='input'"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error(case):
    transformer, given, message = ERRORS[case]
    with pytest.raises((ValueError, TypeError), match=message):
        transformer.fit(X, Y, **given)


def test_a_net_without_a_last_layer_can_use_the_input():
    for module in (Flattened, NoCall):
        transformer = ActionScoreTransformer(make_net(module=module), features="input", random_state=0).fit(X, Y)
        assert transformer.transform(NEW).shape == (20, 1)


def test_not_fitted_and_other_widths():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        ActionScoreTransformer().transform(X)
    for transformer in (
        ActionScoreTransformer(make_net(), random_state=0).fit(X, Y),
        ActionScoreTransformer().fit(X, **GIVEN),
    ):
        with pytest.raises(ValueError, match="X has 3 features"):
            transformer.transform(X[:, :3])
