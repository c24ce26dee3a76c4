"""A program of several processes, for the benchmark `distributed`: torchrun starts it, and it prints one line of JSON.

torchrun --nproc_per_node 2 -m benchmarks.common.joint_training fit 1 20000
torchrun --nproc_per_node 2 -m benchmarks.common.joint_training merge 1000000
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from skorch import NeuralNetClassifier
from torch import distributed, nn

from actscore_sk import AcceleratedNetMixin, ActionScoreRecorder
from actscore_sk.metrics import get_metric_names
from actscore_sk.recording.ranks import Ranks
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.score_record import ScoreRecord
from actscore_sk.recording.shared_visits import SharedVisits
from benchmarks.common.training import cnn

JOINT_BATCH, EPOCHS = 128, 2


class Net(AcceleratedNetMixin, NeuralNetClassifier):
    """A net that several processes train."""


def _quiet(*args: Any, **kwargs: Any) -> None:
    """Print nothing."""


def fit(n_samples: int, repeats: int) -> dict[str, list[float]]:
    """Train a small CNN without scores and with them, in turns; give the seconds of each epoch loop."""
    accelerator = Accelerator(cpu=True)
    X = np.random.default_rng(0).standard_normal((n_samples, 1, 28, 28), dtype=np.float32)
    y = X.reshape(n_samples, -1)[:, :10].argmax(axis=1)
    seconds: dict[str, list[float]] = {"plain": [], "scored": []}
    for _ in range(repeats + 1):  # the first does not count
        for row, found in seconds.items():
            torch.manual_seed(0)
            net = Net(
                cnn, accelerator=accelerator, criterion=nn.CrossEntropyLoss, max_epochs=EPOCHS, train_split=None,
                batch_size=JOINT_BATCH // accelerator.num_processes, callbacks__print_log__sink=_quiet,
                callbacks=[("scores", ActionScoreRecorder())] if row == "scored" else [],
            ).initialize()  # fmt: skip
            found.append(_timed(partial(net.partial_fit, X, y)))
    return {row: found[1:] for row, found in seconds.items()}


def merge(n_samples: int, repeats: int) -> dict[str, list[float]]:
    """Exchange the visits of an epoch, every process having those of its share; give the seconds."""
    Accelerator(cpu=True)
    ranks, found = Ranks(), {}
    for row, metrics in {"action score": ["action_score"], "all metrics": get_metric_names()}.items():
        record = ScoreRecord(n_samples, RecordSettings(metrics=metrics))
        rows = torch.arange(ranks.share.rank, n_samples, ranks.share.n_processes)
        generator = torch.Generator().manual_seed(ranks.share.rank)
        logits, labels = torch.randn(len(rows), 2, generator=generator), rows % 2
        losses, seconds = nn.functional.cross_entropy(logits, labels, reduction="none"), []
        for _ in range(repeats + 1):
            record.shared = SharedVisits()
            for block in torch.arange(len(rows)).split(2**16):
                record.update(rows[block], losses[block], logits[block], labels[block])
            seconds.append(_timed(partial(record.exchange, ranks)))
        found[row] = seconds[1:]
    return found


def _timed(work: Callable[[], Any]) -> float:
    if distributed.is_initialized():
        distributed.barrier()
    start = time.perf_counter()
    work()
    if distributed.is_initialized():
        distributed.barrier()
    return time.perf_counter() - start


if __name__ == "__main__":
    torch.set_num_threads(1)
    task, size, n_repeats = sys.argv[1:]
    result = {"fit": fit, "merge": merge}[task](int(size), int(n_repeats))
    if not distributed.is_initialized() or distributed.get_rank() == 0:
        print(json.dumps(result))
    if distributed.is_initialized():
        distributed.destroy_process_group()
