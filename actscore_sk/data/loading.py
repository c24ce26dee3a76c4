"""A loader that knows which samples each of its batches holds."""

import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from actscore_sk.data.alignment import Alignment
from actscore_sk.data.collation import check_order
from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.fetching import Fetch, batch_slicer, data_identity
from actscore_sk.data.index_log import IndexLog
from actscore_sk.data.ordering import batches_of_positions, cut_order, order_in_advance
from actscore_sk.data.placement import Placement
from actscore_sk.data.positions import as_positions
from actscore_sk.data.replaced_parts import ReplacedParts
from actscore_sk.data.sharding import own_loader, shard_of
from actscore_sk.data.shards import ALONE, Shard, Share
from actscore_sk.data.sources import check_trackable

_Batch = tuple[Any, torch.Tensor, torch.Tensor]  # a batch, its positions in the data set, and those in X


class TrackedLoader:
    """Iterates like the `DataLoader` that it wraps, and knows which rows of X a batch holds.

    The order of the samples and the random numbers drawn are the loader's own, to the bit. A batch of in-memory data is
    fetched as one slice; the loader itself handles any other data set, and any `collate_fn`.

    Parameters
    ----------
    loader : DataLoader
        Built by the net. It is changed until `release`: a log replaces its index sampler.
    root : Dataset
        Data set made of X; the loader's data set is a part of it.
    sampler : EpochSampler, optional
        Decides the order in place of the loader's own sampler.
    placement : Placement, optional
        Stores samples on the device of the net. None: batches are where the data are.
    share : Share
        Of this process, if several train the net.

    Attributes
    ----------
    shard : Shard or None
        How the loader is shared out; None in a single process.
    weights_in_hand : tensor of float32 (batch_size,) or None
        Weights that `sampler` gives to the samples of the latest batch; None: all 1.
    rows_in_hand : tensor of int64 (batch_size,)
        Positions in X of the samples of the latest batch, on its device if it was moved there; ``~row``, which is
        negative, where another process counts the sample, or where it is padding.
    batch_size_in_hand : int
        Number of samples in the latest batch.

    Raises
    ------
    IndexTrackingError
        If the samples of a batch cannot be known.
    ValueError
        If two samplers decide the order.

    Examples
    --------
    >>> from torch.utils.data import TensorDataset
    >>> data = TensorDataset(torch.arange(4.0))
    >>> loader = TrackedLoader(DataLoader(data, batch_size=3), data)
    >>> [loader.rows_of(batch).tolist() for batch in loader]
    [[0, 1, 2], [3]]
    """

    def __init__(
        self,
        loader: DataLoader,
        root: Dataset,
        sampler: EpochSampler | None = None,
        placement: Placement | None = None,
        share: Share = ALONE,
    ) -> None:
        check_trackable(loader)
        self.loader, self.base = loader, own_loader(loader)
        check_order(self.base)
        self.dataset, self.root, self._sampler = self.base.dataset, root, sampler
        self.weights_in_hand: torch.Tensor | None = None
        self._parts = ReplacedParts(self.base)
        used = self._parts.sampler if sampler is None else _rebatched(self.base, sampler)
        self.shard: Shard | None = shard_of(used, share)
        self._log = IndexLog(used)
        self._parts.set_sampler(self._log)
        self._fetch: Fetch | None = None
        self._slicer: Fetch | None = None
        self._placement = Placement() if placement is None else placement
        self._open: dict[int, tuple[Any, torch.Tensor]] = {}
        self._identity: list[Any] = []
        self.batch_size_in_hand, self.rows_in_hand = 0, torch.empty(0, dtype=torch.int64)
        self._look_at_data()

    def _look_at_data(self) -> None:
        """Renew positions and slicer if the data set has other data, or other indices, than before."""
        found = data_identity(self.dataset)
        if len(found) == len(self._identity) and all(map(operator.is_, found, self._identity)):
            return
        self._identity, self._alignment = found, Alignment(self.dataset, self.root)
        if self.base.num_workers == 0 and self.base.batch_sampler is not None:
            self._slicer = batch_slicer(self.dataset, self._parts.collate_fn)
            self._use_slices(self._slicer)

    def _use_slices(self, fetch: Fetch | None) -> None:
        """Fetch batches with `fetch`, inside the loader if it does more with them; None: leave them to the loader."""
        # Only the loader itself can pin a slice, or do what Accelerate asks of it.
        is_inside = self.base.pin_memory or self.base is not self.loader
        self._parts.set_fetch(fetch if is_inside else None)
        self._fetch = None if is_inside else fetch

    def release(self) -> None:
        """Restore the loader, which may be the user's."""
        self._parts.put_back()
        if self.shard is not None:
            self.shard.release()

    def __len__(self) -> int:
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        if name == "loader":  # unpickling asks before there is one
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __iter__(self) -> Iterator[Any]:
        self._open.clear()
        self._look_at_data()
        if self.shard is not None:
            self.shard.begin()
        if self._sampler is not None and not len(self):
            raise ValueError(
                f"{type(self._sampler).__name__} visits {len(self._sampler)} samples in this epoch, less than a batch "
                f"of {self.loader.batch_size}, which drop_last=True drops; leave drop_last out or take smaller batches"
            )
        for batch, index, rows in self._batches():
            if self._sampler is not None:
                self.weights_in_hand = self._sampler.weights_at(index)
            self.hand_out(batch, rows if self.shard is None else self.shard.counted(rows))
            yield batch
            self._open.pop(id(batch), None)

    def hand_out(self, batch: Any, rows: torch.Tensor) -> None:
        """Take down a batch for the step that comes next, with its rows (batch_size,) of X."""
        self.rows_in_hand, self.batch_size_in_hand = rows, rows.shape[0]  # len() of a tensor takes longer
        self._open[id(batch)] = batch, rows

    @property
    def may_draw(self) -> bool:
        """True if `draw` takes the random numbers of an epoch in the order in which iterating takes them."""
        own = self._log.sampler
        return self._fetch is not None and type(own) is BatchSampler and _is_default(own.sampler)

    def draw(self) -> tuple[torch.Tensor, list[int]]:
        """Draw an epoch as iterating does, and return the rows of X (n_visits,) int64 and the sizes of its batches."""
        self._open.clear()
        self._look_at_data()
        iter(self.loader)  # torch draws a number here at the start of an epoch: draw it too
        batches = [*batches_of_positions(self._log.sampler, self._log.source)]
        order = torch.cat(batches) if batches else torch.empty(0, dtype=torch.int64)
        return self._rows_at(order), [index.shape[0] for index in batches]

    def _batches(self) -> Iterator[_Batch]:
        """Iterate over the batches of an epoch, in the way that the data and their place allow."""
        if self._slicer is not None and self._placement.moves and self.base is self.loader:
            return self._moved(self._slicer)
        return self._collated() if self._fetch is None else self._sliced(self._fetch)

    def _sliced(self, fetch: Fetch) -> Iterator[_Batch]:
        """Yield each batch of an epoch with the positions of its samples, without running the loader."""
        iter(self.loader)  # torch draws a number here at the start of an epoch: draw it too
        for index in batches_of_positions(self._log.sampler, self._log.source):
            yield fetch(index), index, self._rows_at(index)

    def _collated(self) -> Iterator[_Batch]:
        """Yield each batch of the loader with the positions that the log has for it."""
        for batch in self.loader:
            index = as_positions(self._log.issued.popleft())
            yield batch, index, self._rows_at(index)

    def _moved(self, fetch: Fetch) -> Iterator[_Batch]:
        """Yield each batch on the device of the net, and the rows of its samples as well."""
        iter(self.loader)
        order = order_in_advance(self._log.sampler)
        return self._moved_one_by_one(fetch) if order is None else self._moved_in_order(fetch, order)

    def _moved_one_by_one(self, fetch: Fetch) -> Iterator[_Batch]:
        """Yield batches of an order that only the sampler knows: it is asked for one when that before was used."""
        store = self._placement.store(self.dataset, fetch)
        for index in map(as_positions, self._log.source):
            for batch, rows in store.batches(index, self._rows_at(index), len(index)):
                yield batch, index, rows

    def _moved_in_order(self, fetch: Fetch, order: torch.Tensor) -> Iterator[_Batch]:
        """Yield batches of an order (n_visits,) that is known, so that each can be fetched before its turn."""
        placement, sampler = self._placement, self._log.sampler
        cut = cut_order(order, sampler)
        if not placement.has_stepped and (first := next(cut, None)) is not None:
            # the step takes the memory that it needs, before the data take theirs
            order = order[len(first) :]
            yield fetch(first), first, self._rows_at(first)
            placement.has_stepped = True
        rest: Iterator = iter(())
        if len(order):
            rest = placement.store(self.dataset, fetch).batches(order, self._rows_at(order), sampler.batch_size)
        for index, (batch, rows) in zip(cut, rest, strict=False):  # to the end of `cut`, which draws numbers there
            yield batch, index, rows

    def _rows_at(self, index: torch.Tensor) -> torch.Tensor:
        """Return the rows of X at positions of the data set."""
        positions = self._alignment.positions
        return index if positions is None else positions.index_select(0, index)

    def rows_of(self, batch: Any) -> torch.Tensor | None:
        """Return the rows of X in a batch.

        Parameters
        ----------
        batch : object
            As yielded by this loader; told by its identity.

        Returns
        -------
        rows : tensor of int64 (batch_size,) or None
            As in `rows_in_hand`. None if the batch did not come from this loader, or was asked about before.
        """
        found = self._open.pop(id(batch), None)
        return None if found is None else found[1]


def _rebatched(loader: DataLoader, sampler: EpochSampler) -> BatchSampler:
    """Batch another sampler as the loader does.

    Raises
    ------
    ValueError
        If the loader has a sampler that is not torch's default.
    """
    shard: Any = loader.batch_sampler
    own = getattr(shard, "batch_sampler", shard)
    if type(own) is not BatchSampler or not _is_default(own.sampler):
        name = type(loader.sampler if own is None or type(own) is BatchSampler else own).__name__
        raise ValueError(
            f"train_sampler decides the order of the samples, but the net's iterator_train has a {name}; leave one of "
            "them out"
        )
    batches = BatchSampler(sampler, own.batch_size, own.drop_last)
    if own is shard:
        return batches
    options = {name: getattr(shard, name) for name in ("split_batches", "even_batches")}
    return type(shard)(batches, shard.num_processes, shard.process_index, **options)


def _is_default(sampler: Any) -> bool:
    """Return True for a sampler that visits each sample once, as those behind ``shuffle=True`` and False do."""
    if type(sampler) is RandomSampler:
        return not sampler.replacement and sampler.num_samples == len(sampler.data_source)
    return type(sampler) is SequentialSampler
