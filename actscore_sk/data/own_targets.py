"""Targets that a data set holds itself, found without reading a sample."""

from typing import Any

import numpy as np
from torch.utils.data import Dataset

from actscore_sk.data.disk_kinds import labels_on_disk
from actscore_sk.utils.arrays import as_array


def targets_in(X: Any) -> np.ndarray | None:
    """Return the targets (n_samples,) that a Dataset shows in an attribute, or a table on disk in a column "label".

    None if it shows none, or X is neither.

    Reading every sample for its label would cost a pass over the data: images would be decoded for it.

    Examples
    --------
    >>> import torch
    >>> targets_in(torch.utils.data.TensorDataset(torch.zeros(3, 2), torch.tensor([0, 1, 0])))
    array([0, 1, 0])
    """
    if not isinstance(X, Dataset):
        return labels_on_disk(X)
    tensors = getattr(X, "tensors", None)
    for targets in (getattr(X, "targets", None), getattr(X, "y", None), tensors and tensors[-1]):
        if targets is not None and len(targets) == len(X):  # type: ignore[arg-type]
            return as_array(targets)
    return None
