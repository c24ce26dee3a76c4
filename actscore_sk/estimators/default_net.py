"""The net behind ``estimator=None``: a small perceptron, with its size, batches and epochs chosen from the data."""

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import sparse
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import ValidSplit
from torch import nn

from actscore_sk.data.disk_rows import DiskRows
from actscore_sk.estimators.perceptron import Perceptron

# Up to here one batch holds all samples. Then a weight of 2 and a sample given twice train alike, as scikit-learn
# asks of estimators that take weights.
_ONE_BATCH = 256
_BLOCK = 2**20  # numbers of X that are looked at together
_BATCHES_PER_EPOCH, _LEAST_BATCH = 16, 64
_MIN_UPDATES = 200  # of the parameters
_EPOCHS = (20, 100)
_UNITS_PER_FEATURE = 4
_WIDTHS = (32, 256)
_MANY = 100_000  # rows
_LEAST_SPREAD = 1e-3  # of targets, to their mean: single precision has seven digits for both


class _Rule(NamedTuple):
    """What depends on whether rows are many."""

    largest_batch: int
    step: float
    widest_second: int  # layer
    dtype: torch.dtype
    fused: bool | None  # Adam, which rounds otherwise in a third of the time


# A larger step fits wrong labels as soon as right ones: of 5 % flipped digits 0.01 finds a tenth less.
_FEW_ROWS = _Rule(1024, 2e-3, _WIDTHS[1], torch.float64, None)
# Many rows are not learnt one by one, so that a step may be large, and time counts: benchmarks/results/large_tables.md.
_MANY_ROWS = _Rule(2048, 8e-3, 64, torch.float32, True)
_ADAM_EPS = 1e-8


def default_net(
    X: Any, y: Any, sample_weight: Any, *, kind: str, n_classes: int = 0, holds_out: bool = False
) -> NeuralNet:
    """Build the net that ``estimator=None`` stands for: a perceptron whose size and batches fit X.

    It trains with Adam and prints nothing. The number of epochs is 20 to 100, the more the fewer batches an epoch has;
    ``fit(X, y, epochs=30)`` of the estimators overrides it.

    Parameters
    ----------
    X : ndarray (n_samples, ...) or csr_matrix
        Features of any number of dimensions are flattened.
    y : ndarray (n_samples,) or (n_samples, n_outputs)
        Codes of classes, targets, or 0 and 1 for each of several labels.
    sample_weight : ndarray (n_samples,) or None
        Counts in the means and spreads that the net standardises by.
    kind : {"classification", "regression", "multilabel"}
        Decides on the loss: cross-entropy, squared error, binary cross-entropy.
    n_classes : int
        Number of classes.
    holds_out : bool
        If True, a fifth of the samples, drawn at random, is held out.

    Returns
    -------
    net : NeuralNet
        Not initialised.

    Raises
    ------
    ValueError
        If X is not one array.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(1000, 3))
    >>> net = default_net(X, X[:, 0], None, kind="regression")
    >>> net.batch_size, net.max_epochs
    (64, 20)
    """
    if not (isinstance(X, np.ndarray) or sparse.issparse(X) or (isinstance(X, DiskRows) and X.ndim == 2)):
        raise ValueError(
            f"estimator=None builds a net for an array, but X is a {type(X).__name__}; pass a skorch net as estimator"
        )
    n_samples = X.shape[0]
    X = X.reshape(n_samples, -1) if isinstance(X, np.ndarray) else X
    center, scale = _moments(X, sample_weight)
    rule = _MANY_ROWS if n_samples > _MANY else _FEW_ROWS
    batch_size = _batch_size(n_samples, rule.largest_batch)
    updates_per_epoch = -(-n_samples // batch_size)
    width = int(np.clip(_UNITS_PER_FEATURE * X.shape[1], *_WIDTHS))
    module = {
        "center": center,
        "scale": scale,
        "widths": (width, min(width, rule.widest_second)),
        "n_outputs": 1 if y.ndim == 1 else y.shape[1],
        "dtype": rule.dtype,
    }
    eps = _ADAM_EPS
    if kind == "classification":
        module["n_outputs"] = n_classes
    elif kind == "regression":
        target_center, target_scale = _moments(y.reshape(n_samples, -1), sample_weight)
        module |= {"target_center": target_center, "target_scale": target_scale}
        # A gradient of the squared error has the squared unit of the target; so must what Adam adds to it.
        eps *= float(target_scale.min()) ** 2
        if not (target_scale > _LEAST_SPREAD * np.abs(target_center)).all():
            module["dtype"] = torch.float64
    net_class, criterion, nonlinearity = _KINDS[kind]
    return net_class(
        Perceptron,
        criterion=criterion,
        optimizer=torch.optim.Adam,
        optimizer__eps=eps,
        optimizer__fused=rule.fused,
        lr=rule.step,
        batch_size=batch_size,
        max_epochs=int(np.clip(-(-_MIN_UPDATES // updates_per_epoch), *_EPOCHS)),
        iterator_train__shuffle=True,
        train_split=ValidSplit(0.2, random_state=0) if holds_out else None,
        predict_nonlinearity=nonlinearity,
        verbose=0,
        callbacks__print_log=None,  # it lays out its table even if nothing is printed
        **{f"module__{name}": value for name, value in module.items()},
    )


_KINDS: dict[str, tuple[type[NeuralNet], type[nn.Module], Any]] = {
    "classification": (NeuralNetClassifier, nn.CrossEntropyLoss, "auto"),
    "regression": (NeuralNetRegressor, nn.MSELoss, "auto"),
    # skorch would stack the probabilities of 0 and of 1 for each label
    "multilabel": (NeuralNet, nn.BCEWithLogitsLoss, torch.sigmoid),
}


def _batch_size(n_samples: int, largest: int) -> int:
    if n_samples <= _ONE_BATCH:
        return n_samples
    return int(np.clip(n_samples // _BATCHES_PER_EPOCH, _LEAST_BATCH, largest))


def _moments(X: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and standard deviation of the columns, the latter 1 where a column is constant."""
    n_samples = X.shape[0]
    if weights is None:
        weights = np.broadcast_to(1 / n_samples, n_samples)  # no memory
    else:
        weights = np.asarray(weights, dtype=np.float64) / np.sum(weights, dtype=np.float64)
    if sparse.issparse(X):
        mean = np.asarray(weights @ X).reshape(-1)
        variance = np.asarray(weights @ X.multiply(X)).reshape(-1) - mean**2
    else:  # in double precision, some rows at a time: a whole copy would take eight times the bytes of images
        n_rows = max(1, _BLOCK // max(1, X.shape[1]))
        blocks = [slice(start, start + n_rows) for start in range(0, n_samples, n_rows)]
        mean = sum(weights[rows] @ X[rows] for rows in blocks)
        variance = sum(weights[rows] @ (X[rows] - mean) ** 2 for rows in blocks)
    scale = np.sqrt(np.maximum(variance, 0))
    return mean, np.where(scale > 1e-9 * np.abs(mean), scale, 1.0)
