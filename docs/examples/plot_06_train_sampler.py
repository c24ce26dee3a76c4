"""
Train on what is still hard
===========================

A sampler leaves out part of the well learnt samples in each epoch, and weights the others so that the expected gradient
stays what it is.
"""

# %%
import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from torch import nn

from actscore_sk import ActionScoreClassifier, DynamicPruningSampler

X, y = load_digits(return_X_y=True)
X = (X / 16).astype("float32")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
net = NeuralNetClassifier(
    nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)), criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam, lr=0.003, max_epochs=20, iterator_train__shuffle=True, train_split=None, verbose=0,
)  # fmt: skip

# %%
# Work is counted in samples that had a gradient, in units of an epoch on all data.
figure, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for name, sampler in {"all data": None, "dynamic pruning": DynamicPruningSampler(fraction=0.4)}.items():
    reduction = "sum" if sampler is None else "interpolated"
    clf = ActionScoreClassifier(net, train_sampler=sampler, reduction=reduction, random_state=0).fit(X_train, y_train)
    print(f"{name}: accuracy {clf.score(X_test, y_test):.3f}, work {clf.gradient_work_.sum():.1f} epochs")
    ax.plot(range(1, 21), clf.gradient_work_, "-" if sampler is None else "--", label=name)
ax.set(xlabel="epoch", ylabel="share of the samples with a gradient", ylim=(0, 1.1))
ax.legend(frameon=False, loc="lower right")
plt.show()
