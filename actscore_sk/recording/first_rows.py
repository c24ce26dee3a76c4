"""The first rows at which something is wrong, found without making the host wait for the device."""

from typing import Any

import torch
from torch import Tensor

N_NAMED = 5  # rows named in an error
_NONE = torch.iinfo(torch.int64).min


class FirstRows:
    """Up to five rows, of the first block that has a wrong one.

    Parameters
    ----------
    device : torch.device
        Where blocks come from.

    Examples
    --------
    >>> first = FirstRows(torch.device("cpu"))
    >>> for losses in ([1.0, 2.0], [torch.nan, 3.0], [torch.nan, torch.nan]):
    ...     first.note(torch.tensor([7, 8]), torch.tensor(losses).isnan())
    >>> first.found()
    [7]
    """

    def __init__(self, device: torch.device) -> None:
        self.rows = torch.full((N_NAMED,), _NONE, device=device)

    def note(self, rows: Tensor, is_wrong: Tensor) -> None:
        """Look at one block.

        Parameters
        ----------
        rows : Tensor of int64 (n_visits,)
            At least one.
        is_wrong : Tensor of bool (n_visits,)
            On the same device.
        """
        # No branch on the values, which would make the host wait: places of what is right sort last.
        places = torch.arange(len(rows), device=rows.device).masked_fill(~is_wrong, len(rows))
        first = places.topk(min(N_NAMED, len(rows)), largest=False, sorted=True).values
        found = torch.cat([rows, rows.new_full((1,), _NONE)])[first]
        self.rows[: len(found)] = torch.where(self.rows[0] == _NONE, found, self.rows[: len(found)])

    def found(self) -> list[int]:
        """Return the rows; the host waits for the device."""
        return [row for row in self.rows.tolist() if row != _NONE]

    def merge(self, other: Any) -> None:
        """Take over what another has found, if this one has found nothing."""
        self.rows = torch.where(self.rows[0] == _NONE, other.rows.to(self.rows.device), self.rows)


class Suspects:
    """Rows that must not be, noted on a device that is not waited for, until the host waits anyway.

    Examples
    --------
    >>> suspects = Suspects()
    >>> rows = torch.tensor([4, 9])
    >>> suspects.note("positions {rows} are too large", rows, rows > 5)
    >>> suspects.settle()
    Traceback (most recent call last):
    ...
    ValueError: positions [9] are too large
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, torch.device], FirstRows] = {}

    def note(self, sentence: str, rows: Tensor, is_wrong: Tensor) -> None:
        """Look at one block.

        Parameters
        ----------
        sentence : str
            Of the error, with ``{rows}`` in it.
        rows : Tensor of int64 (n_visits,)
            Numbers to name.
        is_wrong : Tensor of bool (n_visits,)
            On the same device.
        """
        key = sentence, rows.device
        if key not in self._first:
            self._first[key] = FirstRows(rows.device)
        self._first[key].note(rows, is_wrong)

    def settle(self) -> None:
        """Raise ValueError for what was noted; the host waits for the device."""
        for (sentence, _), first in self._first.items():
            if rows := first.found():
                raise ValueError(sentence.format(rows=rows))
