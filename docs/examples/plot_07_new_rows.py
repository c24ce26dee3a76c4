"""
How hard will new rows be?
==========================

A transformer learns difficulty from the scores of its training data, and predicts it for new rows.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from actscore_sk import ActionScoreTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
difficulty = ActionScoreTransformer(random_state=0).fit(X_train, y_train).transform(X_test).ravel()

# %%
# A model that has never seen the scores errs more often on the rows that are predicted to be hard.
right = LogisticRegression(max_iter=5000).fit(X_train, y_train).predict(X_test) == y_test
for name, part in zip(("easiest", "middle", "hardest"), np.array_split(np.argsort(difficulty), 3), strict=True):
    print(f"{name} third: accuracy {right[part].mean():.3f}")

# %%
# By tenths:
tenths = [1 - right[part].mean() for part in np.array_split(np.argsort(difficulty), 10)]
figure, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
ax.bar(range(1, 11), tenths, color="#5b84b1")
ax.set(xlabel="tenth of the new rows, by predicted difficulty", ylabel="share of errors")
plt.show()
