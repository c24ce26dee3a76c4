"""
Wrong labels under boosting
===========================

One fit of scikit-learn's histogram boosting on a medical table; 29 of 569 labels are wrong.
"""

# %%
# Small trees: large ones learn a wrong label within some rounds, and then their margin says nothing any more.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier

from actscore_sk import ActionScoreClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
wrong = np.arange(0, len(y), 20)
y.iloc[wrong] = 1 - y.iloc[wrong]
trees = HistGradientBoostingClassifier(max_leaf_nodes=6, learning_rate=0.05)
clf = ActionScoreClassifier(trees, metrics=("action_score", "aum"), store_trajectories=True, random_state=0).fit(X, y)
hardest = clf.sample_metrics_["aum"].argsort()[: len(wrong)]
print(f"{np.isin(hardest, wrong).sum()} of the {len(wrong)} rows with the lowest margin have a wrong label")

# %%
# The loss of each row after each tree: wrong labels are learnt late.
is_wrong = np.isin(np.arange(len(y)), wrong)
figure, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
ax.plot(clf.trajectories_[:, ~is_wrong], color="#c9d8e8", linewidth=0.4)
ax.plot(clf.trajectories_[:, is_wrong], color="#b5541c", linewidth=0.8)
ax.set(xlabel="trees", ylabel="loss", title="wrong labels in orange")
plt.show()
