"""One training, written in each of the ways that are compared: by hand, with skorch, with actscore_sk.

Every row trains the same module from the same seed on the same data, which are on the host when the clock starts. On
"cuda" skorch copies each batch over; the torch loops copy all data at the start, which is the best form of such a loop.
They keep no log, pick a batch as `X[index]` and are otherwise as plain as can be.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from actscore_sk import ActionScoreClassifier, ActionScoreTracker
from actscore_sk.metrics import get_metric_names
from actscore_sk.utils.optional import import_optional

SEED = 0
LEARNING_RATE = 0.01
N_WORKERS = 2
ALL_METRICS = get_metric_names()


@dataclass(frozen=True)
class Case:
    """What is trained, on how much, and how often it is timed."""

    n_samples: int
    shape: tuple[int, ...]
    n_classes: int
    module: Callable[[], nn.Module]
    batch_size: int
    epochs: int
    repeats: int
    quick_repeats: int
    is_bytes: bool = False  # X of uint8, as pictures have it

    @property
    def n_batches(self) -> int:
        """Number of training steps in all."""
        return self.epochs * math.ceil(self.n_samples / self.batch_size)


def mlp(n_features: int) -> nn.Module:
    """Two hidden layers of 64, two classes."""
    sizes = nn.Linear(n_features, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
    return nn.Sequential(*sizes)


def cnn() -> nn.Module:
    """Two convolutions of 16 and 32 channels and a linear layer, for images of 28 x 28, ten classes."""
    first = nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    second = nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(32 * 7 * 7, 10))


@dataclass(frozen=True)
class Job:
    """A case with its data."""

    case: Case
    X: np.ndarray
    y: np.ndarray
    device: str


def make_job(case: Case, device: str) -> Job:
    """Draw the data; the class is the largest of the first features. Costs no memory that is freed again."""
    rng, shape = np.random.default_rng(SEED), (case.n_samples, *case.shape)
    X = rng.integers(0, 256, shape, dtype=np.uint8) if case.is_bytes else rng.standard_normal(shape, dtype=np.float32)
    y = X.reshape(case.n_samples, -1)[:, : case.n_classes].argmax(axis=1)
    return Job(case, X, y, device)


def _start(job: Job) -> tuple[nn.Module, torch.optim.Optimizer]:
    module = job.case.module().to(job.device).train()
    return module, torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)


def _batches(job: Job) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    X, y = torch.from_numpy(job.X).to(job.device), torch.from_numpy(job.y).to(job.device)
    for _ in range(job.case.epochs):
        for index in torch.randperm(len(X), device=job.device).split(job.case.batch_size):
            yield index, X[index], y[index]


def torch_loop(job: Job) -> nn.Module:
    """Train, and nothing else."""
    module, optimizer = _start(job)
    criterion = nn.CrossEntropyLoss()
    for _, Xi, yi in _batches(job):
        optimizer.zero_grad()
        criterion(module(Xi), yi).backward()
        optimizer.step()
    return module


def torch_loop_scores(job: Job) -> nn.Module:
    """Train, and add up the losses by hand."""
    module, optimizer = _start(job)
    criterion = nn.CrossEntropyLoss(reduction="none")
    scores = torch.zeros(job.case.n_samples, device=job.device)
    for index, Xi, yi in _batches(job):
        optimizer.zero_grad()
        losses = criterion(module(Xi), yi)
        scores.index_add_(0, index, losses.detach())
        losses.mean().backward()
        optimizer.step()
    return module


def torch_loop_tracker(
    job: Job, metrics: Sequence[str] = ("action_score",), tracker: ActionScoreTracker | None = None
) -> nn.Module:
    """Train, and tell a tracker each batch; None: a new one."""
    module, optimizer = _start(job)
    criterion = nn.CrossEntropyLoss(reduction="none")
    tracker = ActionScoreTracker(job.case.n_samples, metrics=metrics) if tracker is None else tracker
    for batch, (index, Xi, yi) in enumerate(_batches(job), start=1):
        optimizer.zero_grad()
        logits = module(Xi)
        losses = criterion(logits, yi)
        losses.mean().backward()
        optimizer.step()
        tracker.update(index, losses, logits, yi)
        if batch % (job.case.n_batches // job.case.epochs) == 0:
            tracker.end_epoch()
    return module


class TimedTracker(ActionScoreTracker):
    """A tracker that adds up the processor time of its own calls in the loop."""

    seconds = 0.0

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Add the visits of one batch."""
        start = time.process_time()
        super().update(*args, **kwargs)
        self.seconds += time.process_time() - start

    def end_epoch(self, held_out_loss: float | None = None) -> None:
        """Close the epoch."""
        start = time.process_time()
        super().end_epoch(held_out_loss)
        self.seconds += time.process_time() - start


