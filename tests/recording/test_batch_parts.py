"""Parts of batches: what has samples along its first dimension, and what has not."""

import numpy as np
import torch

from actscore_sk.recording.batch_parts import map_batch, take_samples

ORDER = torch.tensor([2, 0, 0])


def test_what_has_no_row_per_sample_stays_as_it_is():
    batch = {"X": torch.arange(3), "weight": torch.arange(5), "scalar": torch.tensor(1.0), "names": ["a", "b"]}
    taken = take_samples(batch, ORDER, 3)
    assert taken["X"].tolist() == [2, 0, 0]
    assert all(taken[name] is batch[name] for name in ("weight", "scalar"))
    assert taken["names"] == ["a", "b"]
    assert map_batch(batch["weight"], 3, lambda part: None) is batch["weight"]


def test_lists_with_an_entry_per_sample_are_taken_with_them():
    targets = [{"boxes": np.zeros((n, 4))} for n in (1, 2, 5)]
    X, boxes = take_samples([torch.arange(3), targets], ORDER, 3)
    assert X.tolist() == [2, 0, 0]
    assert [len(each["boxes"]) for each in boxes] == [5, 1, 1]


def test_as_many_outputs_as_samples_are_no_samples():
    outputs = tuple(torch.arange(3) + 10 * i for i in range(3))
    assert [part.tolist() for part in take_samples(outputs, ORDER, 3)] == [[2, 0, 0], [12, 10, 10], [22, 20, 20]]
