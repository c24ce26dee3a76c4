"""Which masks of cell nuclei are wrong: a small U-Net on DSB2018, masks eroded, swapped, or as they were published.

    python -m benchmarks segmentation                  # twelve minutes

The 334 images of one size of the 2018 Data Science Bowl (CC0), halved to 128 × 128. A seed is a split, the choice of
the masks that are made wrong, and the start of the net; all scores come from one fit. The published masks of 25 images
were corrected by others, most of them in a few pixels: these are the real faults. Trained on the corrected masks, the
same images are ranked again: what is found then, too, was found for what the image is like. Settings were fixed before
any run was ranked, but for this control, and for erosion by 1 pixel: by 2 was found too easily.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from skorch import NeuralNet
from torch import Tensor, nn
from torch.nn import functional as F

from actscore_sk import ActionScoreEstimator
from actscore_sk.losses import SegmentationLoss
from benchmarks.common.datasets import NUCLEI
from benchmarks.common.intervals import Claim, Interval
from benchmarks.common.ranking import ACTION, AP, AUROC, LAST, RANDOM, Rankings
from benchmarks.common.record import RESULTS, Settings, progress
from benchmarks.common.timing import markdown_table

N_SEEDS, EPOCHS = 3, 20
QUICK_EPOCHS, QUICK_IMAGES = 8, 120
SHARE_WRONG, TEST_SIZE = 0.1, 0.2
HARD_SHARE = 0.05  # of the pixels of an image, for one more score
CHANNELS = (16, 32, 64)
BATCH_SIZE, LEARNING_RATE = 8, 3e-3
EROSIONS = {"eroded by 1": 1, "eroded by 2": 2}  # pixels of the halved image
SWAPPED, PUBLISHED, CORRECTED = "swapped", "as published", "as corrected"
KINDS = (*EROSIONS, SWAPPED, PUBLISHED, CORRECTED)
N_SHOWN = 6


@dataclass(frozen=True)
class Nuclei:
    """Images (n, 3, 128, 128), true masks and masks as published (n, 128, 128), how many pixels these differ in.

    The last is counted before halving: most corrections are too small to be seen after it.
    """

    images: np.ndarray
    masks: np.ndarray
    published: np.ndarray
    n_corrected: np.ndarray

    @classmethod
    def load(cls) -> "Nuclei":
        """Read and halve; every image has mean 0 and standard deviation 1."""
        with np.load(NUCLEI.path()) as file:
            images = halved(file["images"].astype(np.float32)).transpose(0, 3, 1, 2)
            fixed, original = (file[f"labels_{kind}"] > 0 for kind in ("fixed", "original"))
        images -= images.mean((1, 2, 3), keepdims=True)
        images /= images.std((1, 2, 3), keepdims=True)
        masks, published = ((halved(each) >= 0.5).astype(np.int64) for each in (fixed, original))
        return cls(images, masks, published, (fixed != original).sum((1, 2)))

    def take(self, rows: np.ndarray) -> "Nuclei":
        """Return some of the images."""
        return Nuclei(*(part[rows] for part in vars(self).values()))


def halved(pixels: np.ndarray) -> np.ndarray:
    """Mean of 2 × 2 pixels."""
    n, height, width = pixels.shape[:3]
    return pixels.reshape(n, height // 2, 2, width // 2, 2, *pixels.shape[3:]).mean((2, 4), dtype=np.float32)


def with_faults(data: Nuclei, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of which some are wrong, and which ones (n_images,)."""
    if kind in (PUBLISHED, CORRECTED):
        return data.published if kind == PUBLISHED else data.masks, data.n_corrected > 0
    masks = data.masks.copy()
    chosen = rng.choice(len(masks), round(SHARE_WRONG * len(masks)), replace=False)
    for row, other in zip(chosen, np.roll(chosen, 1), strict=True):
        is_swap = kind == SWAPPED
        masks[row] = data.masks[other] if is_swap else ndimage.binary_erosion(masks[row], iterations=EROSIONS[kind])
    return masks, np.isin(np.arange(len(masks)), chosen)


