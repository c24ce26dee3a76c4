"""Visits of one epoch that the processes of a training have made apart, until they are put together."""

import torch
from torch import Tensor

from actscore_sk.recording.ranks import Ranks


class SharedVisits:
    """Positions and measured values of the visits of this process in the running epoch: 4 bytes per number.

    Examples
    --------
    >>> visits = SharedVisits()
    >>> visits.add(torch.tensor([3, 0]), [torch.tensor([0.5, 2.0]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])])
    >>> visits.table().shape, visits.widths
    (torch.Size([2, 4]), [1, 2])
    """

    def __init__(self) -> None:
        self._blocks: list[Tensor] = []
        self.widths: list[int] = []

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    def add(self, rows: Tensor, values: list[Tensor]) -> None:
        """Add a block.

        Parameters
        ----------
        rows : Tensor of int64 (n_visits,)
            Positions of the samples.
        values : list of Tensor (n_visits,) or (n_visits, n_columns)
            What was measured, as many each time.
        """
        columns = [value.reshape(len(rows), -1).to(torch.float32) for value in values]
        self.widths = [part.shape[1] for part in columns]
        # One table of one type travels at once; positions keep their bits.
        self._blocks.append(torch.cat([rows.to(torch.int32)[:, None], torch.cat(columns, 1).view(torch.int32)], 1))

    def table(self) -> Tensor:
        """Return the table (n_visits, 1 + n_columns) of int32: positions, and the bits of the values."""
        return torch.cat(self._blocks)

    def exchange(self, ranks: Ranks, device: torch.device) -> tuple[Tensor, list[Tensor]] | None:
        """Put the visits of all processes together, in the order of the epoch; the same in all of them.

        Parameters
        ----------
        ranks : Ranks
            The processes; all call this.
        device : torch.device
            Of the visits, if this process has none.

        Returns
        -------
        visits : (Tensor of int64 (n_visits,), list of Tensor) or None
            Positions, and values as they were added. None if nobody has any.
        """
        widths = max(ranks.all(self.widths))
        if not widths:
            return None
        own = self.table() if self._blocks else torch.empty(0, 1 + sum(widths), dtype=torch.int32, device=device)
        self._blocks = []
        tables = ranks.gather(own)
        table = torch.cat(tables)
        if not len(table):
            return None
        rows = table[:, 0].long()
        losses = table[:, 1].view(torch.float32)
        if int(rows.bincount().max()) > 1 or not bool(losses.isfinite().all()):
            # Statistics and errors that go by the order of visits need that of the epoch: the processes take turns.
            turns = torch.cat([torch.arange(len(part), device=table.device) for part in tables])
            order = turns.argsort(stable=True)
            rows, table = rows[order], table[order]
        values = table[:, 1:].contiguous().view(torch.float32).split(widths, 1)
        return rows, [part[:, 0] if width == 1 else part for part, width in zip(values, widths, strict=True)]
