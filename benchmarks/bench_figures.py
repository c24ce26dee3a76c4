"""The paper's figures: hardest and easiest images of each class, difficulty of classes, and poisoned labels.

    python -m benchmarks figures                       # twenty minutes

After Arriaga & Valdenegro-Toro (arXiv 2011.11461), with torch versions of the two small Keras nets of their code: A is
Keras' example for MNIST (convolutions of 32 and 64, one pooling, dense 128), B that for CIFAR-10 (two times two
convolutions of 32 and 64, dense 512), with their dropout, Adam and batches of 128. 5,000 training images of each data
set, 8 epochs, less than theirs. Pictures and classes are those of net B on the labels as published, seed 0. In the
experiment with poisoned labels a tenth of them is any other class; three seeds, losses at presentation and after each
epoch, which is what the authors record.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from torch import nn

from actscore_sk import ActionScoreClassifier
from actscore_sk.utils.typing import Recording
from benchmarks.common.datasets import LOADERS, Table, is_here, load_cifar10n
from benchmarks.common.nets import make_net
from benchmarks.common.noise import uniform
from benchmarks.common.ranking import RANDOM, Rankings
from benchmarks.common.record import RESULTS, Settings, progress
from benchmarks.common.timing import markdown_table

OPTIONS = ("jobs", "only")

N_SAMPLES, QUICK_SAMPLES = 5000, 1000
EPOCHS, QUICK_EPOCHS = 8, 2
N_SEEDS, POISON = 3, 0.1
N_SHOWN = 5
DATA: dict[str, Callable[[], Table]] = {
    "mnist": lambda: LOADERS["mnist"](),
    "fashion": lambda: LOADERS["fashion"](),
    "cifar10n": load_cifar10n,
}
NAMES = {
    "mnist": [str(digit) for digit in range(10)],
    "fashion": ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"],
    "cifar10n": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
}


def net_a(channels: int) -> nn.Module:
    """Two convolutions without padding, one pooling."""
    first = nn.Conv2d(channels, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25)
    return nn.Sequential(*first, nn.Flatten(), nn.LazyLinear(128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))


def net_b(channels: int) -> nn.Module:
    """Two blocks of two convolutions."""
    layers: list[nn.Module] = []
    for n_in, n_out in ((channels, 32), (32, 64)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(), nn.Conv2d(n_out, n_out, 3), nn.ReLU()]
        layers += [nn.MaxPool2d(2), nn.Dropout(0.25)]
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10))


NETS = {"A": net_a, "B": net_b}


def initialized(build: Callable[[int], nn.Module], shape: tuple[int, ...]) -> nn.Module:
    """Build a net, and let its lazy layers see an image."""
    module = build(shape[0])
    module(torch.zeros(1, *shape))
    return module


def fit(table: Table, y: np.ndarray, net: str, seed: int, epochs: int, recording: Recording) -> np.ndarray:
    """Return the action score of each image."""
    torch.set_num_threads(1)
    module = partial(initialized, NETS[net], table.X.shape[1:])
    scorer = ActionScoreClassifier(
        make_net(module, lr=0.001, batch_size=128, max_epochs=epochs), recording=recording, random_state=seed
    )
    return scorer.fit(table.X, y).action_scores_


def draw(table: Table, scores: np.ndarray, names: list[str]) -> Figure:
    """Draw a row a class: the hardest images, then the easiest, with their scores."""
    figure = Figure(figsize=(2 * N_SHOWN * 0.85, len(names) * 0.98), layout="constrained", dpi=80)
    grid: Any = figure.subplots(len(names), 2 * N_SHOWN)
    for label, (row, name) in enumerate(zip(grid, names, strict=True)):
        mine = np.flatnonzero(table.y == label)
        order = mine[np.argsort(-scores[mine], kind="stable")]
        for axes, sample in zip(row, [*order[:N_SHOWN], *order[-N_SHOWN:]], strict=True):
            image = table.X[sample].transpose(1, 2, 0)
            axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(f"{scores[sample]:.1f}", fontsize=7, labelpad=1)
        row[0].set_ylabel(name, fontsize=8)
    grid[0, 0].set_title("hardest", fontsize=9, loc="left")
    grid[0, N_SHOWN].set_title("easiest", fontsize=9, loc="left")
    return figure


def print_classes(name: str, table: Table, scores: np.ndarray) -> None:
    """Print the difficulty of each class, the hardest first."""
    print(f"\n## {name}: difficulty of classes\n")
    is_hardest = scores >= np.quantile(scores, 0.9)
    lines = []
    for label in sorted(range(10), key=lambda label: -scores[table.y == label].mean()):
        mine = table.y == label
        numbers = f"{scores[mine].mean():.2f}", f"{np.median(scores[mine]):.2f}", f"{is_hardest[mine].mean():.0%}"
        lines.append((NAMES[name][label], int(mine.sum()), *numbers))
    print(markdown_table(("class", "images", "mean score", "median", "among the hardest tenth"), lines))


def measure(settings: Settings, record: dict[str, Any]) -> list[Any]:
    """Draw, then poison."""
    n_samples, epochs = (QUICK_SAMPLES, QUICK_EPOCHS) if settings.quick else (N_SAMPLES, EPOCHS)
    parallel = Parallel(settings.jobs)
    for name in settings.parts(list(DATA)):
        if not is_here(name) or (settings.quick and name != "fashion"):
            continue
        whole = DATA[name]()
        table = whole.take(np.random.default_rng(0).permutation(len(whole.y))[:n_samples])
        scores = fit(table, table.y, "B", 0, epochs, "training")
        print_classes(name, table, scores)
        if not settings.quick:
            RESULTS.mkdir(exist_ok=True)
            draw(table, scores, NAMES[name]).savefig(RESULTS / f"figures_{name}.png")
        jobs = list(product(settings.seeds(N_SEEDS), NETS, ("training", "epoch_end")))
        poisoned = {seed: uniform(table.y, POISON, 10, np.random.default_rng(seed)) for seed in settings.seeds(N_SEEDS)}
        found = parallel(
            delayed(fit)(table, poisoned[seed], net, seed, epochs, recording) for seed, net, recording in jobs
        )
        rankings = Rankings()
        for (seed, net, recording), values in zip(jobs, found, strict=True):
            is_wrong, control = poisoned[seed] != table.y, np.random.default_rng(seed).random(n_samples)
            rankings.add(f"net {net}, {recording}", is_wrong, {"action score": values, RANDOM: control})
        rankings.print(title=f"{name}, {POISON:.0%} of the labels wrong: ")
        record[name] = {"poisoned": rankings.found}
        progress(name)
    return []
