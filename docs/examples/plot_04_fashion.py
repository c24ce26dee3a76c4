"""
Hard and easy classes of images
===============================

Fashion-MNIST where it is installed, digits elsewhere; a small convolutional net.
"""

# %%
import gzip
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import ActionScoreDisplay, SampleGridDisplay

FOLDER = Path("/usr/share/datasets/fashion-mnist")
N_IMAGES = 3000
NAMES = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]


def read(name, start):
    """Read one of the files of Fashion-MNIST, bytes from `start` on."""
    return np.frombuffer(gzip.decompress((FOLDER / name).read_bytes()), dtype=np.uint8, offset=start)


if FOLDER.is_dir():
    images = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)[:N_IMAGES] / 255
    labels = np.array(NAMES)[read("train-labels-idx1-ubyte.gz", 8)[:N_IMAGES]]
else:
    digits = load_digits()
    images, labels = digits.images / 16, digits.target.astype(str)

# %%
module = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1, stride=2), nn.ReLU(),
    nn.Flatten(), nn.LazyLinear(10),
)  # fmt: skip
X = images[:, None].astype(np.float32)
torch.manual_seed(0)
module(torch.from_numpy(X[:2]))  # the last layer learns how many inputs it has
net = NeuralNetClassifier(
    module, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=0.002, max_epochs=8, batch_size=64,
    iterator_train__shuffle=True, train_split=None, verbose=0,
)  # fmt: skip
scorer = ActionScoreClassifier(net, random_state=0).fit(X, labels)
ActionScoreDisplay.from_estimator(scorer, labels)
plt.show()

# %%
SampleGridDisplay.from_estimator(scorer, images, labels, n_shown=4)
plt.show()
