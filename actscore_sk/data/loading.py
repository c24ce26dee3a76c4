"""A loader that knows which samples each of its batches holds."""

import operator
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from actscore_sk.data.alignment import Alignment
from actscore_sk.data.collation import check_order
from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.fetching import Fetch, slice_fetcher, sources
from actscore_sk.data.ordering import as_positions, batches_of_positions
from actscore_sk.data.sources import check_source
from actscore_sk.exceptions import IndexTrackingError


class TrackedLoader:
    """Iterates like the `DataLoader` it is given, and can say where in X a batch came from.

    The order of the samples and the random numbers drawn are the loader's own, to the bit. In-memory data
    are fetched one slice a batch; any other data set, and any `collate_fn`, is left to the loader.

    Parameters
    ----------
    loader : DataLoader
        As built by the net. It is changed: its index sampler is replaced by one that keeps a log.
    root : Dataset
        The one made of X; the loader's data set is a part of it.
    sampler : EpochSampler, optional
        Decides the order instead of the loader's own.

    Attributes
    ----------
    weights_in_hand : tensor (batch_size,) or None
        Weights that the sampler gives to the samples of the batch that `rows_of` was asked for last.

    Raises
    ------
    IndexTrackingError
        If the loader cannot say which samples a batch holds.
    ValueError
        If two samplers claim the order.
    """

    def __init__(self, loader: DataLoader, root: Dataset, sampler: EpochSampler | None = None) -> None:
        check_trackable(loader)
        check_order(loader)
        self.loader, self.dataset, self.root, self._sampler = loader, loader.dataset, root, sampler
        self.weights_in_hand: torch.Tensor | None = None
        self._own = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
        self._log = _IndexLog(self._own if sampler is None else _batches(loader, sampler))
        # DataLoader forbids to set these after it is built, which guards against loops that are already
        # running; none is here, and building a second loader would lose a subclass and its options.
        self._name = "sampler" if loader.batch_sampler is None else "batch_sampler"
        object.__setattr__(loader, self._name, self._log)
        self._collate_fn = loader.collate_fn
        self._fetch: Fetch | None = None
        self._open: dict[int, tuple[Any, torch.Tensor]] = {}
        self._sources: list[Any] = []
        self.batch_size_in_hand = 0
        self._look_at_data()

    def _look_at_data(self) -> None:
        """Find positions and slices anew if the data set holds other data, or other indices, than before."""
        found = sources(self.dataset)
        if len(found) == len(self._sources) and all(map(operator.is_, found, self._sources)):
            return
        self._sources, self._alignment = found, Alignment(self.dataset, self.root)
        if self.loader.num_workers == 0 and self.loader.batch_sampler is not None:
            self._use_slices(slice_fetcher(self.dataset, self._collate_fn))

    def _use_slices(self, fetch: Fetch | None) -> None:
        pins = fetch is not None and self.loader.pin_memory  # the loader itself has to pin what is fetched
        object.__setattr__(self.loader, "dataset", _Slices(self.dataset, fetch) if fetch and pins else self.dataset)
        self.loader.collate_fn = _identity if pins else self._collate_fn
        self._fetch = None if pins else fetch

    def release(self) -> None:
        """Give the loader back as it was: it may be the user's."""
        object.__setattr__(self.loader, self._name, self._own)
        object.__setattr__(self.loader, "dataset", self.dataset)
        self.loader.collate_fn = self._collate_fn

    def __len__(self) -> int:
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        if name == "loader":  # unpickling asks before there is one
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __iter__(self) -> Iterator[Any]:
        self._open.clear()
        self._look_at_data()
        if self._sampler is not None and not len(self):
            raise ValueError(
                f"{type(self._sampler).__name__} visits {len(self._sampler)} samples in this epoch, less than a batch "
                f"of {self.loader.batch_size}, which drop_last=True drops; leave drop_last out or take smaller batches"
            )
        for batch, index in self._collated() if self._fetch is None else self._sliced(self._fetch):
            self._open[id(batch)] = batch, index
            self.batch_size_in_hand = len(index)
            yield batch
            self._open.pop(id(batch), None)

    def _sliced(self, fetch: Fetch) -> Iterator[tuple[Any, torch.Tensor]]:
        iter(self.loader)  # draws from the random stream what torch draws at the start of an epoch
        for positions in batches_of_positions(self._log.sampler, self._log.source):
            yield fetch(positions), positions

    def _collated(self) -> Iterator[tuple[Any, torch.Tensor]]:
        for batch in self.loader:
            yield batch, as_positions(self._log.issued.popleft())

    def rows_of(self, batch: Any) -> torch.Tensor | None:
        """Positions in X (n,) int64 of the samples in `batch`; None if it is not a batch of this loader."""
        found = self._open.pop(id(batch), None)
        if found is None:
            return None
        if self._sampler is not None:
            self.weights_in_hand = self._sampler.weights_at(found[1])
        return self._alignment.to_rows(found[1])


