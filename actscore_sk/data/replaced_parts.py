"""Parts of a `DataLoader` that are others while its batches are followed."""

from typing import Any

from torch.utils.data import DataLoader, Dataset

from actscore_sk.data.fetching import Fetch
from actscore_sk.data.positions import as_positions


class ReplacedParts:
    """Replaces the sampler of a loader, and how it fetches a batch, until all is put back.

    `DataLoader` forbids to set some of its parts once it is built, to protect loops that are running. None is, and a
    second loader would lose a subclass and its options.

    Parameters
    ----------
    loader : DataLoader
        Not iterated over at the moment.

    Attributes
    ----------
    sampler : Sampler
        The loader's own: its batch sampler, or that of samples if it makes no batches.
    collate_fn : callable
        The loader's own.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(torch.arange(4)), batch_size=2)
    >>> parts = ReplacedParts(loader)
    >>> parts.set_sampler([[3, 0]])
    >>> parts.set_fetch(lambda index: -index)
    >>> list(loader)
    [tensor([-3,  0])]
    >>> parts.put_back()
    >>> list(loader)
    [[tensor([0, 1])], [tensor([2, 3])]]
    """

    def __init__(self, loader: DataLoader) -> None:
        self._loader, self._dataset = loader, loader.dataset
        self.collate_fn: Any = loader.collate_fn
        self._name = "sampler" if loader.batch_sampler is None else "batch_sampler"
        self.sampler: Any = getattr(loader, self._name)

    def set_sampler(self, sampler: Any) -> None:
        """Let the loader draw from another sampler."""
        object.__setattr__(self._loader, self._name, sampler)

    def set_fetch(self, fetch: Fetch | None) -> None:
        """Let the loader take what `fetch` returns for the positions of a batch; None: fetch and collate as it did."""
        dataset = self._dataset if fetch is None else _Slices(self._dataset, fetch)
        object.__setattr__(self._loader, "dataset", dataset)
        self._loader.collate_fn = self.collate_fn if fetch is None else _as_it_is

    def put_back(self) -> None:
        """Restore the loader, which may be the user's."""
        self.set_sampler(self.sampler)
        self.set_fetch(None)


class _Slices(Dataset):
    """Data set that returns a batch as one slice."""

    def __init__(self, dataset: Dataset, fetch: Fetch) -> None:
        self.dataset, self.fetch = dataset, fetch

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitems__(self, index: Any) -> Any:
        return self.fetch(as_positions(index))


def _as_it_is(batch: Any) -> Any:
    return batch
