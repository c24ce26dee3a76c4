"""The preprocessing of tables: finite numbers from any column, the same for new rows, and scikit-learn's contract."""

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import polars
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from actscore_sk.estimators import table_columns, tables
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.table_encoders import code_encoder, text_encoder
from actscore_sk.estimators.tables import TablePreprocessor

DAYS = pd.date_range("2024-01-01", periods=40)
KINDS_OF_COLUMNS = {
    "missing number": ([1.5, None] * 20, "number", 2),
    "infinite": ([1.5, np.inf, 2.5, -np.inf] * 10, "number", 2),
    "huge": (np.linspace(-1, 1, 40) * 1.7e308, "number", 1),
    "tiny": (np.linspace(-1, 1, 40) * 1e-100, "number", 1),
    "decimal": ([Decimal(i) / 3 for i in range(40)], "number", 1),
    "beyond 64 bits": ([2**70 * i for i in range(40)], "number", 1),
    "date with a zone": (DAYS.tz_localize("Europe/Berlin"), "date", 1),
    "date": ([*DAYS[1:], None], "date", 2),
    "date object": (DAYS.date, "date", 1),
    "date as text": ([f"2024-01-{1 + i % 28:02}T10:00+01:00" for i in range(40)], "date", 1),
    "almost a date": (["2024-01-01", "2024-13-99"] * 20, "category", 2),
    "duration": (pd.to_timedelta(np.arange(40), unit="h"), "duration", 1),
    "code": ([1, 2, 3, 4] * 10, "code", 4),
    "code with holes": ([1, 2, 3, None] * 10, "code", 4),
    "boolean": (pd.array([True, None] * 20, dtype="boolean"), "category", 2),
    "category": (pd.Categorical([5, 7] * 20), "category", 2),
    "list": ([[1], [2]] * 20, "category", 2),
    "bytes": ([b"\xff", b"a"] * 20, "category", 2),
    "rare text": (["a", "b"] * 19 + ["c", "d"], "category", 3),
    "years as text": (["2023", "2024"] * 20, "category", 2),
}


def mixed_table(n_rows=60):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"number": rng.normal(size=n_rows), "month": rng.integers(1, 5, n_rows)})
    frame["colour"] = rng.choice(["red", "blue", "green"], n_rows)
    frame["day"] = pd.date_range("2024-01-01", periods=n_rows)
    frame["always"] = 7
    frame.loc[::7, ["number", "colour", "day"]] = None
    return frame


@parametrize_with_checks([TablePreprocessor()])
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("values", "kind", "n_features"), KINDS_OF_COLUMNS.values(), ids=KINDS_OF_COLUMNS)
def test_each_kind_of_column_becomes_finite_numbers(values, kind, n_features):
    frame = pd.DataFrame({"a": values})
    preprocessor = TablePreprocessor()
    features = preprocessor.fit_transform(frame)
    assert preprocessor.column_kinds_ == [kind]
    assert features.shape == (40, n_features)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert len(np.unique(features, axis=0)) > 1
    np.testing.assert_array_equal(preprocessor.transform(frame[:5]), features[:5])


def test_dates_of_new_rows_count_from_the_same_day():
    frame = pd.DataFrame({"day": DAYS})
    preprocessor = TablePreprocessor().fit(frame)
    later = preprocessor.transform(frame[30:])
    np.testing.assert_array_equal(later, preprocessor.transform(frame)[30:])


def test_new_rows_may_hold_unknown_values_and_holes():
    frame = mixed_table()
    new = frame[:3].assign(colour=["violet", None, "red"], number=[None, np.inf, 1.0], month=[12, 2, None])
    features = TablePreprocessor().fit(frame).transform(new)
    assert np.isfinite(features).all()
    assert len(np.unique(features, axis=0)) == 3


@pytest.mark.parametrize("column", ["number", "day"])
def test_a_column_of_another_kind_is_named(column):
    frame = mixed_table()
    preprocessor = TablePreprocessor().fit(frame)
    with pytest.raises(
        ValueError, match=rf"the column '{column}' held values of the kind '\w+' before, but now: .*later"
    ):
        preprocessor.transform(frame.astype({column: object}).assign(**{column: "later"}))