class Block(nn.Sequential):
    """Two convolutions."""

    def __init__(self, n_in: int, n_out: int) -> None:
        layers: list[nn.Module] = []
        for n in (n_in, n_out):
            layers += [nn.Conv2d(n, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
        super().__init__(*layers)


class UNet(nn.Module):
    """The net of Ronneberger et al. (2015), small: one logit a pixel, (n, 1, height, width).

    It works on cells of 2 × 2 pixels, 12 numbers and 4 logits each, which takes half the time.
    """

    def __init__(self, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.down = nn.ModuleList(Block(a, b) for a, b in zip((12, *channels), channels, strict=False))
        up = list(reversed(channels))
        self.up = nn.ModuleList(Block(a + b, b) for a, b in pairwise(up))
        self.last = nn.Conv2d(channels[0], 4, 1)

    def forward(self, X: Tensor) -> Tensor:
        """Compute logits."""
        kept: list[Tensor] = []
        X = F.pixel_unshuffle(X, 2)
        for block in self.down:
            X = block(F.max_pool2d(X, 2) if kept else X)
            kept.append(X)
        for block, skipped in zip(self.up, reversed(kept[:-1]), strict=True):
            X = block(torch.cat([F.interpolate(X, scale_factor=2), skipped], 1))
        return F.pixel_shuffle(self.last(X), 2)


def fit(data: Nuclei, masks: np.ndarray, seed: int, epochs: int) -> ActionScoreEstimator:
    """Train on masks, some of them wrong."""
    net = NeuralNet(
        UNet,
        criterion=SegmentationLoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=BATCH_SIZE,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return ActionScoreEstimator(net, store_trajectories=True, random_state=seed).fit(data.images, masks)


def scores_of(scorer: ActionScoreEstimator, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return what images are ranked by; higher = harder."""
    pixels = np.sort(scorer.unit_scores_.reshape(len(scorer.unit_scores_), -1))
    return {
        ACTION: scorer.action_scores_,
        **{f"part {name}": scores for name, scores in scorer.component_scores_.items()},
        f"hardest {HARD_SHARE:.0%} of pixels": pixels[:, -round(HARD_SHARE * pixels.shape[1]) :].mean(1),
        LAST: scorer.trajectories_[-1],
        RANDOM: rng.random(len(pixels)),
    }


def logits_of(scorer: ActionScoreEstimator, images: np.ndarray) -> np.ndarray:
    """Logits of the trained net, (n_images, 128, 128)."""
    return scorer.predict(images)[:, 0]


def dice_of(found: np.ndarray, masks: np.ndarray) -> float:
    """Mean over images of 2 |A and B| / (|A| + |B|), of masks found and true."""
    both, sizes = (found & (masks > 0)).sum((1, 2)), found.sum((1, 2)) + masks.sum((1, 2))
    return float(np.mean(np.where(sizes > 0, 2 * both / np.maximum(sizes, 1), 1)))


def localized(scorer: ActionScoreEstimator, data: Nuclei, masks: np.ndarray, is_wrong: np.ndarray) -> dict[str, float]:
    """Area under the ROC curve for the wrong pixels of an eroded mask, mean over images.

    Pixels next to a border are hard in good masks, too. So the distance to the border of the given mask is one of the
    scores: what is no better than it has found the border, and not the fault.
    """
    areas = defaultdict(list)
    rows = [row for row in np.flatnonzero(is_wrong) if (masks[row] != data.masks[row]).any()]
    logits = logits_of(scorer, data.images[rows])
    for row, logit in zip(rows, logits, strict=True):
        inside = masks[row] > 0
        border = ndimage.distance_transform_edt(inside) + ndimage.distance_transform_edt(~inside)
        maps = {
            "unit scores": scorer.unit_scores_[row],
            "loss of the trained net": np.logaddexp(0, np.where(inside, -logit, logit)),
            "closeness to the border": -border,
        }
        for name, values in maps.items():
            areas[name].append(roc_auc_score((masks[row] != data.masks[row]).ravel(), values.ravel()))
    return {name: float(np.mean(found)) for name, found in areas.items()}


def draw(scorer: ActionScoreEstimator, data: Nuclei, masks: np.ndarray, is_wrong: np.ndarray, path: Path) -> None:
    """Draw the hardest and the easiest images with the border of their masks, and the scores of their pixels."""
    from matplotlib.figure import Figure

    order = np.argsort(-scorer.action_scores_)
    figure = Figure(figsize=(1.5 * N_SHOWN, 6.9), dpi=72, layout="constrained")
    axes = figure.subplots(4, N_SHOWN)
    top = np.quantile(scorer.unit_scores_, 0.999)
    for half, (name, rows) in enumerate({"hardest": order[:N_SHOWN], "easiest": order[-N_SHOWN:]}.items()):
        for column, row in enumerate(rows):
            image = data.images[row].transpose(1, 2, 0)
            low, high = np.quantile(image, [0.005, 0.995])
            above, below = axes[2 * half : 2 * half + 2, column]
            above.imshow(np.clip((image - low) / (high - low), 0, 1))
            above.contour(masks[row], [0.5], colors="red" if is_wrong[row] else "yellow", linewidths=0.6)
            above.set_title(f"{name} {column + 1}: {scorer.action_scores_[row]:.1f}", fontsize=8)
            below.imshow(scorer.unit_scores_[row], vmin=0, vmax=top, cmap="magma")
    for axis in axes.flat:
        axis.set_axis_off()
    figure.savefig(path)


def measure(settings: Settings, record: dict[str, Any]) -> list[Claim]:
    """Fit every kind of fault with every seed."""
    everything, epochs = Nuclei.load(), QUICK_EPOCHS if settings.quick else EPOCHS
    rankings, pixels, quality = Rankings(), defaultdict(list), defaultdict(list)
    published: list[list[tuple[int, int]]] = []
    for seed in settings.seeds(N_SEEDS):
        rows, test = train_test_split(np.arange(len(everything.images)), test_size=TEST_SIZE, random_state=seed)
        data, held_out = everything.take(rows[: QUICK_IMAGES if settings.quick else None]), everything.take(test)
        for kind in KINDS:
            rng = np.random.default_rng(seed)
            masks, is_wrong = with_faults(data, kind, rng)
            scorer = fit(data, masks, seed, epochs)
            rankings.add(kind, is_wrong, scores_of(scorer, rng))
            quality[kind].append(dice_of(logits_of(scorer, held_out.images) > 0, held_out.masks))
            for name, area in localized(scorer, data, masks, is_wrong).items() if kind in EROSIONS else ():
                pixels[kind, name].append(area)
            progress(f"seed {seed}, {kind}: {is_wrong.sum()} of {len(masks)} masks wrong, Dice {quality[kind][-1]:.3f}")
            if kind == PUBLISHED:
                published.append(places_of_corrected(scorer, data))
                if seed == 0 and not settings.quick:
                    RESULTS.mkdir(exist_ok=True)
                    draw(scorer, data, masks, is_wrong, RESULTS / "segmentation.png")
    rankings.print(AP, AUROC)
    print("\n## Wrong pixels of eroded masks, area under the ROC curve\n")
    lines = [(*names, Interval.of(areas)) for names, areas in pixels.items()]
    print(markdown_table(("masks", "ranked by", "mean over images"), lines))
    print("\n## Dice on images not trained on\n")
    print(markdown_table(("trained on masks", "Dice"), [(kind, Interval.of(found)) for kind, found in quality.items()]))
    print("\n## Published masks, a line a seed: (pixels that were corrected, place of the image)\n")
    print(*[f"- {', '.join(map(str, places))}" for places in published], sep="\n")
    record |= {
        "rankings": rankings.found,
        "pixels": {" | ".join(names): areas for names, areas in pixels.items()},
        "dice": quality,
        "published": published,
    }
    return rankings.claims([(kind, ACTION, other) for kind in KINDS[:-1] for other in (RANDOM, LAST)])


def places_of_corrected(scorer: ActionScoreEstimator, data: Nuclei) -> list[tuple[int, int]]:
    """Return pixels that were corrected and place by score of each image with a correction, the largest first."""
    places = np.argsort(np.argsort(-scorer.action_scores_)) + 1
    largest = np.argsort(-data.n_corrected)[: (data.n_corrected > 0).sum()]
    return [(int(data.n_corrected[row]), int(places[row])) for row in largest]
