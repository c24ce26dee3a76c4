"""Bytes per sample while a net trains: the pages say them, and here they are counted."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier

from actscore_sk import ActionScoreRecorder
from actscore_sk.metrics import get_metric_names
from actscore_sk.metrics.reductions import REDUCTIONS

ROOT = Path(__file__).parents[2]
# Rows of the table of reductions: name, bytes of the action score alone, bytes of all metrics.
ROWS = re.findall(r'^\| `"(\w+)"` .*\| (\d+) \| (\d+) \|$', (ROOT / "docs/design.md").read_text(), flags=re.MULTILINE)


def bytes_per_sample(reduction, metrics):
    recorder, n_samples = ActionScoreRecorder(reduction=reduction, metrics=metrics), 1000
    net = NeuralNetClassifier(
        torch.nn.Linear(2, 2), criterion=torch.nn.CrossEntropyLoss, max_epochs=1, verbose=0,
        callbacks=[("recorder", recorder)],
    )  # fmt: skip
    net.fit(np.zeros((n_samples, 2), np.float32), np.arange(n_samples) % 2)
    return (recorder.recording_.record.state.nbytes + recorder.validation_mask_.nbytes) / n_samples


def test_the_page_has_every_reduction():
    assert [name for name, *_ in ROWS] == [*REDUCTIONS]


@pytest.mark.parametrize(("reduction", "alone", "together"), ROWS)
def test_state_takes_the_bytes_that_the_page_says(reduction, alone, together):
    assert bytes_per_sample(reduction, ("action_score",)) == int(alone)
    assert bytes_per_sample(reduction, get_metric_names()) == int(together)


@pytest.mark.parametrize("page", ["README.md", "docs/cost.md"])
def test_all_pages_have_one_figure(page):
    (_, alone, together), *_ = ROWS
    assert f"{alone} bytes per sample" in (ROOT / page).read_text()
    assert f"{together} for all" in (ROOT / page).read_text()


def test_no_loss_of_a_batch_is_kept_on_a_cpu(monkeypatch):
    # a tensor per batch, kept to the end of the epoch, splits the memory in which the next batch would be stored
    monkeypatch.setattr("actscore_sk.recording.fast_steps.PendingLosses.add", pytest.fail)
    bytes_per_sample("sum", ("action_score",))
