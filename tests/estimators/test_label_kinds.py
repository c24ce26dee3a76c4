"""Labels and targets of every kind: the net trains as in plain skorch on what a user would convert by hand."""

import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from estimator_cases import (
    MLP,
    TWO_CLASS_NETS,
    Flat,
    Probabilities,
    assert_same_net,
    codes_by_hand,
    fit_plain,
    fit_seeded,
    make_data,
    make_net,
    make_regression_net,
)
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.dataset import ValidSplit
from torch import nn

from actscore_sk import ActionScoreClassifier, ActionScoreEstimator, ActionScoreRegressor

NAMES = np.array(["red", "amber", "green"])  # not in sorted order: the net must train on sorted positions


def shuffled_series(values):
    """A Series whose index is no help: alignment is by position."""
    return pd.Series(values, index=np.arange(len(values))[::-1])


TWO_CLASS_LABELS = {
    "-1, 1": lambda codes: 2 * codes - 1,
    "-1, 1 int8": lambda codes: (2 * codes - 1).astype(np.int8),
    "booleans": lambda codes: codes == 1,
    "list of bool": lambda codes: (codes == 1).tolist(),
    "nullable booleans": lambda codes: pd.Series(codes == 1, dtype="boolean"),
    "0., 1.": lambda codes: codes.astype(float),
}
LABELS = {
    "0..K-1": lambda codes: codes,
    "1..K": lambda codes: codes + 1,
    "0..K-1 reversed": lambda codes: codes.max() - codes,
    "gaps": lambda codes: 10 * codes - 7,
    "int8": lambda codes: codes.astype(np.int8),
    "int32": lambda codes: codes.astype(np.int32),
    "uint8": lambda codes: codes.astype(np.uint8),
    "uint64": lambda codes: codes.astype(np.uint64),
    "big-endian": lambda codes: codes.astype(">i8"),
    "whole floats": lambda codes: codes.astype(np.float32),
    "strings": lambda codes: NAMES[codes],
    "objects": lambda codes: NAMES[codes].astype(object),
    "list of str": lambda codes: NAMES[codes].tolist(),
    "list of int": lambda codes: codes.tolist(),
    "tuple of str": lambda codes: tuple(NAMES[codes].tolist()),
    "Series": lambda codes: shuffled_series(codes + 1),
    "Series of str": lambda codes: shuffled_series(NAMES[codes]),
    "Series nullable": lambda codes: pd.Series(codes + 1, dtype="Int64"),
    "Series string": lambda codes: pd.Series(NAMES[codes], dtype="string"),
    "Categorical": lambda codes: pd.Categorical(NAMES[codes], categories=[*NAMES, "unused"]),
    "Series categorical": lambda codes: shuffled_series(pd.Categorical(NAMES[codes], categories=[*NAMES, "unused"])),
    "Index": lambda codes: pd.Index(NAMES[codes]),
    "polars": lambda codes: pl.Series(NAMES[codes].tolist()),
    "polars integers": lambda codes: pl.Series((codes + 1).tolist()),
    "tensor": lambda codes: torch.from_numpy(codes),
    "tensor int32": lambda codes: torch.from_numpy(codes + 1).int(),
    "read-only": lambda codes: np.frombuffer(codes.tobytes(), dtype=np.int64),
    "strided": lambda codes: np.stack([codes, -codes], 1)[:, 0],
}
THREE_CLASS_NETS = {
    "cross entropy": lambda: make_net(module__n_outputs=3),
    "log-likelihood": lambda: make_net(module=Probabilities, module__n_outputs=3, criterion=nn.NLLLoss),
    "margin": lambda: make_net(module__n_outputs=3, criterion=nn.MultiMarginLoss),
}


def check_against_plain(clf, plain, X, labels, targets):
    """Parameters to the bit, scores by hand, labels of the same values and dtype as given."""
    classes = np.unique(np.asarray(labels))
    plain, scores = fit_plain(plain, X, targets)
    clf = fit_seeded(clf, X, labels)
    assert_same_net(clf, plain)
    np.testing.assert_allclose(clf.action_scores_, scores, rtol=1e-5)
    np.testing.assert_array_equal(clf.classes_, classes)
    expected = classes[codes_by_hand(plain.module_(torch.from_numpy(X)))]
    predicted = clf.predict(X)
    np.testing.assert_array_equal(predicted, expected)
    assert predicted.shape == (len(X),)
    assert predicted.dtype == clf.classes_.dtype
    assert 0 <= clf.score(X, np.asarray(labels).astype(predicted.dtype)) <= 1


