"""The two parts of a net's split: their rows in X, and the loaders whose batches are known."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils.data import Dataset

from actscore_sk.data.alignment import Alignment, held_out_rows
from actscore_sk.data.loading import TrackedLoader


class SplitParts:
    """The part that is trained on, and the part that is held out; there is none before `find`.

    Attributes
    ----------
    training_rows : Tensor of int64 or None
        Rows of X that are trained on; None: all, in order.
    validation_rows : Tensor of int64
        Rows of X that are held out of training.
    loaders : list of TrackedLoader or None
        Loaders of the validation part and of the training part, in this order: it is indexed by `training`.

    Examples
    --------
    >>> from torch.utils.data import Subset, TensorDataset
    >>> root, parts = TensorDataset(torch.zeros(3, 1)), SplitParts()
    >>> parts.find(Subset(root, [2, 0]), Subset(root, [1]), root)
    >>> parts.training_rows, parts.validation_rows
    (tensor([2, 0]), tensor([1]))
    """

    def __init__(self) -> None:
        self.training_rows: Tensor | None = None
        self.validation_rows = torch.empty(0, dtype=torch.int64)
        self.loaders: list[TrackedLoader | None] = [None, None]
        self._datasets: list[Dataset | None] = [None, None]  # indexed alike

    def find(self, train: Dataset, valid: Dataset | None, root: Dataset) -> None:
        """Find both parts in X.

        Parameters
        ----------
        train, valid : Dataset
            The parts that the net's `train_split` made of the root; the second is None without a split.
        root : Dataset
            The data set made of X.

        Raises
        ------
        IndexTrackingError
            If the training part is not a part of X.
        """
        self._datasets, self.loaders = [valid, train], [None, None]
        self.training_rows = Alignment(train, root).positions
        self.validation_rows = held_out_rows(valid, self.training_rows, root)

    def awaits(self, dataset: Dataset, training: bool) -> bool:
        """Return True if a loader of `dataset` is the first one of a part whose rows are known.

        A net may build loaders for other reasons (a callback that scores another data set), whose samples are not X's.
        """
        is_known = training or len(self.validation_rows) > 0
        return is_known and self.loaders[training] is None and dataset is self._datasets[training]

    @contextmanager
    def validated_with(self, loader: TrackedLoader) -> Iterator[None]:
        """Let a loader take the place of that of the validation part inside the block."""
        saved, self.loaders[False] = self.loaders[False], loader
        try:
            yield
        finally:
            self.loaders[False] = saved

    @property
    def n_training(self) -> int:
        """Number of samples in the part that is trained on."""
        return len(self._datasets[True])  # type: ignore[arg-type]

    def release(self) -> None:
        """Restore the loaders, which may be the user's."""
        for loader in self.loaders:
            if loader is not None:
                loader.release()
        self.loaders = [None, None]
