"""
Text with wrong labels
======================

Real text that is on every machine with scientific Python: which library does the documentation of a function come from?
One in twenty of these labels is made wrong.
"""

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
import scipy.signal
import scipy.stats
import sklearn.metrics
import sklearn.utils
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import ActionScoreDisplay

ROOMS = {
    "numpy": [np],
    "scipy": [scipy.stats, scipy.signal],
    "sklearn": [sklearn.metrics, sklearn.utils],
    "torch": [torch],
}
found = {}
for library, rooms in ROOMS.items():
    for name, thing in sorted((name, getattr(room, name)) for room in rooms for name in room.__all__ if name.islower()):
        text = inspect.getdoc(thing) if callable(thing) else None
        if text and len(text) > 200:
            found[library, name] = text.lower().replace(library, "")  # that would be too easy
print(f"{len(found)} texts of {len(ROOMS)} libraries")

# %%
texts, true = list(found.values()), np.array([library for library, _ in found])
rng = np.random.default_rng(0)
wrong = rng.choice(len(true), len(true) // 20, replace=False)
libraries = np.array(sorted(ROOMS))
given = true.copy()
given[wrong] = libraries[(np.searchsorted(libraries, true[wrong]) + rng.integers(1, 4, len(wrong))) % 4]

words = TfidfVectorizer(sublinear_tf=True, min_df=3, stop_words="english")
judge = ActionScoreClassifier(store_probabilities=True, random_state=0)
model = make_pipeline(words, TruncatedSVD(80, random_state=0), judge).fit(texts, given)
issues = model[-1].label_issues()
first = issues.index[: len(wrong)]
print(f"of the first {len(first)}, {np.isin(first, wrong).sum()} have a wrong label")
names = np.array([name for _, name in found])
issues.assign(function=names[issues.index], true=true[issues.index]).head(8).round(2)

# %%
ActionScoreDisplay.from_estimator(model[-1], given)
plt.show()
