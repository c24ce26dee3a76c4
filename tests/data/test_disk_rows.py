"""X on disk: batches and scores are those of the same numbers in memory, and only rows of batches are read."""

import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import torch
from estimator_cases import make_net
from skorch import NeuralNetClassifier
from torch import nn

from actscore_sk.data import arrow_rows
from actscore_sk.data.disk_kinds import opened
from actscore_sk.data.disk_rows import DiskRows
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.estimators.regressor import ActionScoreRegressor

N, WIDTH = 90, 4
X = np.random.default_rng(0).normal(size=(N, WIDTH)).astype(np.float32)
y = (X[:, 0] > 0).astype(np.int64)
NAMES = [f"x{i}" for i in range(WIDTH)]


def table():
    return pa.table({name: X[:, i] for i, name in enumerate(NAMES)} | {"label": y})


def as_h5py(folder, array):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "X.h5", "w") as file:
        file.create_dataset("X", data=array, chunks=(7, *array.shape[1:]), compression="gzip")
    return h5py.File(folder / "X.h5", "r")["X"]


def as_zarr(folder, array):
    return pytest.importorskip("zarr").create_array(folder / "X.zarr", data=array, chunks=(7, *array.shape[1:]))


def as_hugging_face(rows):
    return pytest.importorskip("datasets").Dataset(rows)


def as_memmap(folder, array):
    np.save(folder / "X.npy", array)
    return np.load(folder / "X.npy", mmap_mode="r")


def as_parquet(folder):
    pq.write_table(table(), folder / "X.parquet", row_group_size=20)
    return folder / "X.parquet"


KINDS = {
    "memmap": lambda folder: as_memmap(folder, X),
    "h5py": lambda folder: as_h5py(folder, X),
    "zarr": lambda folder: as_zarr(folder, X),
    "Hugging Face": lambda folder: as_hugging_face(table()),
    "Arrow": lambda folder: table(),
    "Arrow data set": lambda folder: pyarrow.dataset.dataset(as_parquet(folder)),
    "Parquet": lambda folder: pq.ParquetFile(as_parquet(folder)),
}
WITH_LABELS = ("Hugging Face", "Arrow", "Arrow data set", "Parquet")


@pytest.fixture(params=KINDS)
def on_disk(request, tmp_path, monkeypatch):
    monkeypatch.setattr(arrow_rows, "_ROWS_AT_ONCE", 13)
    return KINDS[request.param](tmp_path)


@pytest.mark.parametrize("split", [None, "default"], ids=["whole", "split"])
def test_scores_and_predictions_are_those_of_the_array_in_memory(on_disk, split):
    options = {"module__n_features": WIDTH, "iterator_train__shuffle": True, "batch_size": 16}
    net = make_net(**options, **({} if split else {"train_split": None}))
    of_memory, of_disk = (
        ActionScoreClassifier(net, random_state=0).fit(data, y, eval_set=(data, y)) for data in (X, on_disk)
    )
    np.testing.assert_array_equal(of_disk.action_scores_, of_memory.action_scores_)
    np.testing.assert_array_equal(of_disk.eval_action_scores_, of_memory.eval_action_scores_)
    np.testing.assert_array_equal(of_disk.predict_proba(on_disk), of_memory.predict_proba(X))
    assert of_disk.n_features_in_ == WIDTH


@pytest.mark.parametrize("kind", [ActionScoreClassifier, ActionScoreRegressor, ActionScoreEstimator])
def test_default_net_and_partial_fit_take_it(kind, on_disk):
    targets = y if kind is not ActionScoreRegressor else y.astype(float)
    of_memory, of_disk = (
        kind(random_state=0).fit(data, targets, epochs=2).partial_fit(data, targets, epochs=1) for data in (X, on_disk)
    )
    np.testing.assert_array_equal(of_disk.action_scores_, of_memory.action_scores_)


@pytest.mark.parametrize("name", WITH_LABELS)
def test_labels_in_a_table_are_targets_and_no_features(name, tmp_path):
    net = make_net(module__n_features=WIDTH)
    of_disk = ActionScoreClassifier(net, random_state=0).fit(KINDS[name](tmp_path))
    np.testing.assert_array_equal(
        of_disk.action_scores_, ActionScoreClassifier(net, random_state=0).fit(X, y).action_scores_
    )


@pytest.mark.parametrize("name", ["h5py", "zarr", "Hugging Face"])
def test_no_row_is_read_that_is_not_in_the_batch(name, tmp_path, monkeypatch):
    read, own = [], DiskRows.__getitem__
    monkeypatch.setattr(DiskRows, "__getitem__", lambda self, index: read.append(np.size(index)) or own(self, index))
    net = make_net(module__n_features=WIDTH, batch_size=16, max_epochs=1, train_split=None)
    ActionScoreClassifier(net).fit(KINDS[name](tmp_path), y)
    assert max(read) == 16


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(WIDTH + 6, 2)

    def forward(self, flat, grid):
        return self.layer(torch.cat([flat, grid.flatten(1)], 1))


def test_columns_of_lists_are_inputs_by_name(tmp_path):
    datasets = pytest.importorskip("datasets")
    inputs = {"flat": X, "grid": np.arange(N * 6, dtype=np.float32).reshape(N, 2, 3) / N}
    lists = datasets.Dataset.from_dict({name: part.tolist() for name, part in inputs.items()} | {"labels": y})
    lists = lists.cast_column("flat", datasets.List(datasets.Value("float32"), length=WIDTH))
    lists = lists.cast_column("grid", datasets.Array2D((2, 3), "float32"))
    arrays = {"flat": as_h5py(tmp_path, inputs["flat"]), "grid": as_zarr(tmp_path, inputs["grid"])}
    net = make_net(NeuralNetClassifier, TwoInputs)
    fits = [ActionScoreClassifier(net, random_state=0).fit(data, y) for data in (inputs, lists, arrays)]
    scores = [fit.action_scores_ for fit in fits]
    np.testing.assert_array_equal(scores[1:], scores[:1] * 2)


def rows_seen(reader):
    return reader(np.array([0, 5, 8]))


def test_another_process_opens_the_file_of_h5py_anew(tmp_path):
    rows = opened(KINDS["h5py"](tmp_path))
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            np.testing.assert_array_equal(pool.apply(rows_seen, (rows.read,)), X[[0, 5, 8]])
    assert pickle.loads(pickle.dumps(rows.read))._array is None


@pytest.mark.parametrize("index", [3, -1, slice(2, 9, 3), [8, 2, 8], np.array([-1, 0]), []])
def test_rows_are_those_of_an_array(index, on_disk):
    np.testing.assert_array_equal(opened(on_disk)[index], X[index])


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"a": ["x", "y"]}, "column 'a' of X holds .*string, but a net takes numbers"),
        ({"a": [1.0, None]}, "column 'a' of X has missing values"),
        ({"a": [[1.0], [1.0, 2.0]]}, "lists of different lengths; pad them|pad them"),
        ({"label": [0, 1]}, "X has no columns beside label"),
    ],
)
@pytest.mark.parametrize("kind", [as_hugging_face, lambda rows: rows], ids=["Hugging Face", "Arrow"])
def test_columns_that_are_no_numbers_are_refused(columns, reason, kind):
    data = kind(pa.table(columns))
    with pytest.raises(ValueError, match=reason):
        ActionScoreClassifier(make_net(module__n_features=1)).fit(data, np.array([0, 1]))


def test_file_of_arrow_columns_is_gone_when_nobody_uses_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = opened(table())
    assert isinstance(rows, np.memmap)
    assert not list(Path(tmp_path).iterdir())
