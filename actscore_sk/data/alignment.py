"""Positions of a split's samples in the X that the user passed.

A score belongs to a row of X, but a net trains on a part of it: `train_split` wraps the data in `Subset` objects, which
may be nested, or makes data sets of slices of X.
"""

import numpy as np
import torch
from torch.utils.data import Dataset, Subset

from actscore_sk.data.sources import check_source
from actscore_sk.data.views import viewed_rows
from actscore_sk.data.wrapped import dataset_inside, keeps_its_indices
from actscore_sk.exceptions import IndexTrackingError


def unwrap_subsets(dataset: Dataset, root: Dataset | None = None) -> tuple[Dataset, torch.Tensor | None]:
    """Follow `Subset` wrappers down to the data that they select from.

    Parameters
    ----------
    dataset : Dataset
        Any map-style data set.
    root : Dataset, optional
        Data set to stop at, even if it is a `Subset` itself. By default, the first non-`Subset`.

    Returns
    -------
    base : Dataset
        `root` if it was met, else the innermost data set.
    positions : tensor of int64 (len(dataset),) or None
        Position in `base` of each item of `dataset`; None where they are the same.

    Examples
    --------
    >>> from torch.utils.data import Subset, TensorDataset
    >>> data = TensorDataset(torch.arange(5))
    >>> unwrap_subsets(Subset(Subset(data, [4, 3, -3]), [0, 2]))[1]
    tensor([4, 2])
    """
    positions = None
    for subset in subset_layers(dataset, root):
        selected = torch.from_numpy(np.asarray(subset.indices, dtype=np.int64).reshape(-1))
        positions = selected if positions is None else selected[positions]
        dataset = subset.dataset
        if len(positions) and int(positions.min()) < 0:  # counted from the end, as torch allows
            positions = positions % len(dataset)  # type: ignore[arg-type]
    return dataset, positions


def subset_layers(dataset: Dataset, root: Dataset | None = None) -> list[Subset]:
    """Return the `Subset` wrappers of a data set, outermost first.

    Parameters
    ----------
    dataset, root : Dataset
        As in `unwrap_subsets`.

    Returns
    -------
    layers : list of Subset
        Empty if `dataset` is no `Subset`, or `root` itself.
    """
    layers = []
    while dataset is not root and isinstance(dataset, Subset):
        layers.append(dataset)
        dataset = dataset.dataset
    return layers


class Alignment:
    """Translates positions in a data set, such as a training split, to rows of X.

    Parameters
    ----------
    dataset : Dataset
        Part of `root`.
    root : Dataset
        Data set made of X.

    Attributes
    ----------
    positions : tensor of int64 (n_items,) or None
        Position in X of each item; None if item `i` is row `i`.

    Raises
    ------
    IndexTrackingError
        If `dataset` is neither `root` nor a `Subset` of it, nor around one of these, and is not made of slices of its
        arrays.

    Examples
    --------
    >>> from torch.utils.data import Subset, TensorDataset
    >>> root = TensorDataset(torch.arange(5))
    >>> Alignment(Subset(root, [4, 2, 0]), root).positions
    tensor([4, 2, 0])
    """

    def __init__(self, dataset: Dataset, root: Dataset) -> None:
        check_source(root)
        check_source(getattr(root, "X", None))  # what skorch's own data set was made of
        base, self.positions = unwrap_subsets(dataset, root)
        for layer in subset_layers(dataset, root):
            if not keeps_its_indices(layer):
                raise IndexTrackingError(
                    f"a {type(layer).__name__} reads other samples than its indices say, so the losses would go to "
                    "other samples; let item i be sample indices[i], and shuffle in a sampler"
                )
        if base is root:
            return
        rows = _rows_inside(base, root)
        if rows is None:
            raise IndexTrackingError(
                f"train_split returned a {type(dataset).__name__} that is not a part of X, so its samples have "
                "no position in X; return torch.utils.data.Subset objects of the data set that train_split gets, a "
                "data set around one of them that changes its samples one by one, or a data set of slices of its X "
                "and y, which share their memory: X[:80], and not X[index], a copy"
            )
        self.positions = rows if self.positions is None else rows[self.positions]


def held_out_rows(valid: Dataset | None, trained: torch.Tensor | None, root: Dataset) -> torch.Tensor:
    """Return rows of X in a validation part; none if some of them are trained on, and have a loss already.

    Parameters
    ----------
    valid : Dataset or None
        `predefined_split` may validate on any data set: one that is no part of X has no rows.
    trained : Tensor of int64 or None
        Rows that are trained on; None = all.
    root : Dataset
        Data set made of X.
    """
    nothing = torch.empty(0, dtype=torch.int64)
    if valid is None or trained is None or not is_part_of(valid, root):
        return nothing
    rows = Alignment(valid, root).positions
    is_trained = torch.zeros(len(root), dtype=torch.bool)  # type: ignore[arg-type]
    is_trained[trained] = True
    return nothing if rows is None or bool(is_trained[rows].any()) else rows


def is_part_of(dataset: Dataset, root: Dataset) -> bool:
    """Return True if `dataset` holds samples of X; skorch's `predefined_split` validates on others."""
    base = unwrap_subsets(dataset, root)[0]
    return base is root or _rows_inside(base, root) is not None


def _rows_inside(dataset: Dataset, root: Dataset) -> torch.Tensor | None:
    """Return rows of X in a data set of slices of it, or in one that changes samples of X; None if it has none."""
    inside = dataset_inside(dataset)
    if inside is None or not is_part_of(inside, root):
        return viewed_rows(dataset, root)
    rows = Alignment(inside, root).positions
    return torch.arange(len(inside)) if rows is None else rows
