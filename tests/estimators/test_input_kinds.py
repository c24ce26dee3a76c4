"""X of every kind: the net trains as in plain skorch on what a user would convert by hand."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from estimator_cases import (
    MLP,
    N_FEATURES,
    Convolution,
    Items,
    Pair,
    Words,
    WordsAndNumbers,
    assert_same_net,
    fit_plain,
    fit_seeded,
    make_data,
    make_net,
    make_regression_net,
)
from scipy import sparse
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import Dataset as SkorchDataset
from skorch.dataset import ValidSplit
from torch.utils.data import Subset, TensorDataset

from actscore_sk import ActionScoreClassifier, ActionScoreEstimator, ActionScoreRegressor

COLUMNS = list("abcd")


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


X_KINDS = {
    "float32": lambda X: X,
    "float64": lambda X: X.astype(np.float64),
    "float16": lambda X: X.astype(np.float16),
    "int64": lambda X: np.round(X).astype(np.int64),
    "int8": lambda X: np.round(X).astype(np.int8),
    "uint8": lambda X: np.abs(np.round(X)).astype(np.uint8),
    "bool": lambda X: X > 0,
    "object": lambda X: X.astype(object),
    "big-endian": lambda X: X.astype(">f4"),
    "Fortran": np.asfortranarray,
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "reversed": lambda X: X[::-1],
    "read-only": read_only,
    "read-only float64": lambda X: read_only(X.astype(np.float64)),
    "list": lambda X: X.tolist(),
    "DataFrame": lambda X: pd.DataFrame(X, columns=COLUMNS, index=np.arange(len(X))[::-1]),
    "DataFrame of mixed dtypes": lambda X: pd.DataFrame(X, columns=COLUMNS).assign(
        a=np.arange(len(X)) % 3, b=X[:, 1] > 0
    ),
    "DataFrame without names": pd.DataFrame,
    "nullable DataFrame": lambda X: pd.DataFrame(X, columns=COLUMNS).convert_dtypes(),
    "polars": lambda X: pl.DataFrame(X, schema=COLUMNS),
    "tensor": torch.from_numpy,
    "tensor float64": lambda X: torch.from_numpy(X).double(),
    "tensor int64": lambda X: torch.from_numpy(X).round().long(),
    "tensor bool": lambda X: torch.from_numpy(X) > 0,
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "coo_matrix": sparse.coo_matrix,
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
    "coo_array": sparse.coo_array,
    "dok_array": sparse.dok_array,
    "sparse float64": lambda X: sparse.csr_array(X.astype(np.float64)),
    "sparse int64": lambda X: sparse.csr_array(np.round(X).astype(np.int64)),
}


def by_hand(X):
    """What a user of plain skorch would pass for it: dense float32."""
    X = X.toarray() if sparse.issparse(X) else X.to_numpy() if hasattr(X, "to_numpy") else X
    return np.asarray(X).astype(np.float32, order="C")


def check_against_plain(X, dense, codes, **options):
    plain, scores = fit_plain(make_net(**options), dense, codes)
    clf = fit_seeded(ActionScoreClassifier(make_net(**options)), X, codes, eval_set=(X, codes))
    assert_same_net(clf, plain)
    np.testing.assert_allclose(clf.action_scores_, scores, rtol=1e-5)
    assert clf.eval_action_scores_.shape == clf.action_scores_.shape
    np.testing.assert_array_equal(clf.predict(X), plain.predict(dense))
    np.testing.assert_array_equal(clf.predict_proba(X), plain.predict_proba(dense))
    return clf


@pytest.mark.parametrize("kind", X_KINDS)
def test_table_like(kind):
    X, codes = make_data()
    given = X_KINDS[kind](X)
    clf = check_against_plain(given, by_hand(given), codes)
    assert clf.n_features_in_ == N_FEATURES


@pytest.mark.parametrize(
    "kind", ["float64", "int64", "bool", "DataFrame", "polars", "csc_array", "sparse int64", "list"]
)
def test_table_like_with_default_net(kind):
    X, codes = make_data()
    given = X_KINDS[kind](X)
    dense = by_hand(given).astype(np.float64)
    one, two = (ActionScoreClassifier(random_state=0).fit(each, codes) for each in (given, dense))
    np.testing.assert_allclose(one.action_scores_, two.action_scores_, rtol=1e-6)
    np.testing.assert_array_equal(one.predict(given), two.predict(dense))


def test_integers_become_floats_also_where_fit_is_told_the_epochs():
    X, codes = make_data()
    X = X_KINDS["int64"](X)
    clf = ActionScoreClassifier(make_net(), random_state=0).fit(X, codes, epochs=1)
    assert clf.n_epochs_ == 1


@pytest.mark.parametrize("shape", [(4,), (2, 2), (1, 2, 2), (2, 1, 2, 1)], ids=str)
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, torch.from_numpy, lambda X: X.astype(np.uint8)])
def test_two_to_five_dimensions(shape, convert):
    X, codes = make_data()
    given = convert(X.reshape(len(X), *shape))
    check_against_plain(given, np.asarray(given).astype(np.float32), codes)
    # the default net flattens
    if isinstance(given, np.ndarray):
        assert ActionScoreClassifier(random_state=0).fit(given, codes).score(given, codes) > 0.5


def test_images_of_bytes_through_a_convolution():
    _, codes = make_data()
    images = np.random.default_rng(0).integers(0, 256, size=(len(codes), 3, 6, 6), dtype=np.uint8)
    plain, scores = fit_plain(make_net(module=Convolution, lr=1e-4), images.astype(np.float32), codes)
    clf = fit_seeded(ActionScoreClassifier(make_net(module=Convolution, lr=1e-4)), images, codes)
    assert_same_net(clf, plain)
    np.testing.assert_allclose(clf.action_scores_, scores, rtol=1e-5)


def test_memory_map_is_read_as_it_is(tmp_path):
    X, codes = make_data()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    check_against_plain(mapped, X, codes)


# -- columns with names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_names_of_columns_are_learnt_and_compared(frame):
    X, codes = make_data()
    table = frame({name: X[:, i] for i, name in enumerate(COLUMNS)})
    clf = ActionScoreClassifier(make_net()).fit(table, codes)
    np.testing.assert_array_equal(clf.feature_names_in_, COLUMNS)
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(table[COLUMNS[::-1]])
    with pytest.raises(ValueError, match="feature names should match"):
        clf.partial_fit(table[COLUMNS[::-1]], codes)
    with pytest.raises(ValueError, match="feature names should match"):
        clf.fit(table, codes, eval_set=(table[COLUMNS[::-1]], codes))
    clf.fit(X, codes)  # anew, without names
    assert not hasattr(clf, "feature_names_in_")


def test_index_of_a_frame_is_kept_in_the_table_of_scores():
    X, codes = make_data()
    index = pd.Index([f"row {i}" for i in range(len(X))][::-1])
    clf = ActionScoreClassifier(make_net()).fit(pd.DataFrame(X, columns=COLUMNS, index=index), codes)
    pd.testing.assert_index_equal(clf.to_frame().index, index)
    assert (clf.to_frame()["index"] == np.arange(len(X))).all()


# -- several inputs --------------------------------------------------------------------------------------------

PARTS = {
    "dict": lambda left, right: {"left": left, "right": right},
    "dict float64": lambda left, right: {"left": left.astype(np.float64), "right": right},
    "dict mixed": lambda left, right: {"left": pd.Series(left[:, 0]).to_frame().assign(b=left[:, 1]), "right": right},
    "dict of tensors": lambda left, right: {"left": torch.from_numpy(left).double(), "right": torch.from_numpy(right)},
    "dict of lists": lambda left, right: {"left": left.tolist(), "right": right.tolist()},
    "tuple": lambda left, right: (left, right),
    "tuple float64": lambda left, right: (left.astype(np.float64), read_only(right)),
    "tuple of tensors": lambda left, right: (torch.from_numpy(left).double(), torch.from_numpy(right)),
}


@pytest.mark.parametrize("kind", PARTS)
def test_several_inputs(kind):
    X, codes = make_data()
    given = PARTS[kind](X[:, :2], X[:, 2:])
    parts = (X[:, :2], X[:, 2:])
    hand = dict(zip(("left", "right"), parts, strict=True)) if isinstance(given, dict) else parts
    plain = fit_seeded(make_net(module=Pair), hand, codes)
    clf = fit_seeded(ActionScoreClassifier(make_net(module=Pair)), given, codes, eval_set=(given, codes))
    assert_same_net(clf, plain)
    # one concatenated input is the same net
    np.testing.assert_allclose(clf.action_scores_, fit_plain(make_net(), X, codes)[1], rtol=1e-4)
    np.testing.assert_array_equal(clf.predict(given), plain.predict(hand))
    assert not hasattr(clf, "n_features_in_")
    assert len(clf.to_frame()) == len(X)


def test_inputs_of_different_lengths():
    X, codes = make_data()
    for parts in ({"left": X[:, :2], "right": X[:-1, 2:]}, (X[:, :2], X[:-1, 2:])):
        with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[48, 47\]"):
            ActionScoreClassifier(make_net(module=Pair)).fit(parts, codes)


def test_default_net_wants_one_array():
    X, codes = make_data()
    for given in ({"X": X}, (X, X), TensorDataset(torch.from_numpy(X), torch.from_numpy(codes))):
        with pytest.raises(ValueError, match=r"estimator=None builds a net for an array.*pass a skorch net"):
            ActionScoreClassifier().fit(given, codes)


# -- integers for an embedding ---------------------------------------------------------------------------------


def make_words(n_samples=48):
    return np.random.default_rng(0).integers(0, 10, size=(n_samples, 5))


WORD_KINDS = {
    **{
        name: lambda ids, name=name: ids.astype(name)
        for name in ("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64")
    },
    "list": lambda ids: ids.tolist(),
    "DataFrame": pd.DataFrame,
    "DataFrame int8": lambda ids: pd.DataFrame(ids.astype(np.int8)),
    "tensor": torch.from_numpy,
    "tensor int32": lambda ids: torch.from_numpy(ids).int(),
    "tensor uint8": lambda ids: torch.from_numpy(ids).to(torch.uint8),
}


@pytest.mark.parametrize("kind", WORD_KINDS)
def test_integers_stay_integers_for_an_embedding(kind):
    ids, (_, codes) = make_words(), make_data()
    plain, scores = fit_plain(make_net(module=Words), ids, codes)
    given = WORD_KINDS[kind](ids)
    clf = fit_seeded(ActionScoreClassifier(make_net(module=Words)), given, codes, eval_set=(given, codes))
    assert_same_net(clf, plain)
    np.testing.assert_allclose(clf.action_scores_, scores, rtol=1e-5)
    np.testing.assert_array_equal(clf.predict(given), plain.predict(ids))


def test_integers_with_fit_params():
    """A module that cannot run without its fit_params still shows whether it takes integers."""

    class Scaled(Words):
        def forward(self, X, scale):
            return super().forward(X) * scale

    ids, (_, codes) = make_words(), make_data()
    plain, _ = fit_plain(make_net(module=Words), ids, codes, scale=2.0)
    clf = fit_seeded(ActionScoreClassifier(make_net(module=Scaled)), ids, codes, scale=2.0)
    assert_same_net(clf, plain)


@pytest.mark.parametrize("words", [np.int64, np.int16])
@pytest.mark.parametrize("numbers", [np.float32, np.float64, np.int64, bool])
def test_integers_beside_numbers(words, numbers):
    X, codes = make_data()
    given = {"words": make_words().astype(words), "numbers": np.round(X).astype(numbers)}
    hand = {"words": make_words(), "numbers": given["numbers"].astype(np.float32)}
    plain = fit_seeded(make_net(module=WordsAndNumbers), hand, codes)
    clf = fit_seeded(ActionScoreClassifier(make_net(module=WordsAndNumbers)), given, codes)
    assert_same_net(clf, plain)
    np.testing.assert_array_equal(clf.predict(given), plain.predict(hand))


def test_trying_for_integers_leaves_no_trace():
    """The trial must not show in buffers, counters or random numbers of the net."""

    class Noisy(Words):
        def forward(self, X):
            return super().forward(X) + 0.1 * torch.randn(len(X), 2) + 0 * float(np.random.normal())  # noqa: NPY002

    ids, (_, codes) = make_words(), make_data()
    np.random.seed(0)  # noqa: NPY002
    plain = fit_seeded(make_net(module=Noisy), ids, codes)
    after = np.random.get_state()[2]  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    clf = fit_seeded(ActionScoreClassifier(make_net(module=Noisy)), ids, codes)
    assert np.random.get_state()[2] == after  # noqa: NPY002
    assert_same_net(clf, plain)
    assert clf.estimator_.module_.seen == plain.module_.seen


# -- precision -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "bool", "tensor", "csr_matrix", "DataFrame"])
def test_double_net_keeps_double(kind):
    X, codes = make_data()
    given = X_KINDS[kind](X.astype(np.float64) + 1e-9)  # lost in single precision
    dense = given.toarray() if sparse.issparse(given) else np.asarray(given)
    double = {"module__dtype": torch.float64}
    plain, scores = fit_plain(make_net(**double), dense.astype(np.float64), codes)
    clf = fit_seeded(ActionScoreClassifier(make_net(**double)), given, codes)
    assert_same_net(clf, plain)
    assert clf.estimator_.module_.output.weight.dtype == torch.float64
    np.testing.assert_allclose(clf.action_scores_, scores, rtol=1e-12)
    np.testing.assert_array_equal(clf.predict(given), plain.predict(dense.astype(np.float64)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_regression_targets_follow_the_net(dtype):
    X, _ = make_data()
    y = X[:, 0].astype(np.float64) + 1e-9
    numpy_dtype = str(dtype).removeprefix("torch.")
    net = {"module__dtype": dtype}
    plain = fit_seeded(make_regression_net(**net), X.astype(numpy_dtype), y.astype(numpy_dtype)[:, None])
    reg = fit_seeded(ActionScoreRegressor(make_regression_net(**net)), X, y)
    assert_same_net(reg, plain)


# -- data sets -------------------------------------------------------------------------------------------------


def tensors(X, y):
    return TensorDataset(torch.from_numpy(X), torch.from_numpy(y))


DATASETS = {
    "TensorDataset": tensors,
    "skorch": SkorchDataset,
    "custom": Items,
    "subset": lambda X, y: Subset(tensors(X[::-1].copy(), y[::-1].copy()), np.arange(len(X))[::-1].tolist()),
    "subset of subset": lambda X, y: Subset(Subset(tensors(np.r_[X, X], np.r_[y, y]), [*range(90)]), [*range(len(X))]),
    "subset of custom": lambda X, y: Subset(Items(X, y), list(range(len(X)))),
}


@pytest.mark.parametrize("labels", ["given", "codes", "none"])
@pytest.mark.parametrize("kind", DATASETS)
def test_datasets(kind, labels):
    X, codes = make_data()
    dataset = DATASETS[kind](X, codes)
    names = np.array(["red", "amber"])
    y = {"given": np.sort(names)[codes], "codes": codes, "none": None}[labels]
    plain, scores = fit_plain(make_net(lr=0.5), X, codes)
    clf = fit_seeded(ActionScoreClassifier(make_net(lr=0.5)), dataset, y, eval_set=dataset)
    assert_same_net(clf, plain)
    np.testing.assert_allclose(clf.action_scores_, scores, rtol=1e-5)
    np.testing.assert_array_equal(clf.classes_, np.sort(names) if labels == "given" else [0, 1])
    expected = clf.classes_[plain.predict(X)]
    np.testing.assert_array_equal(clf.predict(dataset), expected)
    assert clf.predict_proba(dataset).shape == (len(X), 2)
    assert len(clf.to_frame()) == len(X)
    # what was fitted on a data set predicts for an array, of any dtype, as well
    for array in (X, X.astype(np.float64), X.tolist(), torch.from_numpy(X)):
        np.testing.assert_array_equal(clf.predict(array), expected)


@pytest.mark.parametrize("kind", DATASETS)
def test_datasets_with_a_split(kind):
    X, codes = make_data()
    split = {"train_split": ValidSplit(4)}
    clf = fit_seeded(ActionScoreClassifier(make_net(**split)), DATASETS[kind](X, codes), codes)
    by_array = fit_seeded(ActionScoreClassifier(make_net(**split)), X, codes)
    assert_same_net(clf, by_array)
    np.testing.assert_array_equal(clf.validation_mask_, by_array.validation_mask_)
    np.testing.assert_allclose(clf.action_scores_, by_array.action_scores_, rtol=1e-6)


@pytest.mark.parametrize("values", [(1, 2), (0, 2)], ids=str)
def test_labels_inside_a_dataset_mean_what_the_net_is_trained_on(values):
    """Nobody encodes what a data set yields: its labels are numbers of outputs, and so are predictions."""
    X, codes = make_data()
    y = np.array(values)[codes]
    dataset = tensors(X, y)
    clf = ActionScoreClassifier(make_net(module__n_outputs=3, lr=0.5, max_epochs=30), random_state=0).fit(dataset)
    assert (clf.predict(dataset) == y).mean() > 0.8


def test_fit_on_words_in_a_dataset_predict_on_an_array():
    ids, (_, codes) = make_words(), make_data()
    clf = ActionScoreClassifier(make_net(module=Words)).fit(tensors(ids, codes), codes)
    np.testing.assert_array_equal(clf.predict(ids), clf.predict(tensors(ids, codes)))


def test_dataset_without_targets_in_sight_leaves_the_random_stream_as_plain_skorch():
    X, codes = make_data()
    fit_seeded(make_net(), Items(X, codes), None)
    expected = torch.get_rng_state()
    fit_seeded(ActionScoreClassifier(make_net()), Items(X, codes))
    assert torch.equal(torch.get_rng_state(), expected)


class Counting(MLP):
    """Counts its calls in a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("n_calls", torch.tensor(0))

    def forward(self, X):
        self.n_calls += 1
        return super().forward(X)