def _batches(loader: DataLoader, sampler: EpochSampler) -> BatchSampler:
    """Batches of the loader's size in the order of another sampler."""
    own = loader.batch_sampler
    if type(own) is not BatchSampler or not _is_default(own.sampler):
        name = type(loader.sampler if own is None or type(own) is BatchSampler else own).__name__
        raise ValueError(
            f"train_sampler decides the order of the samples, but the net's iterator_train has a {name}; leave one of "
            "them out"
        )
    return BatchSampler(sampler, own.batch_size, own.drop_last)


def _is_default(sampler: Any) -> bool:
    """Whether it visits each sample once, as what a `DataLoader` makes for `shuffle` does."""
    if type(sampler) is RandomSampler:
        return not sampler.replacement and sampler.num_samples == len(sampler.data_source)
    return type(sampler) is SequentialSampler


class _Slices(Dataset):
    """A data set that hands torch a batch as one slice."""

    def __init__(self, dataset: Dataset, fetch: Fetch) -> None:
        self.dataset, self.fetch = dataset, fetch

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitems__(self, index: Any) -> Any:
        return self.fetch(as_positions(index))


def _identity(batch: Any) -> Any:
    return batch


class _IndexLog:
    """Stands in for an index sampler and keeps what it hands out, first in, first out."""

    def __init__(self, sampler: Iterable) -> None:
        self.sampler = sampler
        self.source: Iterator = iter(())
        self.issued: deque = deque()

    def __len__(self) -> int:
        return len(self.sampler)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        if name == "sampler":  # unpickling asks before there is one
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def __iter__(self) -> Iterator:
        # iter() of the sampler comes here and not at the first item: it may draw random numbers
        self.source, self.issued = iter(self.sampler), deque()
        return self._logged(self.source, self.issued)

    @staticmethod
    def _logged(source: Iterator, issued: deque) -> Iterator:
        for index in source:
            issued.append(index)
            yield index


def check_trackable(loader: Any) -> None:
    """Raise IndexTrackingError, before training starts, if the batches of `loader` have no known index."""
    if isinstance(loader, DataLoader):
        check_source(loader.dataset)
    if not isinstance(loader, DataLoader):
        reason, remedy = f"{type(loader).__name__} is not a torch DataLoader", "use iterator_train=DataLoader"
    elif type(loader).__iter__ is not DataLoader.__iter__:
        reason = f"{type(loader).__name__} iterates in its own way"
        remedy = "give a DataLoader that keeps torch's __iter__, with your sampler or collate_fn"
    elif loader.num_workers and not getattr(loader, "in_order", True):
        reason = "in_order=False lets batches overtake each other between worker processes"
        remedy = "leave in_order=True"
    else:
        return
    raise IndexTrackingError(f"the samples of a batch cannot be known: {reason}; {remedy}")
