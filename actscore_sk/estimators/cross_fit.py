"""Nets that each hold other rows out, so that every row is judged by one that never trained on it."""

from typing import Any

import numpy as np
from skorch.utils import to_numpy
from torch.utils.data import Subset, default_collate

from actscore_sk.data.fetching import batch_slicer
from actscore_sk.estimators.batched_training import may_train_at_once, shares_work

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


def rows_by_net(net: Any, data: Any, most_held_out: float, n_classes: int) -> list[np.ndarray] | None:
    """Return the rows that each of several nets is to hold out, or None if one net decides, or one and a second fit.

    The first net holds out what its own `train_split` does, the others as many of the rest, so that all make steps of
    the same size. Each row is held out by a net, some by two.

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

    Returns
    -------
    rows : list of ndarray of int64 (n_held_out,), or None
        None if the nets cannot be trained at once, the rows are not divided into 4 to 6 parts, or there are groups.
    """
    if data.groups is not None or data.targets is None or not may_train_at_once(net, data) or not shares_work(net):
        return None
    dataset = net.get_dataset(data.X, data.targets)
    n_samples = len(dataset)
    if net.train_split is None or batch_slicer(dataset, default_collate) is None:
        return None
    held_out = net.train_split(dataset, data.targets)[1]
    first = getattr(held_out, "indices", ())
    if getattr(held_out, "dataset", None) is not dataset or not 0 < len(first) < most_held_out:
        return None
    n_nets = -(-n_samples // len(first))
    n_bytes = 12 * n_nets * n_samples * (n_classes + 1)
    if not LEAST_NETS <= n_nets <= MOST_NETS or n_bytes > MOST_BYTES:
        return None
    rows = deal(np.asarray(first, dtype=np.int64), to_numpy(data.targets).reshape(n_samples), n_nets)
    return rows if {*map(len, rows)} == {len(first)} else None


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
        By net, the first one included. A few rows are dealt twice, so that each net holds out as many as the first;
        fewer if there are too few.

    Examples
    --------
    >>> [rows.tolist() for rows in deal(np.array([0, 1]), np.array([0, 1, 0, 0, 0, 1, 1, 1, 2]), 4)]
    [[0, 1], [4, 5], [2, 7], [3, 6]]
    """
    _, codes, counts = np.unique(codes, return_inverse=True, return_counts=True)
    is_dealt = counts[codes] > 1
    is_dealt[first] = False
    order = np.random.default_rng(0).permutation(np.flatnonzero(is_dealt))
    order = order[np.argsort(codes[order], kind="stable")]
    hands = [order[number :: n_nets - 1] for number in range(n_nets - 1)]
    padded = [
        np.r_[hand, other[: len(first) - len(hand)]] for hand, other in zip(hands, hands[1:] + hands[:1], strict=True)
    ]
    return [first, *padded]
