"""What there is to learn: inputs and targets, and the nets and criteria that go with them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from tests.fuzz import losses


@dataclass(frozen=True)
class Task:
    """One kind of problem; `make` gives X and y for a generator and a number of samples."""

    make: Callable[[Any, int], tuple[Any, Any]]
    nets: tuple[str, ...]
    losses: dict[str, Any]
    net_classes: tuple[type, ...]
    estimator: str
    n_outputs: int = 3
    has_classes: bool = False
    takes_log: bool = False


def _vectors(rng, n, k=3):
    X = rng.normal(size=(n, 5)).astype(np.float32)
    y = (X[:, :k] + rng.normal(size=(n, k))).argmax(axis=1).astype(np.int64)
    y[: min(k, n)] = np.arange(min(k, n))  # every class is there
    return X, y


def _images(rng, n):
    return rng.normal(size=(n, 1, 6, 6)).astype(np.float32), _vectors(rng, n)[1]


def _bytes(rng, n):
    return rng.integers(0, 256, size=(n, 1, 6, 6), dtype=np.uint8), _vectors(rng, n)[1]


def _words(rng, n):
    return rng.integers(0, 11, size=(n, 4)), _vectors(rng, n)[1]


def _two_inputs(rng, n):
    X, y = _vectors(rng, n)
    return {"words": _words(rng, n)[0], "numbers": X}, y


def _binary(rng, n):
    X, y = _vectors(rng, n, 2)
    return X, y.astype(np.float32)


def _numbers(rng, n, k=1):
    X, y = _vectors(rng, n)
    return X, (X[:, :k] + y[:, None] + rng.normal(size=(n, k))).astype(np.float32)


def _labels(rng, n):
    return _vectors(rng, n)[0], rng.integers(0, 2, size=(n, 3)).astype(np.float32)


def _pixels(rng, n):
    return rng.normal(size=(n, 1, 4, 4)).astype(np.float32), rng.integers(0, 3, size=(n, 4, 4))


def _shares(rng, n):
    X, y = _vectors(rng, n)
    shares = np.exp(rng.normal(size=(n, 3)) + 2 * np.eye(3)[y])
    return X, (shares / shares.sum(1, keepdims=True)).astype(np.float32)


def _heads(rng, n):
    X, y = _vectors(rng, n)
    return X, np.c_[y, rng.normal(size=n)].astype(np.float32)


def _sequences(rng, n):
    X = rng.normal(size=(n, 8, 3)).astype(np.float32)  # as long as a batch may be
    return X, np.c_[rng.integers(1, 4, n), rng.integers(1, 5, (n, 3))]


class Reader(NeuralNet):
    """Tells torch's own criterion how long outputs and targets are."""

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        if type(self.criterion_) is not nn.CTCLoss and isinstance(self.criterion_, losses.OwnCTC):
            return super().get_loss(y_pred, y_true, *args, **kwargs)
        return self.criterion_(y_pred, y_true[:, 1:], *losses.lengths(y_pred, y_true))


_VECTOR_NETS = "mlp", "linear", "noisy", "batch norm", "own noise", "lazy", "drifting", "own train", "half"
_CLASSIFIERS = NeuralNetClassifier, NeuralNet
_CLASSES = {"has_classes": True, "estimator": "ActionScoreClassifier"}
TASKS = {
    "classes": Task(_vectors, _VECTOR_NETS, losses.CLASSES, _CLASSIFIERS, **_CLASSES),
    "probabilities": Task(
        _vectors, ("probabilities",), losses.LOG_PROBABILITIES, (NeuralNetClassifier,), takes_log=True, **_CLASSES
    ),
    "log-probabilities": Task(_vectors, ("log-probabilities",), losses.LOG_PROBABILITIES, (NeuralNet,), **_CLASSES),
    "images": Task(_images, ("cnn",), losses.CLASSES, _CLASSIFIERS, **_CLASSES),
    "bytes": Task(_bytes, ("bytes",), losses.CLASSES, _CLASSIFIERS, **_CLASSES),
    "words": Task(_words, ("words",), losses.CLASSES, _CLASSIFIERS, **_CLASSES),
    "two inputs": Task(_two_inputs, ("two inputs",), losses.CLASSES, _CLASSIFIERS, **_CLASSES),
    "binary": Task(
        _binary, ("flat",), losses.LABELS, (NeuralNetBinaryClassifier,), "ActionScoreClassifier", n_outputs=1
    ),
    "number": Task(_numbers, _VECTOR_NETS, losses.NUMBERS, (NeuralNetRegressor,), "ActionScoreRegressor", n_outputs=1),
    "numbers": Task(
        lambda rng, n: _numbers(rng, n, 3), _VECTOR_NETS, losses.NUMBERS, (NeuralNetRegressor,), "ActionScoreRegressor"
    ),
    "labels": Task(_labels, _VECTOR_NETS, losses.SEVERAL_LABELS, (NeuralNet,), "ActionScoreEstimator"),
    "shares": Task(_shares, _VECTOR_NETS, losses.SHARES, (NeuralNet,), "ActionScoreEstimator"),
    "divergences": Task(_shares, ("log-probabilities",), losses.DIVERGENCES, (NeuralNet,), "ActionScoreEstimator"),
    "pixels": Task(_pixels, ("pixels",), losses.PIXELS, (NeuralNet,), "ActionScoreEstimator"),
    "sequences": Task(_sequences, ("time first",), losses.SEQUENCES, (Reader,), "ActionScoreEstimator", n_outputs=5),
    "heads": Task(
        _heads, ("heads",), {"cross entropy": losses.CLASSES["cross entropy"]}, (NeuralNet,), "ActionScoreEstimator"
    ),
}
