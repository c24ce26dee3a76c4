"""
Losses over epochs, and a map of the data
=========================================

What the net did with each sample, all metrics from one training.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import DataMapDisplay, TrajectoryDisplay

X, y = load_wine(return_X_y=True)
metrics = ("action_score", "confidence", "variability", "correctness")
scorer = ActionScoreClassifier(metrics=metrics, store_trajectories=True, random_state=0)
scorer.fit(StandardScaler().fit_transform(X), y)
hardest = np.argsort(-scorer.action_scores_)[:3]
TrajectoryDisplay.from_estimator(scorer, samples=hardest.tolist())
plt.show()

# %%
DataMapDisplay.from_estimator(scorer)
plt.show()
