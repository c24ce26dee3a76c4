"""
A loop of plain PyTorch
=======================

Three lines score every sample: one makes the tracker, one is in the batch, one ends the epoch.
"""

# %%
import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from actscore_sk import ActionScoreTracker
from actscore_sk.inspection import SampleGridDisplay, TrajectoryDisplay

digits = load_digits()
X, y = torch.tensor(digits.data / 16).float(), torch.tensor(digits.target)
wrong = torch.arange(0, len(y), 30)
y[wrong] = (y[wrong] + 1) % 10
loader = DataLoader(TensorDataset(X, y, torch.arange(len(y))), batch_size=64, shuffle=True)

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
tracker = ActionScoreTracker(len(y), store_trajectories=True)
for _ in range(10):
    for Xi, yi, index in loader:
        losses = nn.functional.cross_entropy(net(Xi), yi, reduction="none")
        optimizer.zero_grad()
        losses.mean().backward()
        optimizer.step()
        tracker.update(index, losses)
    tracker.end_epoch()

hardest = tracker.to_frame().nlargest(len(wrong), "action_score")["index"]
print(f"{hardest.isin(wrong.tolist()).mean():.0%} of the {len(wrong)} hardest digits have a wrong label")

# %%
TrajectoryDisplay.from_estimator(tracker, samples=hardest[:3].tolist())
plt.show()

# %%
SampleGridDisplay.from_scores(tracker.action_scores_, digits.images, y.numpy(), n_shown=4, max_groups=4).plot()
plt.show()
