"""
Losses over epochs, and a map of the data
=========================================

What the net did with each sample, all metrics from one training; a tenth of the labels are wrong.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import DataMapDisplay, TrajectoryDisplay

X, y = load_wine(return_X_y=True)
wrong = np.random.default_rng(0).choice(len(y), 18, replace=False)
y[wrong] = (y[wrong] + 1) % 3
metrics = ("action_score", "confidence", "variability", "correctness")
scorer = ActionScoreClassifier(metrics=metrics, store_trajectories=True, random_state=0)
scorer.fit(StandardScaler().fit_transform(X), y)
hardest = np.argsort(-scorer.action_scores_)[:3]
TrajectoryDisplay.from_estimator(scorer, samples=hardest.tolist())
plt.show()

# %%
# Wrong labels are at the bottom, or far on the right.
DataMapDisplay.from_estimator(scorer)
plt.show()
