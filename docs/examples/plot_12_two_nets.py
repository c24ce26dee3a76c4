"""
What one net finds hard, and another does not
=============================================

A linear model and a net with a hidden layer, on the same digits: where do they agree, and which digits need the layer?
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.stats import rankdata
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import score_agreement

digits = load_digits()
X, y = (digits.data / 16).astype("float32"), digits.target
torch.manual_seed(0)
modules = {
    "linear": nn.Linear(64, 10),
    "hidden layer": nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)),
}
options = {"criterion": nn.CrossEntropyLoss, "optimizer": torch.optim.Adam, "lr": 0.003, "max_epochs": 20}
options |= {"iterator_train__shuffle": True, "train_split": None, "verbose": 0}
scorers = {
    name: ActionScoreClassifier(NeuralNetClassifier(module, **options), random_state=0).fit(X, y)
    for name, module in modules.items()
}
print(score_agreement(scorers, k=0.1).round(2).to_string())

# %%
# Ranks, since scores of two nets are not on one scale; digits far off the diagonal are those that one net finds hard.
ranks = {name: rankdata(scorer.action_scores_) / len(y) for name, scorer in scorers.items()}
gap = ranks["linear"] - ranks["hidden layer"]
needs_layer = np.argsort(-gap)[:8]
figure, ax = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
ax.scatter(ranks["linear"], ranks["hidden layer"], s=4, color="#5b84b1")
ax.scatter(ranks["linear"][needs_layer], ranks["hidden layer"][needs_layer], s=24, color="#b5541c")
ax.set(xlabel="rank, linear (1 = hardest)", ylabel="rank, hidden layer", title="1,797 digits")
plt.show()

# %%
# Hard for the linear model, and easy with a hidden layer:
figure, axes = plt.subplots(1, len(needs_layer), figsize=(8, 1.4), layout="constrained")
for ax, i in zip(axes, needs_layer, strict=True):
    ax.imshow(digits.images[i], cmap="gray_r")
    ax.set(xticks=[], yticks=[], title=y[i])
plt.show()
