"""
Find wrong labels
=================

A tenth of the labels of the digits are wrong. One training ranks them.
"""

# %%
# Flip labels, fit, and look at how many of the hardest samples are wrong.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import SampleGridDisplay

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
wrong = rng.choice(len(y), len(y) // 10, replace=False)
y[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10

scores = ActionScoreClassifier(random_state=0).fit(X, y).action_scores_
hardest = np.argsort(-scores)[: len(wrong)]
print(f"{np.isin(hardest, wrong).mean():.0%} of the {len(wrong)} hardest samples have a wrong label")

# %%
# The hardest and the easiest images of some classes, by their given label.
some = y < 4
SampleGridDisplay.from_scores(scores[some], X[some].reshape(-1, 8, 8), y[some], n_shown=4).plot()
plt.show()
