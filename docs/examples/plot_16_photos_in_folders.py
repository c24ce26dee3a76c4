"""
Photos in folders, some in the wrong one
========================================

Two photos that come with scikit-learn, a temple and a dahlia, cut into tiles: a folder per photo, a JPEG file per tile.
One in twenty is moved into the other folder, and found again.
"""

# %%
# The folders, as torchvision's ``ImageFolder`` reads them. With folders of your own, begin below.
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from skorch import NeuralNetClassifier
from skorch.dataset import ValidSplit
from torch import nn
from torch.utils.data import Dataset

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import SampleGridDisplay

SIZE, STEP = 40, 20  # tiles overlap by half
NAMES = ["temple", "dahlia"]

temporary = TemporaryDirectory()
folder = Path(temporary.name)
rng = np.random.default_rng(0)
for name, other, photo in zip(NAMES, NAMES[::-1], load_sample_images().images, strict=True):
    for y in range(0, photo.shape[0] - SIZE, STEP):
        for x in range(0, photo.shape[1] - SIZE, STEP):
            is_moved = rng.random() < 0.05
            file = folder / (other if is_moved else name) / f"{name}_{y:03}_{x:03}.jpg"
            file.parent.mkdir(exist_ok=True)
            Image.fromarray(photo[y : y + SIZE, x : x + SIZE]).save(file, quality=90)

# %%
files = sorted(folder.glob("*/*.jpg"))
given = np.array([file.parent.name for file in files])  # the name of the folder is the label
for name in np.unique(given):
    print(f"{name}/ has {np.sum(given == name)} files")


class Folder(Dataset):
    """Open the files of a batch when they are asked for."""

    def __init__(self, files, labels):
        self.files, self.labels = files, labels

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        pixels = np.asarray(Image.open(self.files[i]).convert("RGB").resize((32, 32)), dtype=np.float32)
        return torch.from_numpy(pixels / 255).permute(2, 0, 1), self.labels[i]


# %%
# A small net that holds a fifth of the files out, by which it is known how many are wrong.
torch.manual_seed(0)
module = nn.Sequential(
    nn.Conv2d(3, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.BatchNorm2d(32),
    nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 2),
)  # fmt: skip
net = NeuralNetClassifier(
    module, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=0.002, max_epochs=12, batch_size=64,
    iterator_train__shuffle=True, train_split=ValidSplit(5, stratified=True), verbose=0,
)  # fmt: skip
classes, labels = np.unique(given, return_inverse=True)
judge = ActionScoreClassifier(net, store_probabilities=True, random_state=0).fit(Folder(files, labels), labels)
issues = judge.label_issues()
was_moved = np.array([not file.name.startswith(file.parent.name) for file in files])
found = was_moved[issues.index[: was_moved.sum()]].sum()
print(f"{found} of the first {was_moved.sum()} are in the wrong folder; {judge.is_label_issue_.sum()} look wrong")

# %%
# The likeliest and the least likely of each folder. Files are opened for the picture alone.
names = [f"→ {classes[label]}" for label in judge.suggested_labels_]
SampleGridDisplay.from_scores(judge.wrong_label_scores_, files, given, n_shown=4, names=names).plot()
plt.show()

# %%
# Paths for a look, or for a program that moves files:
paths = [files[i].relative_to(folder) for i in issues.index]
issues[["wrong_probability", "is_issue"]].assign(file=paths, to=classes[issues["suggested_label"]]).head().round(2)

# %%
temporary.cleanup()
