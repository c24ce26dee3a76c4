"""How far a training step travels inside the package: calls, files, and moves between files.

    python -m benchmarks step                          # a second
    PYTHONPATH=CHECKOUT python benchmarks/bench_step.py    # the same count for the package of another checkout

Counted by `sys.setprofile` are the Python functions of the package that run from one call of the net's `train_step` to
the next, in the middle of the second epoch, when nothing is done for the first time. Drawing the batch from the loader
is counted apart. A move is a call that comes from another file than the call before it. Counts do not depend on the
machine, but on the version of Python: 3.11 calls a comprehension, 3.12 does not.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn

import actscore_sk
from actscore_sk import ActionScoreRecorder

if TYPE_CHECKING:  # at run time this file stands alone, to be run beside the package of another checkout
    from benchmarks.common.record import Settings

N_BATCHES, BATCH_SIZE, N_FEATURES = 10, 64, 4
COUNTED_STEP = N_BATCHES + N_BATCHES // 2  # from 0; of the second epoch
PACKAGE = Path(actscore_sk.__file__).parent


class OwnLossNet(NeuralNetClassifier):
    """A net with its own `get_loss`, which keeps it off the fast path."""

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return what the criterion returns."""
        return self.criterion_(y_pred, y_true)


NETS: dict[str, type[NeuralNetClassifier]] = {"plain net": NeuralNetClassifier, "own get_loss": OwnLossNet}


@dataclass
class StepProfile:
    """Calls inside the package during one training step.

    Parameters
    ----------
    net : NeuralNet
        Its steps are counted, and not those of nets that the package trains besides.

    Attributes
    ----------
    step, loader : list of str
        File of each call, in order, without its suffix: of the step, and of drawing the next batch.
    """

    net: NeuralNetClassifier
    step: list[str] = field(default_factory=list)
    loader: list[str] = field(default_factory=list)
    _n_steps: int = 0
    _outermost: FrameType | None = None
    _iterating: FrameType | None = None

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        """Take one event of the interpreter, as `sys.setprofile` passes it on."""
        if event == "call":
            self._enter(frame, frame.f_code.co_name)
        elif event == "return":
            self._outermost = None if frame is self._outermost else self._outermost
            self._iterating = None if frame is self._iterating else self._iterating

    def _enter(self, frame: FrameType, name: str) -> None:
        if name == "train_step" and self._outermost is None and first_argument(frame) is self.net:
            self._outermost, self._n_steps = frame, self._n_steps + 1
        path = Path(frame.f_code.co_filename)
        if self._n_steps != COUNTED_STEP + 1 or PACKAGE not in path.parents:
            return
        if name in ("__iter__", "__next__") and self._iterating is None:
            self._iterating = frame
        calls = self.step if self._iterating is None else self.loader
        calls.append(str(path.relative_to(PACKAGE).with_suffix("")))


def first_argument(frame: FrameType) -> object:
    """Return the net that a method, or a function in its place, is called with."""
    return frame.f_locals[frame.f_code.co_varnames[0]]


def path_of(calls: list[str]) -> list[str]:
    """Drop repeated files: n moves make a path of n + 1 files.

    >>> path_of(["net", "net", "buffer", "net"])
    ['net', 'buffer', 'net']
    """
    return [file for file, _ in groupby(calls)]


def profile_step(net_class: Callable[..., NeuralNetClassifier]) -> StepProfile:
    """Train a linear net for two epochs with a recorder; return the calls of one step."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(N_BATCHES * BATCH_SIZE, N_FEATURES)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64)
    net = net_class(
        nn.Linear,
        module__in_features=N_FEATURES,
        module__out_features=2,
        criterion=nn.CrossEntropyLoss,
        batch_size=BATCH_SIZE,
        max_epochs=2,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[("action_scores", ActionScoreRecorder())],
        verbose=0,
    )
    profile = StepProfile(net)
    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        net.fit(X, y)
    finally:
        sys.setprofile(before)
    return profile


def measure(settings: "Settings | None", record: dict[str, Any]) -> list[Any]:
    """Count for each net; print the table and the paths."""
    print("\n| net | calls | files | moves | calls to draw the batch |\n|:--|--:|--:|--:|--:|")
    for name, net_class in NETS.items():
        profile = profile_step(net_class)
        path = path_of(profile.step)
        print(f"| {name} | {len(profile.step)} | {len(set(path))} | {len(path) - 1} | {len(profile.loader)} |")
        record[name] = {"path": path, "step": profile.step, "loader": profile.loader}
    for name in NETS:
        print(f"\n{name}: {' → '.join(record[name]['path'])}")
    return []


if __name__ == "__main__":
    measure(None, {})