def torch_loop_aum(job: Job) -> nn.Module:
    """Train, and tell the calculator of the `aum` package each batch."""
    module, optimizer = _start(job)
    criterion = nn.CrossEntropyLoss()
    calculator = import_optional("aum", extra="bench", purpose="compare with it").AUMCalculator(save_dir="")
    for index, Xi, yi in _batches(job):
        optimizer.zero_grad()
        logits = module(Xi)
        calculator.update(logits.detach(), yi, index.tolist())
        criterion(logits, yi).backward()
        optimizer.step()
    return module


class ScoringPass(Callback):
    """Add up the losses of a second pass over the data after each epoch."""

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Start from zero."""
        self.scores_ = torch.zeros(len(X))

    def on_epoch_end(self, net: Any, dataset_train: Any = None, **kwargs: Any) -> None:
        """Predict all samples."""
        logits = net.forward(dataset_train)
        targets = torch.from_numpy(dataset_train.y)
        self.scores_ += nn.functional.cross_entropy(logits, targets, reduction="none")


def net(job: Job, **options: Any) -> NeuralNetClassifier:
    """Build the net that the skorch and actscore rows train."""
    case = job.case
    return NeuralNetClassifier(
        case.module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=LEARNING_RATE,
        batch_size=case.batch_size,
        max_epochs=case.epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        device=job.device,
        **options,
    )


def workers(job: Job) -> dict[str, Any]:
    """Settings of a DataLoader as a user might have them."""
    options = {"num_workers": N_WORKERS, "persistent_workers": True, "pin_memory": job.device == "cuda"}
    return {f"iterator_train__{name}": value for name, value in options.items()}


ROWS: dict[str, Callable[[Job], Any]] = {
    "torch loop": torch_loop,
    "torch loop + scores": torch_loop_scores,
    "torch loop + tracker": torch_loop_tracker,
    "torch loop + tracker, all metrics": partial(torch_loop_tracker, metrics=ALL_METRICS),
    "skorch": lambda job: net(job).fit(job.X, job.y),
    "actscore": lambda job: ActionScoreClassifier(net(job)).fit(job.X, job.y),
    "actscore, all metrics": lambda job: ActionScoreClassifier(net(job), metrics=ALL_METRICS).fit(job.X, job.y),
    "skorch, user's DataLoader settings": lambda job: net(job, **workers(job)).fit(job.X, job.y),
    "actscore, user's DataLoader settings": lambda job: ActionScoreClassifier(net(job, **workers(job))).fit(
        job.X, job.y
    ),
    "skorch + scoring pass": lambda job: net(job, callbacks=[ScoringPass()]).fit(job.X, job.y),
    "aum in a torch loop": torch_loop_aum,
}
# Scoring changes nothing: these end with the parameters of their partner, to the bit.
TWINS = {name: name.replace("actscore", "skorch").replace(", all metrics", "") for name in ROWS if "actscore" in name}


def work(row: str, job: Job) -> Any:
    """Train a row from the seed of all rows."""
    torch.manual_seed(SEED)
    return ROWS[row](job)


def parameters(result: Any) -> torch.Tensor:
    """Read the trained parameters of whatever a row returned."""
    trained = getattr(result, "estimator_", result)
    module = getattr(trained, "module_", trained)
    return torch.cat([part.detach().reshape(-1) for part in module.parameters()])  # in any memory format
