"""
Easy digits first
=================

A fifth of the labels are wrong, and there is little time: does the order of the samples matter?
"""

# %%
# A judge scores the samples once. The model takes its batches in the order that it gets.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from torch import nn

from actscore_sk import ActionScoreClassifier, ActionScoreCurriculum

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split((X / 16).astype("float32"), y, random_state=0)
rng = np.random.default_rng(0)
wrong = rng.choice(len(y), len(y) // 5, replace=False)
y[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10

torch.manual_seed(0)
net = NeuralNetClassifier(
    nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)), criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam, lr=0.003, batch_size=64, train_split=None, verbose=0,
)  # fmt: skip
judge = clone(net).set_params(max_epochs=10, lr=0.01, iterator_train__shuffle=True)
scores = ActionScoreClassifier(judge, random_state=0).fit(X, y).action_scores_

# %%
# Accuracy on right labels after each epoch: hard ones first cost the first epoch, and in the end the order makes no
# difference.
figure, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for order, line in (("easy_first", "-"), ("random", ":"), ("hard_first", "--")):
    sampler = ActionScoreCurriculum(order=order, class_balanced=True, random_state=0)
    X_ordered, y_ordered = sampler.fit_resample(X, y, action_scores=scores)
    model = clone(net).initialize()
    accuracy = [np.mean(model.partial_fit(X_ordered, y_ordered, epochs=1).predict(X_test) == y_test) for _ in range(8)]
    ax.plot(range(1, 9), accuracy, line, label=order)
    print(f"{order:>10}: {accuracy[0]:.2f} after one epoch, {accuracy[-1]:.2f} after eight")
ax.set(xlabel="epoch", ylabel="accuracy on right labels")
ax.legend(frameon=False)
plt.show()
