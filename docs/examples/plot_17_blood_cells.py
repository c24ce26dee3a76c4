"""
Boxes around blood cells
========================

Photos of blood with boxes around cells (BCCD), where the data set of the benchmarks is installed; digits pasted on a
photo elsewhere. Some boxes get the wrong class, some are shifted; a small detector finds them, and faults that came
with the data set.
"""

# %%
# Photos of 160 x 120 pixels; boxes (x1, y1, x2, y2) and classes of each.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_image
from skorch import NeuralNet
from torch import nn

from actscore_sk import ActionScoreEstimator
from actscore_sk.inspection import SampleGridDisplay
from actscore_sk.losses import MultiBoxLoss, make_anchors, pad_boxes

try:
    from benchmarks.common.blood_cells import CLASSES, Cells
    from benchmarks.common.datasets import is_here
except ImportError:  # the example alone, without the repository
    has_cells = False
else:
    has_cells = is_here("blood cells")

rng = np.random.default_rng(0)


def digits_on_a_photo(n_images=200, n_boxes=8):
    """Paste digits from 0 to 2, enlarged to 24 pixels, on tiles of a photo."""
    photo, digits = load_sample_image("china.jpg") / 255, load_digits(n_class=3)
    images, boxes, labels = np.zeros((n_images, 3, 120, 160), np.float32), [], []
    for image in images:
        y, x = rng.integers(0, photo.shape[0] - 120), rng.integers(0, photo.shape[1] - 160)
        image[:] = photo[y : y + 120, x : x + 160].transpose(2, 0, 1)
        places = rng.permutation(24)[:n_boxes]  # of a grid of 6 x 4, so that no two overlap
        corners = np.column_stack([places % 6 * 26, places // 6 * 29]) + rng.integers(0, 4, (n_boxes, 2))
        drawn = rng.integers(len(digits.target), size=n_boxes)
        for (left, top), i in zip(corners, drawn, strict=True):
            pixels = np.kron(digits.images[i] / 16, np.ones((3, 3)))
            image[:, top : top + 24, left : left + 24] += pixels
        boxes.append(np.hstack([corners, corners + 24.0]))
        labels.append(digits.target[drawn])
    return images, boxes, labels


if has_cells:
    cells = Cells.load("trainval")
    images, boxes, labels, names = cells.images, cells.boxes, cells.labels, CLASSES
else:
    print("BCCD is not here; digits take its place. `python -m benchmarks.common.datasets` says how to get it.")
    images, boxes, labels = digits_on_a_photo()
    names = ("0", "1", "2")
print(f"{len(images)} photos with {sum(map(len, boxes)):,} boxes: {', '.join(names)}")

# %%
# In every sixth photo one box is made wrong: by turns its class, and its place, by half of its size.
swapped, shifted = np.arange(0, len(images), 12), np.arange(6, len(images), 12)
which = np.array([rng.integers(len(each)) for each in boxes])
boxes, labels = [each.copy() for each in boxes], [each.copy() for each in labels]
for i in swapped:
    labels[i][which[i]] = (labels[i][which[i]] + rng.integers(1, 3)) % 3
for i in shifted:
    half = (boxes[i][which[i], 2:] - boxes[i][which[i], :2]) / 2
    side = np.where(boxes[i][which[i], :2] > half, -1, 1)
    boxes[i][which[i]] += np.tile(side * half, 2)

# %%
# A detector that looks for boxes of three sizes at every eighth pixel.
SIZES = [10, 24, 46]
anchors = make_anchors((120, 160), [(15, 20)], [SIZES], aspect_ratios=[1.0])


def block(n_in, n_out, stride):
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU())


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(block(3, 16, 2), block(16, 32, 2), block(32, 64, 2), block(64, 64, 1))
        self.head = nn.Conv2d(64, len(SIZES) * (4 + 4), 3, padding=1)  # per anchor: a place, background or a class

    def forward(self, X):
        found = self.head(self.body(X)).permute(0, 2, 3, 1).reshape(len(X), -1, 8)
        return found[..., :4], found[..., 4:]


torch.manual_seed(0)
net = NeuralNet(
    Detector, criterion=MultiBoxLoss, criterion__anchors=anchors, optimizer=torch.optim.Adam, lr=0.003, max_epochs=12,
    batch_size=8, iterator_train__shuffle=True, train_split=None, verbose=0,
)  # fmt: skip
scorer = ActionScoreEstimator(net, random_state=0).fit(images, pad_boxes(boxes, labels))
frame = scorer.unit_frame().sort_values("score", ascending=False)
is_box = frame["box"].to_numpy() == which[frame["image"]]
for fault, photos in (("wrong class", swapped), ("shifted", shifted)):
    ranks = np.flatnonzero(is_box & frame["image"].isin(photos).to_numpy())
    print(f"{fault}: {len(ranks)} boxes, half of them among the hardest {np.median(ranks + 1):.0f} of {len(frame):,}")

# %%
# The hardest boxes of each class, cut out, with the number of the photo; those that were made wrong are 0, 6, 12 ...
pictures = images.transpose(0, 2, 3, 1)
low, high = pictures.min(), pictures.max()
pictures = (pictures - low) / (high - low)
SampleGridDisplay.from_boxes(frame.assign(**{"class": np.array(names)[frame["class"]]}), pictures, n_shown=5).plot()
plt.show()

# %%
# Of the photos that nobody here has touched, those with the hardest box, which are worth a look, and those whose boxes
# are all easy. The lighter and thicker a box, the harder it is. A cell that has no box has no score: in some photos of
# BCCD only the white cell has one, and the red ones are not to be found in this way.
hardest = frame.groupby("image")["score"].max()
shown = np.setdiff1d(hardest.index, [*swapped, *shifted])
SampleGridDisplay.from_scores(
    hardest[shown], pictures[shown], boxes=[boxes[i] for i in shown],
    box_scores=[scorer.unit_scores_[i] for i in shown], n_shown=2, names=shown,
).plot()  # fmt: skip
plt.show()
