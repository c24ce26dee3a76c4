"""Which metric finds which kind of hardness: four kinds of wrong labels, and images noisy, foreign, cut or turned.

    python -m benchmarks kinds                         # ten minutes

After the grid of H-CAT (Seedat et al., 2023). A tenth of the samples is made hard in one way, the others stay as they
are, and samples are ranked by each metric of one fit; three seeds. Fashion-MNIST, 5,000 images, a small convolutional
net. Metrics of lower = harder are turned round. What no metric finds (area near 0.5) stays in the table, and what one
ranks as easy, too (below 0.5).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from scipy import ndimage
from sklearn.neighbors import NearestNeighbors

from benchmarks.common.datasets import LOADERS, Table, is_here
from benchmarks.common.dynamics import difficulties, fit_all
from benchmarks.common.nets import make_net, perceptron, strided_cnn
from benchmarks.common.noise import choose
from benchmarks.common.ranking import AP, AUROC, RANDOM, Rankings
from benchmarks.common.record import Settings, progress

OPTIONS = ("jobs", "only")

N_SEEDS, SHARE, N_SAMPLES = 3, 0.1, 5000
EPOCHS, LEARNING_RATE = 10, 0.002

Kind = Callable[[Table, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def mislabel_uniform(table: Table, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Any other class."""
    y = table.y.copy()
    y[rows] = (y[rows] + rng.integers(1, table.n_classes, size=len(rows))) % table.n_classes
    return table.X, y


def mislabel_pair(table: Table, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The next class."""
    y = table.y.copy()
    y[rows] = (y[rows] + 1) % table.n_classes
    return table.X, y


def mislabel_neighbour(table: Table, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The class of the nearest sample of another class."""
    y, flat = table.y.copy(), table.X.reshape(len(table.X), -1)
    for label in np.unique(table.y[rows]):
        mine, others = rows[table.y[rows] == label], np.flatnonzero(table.y != label)
        nearest = NearestNeighbors(n_neighbors=1).fit(flat[others]).kneighbors(flat[mine], return_distance=False)
        y[mine] = table.y[others[nearest[:, 0]]]
    return table.X, y


def mislabel_instance(table: Table, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest other class under a random linear map of the image (after Xia et al., 2020)."""
    y, flat = table.y.copy(), table.X.reshape(len(table.X), -1)
    logits = flat[rows] @ rng.normal(size=(flat.shape[1], table.n_classes))
    logits[np.arange(len(rows)), y[rows]] = -np.inf
    y[rows] = logits.argmax(1)
    return table.X, y


def add_noise(table: Table, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian noise on the pixels, as strong as the spread of all pixels."""
    X = table.X.copy()
    X[rows] = np.clip(X[rows] + rng.normal(scale=X.std(), size=X[rows].shape), 0, 1)
    return X, table.y


def put_foreign(table: Table, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A handwritten digit in place of the image: far out of distribution."""
    X, digits = table.X.copy(), LOADERS["mnist 5k"]().X
    X[rows] = digits[rng.choice(len(digits), len(rows), replace=False)]
    return X, table.y


def cut(table: Table, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Crop to one half of each side, somewhere, and zoom back."""
    X, size = table.X.copy(), table.X.shape[-1] // 2
    for row in rows:
        top, left = rng.integers(0, size + 1, size=2)
        X[row, 0] = ndimage.zoom(table.X[row, 0, top : top + size, left : left + size], 2, order=1)
    return X, table.y


def turn(table: Table, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Turn by a quarter: atypical, and with the right label."""
    X = table.X.copy()
    X[rows] = np.rot90(table.X[rows], axes=(2, 3))
    return X, table.y


KINDS: dict[str, Kind] = {
    "uniform": mislabel_uniform,
    "pair": mislabel_pair,
    "neighbour": mislabel_neighbour,
    "instance": mislabel_instance,
    "noise": add_noise,
    "foreign": put_foreign,
    "crop": cut,
    "atypical": turn,
}


def run_seed(table: Table, kind: str, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Make some samples hard, fit, and give every metric."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    rows = choose(len(table.y), SHARE, rng)
    X, y = KINDS[kind](table, rows, rng)
    is_image = X.shape[-1] == 28
    net = make_net(strided_cnn if is_image else lambda: perceptron(64, 10), lr=LEARNING_RATE, max_epochs=EPOCHS)
    scores = difficulties(fit_all(net, X, y, seed)) | {RANDOM: rng.random(len(y))}
    return np.isin(np.arange(len(y)), rows), scores


def small_images() -> Table:
    """Return scikit-learn's digits as images 8 x 8."""
    table = LOADERS["digits"]()
    return Table(table.X.reshape(-1, 1, 8, 8), table.y)


def measure(settings: Settings, record: dict[str, Any]) -> list[Any]:
    """Run every kind."""
    is_small = settings.quick or not is_here("fashion")
    whole = small_images() if is_small else LOADERS["fashion"]()
    has_foreign = is_here("mnist 5k") and not is_small
    kinds = [kind for kind in settings.parts(list(KINDS)) if kind != "foreign" or has_foreign]
    rankings = Rankings()
    for seed in settings.seeds(N_SEEDS):
        table = whole.take(np.random.default_rng(seed).permutation(len(whole.y))[:N_SAMPLES])
        found = Parallel(settings.jobs)(delayed(run_seed)(table, kind, seed) for kind in kinds)
        for kind, (is_hard, scores) in zip(kinds, found, strict=True):
            rankings.add(kind, is_hard, scores)
        progress(f"seed {seed}")
    rankings.print(AUROC, AP, title=f"{'Digits' if is_small else 'Fashion-MNIST'}: ")
    record["results"] = rankings.found
    return []