def test_columns_that_tell_nothing_are_left_out_with_the_reason():
    frame = mixed_table().assign(never=None, tag=[f"t{i}" for i in range(60)])
    frame.insert(0, "Unnamed: 0", range(60))
    kinds = TablePreprocessor().fit(frame).column_kinds_
    assert kinds[0] == "row numbers"
    assert kinds[-3:] == ["always the same", "always the same", "no value repeats"]
    with pytest.raises(ValueError, match=r"no column tells one row from another .*ignored: always \(always the same\)"):
        TablePreprocessor().fit(frame[["always"]])


def test_many_categories_share_their_features():
    frame = pd.DataFrame({"city": [f"c{i % 400}" for i in range(1000)]})
    assert TablePreprocessor().fit_transform(frame).shape == (1000, 32)


def test_texts_are_encoded_as_by_scikit_learn():
    texts = np.array([None, "B", "b", "é", *(f"t{i}" for i in range(60))], dtype=object)
    X = np.random.default_rng(0).choice(texts, size=(300, 2))
    mine, theirs = text_encoder().fit(X), code_encoder().fit(X)
    new = np.array([["unseen", None], ["b", "t7"]], dtype=object)
    np.testing.assert_array_equal(mine.transform(np.vstack([X, new])), theirs.transform(np.vstack([X, new])))
    assert mine.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()


def test_wild_values_leave_the_other_rows_their_features():
    frame = pd.DataFrame({"a": np.arange(1000.0), "b": np.arange(1000.0) % 7.5})
    expected = TablePreprocessor().fit_transform(frame)
    frame.loc[:9, "a"] = 999_999
    features = TablePreprocessor().fit_transform(frame)
    assert np.corrcoef(features[10:, 0], expected[10:, 0])[0, 1] > 0.99
    assert features[10:, 0].std() > 0.1
    assert (features[:10, 0] > features[10:, 0].max()).all()
    assert np.abs(features).max() <= 10.0


def test_names_of_features_say_the_column_and_the_value():
    preprocessor = TablePreprocessor().set_output(transform="pandas")
    features = preprocessor.fit_transform(mixed_table())
    numbers = ["number", "day", "missingindicator_number", "missingindicator_day"]
    codes = [f"month_{month}.0" for month in (1, 2, 3, 4)]
    assert features.columns.tolist() == [*numbers, *codes, "colour_blue", "colour_green", "colour_red", "colour_None"]


@pytest.mark.parametrize("convert", [polars.from_pandas, pd.DataFrame.convert_dtypes])
def test_the_library_of_the_table_does_not_matter(convert):
    frame = mixed_table()
    expected = TablePreprocessor().fit_transform(frame)
    np.testing.assert_array_equal(TablePreprocessor().fit_transform(convert(frame)), expected)


def test_arrays_are_tables_too_and_need_no_pandas(monkeypatch):
    array = mixed_table()[["number", "month"]].to_numpy()
    expected = TablePreprocessor().fit_transform(pd.DataFrame(array))
    # scikit-learn looks for an imported pandas, whatever the data
    monkeypatch.setattr(tables, "import_optional", None)
    monkeypatch.setattr(table_columns, "import_optional", None)
    np.testing.assert_array_equal(TablePreprocessor().fit_transform(array), expected)


def test_arrays_of_objects_keep_their_text():
    frame = mixed_table()
    array = frame.to_numpy(object)
    np.testing.assert_array_equal(TablePreprocessor().fit_transform(array), TablePreprocessor().fit_transform(frame))


def test_a_pickle_transforms_as_the_original():
    frame = mixed_table()
    preprocessor = TablePreprocessor()
    expected = preprocessor.fit_transform(frame)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(preprocessor)).transform(frame), expected)
    assert not hasattr(clone(preprocessor), "encoders_")


def test_pipeline_scores_a_table_of_text_and_finds_wrong_labels():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X["hospital"] = np.where(np.arange(len(y)) % 2, "north", "south")
    y[[3, 100, 250]] = 1 - y[[3, 100, 250]]
    pipeline = make_pipeline(TablePreprocessor(), ActionScoreClassifier(random_state=0)).fit(X, y)
    hardest = np.argsort(-pipeline[-1].action_scores_)[:10]
    assert np.isin([3, 100, 250], hardest).all()
    assert pipeline.predict(X[:5]).shape == (5,)
