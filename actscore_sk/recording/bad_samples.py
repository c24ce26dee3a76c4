"""Samples whose loss is NaN or infinite, remembered until the end of the epoch without making the host wait."""

import torch
from torch import Tensor

from actscore_sk.exceptions import NonFiniteLossError

N_NAMED = 5  # samples named in an error


class BadSamples:
    """Positions of the first samples with a loss that is no number.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    device : torch.device
        Of the losses.

    Examples
    --------
    >>> bad = BadSamples(9, torch.device("cpu"))
    >>> bad.note(torch.tensor([4, 7]), torch.tensor([1.0, torch.inf]))
    >>> bad.check(epoch=3)
    Traceback (most recent call last):
        ...
    actscore_sk.exceptions.NonFiniteLossError: the loss became NaN or infinite in epoch 3, ... positions [7]; ...
    """

    def __init__(self, n_samples: int, device: torch.device) -> None:
        self.n_samples = n_samples
        self.rows = torch.full((N_NAMED,), n_samples, device=device)

    def note(self, rows: Tensor, losses: Tensor) -> None:
        """Keep the positions of the first samples whose loss is NaN or infinite, for the error at the epoch's end."""
        if losses.is_cpu and bool(losses.sum().isfinite()):
            return
        # Elsewhere no branch on the values, which would make the host wait: places of finite losses sort last.
        places = torch.arange(len(rows), device=rows.device).masked_fill(losses.isfinite(), len(rows))
        first = places.topk(min(N_NAMED, len(rows)), largest=False, sorted=True).values
        found = torch.cat([rows, rows.new_tensor([self.n_samples])])[first]
        self.rows[: len(found)] = torch.where(self.rows[0] == self.n_samples, found, self.rows[: len(found)])

    def merge(self, other: "BadSamples") -> None:
        """Take over what another one has noted of the same samples."""
        self.rows = torch.where(self.rows < self.n_samples, self.rows, other.rows.to(self.rows.device))

    def check(self, epoch: int) -> None:
        """Raise NonFiniteLossError, which names the epoch and the samples, if there are any; the host waits for it."""
        samples = [row for row in self.rows.tolist() if row < self.n_samples]
        if samples:
            raise NonFiniteLossError(
                f"the loss became NaN or infinite in epoch {epoch}, first for the samples at positions "
                f"{samples}; check these rows and targets, lower the learning rate or clip the gradient"
            )
