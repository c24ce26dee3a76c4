"""Which samples a loader has asked for, batch by batch."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from actscore_sk.data.ordering import cut_order, order_in_advance


class IndexLog:
    """Wraps an index sampler and keeps the indices that it yields, first in, first out.

    Parameters
    ----------
    sampler : iterable
        Sampler or batch sampler of a `DataLoader`.

    Attributes
    ----------
    source : iterator
        The running iteration over the sampler.
    issued : deque
        Indices of batches that were asked for, and have not come yet.

    Examples
    --------
    >>> log = IndexLog([[0, 1], [2]])
    >>> list(log), list(log.issued)
    ([[0, 1], [2]], [[0, 1], [2]])
    """

    def __init__(self, sampler: Iterable) -> None:
        self.sampler: Any = sampler
        self.source: Iterator = iter(())
        self.issued: deque = deque()

    def __len__(self) -> int:
        return len(self.sampler)

    def __getattr__(self, name: str) -> Any:
        if name == "sampler":  # unpickling asks before there is one
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def __iter__(self) -> Iterator:
        # Call iter() of the sampler here and not at the first item: it may draw random numbers.
        self.source, self.issued = iter(self.sampler), deque()
        return self._logged(self.source, self.issued)

    def _logged(self, source: Iterator, issued: deque) -> Iterator:
        order = order_in_advance(self.sampler)
        if order is not None:  # as torch's own sampler has it, a shuffled order takes 40 bytes per sample, and not 8
            source = (index.tolist() for index in cut_order(order, self.sampler))
        for index in source:
            issued.append(index)
            yield index