ALL_KINDS = [(kind, net) for kind in TWO_CLASS_LABELS | LABELS for net in ("cross entropy", "binary")]
ALL_NETS = [(kind, net) for kind in ("-1, 1", "1..K", "booleans", "strings") for net in TWO_CLASS_NETS]


@pytest.mark.parametrize(("kind", "net"), sorted({*ALL_KINDS, *ALL_NETS}))
def test_two_classes(kind, net):
    X, codes = make_data(2)
    labels = (TWO_CLASS_LABELS | LABELS)[kind](codes)
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    factory, by_hand = TWO_CLASS_NETS[net]
    options = {"lr": 0.5, "max_epochs": 6}  # enough for both classes to be predicted
    check_against_plain(ActionScoreClassifier(factory(**options)), factory(**options), X, labels, by_hand(codes))


@pytest.mark.parametrize("net", THREE_CLASS_NETS)
@pytest.mark.parametrize("kind", ["gaps", "strings", "Series of str", "Categorical", "tensor int32"])
def test_three_classes(kind, net):
    X, codes = make_data(3)
    labels = LABELS[kind](codes)
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    check_against_plain(ActionScoreClassifier(THREE_CLASS_NETS[net]()), THREE_CLASS_NETS[net](), X, labels, codes)


@pytest.mark.parametrize("kind", ["0..K-1", "gaps", "strings", "Series of str", "Categorical", "tensor"])
def test_default_net(kind):
    X, codes = make_data(3)
    labels = LABELS[kind](codes)
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    clf = fit_seeded(ActionScoreClassifier(), X, labels)
    torch.manual_seed(0)
    assert_same_net(clf, clone(clf.estimator_).fit(X.astype(np.float64), codes))
    np.testing.assert_array_equal(clf.classes_, np.unique(np.asarray(labels)))
    assert clf.score(X, clf.classes_[codes]) > 0.8


@pytest.mark.parametrize("net", TWO_CLASS_NETS)
def test_both_classes_are_predicted(net):
    X, codes = make_data(2)
    clf = ActionScoreClassifier(TWO_CLASS_NETS[net][0](lr=0.5, max_epochs=30), random_state=0).fit(X, codes)
    assert clf.score(X, codes) > 0.8


@pytest.mark.parametrize("net", [name for name in TWO_CLASS_NETS if "margin" not in name])
def test_probabilities_have_a_column_for_each_class(net):
    X, codes = make_data(2)
    clf = ActionScoreClassifier(TWO_CLASS_NETS[net][0](lr=0.5, max_epochs=30), random_state=0).fit(X, NAMES[codes])
    probabilities = clf.predict_proba(X)
    assert probabilities.shape == (len(X), 2)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(clf.classes_[probabilities.argmax(1)], clf.predict(X))


@pytest.mark.parametrize("net", TWO_CLASS_NETS)
def test_metrics_mean_the_same_for_every_net(net):
    X, codes = make_data(2)
    factory = TWO_CLASS_NETS[net][0]
    clf = ActionScoreClassifier(factory(lr=0.5, max_epochs=20), metrics=("correctness", "aum"), random_state=0)
    clf.fit(X, NAMES[codes])
    # a sample that was right at most visits is, with few exceptions, right in the end
    usually_right = clf.sample_metrics_["correctness"] > 0.7
    assert usually_right.mean() > 0.5
    assert (clf.predict(X) == NAMES[codes])[usually_right].mean() > 0.9
    assert (clf.sample_metrics_["aum"] > 0)[usually_right].mean() > 0.9


@pytest.mark.parametrize("net", ["cross entropy", "log-likelihood", "binary"])
@pytest.mark.parametrize("kind", ["0..K-1", "strings", "-1, 1", "Series of str"])
def test_default_split_is_stratified_as_in_plain_skorch(kind, net):
    X, codes = make_data(2)
    labels = (TWO_CLASS_LABELS | LABELS)[kind](codes)
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    factory, by_hand = TWO_CLASS_NETS[net]
    torch.manual_seed(0)
    plain = factory(train_split=ValidSplit(5, stratified=True)).fit(X, by_hand(codes))
    clf = fit_seeded(ActionScoreClassifier(factory(train_split=ValidSplit(5, stratified=True))), X, labels)
    assert_same_net(clf, plain)
    assert clf.history_[:, "valid_loss"] == plain.history_[:, "valid_loss"]
    assert clf.history_[:, "valid_acc"] == plain.history_[:, "valid_acc"]
    assert clf.validation_mask_.sum() in (9, 10)