def test_width_of_the_output_is_asked_without_a_trace_in_buffers():
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net(module=Counting, max_epochs=1, batch_size=48)).fit(Items(X, codes))
    assert clf.classes_.tolist() == [0, 1]
    assert int(clf.estimator_.module_.n_calls) == 1


def test_dataset_and_targets_of_different_lengths():
    X, codes = make_data()
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[48, 47\]"):
        ActionScoreClassifier(make_net()).fit(tensors(X, codes), codes[:-1])


def test_regression_and_generic_on_a_dataset():
    X, _ = make_data()
    y = X[:, :1].copy()
    plain = fit_seeded(make_regression_net(), X, y)
    for kind in (ActionScoreRegressor, ActionScoreEstimator):
        estimator = fit_seeded(kind(make_regression_net()), tensors(X, y))
        assert_same_net(estimator, plain)
        np.testing.assert_array_equal(estimator.predict(tensors(X, y)), plain.predict(X))
        np.testing.assert_array_equal(estimator.predict(X.astype(np.float64)), plain.predict(X))


# -- what cannot work ------------------------------------------------------------------------------------------


def _nan(X):
    X = X.copy()
    X[3, 1] = np.nan
    return X


def _with_column(X, values):
    return pd.DataFrame(X, columns=COLUMNS).assign(e=values)


