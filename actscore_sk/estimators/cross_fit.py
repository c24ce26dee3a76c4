"""Nets that each hold other rows out, so that every row is judged by one that never trained on it."""

from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from skorch.dataset import ValidSplit
from skorch.utils import to_numpy
from torch.utils.data import Subset

from actscore_sk.estimators.batchable import may_train_at_once, shares_work, tensor_slicer
from actscore_sk.estimators.net_callbacks import callbacks_of, hears_batches

MOST_NETS = 6  # nets trained at once share work; more of them take longer than a second fit
LEAST_NETS = 4  # with fewer, each learns from so few rows that it is another net
MOST_BYTES = 2**26  # of the probabilities that all nets keep


class HeldOutRows:
    """A `train_split` that holds given rows out.

    Parameters
    ----------
    rows : ndarray of int64 (n_held_out,)
        Positions in X.

    Examples
    --------
    >>> train, held_out = HeldOutRows(np.array([2, 0]))("abcd")
    >>> train.indices, held_out.indices
    (array([1, 3]), array([2, 0]))
    """

    def __init__(self, rows: np.ndarray) -> None:
        self.rows: Any = rows

    def __call__(self, dataset: Any, y: Any = None, groups: Any = None) -> tuple[Subset, Subset]:
        """Split a data set into rows to train on and rows held out."""
        rest: Any = np.setdiff1d(np.arange(len(dataset)), self.rows)
        return Subset(dataset, rest), Subset(dataset, self.rows)


def rows_by_net(
    net: Any, data: Any, most_held_out: float, n_classes: int, most_nets: int = MOST_NETS
) -> list[np.ndarray] | None:
    """Return the rows that each of several nets is to hold out, or None if one net decides, or one and a second fit.

    The first net holds out what its own `train_split` does. The others hold out the other parts of a KFold, or rows
    drawn at random where it draws them; all of them as many, so that they make steps of the same size.

    Parameters
    ----------
    net : NeuralNet
        Not initialized.
    data : FitData
        Of the fit.
    most_held_out : float
        From so many held-out rows on one net decides alone.
    n_classes : int
        Number of classes.
    most_nets : int
        There are not to be more.

    Returns
    -------
    rows : list of ndarray of int64 (n_held_out,), or None
        None if the nets cannot be trained at once, or if `train_split` is no `ValidSplit` by a number or by a
        (stratified) KFold that makes 4 to 6 parts. Any other split knows which rows belong together.
    """
    if data.groups is not None or data.targets is None or not may_train_at_once(net, data) or not shares_work(net):
        return None
    split, targets = net.train_split, data.targets
    if type(split) is not ValidSplit or any(map(hears_batches, callbacks_of(net))):
        return None
    dataset = net.get_dataset(data.X, targets)
    n_samples = len(dataset)
    if tensor_slicer(dataset) is None:
        return None
    before = np.random.get_state()  # noqa: NPY002 - what a split without a seed draws from
    rows = _parts_of(split, dataset, targets)
    sizes = {*map(len, rows)}
    n_bytes = 12 * len(rows) * n_samples * (n_classes + 1)
    if len(sizes) == 1 and max(sizes) < most_held_out and len(rows) <= most_nets and n_bytes <= MOST_BYTES:
        return rows
    np.random.set_state(before)  # noqa: NPY002 - the split is drawn again
    return None


def _parts_of(split: ValidSplit, dataset: Any, targets: Any) -> list[np.ndarray]:
    """Return the rows that several nets hold out, the split's own first; none if it does not part the rows."""
    codes, n_samples = to_numpy(targets).reshape(len(dataset)), len(dataset)
    resolved = split.check_cv(targets)
    if type(resolved) in (KFold, StratifiedKFold):
        if not LEAST_NETS <= resolved.n_splits <= MOST_NETS:
            return []
        return padded([held_out for _, held_out in resolved.split(np.arange(n_samples), codes)], codes)
    if not isinstance(split.cv, float):
        return []
    first = np.asarray(split(dataset, targets)[1].indices, dtype=np.int64)
    n_nets = round(n_samples / len(first))
    if not LEAST_NETS <= n_nets <= MOST_NETS or abs(n_nets * len(first) - n_samples) > n_nets:
        return []
    return padded(deal(first, codes, n_nets), codes)


def deal(first: np.ndarray, codes: np.ndarray, n_nets: int) -> list[np.ndarray]:
    """Deal the rows that a first net trains on to the others, as evenly over the classes as their numbers allow.

    The draw is always the same. A class with one sample is left to be trained on, or no net would know it.

    Parameters
    ----------
    first : ndarray of int64 (n_held_out,)
        Rows that the first net holds out.
    codes : ndarray (n_samples,)
        Class of each sample.
    n_nets : int
        So many hold out all rows.

    Returns
    -------
    rows : list of ndarray of int64
        By net, the first one included.

    Examples
    --------
    >>> [rows.tolist() for rows in deal(np.array([0, 1]), np.array([0, 1, 0, 0, 0, 1, 1, 1, 2]), 4)]
    [[0, 1], [4, 5], [2, 7], [3, 6]]
    """
    is_dealt = _class_sizes(codes) > 1
    is_dealt[first] = False
    order = np.random.default_rng(0).permutation(np.flatnonzero(is_dealt))
    order = order[np.argsort(codes[order], kind="stable")]
    return [first, *[order[number :: n_nets - 1] for number in range(n_nets - 1)]]


def padded(rows: list[np.ndarray], codes: np.ndarray) -> list[np.ndarray]:
    """Let smaller parts hold out a few rows of the next one as well, so that all are as large as the largest.

    They are spread over the next part, and of classes with more than two samples, of which enough are left to train on.
    A part for which there are not enough stays smaller.

    Examples
    --------
    >>> [part.tolist() for part in padded([np.array([0, 1, 2]), np.array([3, 4]), np.array([5, 6, 7])], np.zeros(8))]
    [[0, 1, 2], [3, 4, 5], [5, 6, 7]]
    """
    most, sizes = max(map(len, rows)), _class_sizes(codes)
    result = []
    for part, following in zip(rows, rows[1:] + rows[:1], strict=True):
        spare = following[sizes[following] > 2]
        places = np.linspace(0, len(spare), most - len(part), endpoint=False).astype(np.int64)
        result.append(np.r_[part, spare[np.unique(places)]] if len(spare) else part)
    return result


def _class_sizes(codes: np.ndarray) -> np.ndarray:
    """Return the number of samples in the class of each sample, (n_samples,)."""
    _, codes, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return counts[codes]
