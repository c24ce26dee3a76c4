"""
Labels that people got wrong
============================

Photos of CIFAR-10 with a label that one person gave each of them (CIFAR-10N, Wei et al., 2022; its authors call these
labels "worse"), where the data set of the benchmarks is installed; digits with as many flipped labels elsewhere.
"""

# %%
# Whether people were right is known for these images, and used only to check what is found.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from skorch.dataset import ValidSplit
from torch import nn

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import ActionScoreReport, SampleGridDisplay

try:
    from benchmarks.common.datasets import is_here, load_cifar10n
except ImportError:  # the example alone, without the repository
    has_photos = False
else:
    has_photos = is_here("cifar10n")

N_PHOTOS = 5000
NAMES = np.array(["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"])

if has_photos:
    photos = load_cifar10n().take(np.arange(N_PHOTOS))
    X, true, given = photos.X, NAMES[photos.y], NAMES[photos.given["worse"]]
else:
    print("CIFAR-10N is not here; digits take its place. `python -m benchmarks.common.datasets` says how to get it.")
    digits = load_digits()
    X, true = digits.images[:, None].astype(np.float32) / 16, digits.target.astype(str)
    rng = np.random.default_rng(0)
    wrong = rng.choice(len(true), len(true) * 2 // 5, replace=False)
    given = true.copy()
    given[wrong] = (digits.target[wrong] + rng.integers(1, 10, len(wrong))).astype(int) % 10
print(f"{len(X):,} images, {np.mean(given != true):.1%} of the labels are wrong")

# %%
# A small convolutional net that holds a fifth of the images out, and one parameter to switch on. So few held-out images
# get a second fit, on all of them; the seed is for the first weights of the module.
torch.manual_seed(0)
n_channels = X.shape[1]
module = nn.Sequential(
    nn.Conv2d(n_channels, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
    nn.Flatten(), nn.Dropout(0.3), nn.Linear(512, 10),
)  # fmt: skip
net = NeuralNetClassifier(
    module, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=0.002, max_epochs=12, batch_size=64,
    iterator_train__shuffle=True, train_split=ValidSplit(5), verbose=0,
)  # fmt: skip
judge = ActionScoreClassifier(net, store_probabilities=True, random_state=0).fit(X, given)
issues = judge.label_issues()
issues.head(8).round(2)

# %%
# How many of the first ones are wrong, how many suggestions are right, and how many labels are wrong in all. A small
# net on few photos is wrong itself about many of them, and counts a part of that as wrong labels: the estimate is too
# high, while the ranking is right at its top.
first = issues.index[:200]
is_wrong = given[first] != true[first]
is_right = judge.suggested_labels_[first] == true[first]
low, high = judge.noise_rate_interval_
print(f"of the first 200, {is_wrong.sum()} are wrong (by chance: {200 * np.mean(given != true):.0f}); "
      f"{is_right[is_wrong].mean():.0%} of the suggestions for these are right")  # fmt: skip
print(f"estimated: {judge.noise_rate_:.0%} of all labels are wrong ({low:.0%} to {high:.0%})")

# %%
# Of some classes the labels most likely wrong, with what they should be, and those that are hardly wrong.
images = X.transpose(0, 2, 3, 1) if n_channels == 3 else X[:, 0]
positions = np.char.add("#", np.arange(len(X)).astype(str))
names = np.where(judge.is_label_issue_, np.char.add("→ ", judge.suggested_labels_.astype(str)), positions)
SampleGridDisplay.from_scores(judge.wrong_label_scores_, images, given, n_shown=4, max_groups=5, names=names).plot()
plt.show()

# %%
# All of it as a page, with a place for a verdict on each label: ``report.save("labels.html")``.
report = ActionScoreReport.from_estimator(judge, given, images=images, title="Labels that people gave")
report.frame().head(3)
