"""
Which boxes of a detector are wrong
===================================

Handwritten digits in scenes: ten boxes have the wrong digit, and ten are shifted. A small single-shot detector finds
most of them.
"""

# %%
# Scenes of 32 x 32 pixels with two digits each, and their boxes in pixels.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from skorch import NeuralNet
from torch import nn

from actscore_sk import ActionScoreEstimator
from actscore_sk.inspection import SampleGridDisplay
from actscore_sk.losses import MultiBoxLoss, make_anchors, pad_boxes

digits = load_digits()
rng = np.random.default_rng(0)
N_SCENES = 500
scenes = np.zeros((N_SCENES, 1, 32, 32), dtype=np.float32)
boxes, labels = np.zeros((N_SCENES, 2, 4)), np.zeros((N_SCENES, 2), dtype=int)
for scene, half in np.ndindex(N_SCENES, 2):
    digit = rng.integers(len(digits.target))
    x, y = rng.integers(0, 9) + 16 * half, rng.integers(0, 25)  # one in the left half, one in the right
    scenes[scene, 0, y : y + 8, x : x + 8] = digits.images[digit] / 16
    boxes[scene, half], labels[scene, half] = (x, y, x + 8, y + 8), digits.target[digit]

faulty = rng.choice(N_SCENES, 20, replace=False)
swapped, shifted = faulty[:10], faulty[10:]
labels[swapped, 0] = (labels[swapped, 0] + 1) % 10
boxes[shifted, 1, 0::2] -= 6

# %%
# The criterion keeps the loss of each box.
anchors = make_anchors((32, 32), [(8, 8)], [[8]], aspect_ratios=[1.0])


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 4 + 11, 1),
        )  # fmt: skip

    def forward(self, X):
        found = self.body(X).permute(0, 2, 3, 1).flatten(1, 2)  # in the order of the anchors: row by row
        return found[..., :4], found[..., 4:]  # the first class is the background


torch.manual_seed(0)
net = NeuralNet(
    Detector, criterion=MultiBoxLoss, criterion__anchors=anchors, optimizer=torch.optim.Adam, lr=0.004, max_epochs=15,
    batch_size=25, iterator_train__shuffle=True, train_split=None, verbose=0,
)  # fmt: skip
scorer = ActionScoreEstimator(net, random_state=0).fit(scenes, pad_boxes(boxes, labels))
frame = scorer.unit_frame().sort_values("score", ascending=False)
is_faulty = (frame["image"].isin(swapped) & (frame["box"] == 0)) | (frame["image"].isin(shifted) & (frame["box"] == 1))
print(f"{is_faulty.head(20).sum()} of the 20 hardest of {len(frame):,} boxes are faulty")
frame.head(4).round(1)

# %%
# The hardest boxes, and the easiest ones, of some classes:
some = frame[frame["class"] < 4]
SampleGridDisplay.from_boxes(some, scenes[:, 0], n_shown=4).plot()
plt.show()

# %%
# Whole scenes: the lighter and thicker a box, the harder it is.
shown = np.concatenate([swapped[:2], shifted[:2], np.setdiff1d(np.arange(6), faulty)[:4]])
of_boxes = [scorer.unit_scores_[i] for i in shown]
SampleGridDisplay.from_scores(
    scorer.action_scores_[shown], scenes[shown, 0], boxes=boxes[shown], box_scores=of_boxes, n_shown=4, names=shown
).plot()
plt.show()
