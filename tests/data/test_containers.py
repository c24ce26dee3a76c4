"""Every kind of X and y: its length, its rows, its parts."""

from collections import OrderedDict, namedtuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from skorch.helper import SliceDict
from torch.utils.data import Subset, TensorDataset

from actscore_sk.data.containers import is_per_sample, n_samples_of, take_rows
from actscore_sk.data.parts import is_multi_input, map_parts

TABLE = np.arange(6.0).reshape(3, 2)
Pair = namedtuple("Pair", "left right")
# How each single kind of data is made of an array, and turned back into one.
SINGLE = {
    "array": (np.array, np.asarray),
    "list": (np.ndarray.tolist, np.asarray),
    "read-only": (lambda a: np.broadcast_to(a, a.shape), np.asarray),
    "DataFrame": (lambda a: pd.DataFrame(a, index=list("xyz")), np.asarray),
    "polars": (pl.DataFrame, lambda frame: frame.to_numpy()),
    "tensor": (torch.tensor, np.asarray),
    "csr_matrix": (sparse.csr_matrix, lambda rows: rows.toarray()),
    "dok_matrix": (sparse.dok_matrix, lambda rows: rows.toarray()),
    "coo_array": (sparse.coo_array, lambda rows: rows.toarray()),
}
SEVERAL = {
    "dict": lambda *parts: dict(zip(["left", "right"], parts, strict=True)),
    "OrderedDict": lambda *parts: OrderedDict(zip(["left", "right"], parts, strict=True)),
    "SliceDict": lambda *parts: SliceDict(left=parts[0], right=parts[1]),
    "tuple": lambda *parts: parts,
    "named tuple": Pair,
}


@pytest.mark.parametrize("kind", SINGLE)
def test_rows_of_one_array_keep_their_kind(kind):
    make, to_array = SINGLE[kind]
    data = make(TABLE)
    taken = take_rows(data, np.array([2, 0, 2]))
    assert n_samples_of(data) == 3
    assert is_per_sample(data, 3)
    assert not is_per_sample(data, 2)
    assert not is_multi_input(data)
    assert type(taken) is type(data)
    np.testing.assert_array_equal(to_array(taken), TABLE[[2, 0, 2]])


@pytest.mark.parametrize("kind", SEVERAL)
def test_rows_of_several_arrays_keep_their_kind_and_their_names(kind):
    data = SEVERAL[kind](TABLE, TABLE[:, 0])
    taken = take_rows(data, np.array([2, 0]))
    assert is_multi_input(data)
    assert not is_per_sample(data, 3)
    assert n_samples_of(data) == 3
    assert type(taken) is type(data)
    np.testing.assert_array_equal(taken["right"] if hasattr(taken, "keys") else taken[1], [4.0, 0.0])


def test_rows_of_a_data_set_are_a_subset():
    data = TensorDataset(torch.tensor(TABLE))
    taken = take_rows(data, np.array([2, 0]))
    assert isinstance(taken, Subset)
    assert taken.indices == [2, 0]
    assert n_samples_of(data) == 3
    assert not is_per_sample(data, 3)


def test_a_table_keeps_its_index_and_its_dtypes():
    frame = pd.DataFrame({"n": [1, 2, 3], "word": ["a", "b", "c"]}, index=[10, 20, 30])
    taken = take_rows(frame, np.array([2, 0]))
    assert taken.index.tolist() == [30, 10]
    assert taken.dtypes.tolist() == frame.dtypes.tolist()


def test_parts_are_mapped_through_all_levels_and_a_tuple_of_numbers_is_one_array():
    nested = {"pair": (np.zeros(2), np.ones(2)), "one": np.full(2, 7.0)}
    assert map_parts(lambda part: part.sum(), nested) == {"pair": (0.0, 2.0), "one": 14.0}
    assert map_parts(np.asarray, (0, 1, 1)).tolist() == [0, 1, 1]
