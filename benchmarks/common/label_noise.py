"""Ways in which labels of a table go wrong, by kind and rate."""

from collections.abc import Callable
from itertools import product

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.common.datasets import Table
from benchmarks.common.noise import pair, uniform

Labels = np.ndarray
Noise = Callable[[Table, float, np.random.Generator], Labels]
N_FOLDS = 5


def class_dependent(table: Table, share: float, rng: np.random.Generator) -> Labels:
    """Some classes are mistaken more often than others, and each for a few others."""
    y, k = table.y, table.n_classes
    often = rng.uniform(0, 2, k)[y] ** 2 + 1e-9
    wrong = rng.choice(len(y), size=round(share * len(y)), replace=False, p=often / often.sum())
    becomes = rng.dirichlet(np.full(k, 0.3), k) + 1e-9
    np.fill_diagonal(becomes, 0)
    labels = y.copy()
    labels[wrong] = [rng.choice(k, p=becomes[j] / becomes[j].sum()) for j in y[wrong]]
    return labels


def feature_dependent(table: Table, share: float, rng: np.random.Generator) -> Labels:
    """Rows that other models are unsure of get the class that these hold likeliest apart from the true one."""
    X, y = table.X.reshape(len(table.y), -1), table.y
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    models = KNeighborsClassifier(15), LogisticRegression(C=0.1, max_iter=200)
    says = np.mean([cross_val_predict(model, X, y, cv=folds, method="predict_proba") for model in models], axis=0)
    own, others = says[np.arange(len(y)), y], np.where(np.eye(says.shape[1], dtype=bool)[y], -1, says)
    doubt = np.log(others.max(1) + 0.01) - np.log(own + 0.01) + rng.gumbel(size=len(y))
    wrong = np.argsort(-doubt)[: round(share * len(y))]
    labels = y.copy()
    labels[wrong] = others.argmax(1)[wrong]
    return labels


NOISE: dict[str, Noise] = {
    "uniform": lambda table, share, rng: uniform(table.y, share, table.n_classes, rng),
    "pair": lambda table, share, rng: pair(table.y, share, table.n_classes, rng),
    "class": class_dependent,
    "feature": feature_dependent,
}
CELLS = [("uniform", 0.0), *product(NOISE, (0.05, 0.1, 0.2, 0.4))]