BAD_X = {
    "NaN": (_nan, "Input X contains NaN"),
    "text": (lambda X: ["a text"] * len(X), "X holds text, .* tokenize it, or put"),
    "text, array": (lambda X: np.array([["a text"]] * len(X)), "X holds text"),
    "text, column": (
        lambda X: _with_column(X, "a text"),
        r"1 columns .* 'e' \((str|object)\); encode",
    ),
    "dates": (lambda X: _with_column(X, pd.Timestamp("2020")), r"'e' \(datetime64.* numbers, categories and dates"),
    "categories": (
        lambda X: _with_column(X, pd.Categorical(["a", "b"] * (len(X) // 2))),
        r"'e' \(category\); .* make_pipeline\(TablePreprocessor",
    ),
    "text, polars": (lambda X: pl.DataFrame(X, schema=COLUMNS).with_columns(e=pl.lit("a")), r"'e' \(String\)"),
    "NaN, sparse": (lambda X: sparse.csr_matrix(_nan(X)), "Input X contains NaN"),
    "NaN, DataFrame": (lambda X: pd.DataFrame(_nan(X)), "Input X contains NaN"),
    "one dimension": (lambda X: X[:, 0], "Expected 2D array, got 1D array"),
    "strings": (lambda X: X.astype(str).astype(object) + "x", "X holds text"),
    "complex": (lambda X: X + 1j, "Complex data not supported"),
    "no samples": (lambda X: X[:0], r"0 sample\(s\)"),
    "no features": (lambda X: X[:, :0], r"0 feature\(s\)"),
    "None": (lambda X: None, "Expected 2D array|NoneType|None"),
    "NaN, tensor": (lambda X: torch.from_numpy(_nan(X)), r"NaN"),
    "NaN, dict": (lambda X: {"X": _nan(X)}, r"NaN"),
}


@pytest.mark.parametrize("kind", BAD_X)
def test_bad_X(kind):
    X, codes = make_data()
    spoil, message = BAD_X[kind]
    with pytest.raises((ValueError, TypeError), match=message):
        ActionScoreClassifier(make_net()).fit(spoil(X), codes)


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy, pd.DataFrame, sparse.csr_array, np.ndarray.tolist])
def test_wrong_number_of_features(convert):
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net()).fit(convert(X), codes)
    message = "X has 3 features, but ActionScoreClassifier is expecting 4 features"
    for call in (
        lambda: clf.predict(convert(X[:, :3])),
        lambda: clf.predict_proba(convert(X[:, :3])),
        lambda: clf.partial_fit(convert(X[:, :3]), codes),
        lambda: clf.fit(convert(X), codes, eval_set=(convert(X[:, :3]), codes)),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_nothing_of_a_list_is_kept():
    """A list has a method called `index`; keeping it would keep, and pickle, all of X."""
    X, codes = make_data()
    clf = ActionScoreClassifier(make_net()).fit(X.tolist(), codes)
    kept = [value for value in vars(clf).values() if callable(value) and hasattr(value, "__self__")]
    assert kept == []


def test_module_that_takes_any_dtype_sees_what_was_given():
    """Bytes that a module converts itself arrive as bytes."""

    class Converts(MLP):
        def forward(self, X):
            assert not X.is_floating_point() or not self.training
            return super().forward(X.float() / 255)

    X, codes = make_data()
    raw = np.abs(np.round(X)).astype(np.int64)
    assert ActionScoreClassifier(make_net(module=Converts)).fit(raw, codes).n_epochs_ == 2


class HalfLinear(torch.nn.Linear):
    """Computes in half precision, in which 1000.25 is 1000."""

    def forward(self, X):
        return super().forward(X.to(self.weight.dtype))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_targets_of_a_net_in_half_precision_keep_their_digits(dtype):
    X, y = np.zeros((4, 2), np.float32), np.array([1000.25, 70000.5, 3.0, 0.1], np.float32)
    options = {"lr": 0.0, "max_epochs": 1, "train_split": None, "verbose": 0, "criterion": torch.nn.L1Loss}
    net = NeuralNetRegressor(HalfLinear(2, 1, bias=False, dtype=dtype), **options)
    scores = ActionScoreRegressor(net).fit(X, y).action_scores_
    np.testing.assert_array_equal(scores, y)


def test_targets_in_a_dtype_that_numpy_lacks_are_read():
    X, y = torch.ones(6, 2, dtype=torch.bfloat16), torch.arange(6, dtype=torch.bfloat16)[:, None]
    net = NeuralNet(torch.nn.Linear(2, 1).bfloat16(), criterion=torch.nn.MSELoss, max_epochs=1, verbose=0)
    scorer = ActionScoreEstimator(net, random_state=0).fit(X, y)
    assert scorer.to_frame()["target_0"].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_net_that_answers_in_bfloat16_predicts_after_a_fit_on_a_dataset():
    X, y = torch.rand(20, 2, dtype=torch.bfloat16), torch.arange(20) % 2
    net = NeuralNetClassifier(
        torch.nn.Linear(2, 2).bfloat16(), criterion=torch.nn.CrossEntropyLoss, train_split=None, max_epochs=1, verbose=0
    )
    clf = ActionScoreClassifier(net).fit(torch.utils.data.TensorDataset(X, y), None)
    expected = clf.estimator_.module_(X).float().softmax(1)
    np.testing.assert_allclose(clf.predict_proba(X), expected.detach().numpy(), atol=0.01)
    assert clf.estimator_.predict_nonlinearity == "auto"
