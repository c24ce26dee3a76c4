"""What a fit and a prediction copy of X: growth of anonymous memory, with scores and without.

    python -m benchmarks memory                        # two minutes

Each number comes from a process of its own, which has fitted a few rows before: the largest RssAnon of
``/proc/self/status`` during the call, less that before it. Pages of a memory map that are read are not in it. The claim
is that scores cost no copy of images: at most 0.3 times X more than skorch takes without them. Linux only.
"""

import gc
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn

from actscore_sk.estimators.classifier import ActionScoreClassifier
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import in_fresh_process, markdown_table

MiB = 2**20
SHARE = 0.3
N_SEEDS, QUICK_SEEDS = 5, 2
N_WARM = 512  # rows of the fit before


class Net(nn.Module):
    """A linear layer; with `is_strict`, it wants floats."""

    def __init__(self, n_features: int, is_strict: bool) -> None:
        super().__init__()
        self.layer, self.is_strict = nn.Linear(n_features, 2), is_strict

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map X (n, ...) to logits (n, 2)."""
        return self.layer((X if self.is_strict else X.float()).flatten(1))


def _images(n_samples: int, folder: Path) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n_samples, 3, 32, 32), dtype=np.uint8)


def _doubles(n_samples: int, folder: Path) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n_samples, 384))


def _mapped(n_samples: int, folder: Path) -> np.ndarray:
    shape = n_samples, 768
    np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, shape).flush()
    return np.load(folder / "X.npy", mmap_mode="r")


KINDS: dict[str, tuple[Callable[[int, Path], np.ndarray], bool]] = {
    "uint8 images, cast by the module": (_images, False),
    "uint8 images, refused by the module": (_images, True),
    "float64 table, refused by the module": (_doubles, True),
    "float32 memory map": (_mapped, True),
}


@dataclass
class Growth:
    """Growth of one kind of X in MiB, held against the claim."""

    kind: str
    step: str
    ours: float
    plain: float
    size: float

    @property
    def met(self) -> bool:
        """Whether scores cost no more than a share of X."""
        return self.ours <= self.plain + SHARE * self.size

    def verdict(self) -> str:
        """Say so."""
        return f"{self.kind}, {self.step}: {self.ours:.0f} MiB <= {self.plain:.0f} + {SHARE} x {self.size:.0f} MiB"


def _anonymous() -> int:
    words = Path("/proc/self/status").read_text().split()
    return int(words[words.index("RssAnon:") + 1]) * 1024


def _growth(call: Callable[[], Any]) -> float:
    """Largest anonymous memory during a call, less that before, in MiB."""
    gc.collect()
    before = largest = _anonymous()
    is_over = threading.Event()

    def watch() -> None:
        nonlocal largest
        while not is_over.wait(0.002):
            largest = max(largest, _anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    call()
    is_over.set()
    watcher.join()
    return (max(largest, _anonymous()) - before) / MiB


def fit_and_predict(kind: str, is_scored: bool, n_samples: int) -> dict[str, float]:
    """Grow by a fit and by a prediction; the size of X is in it, too. To be called in a fresh process."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # torch on arrays that it may not write to
    make, is_strict = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        X = make(n_samples, Path(folder))
        y = np.arange(n_samples) % 2
        net = NeuralNetClassifier(
            Net,
            module__n_features=int(np.prod(X.shape[1:])),
            module__is_strict=is_strict if is_scored else False,  # plain skorch would end in an error
            criterion=nn.CrossEntropyLoss,
            max_epochs=1,
            batch_size=256,
            lr=1e-6,
            train_split=None,
            verbose=0,
        )
        model = ActionScoreClassifier(net) if is_scored else net
        model.fit(X[:N_WARM], y[:N_WARM]).predict(X[:N_WARM])
        found = {"fit": _growth(lambda: model.fit(X, y)), "predict": _growth(lambda: model.predict(X))}
        return found | {"size": X.nbytes / MiB}


def measure(settings: Settings, record: dict[str, Any]) -> list[Growth]:
    """Measure every kind in turns, each in processes of its own."""
    repeats, n_samples = settings.seeds(N_SEEDS, QUICK_SEEDS), 4_000 if settings.quick else 20_000
    growths, lines = [], []
    for kind in settings.parts(list(KINDS)):
        runs = {
            is_scored: [in_fresh_process(fit_and_predict, kind, is_scored, n_samples) for _ in repeats]
            for is_scored in (False, True)
        }
        record[kind] = {"plain": runs[False], "scored": runs[True]}
        progress(kind)
        for step in ("fit", "predict"):
            plain, ours = (median(run[step] for run in runs[is_scored]) for is_scored in (False, True))
            largest = max(run[step] for run in runs[True])
            growths.append(Growth(kind, step, largest, plain, runs[True][0]["size"]))
            lines.append((kind, step, f"{growths[-1].size:.0f}", f"{plain:.0f}", f"{ours:.0f}", f"{largest:.0f}"))
    header = ("X", "step", "X, MiB", "plain skorch, MiB", "with scores, MiB", "largest")
    print(markdown_table(header, lines))
    return growths
