"""
Search how much to leave out
============================

A fifth of the labels of a table are wrong; a grid search finds how much of the hardest part to leave out.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from actscore_sk import ActionScorePruner, ResampledClassifier
from actscore_sk.inspection import PruningCurveDisplay

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
wrong = np.random.default_rng(0).choice(len(y_train), len(y_train) // 5, replace=False)
y_train[wrong] = 1 - y_train[wrong]

model = ResampledClassifier(ActionScorePruner(random_state=0), LogisticRegression(C=100, max_iter=2000))
grid = {"sampler__threshold": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]}
scaler = StandardScaler().fit(X_train)
search = GridSearchCV(model, grid, cv=3).fit(scaler.transform(X_train), y_train)
PruningCurveDisplay.from_estimator(search)
plt.show()

# %%
# Folds are scored with their wrong labels, so these numbers are low; the test labels are right.
everything = make_pipeline(StandardScaler(), LogisticRegression(C=100, max_iter=2000)).fit(X_train, y_train)
print(f"left out: {search.best_params_['sampler__threshold']:.0%}")
print(f"accuracy on right labels: {search.score(scaler.transform(X_test), y_test):.3f}")
print(f"of all samples: {everything.score(X_test, y_test):.3f}")