@pytest.mark.parametrize(
    "column", [lambda y: y[:, None], lambda y: pd.DataFrame({"label": y})], ids=["array", "DataFrame"]
)
def test_column_of_labels_warns_once_and_is_flattened(column):
    X, codes = make_data(2)
    with pytest.warns(DataConversionWarning, match="column-vector y was passed") as caught:
        clf = fit_seeded(ActionScoreClassifier(make_net()), X, column(NAMES[codes]))
    assert len(caught) == 1
    assert_same_net(clf, fit_seeded(make_net(), X, 1 - codes))  # "amber" sorts before "red"
    assert clf.predict(X).shape == (len(X),)
    assert "target" in clf.to_frame()


BAD_LABELS = {
    "continuous": (lambda codes: codes + 0.5, "Unknown label type: continuous"),
    "two columns": (
        lambda codes: np.stack([codes, codes], 1),
        r"y should be a 1d array, got an array of shape",
    ),
    "one class": (lambda codes: 0 * codes + 3, "y holds one class only, 3;"),
    "one class, strings": (lambda codes: ["red"] * len(codes), "y holds one class only, 'red';"),
    "NaN": (lambda codes: np.where(codes, np.nan, 0.0), "Input y contains NaN"),
    "infinite": (lambda codes: np.where(codes, np.inf, 0.0), "Input y contains infinity"),
    "too short": (lambda codes: codes[:-1], r"inconsistent numbers of samples: \[48, 47\]"),
    "mixed": (lambda codes: np.array([1, "red"] * (len(codes) // 2), dtype=object), "str|type|label"),
    "missing": (
        lambda codes: np.array([None, "red", "green"] * (len(codes) // 3), dtype=object),
        "Input y contains NaN: 16 of 48 samples have no label, the first at position 0; leave them out",
    ),
    "missing category": (
        lambda codes: pd.Series(pd.Categorical(["red", None, "green"] * (len(codes) // 3))),
        "16 of 48 samples have no label, the first at position 1",
    ),
    "missing string": (
        lambda codes: pd.Series(["red", None, "green"] * (len(codes) // 3), dtype="string"),
        "16 of 48 samples have no label, the first at position 1",
    ),
    "missing integer": (
        lambda codes: pd.Series([1, None, 2] * (len(codes) // 3), dtype="Int64"),
        "Input y contains NaN",
    ),
    "none": (lambda codes: None, "requires y to be passed, but the target y is None"),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_labels(kind):
    X, codes = make_data(2)
    labels, message = BAD_LABELS[kind]
    with pytest.raises((ValueError, TypeError), match=message):
        ActionScoreClassifier(make_net()).fit(X, labels(codes))


UNSEEN = {
    "integers": ([0, 1], 2),
    "negative": ([0, 1], -1),
    "ignore_index": ([0, 1], -100),
    "between": ([0, 2], 1),
    "strings": (["a", "c"], "b"),
    "longer strings": (["a", "b"], "aa"),
    "int8": (np.array([0, 1], dtype=np.int8), 2),
    "floats": ([0.0, 1.0], 0.5),
}


@pytest.mark.parametrize("n_outputs", [2, 4])
@pytest.mark.parametrize("kind", UNSEEN)
def test_unseen_label_is_an_error_whatever_the_net_could_train_on(kind, n_outputs):
    X, codes = make_data(2)
    labels, unseen = UNSEEN[kind]
    y = np.array(labels)[codes]
    clf = ActionScoreClassifier(make_net(module__n_outputs=n_outputs)).partial_fit(X, y)
    scores = clf.action_scores_.copy()
    later = y.tolist()
    later[3] = unseen
    for call in (
        lambda: clf.partial_fit(X, later),
        lambda: ActionScoreClassifier(make_net(module__n_outputs=n_outputs)).fit(X, y, eval_set=(X, later)),
    ):
        with pytest.raises(ValueError, match=rf"{re.escape(str(unseen))}.*|Unknown label type"):
            call()
    np.testing.assert_array_equal(clf.action_scores_, scores)


def test_classes_may_be_more_than_those_in_y():
    X, codes = make_data(2)
    clf = ActionScoreClassifier(make_net(module__n_outputs=3)).partial_fit(X, NAMES[codes], classes=NAMES)
    clf.partial_fit(X, NAMES[codes])
    np.testing.assert_array_equal(clf.classes_, ["amber", "green", "red"])
    assert clf.n_epochs_ == 4


def test_classes_that_change_are_an_error():
    X, codes = make_data(2)
    clf = ActionScoreClassifier(make_net()).partial_fit(X, codes, classes=[0, 1])
    clf.partial_fit(X, codes, classes=[1, 0])  # the same set
    with pytest.raises(ValueError, match="classes"):
        clf.partial_fit(X, codes, classes=[0, 1, 2])


ONE_OUTPUT_NETS = {
    name: case for name, case in TWO_CLASS_NETS.items() if name not in ("cross entropy", "log-likelihood")
}


@pytest.mark.parametrize("net", ONE_OUTPUT_NETS)
def test_a_net_with_one_output_cannot_have_three_classes(net):
    X, codes = make_data(3)
    with pytest.raises(ValueError, match="3 classes"):
        ActionScoreClassifier(ONE_OUTPUT_NETS[net][0]()).fit(X, codes)


def test_a_distance_is_no_probability():
    X, codes = make_data(2)
    net = make_net(criterion=nn.HingeEmbeddingLoss, module__n_outputs=1)
    clf = ActionScoreClassifier(net).fit(X, codes)
    assert np.isfinite(clf.action_scores_).all()
    with pytest.raises(ValueError, match="tells no probability of a class"):
        clf.predict(X)


@pytest.mark.parametrize("net", ["cross entropy", "log-likelihood"])
def test_fewer_outputs_than_classes(net):
    X, codes = make_data(3)
    with pytest.raises((ValueError, IndexError), match=r"3 classes|classes.*outputs|outputs.*classes"):
        ActionScoreClassifier(TWO_CLASS_NETS[net][0]()).fit(X, codes)


def test_more_outputs_than_classes():
    X, codes = make_data(2)
    clf = ActionScoreClassifier(make_net(module__n_outputs=4, lr=0.5, max_epochs=20), random_state=0).fit(
        X, NAMES[codes]
    )
    assert clf.score(X, NAMES[codes]) > 0.8
    with torch.no_grad():
        clf.estimator_.module_.output.bias[3] = 1e3  # an output without a class wins
    with pytest.raises(ValueError, match="predicts class number 3, but y had 2 classes; give the net as many outputs"):
        clf.predict(X)


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
def test_label_kinds_do_not_change_epoch_end_scores(recording):
    X, codes = make_data(2)
    by_code = ActionScoreClassifier(make_net(), recording=recording, random_state=0).fit(X, codes)
    by_name = ActionScoreClassifier(make_net(), recording=recording, random_state=0).fit(X, np.array(["a", "b"])[codes])
    np.testing.assert_array_equal(by_code.action_scores_, by_name.action_scores_)


# -- regression targets ----------------------------------------------------------------------------------------

TARGETS = {
    "float64": lambda y: y,
    "float32": lambda y: y.astype(np.float32),
    "float16": lambda y: y.astype(np.float16),
    "integers": lambda y: np.round(y).astype(int),
    "uint8": lambda y: np.abs(np.round(y)).astype(np.uint8),
    "booleans": lambda y: y > 0,
    "list": lambda y: y.tolist(),
    "objects": lambda y: y.astype(object),
    "Series": shuffled_series,
    "nullable": lambda y: pd.Series(y, dtype="Float64"),
    "polars": lambda y: pl.Series(y.tolist()),
    "tensor": torch.from_numpy,
    "read-only": lambda y: np.frombuffer(y.astype(np.float32).tobytes(), dtype=np.float32),
    "column": lambda y: y[:, None],
    "one-column DataFrame": lambda y: pd.DataFrame({"target": y}),
    "two columns": lambda y: np.stack([y, -y], 1),
    "Fortran": lambda y: np.asfortranarray(np.stack([y, -y], 1)),
    "DataFrame": lambda y: pd.DataFrame({"a": y, "b": -y}),
    "polars DataFrame": lambda y: pl.DataFrame({"a": y, "b": -y}),
    "tensor, two columns": lambda y: torch.from_numpy(np.stack([y, -y], 1)),
}


def regression_target():
    X, _ = make_data()
    return X, 3 * X[:, 0].astype(np.float64) + 1


@pytest.mark.parametrize("kind", TARGETS)
def test_regression_targets(kind):
    X, y = regression_target()
    given = TARGETS[kind](y)
    by_hand = np.asarray(given).astype(np.float32).reshape(len(X), -1)
    n_outputs = by_hand.shape[1]
    plain, scores = fit_plain(make_regression_net(module__n_outputs=n_outputs), X, by_hand)
    reg = fit_seeded(ActionScoreRegressor(make_regression_net(module__n_outputs=n_outputs)), X, given)
    assert_same_net(reg, plain)
    np.testing.assert_allclose(reg.action_scores_, scores, rtol=1e-5)
    predicted = reg.predict(X)
    assert predicted.shape == np.asarray(given).shape
    np.testing.assert_array_equal(predicted.reshape(len(X), -1), plain.predict(X))
    assert np.isfinite(reg.score(X, by_hand))


@pytest.mark.parametrize("kind", ["float64", "integers", "column", "two columns"])
def test_default_regression_net(kind):
    X, y = regression_target()
    given = TARGETS[kind](y)
    reg = ActionScoreRegressor(random_state=0).fit(X, given)
    assert reg.predict(X).shape == given.shape
    assert reg.score(X, given) > 0.8


@pytest.mark.parametrize("column", [False, True], ids=["(n,)", "(n, 1)"])
@pytest.mark.parametrize("module", [Flat, MLP])
def test_regression_never_broadcasts_targets(module, column):
    """A net of outputs (n,) and targets (n, 1), or the other way round: torch would make (n, n) of them."""
    X, y = regression_target()
    expected = fit_seeded(make_regression_net(), X, y.astype(np.float32)[:, None])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reg = fit_seeded(ActionScoreRegressor(make_regression_net(module)), X, y[:, None] if column else y)
    assert_same_net(reg, expected)
    assert reg.predict(X).shape == ((len(X), 1) if column else (len(X),))


BAD_TARGETS = {
    "NaN": (lambda y: np.where(y > 0, np.nan, y), "Input y contains NaN"),
    "infinite": (lambda y: np.where(y > 0, np.inf, y), "Input y contains infinity"),
    "strings": (lambda y: NAMES[(y > 0).astype(int)], "y holds strings, .* use ActionScoreClassifier for labels"),
    "complex": (lambda y: y + 1j, "Complex data not supported"),
    "too short": (lambda y: y[:-1], r"inconsistent numbers of samples: \[48, 47\]"),
    "none": (lambda y: None, "requires y to be passed, but the target y is None"),
}


@pytest.mark.parametrize("dtype", [None, object])
@pytest.mark.parametrize("net", [None, make_net(), make_regression_net()], ids=["no net", "classes", "numbers"])
def test_strings_are_no_targets_for_the_generic_estimator(net, dtype):
    X, codes = make_data(2)
    with pytest.raises(ValueError, match="use ActionScoreClassifier for labels"):
        ActionScoreEstimator(net).fit(X, NAMES[codes].astype(dtype or NAMES.dtype))


@pytest.mark.parametrize("kind", BAD_TARGETS)
def test_bad_regression_targets(kind):
    X, y = regression_target()
    target, message = BAD_TARGETS[kind]
    with pytest.raises(ValueError, match=message):
        ActionScoreRegressor(make_regression_net()).fit(X, target(y))


# -- targets of any other shape --------------------------------------------------------------------------------


class SumOfParts(NeuralNet):
    """Targets of two parts, by name or in a tuple: the first is regressed on."""

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        part = y_true["a"] if isinstance(y_true, dict) else y_true[0]
        return super().get_loss(y_pred, part, *args, **kwargs)


def _dense_targets(X, codes):
    return np.stack([codes, 1 - codes, codes], 1)  # (n, 3) codes: one a pixel


class Dense(MLP):
    """Class scores (n, 2, 3) for three pixels."""

    def __init__(self):
        super().__init__(n_outputs=6)

    def forward(self, X):
        return super().forward(X).reshape(-1, 2, 3)


GENERIC = {
    "codes": (lambda: make_net(NeuralNet, criterion=nn.CrossEntropyLoss), lambda X, c: c, lambda y: y),
    "codes int32": (
        lambda: make_net(NeuralNet, criterion=nn.CrossEntropyLoss),
        lambda X, c: c.astype(np.int32),
        lambda y: y.astype(np.int64),
    ),
    "soft labels": (
        lambda: make_net(NeuralNet, criterion=nn.CrossEntropyLoss),
        lambda X, c: np.eye(2)[c] * 0.9 + 0.05,
        lambda y: y.astype(np.float32),
    ),
    "multilabel": (
        lambda: make_net(NeuralNet, criterion=nn.BCEWithLogitsLoss),
        lambda X, c: np.stack([c, X[:, 0] > 0], 1).astype(int),
        lambda y: y.astype(np.float32),
    ),
    "multilabel booleans": (
        lambda: make_net(NeuralNet, criterion=nn.BCEWithLogitsLoss),
        lambda X, c: np.stack([c == 1, X[:, 0] > 0], 1),
        lambda y: y.astype(np.float32),
    ),
    "pixels": (lambda: make_net(NeuralNet, Dense, criterion=nn.CrossEntropyLoss), _dense_targets, lambda y: y),
    "numbers (n,)": (
        lambda: make_net(NeuralNet, criterion=nn.MSELoss, module__n_outputs=1),
        lambda X, c: X[:, 0].astype(np.float64),
        lambda y: y.astype(np.float32)[:, None],
    ),
    "list of lists": (
        lambda: make_net(NeuralNet, criterion=nn.MSELoss),
        lambda X, c: X[:, :2].tolist(),
        lambda y: np.array(y, dtype=np.float32),
    ),
    "DataFrame": (
        lambda: make_net(NeuralNet, criterion=nn.MSELoss),
        lambda X, c: pd.DataFrame(X[:, :2].astype(float)),
        lambda y: y.to_numpy().astype(np.float32),
    ),
    "tensor": (
        lambda: make_net(NeuralNet, criterion=nn.MSELoss),
        lambda X, c: torch.from_numpy(X[:, :2]).double(),
        lambda y: y.float(),
    ),
    "dict": (
        lambda: make_net(SumOfParts, criterion=nn.MSELoss, module__n_outputs=1),
        lambda X, c: {"a": X[:, :1].astype(float), "b": c},
        lambda y: {"a": y["a"].astype(np.float32), "b": y["b"]},
    ),
    "tuple": (
        lambda: make_net(SumOfParts, criterion=nn.MSELoss, module__n_outputs=1),
        lambda X, c: (X[:, :1].astype(float), c),
        lambda y: (y[0].astype(np.float32), y[1]),
    ),
}


@pytest.mark.parametrize("kind", GENERIC)
def test_generic_targets(kind):
    X, codes = make_data(2)
    factory, make_targets, by_hand = GENERIC[kind]
    y = make_targets(X, codes)
    plain = fit_seeded(factory(), X, by_hand(y))
    scorer = fit_seeded(ActionScoreEstimator(factory()), X, y)
    assert_same_net(scorer, plain)
    assert scorer.action_scores_.shape == (len(X),)
    assert (scorer.n_visits_ == 2).all()
    np.testing.assert_array_equal(scorer.predict(X), plain.predict(X))
    assert len(scorer.to_frame()) == len(X)


def test_generic_targets_of_parts_must_have_one_length():
    X, codes = make_data(2)
    net = make_net(SumOfParts, criterion=nn.MSELoss, module__n_outputs=1)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples|lengths"):
        ActionScoreEstimator(net).fit(X, {"a": X[:, :1], "b": codes[:-1]})


def test_generic_estimator_takes_no_classes():
    X, codes = make_data(2)
    for estimator in (ActionScoreEstimator(make_net()), ActionScoreRegressor(make_regression_net())):
        with pytest.raises(ValueError, match="classes is for"):
            estimator.partial_fit(X, codes, classes=[0, 1])


@pytest.mark.parametrize("kind", [NeuralNetClassifier, NeuralNetBinaryClassifier, NeuralNet])
def test_a_users_net_and_its_data_are_left_alone(kind):
    X, codes = make_data(2)
    options = {} if kind is NeuralNetBinaryClassifier else {"criterion": nn.CrossEntropyLoss}
    net = make_net(kind, Flat if kind is NeuralNetBinaryClassifier else MLP, **options).initialize()
    before = {name: value.clone() for name, value in net.module_.state_dict().items()}
    kept_X, kept_y = X.copy(), codes.copy()
    ActionScoreClassifier(net).fit(X, codes)
    assert net.history == []
    assert type(net) is kind
    assert all(torch.equal(before[name], value) for name, value in net.module_.state_dict().items())
    np.testing.assert_array_equal(X, kept_X)
    np.testing.assert_array_equal(codes, kept_y)
