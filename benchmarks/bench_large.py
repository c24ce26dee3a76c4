"""A hundred million samples on disk, one epoch of a tiny net: memory beside targets and order.

    python -m benchmarks large                         # 3 minutes, 1.6 GB of disk
    python -m benchmarks large --quick                 # a million

X is a memory map, of which batches of 65,536 samples are read in a shuffled order. Memory is what is anonymous: pages
of the map that are in memory belong to the system. What is counted is the growth during the fit, so that neither the
libraries nor y are in it, less 8 bytes per sample of the order. Linux only.
"""

import gc
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn

from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.utils.memory import temporary_array
from benchmarks.common.processes import MiB, Peak, memory_of
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import Spread, Target, in_fresh_process, markdown_table

N_SAMPLES, QUICK_SAMPLES = 10**8, 10**6
N_FEATURES, BATCH_SIZE = 4, 65_536
MOST = 4 * 2**10  # MiB
ORDER_BYTES = 8


@dataclass(frozen=True)
class Fit:
    """One fit: seconds of the clock and of the processor, and growth in MiB."""

    wall: float
    processor: float
    growth: float


def fit(n_samples: int) -> Fit:
    """Train one epoch and watch the memory. To be called in a fresh process."""
    torch.set_num_threads(1)
    X = temporary_array((n_samples, N_FEATURES), np.float32)
    for start in range(0, n_samples, BATCH_SIZE):
        part = X[start : start + BATCH_SIZE]
        part[:] = np.random.default_rng(start).normal(size=part.shape)
    y = np.tile(np.array([0, 1], np.int8), n_samples // 2)
    net = NeuralNetClassifier(
        nn.Linear(N_FEATURES, 2),
        criterion=nn.CrossEntropyLoss,
        batch_size=BATCH_SIZE,
        max_epochs=1,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    clf = ActionScoreClassifier(net, random_state=0)
    clf.fit(X[: 2 * BATCH_SIZE], y[: 2 * BATCH_SIZE])
    gc.collect()
    before, watch = memory_of("self", "RssAnon"), Peak()
    began, used = time.perf_counter(), time.process_time()
    clf.fit(X, y)
    wall, processor = time.perf_counter() - began, time.process_time() - used
    watch.end()
    assert (clf.n_visits_ == 1).all()
    return Fit(wall, processor, watch.anonymous - before)


def measure(settings: Settings, record: dict[str, Any]) -> list[Target]:
    """Fit once."""
    n_samples = QUICK_SAMPLES if settings.quick else N_SAMPLES
    found = in_fresh_process(fit, n_samples)
    progress(str(found))
    record["fit"] = asdict(found)
    order = n_samples * ORDER_BYTES / MiB
    row = [f"{n_samples:,}", *(f"{each:.0f}" for each in (found.wall, found.processor, found.growth, order))]
    per_sample = (found.growth - order) * MiB / n_samples
    header = ("samples", "wall, s", "processor, s", "growth, MiB", "of it order, MiB", "rest, bytes per sample")
    print(markdown_table(header, [(*row, f"{per_sample:.1f}")]))
    rest = found.growth - order
    return [Target("anonymous memory beside y and order, MiB", Spread(rest, rest, rest), MOST)]
