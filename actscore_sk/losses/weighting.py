"""From losses of samples to the scalar that is trained on: the criterion's own mean, with weights of samples."""

from collections.abc import Callable
from itertools import groupby

import torch
from torch import Tensor, nn

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.sample_loss import SampleLoss


class SampleWeights:
    """Weights of samples in the loss that is trained on, never in the recorded one.

    Parameters
    ----------
    weights : Tensor of shape (n_samples,), optional
        Weight of each row of X, >= 0. None: all 1.

    Attributes
    ----------
    is_used : bool
        True if samples in the running batch have weights.
    of_visits : Tensor of shape (batch_size,) or None
        Weights that make up for unequal visits, of the samples in the running batch. A mean of losses is then taken
        over the number of visits and not over the sum of these weights: its expectation is that of equal visits.
    mean_of_processes : callable or None
        Returns the mean of a number over the processes that train one net, which share a batch; None: there is one.
    """

    def __init__(self, weights: Tensor | None = None) -> None:
        self._weights = weights
        self._mean = 1.0 if weights is None else float(weights.mean())
        self.of_visits: Tensor | None = None
        self.is_used = weights is not None
        self.mean_of_processes: Callable[[Tensor], Tensor] | None = None

    def set_visits(self, of_visits: Tensor | None) -> None:
        """Take the weights that make up for unequal visits in the next batch; None: all 1."""
        self.of_visits, self.is_used = of_visits, self._weights is not None or of_visits is not None

    def set_training_rows(self, rows: Tensor | None) -> None:
        """Say which rows of X are trained on, (n_rows,) int64; None: all."""
        if self._weights is not None:
            self._mean = float((self._weights if rows is None else self._weights[rows.to(self._weights.device)]).mean())

    def of_batch(self, rows: Tensor, like: Tensor) -> tuple[Tensor, float | Tensor | None]:
        """Return the weights of the samples in a batch.

        Parameters
        ----------
        rows : Tensor of int64 (batch_size,)
            Positions in X, or ``~row``; see `TrackedLoader`.
        like : Tensor
            Has the dtype and the device that the weights get.

        Returns
        -------
        weights : Tensor of shape (batch_size,)
            Product of the weights of rows and of visits.
        amount : float, Tensor or None
            Number to divide the weighted sum of losses by; None: the sum of the weights.
        """
        weights: Tensor | None = None
        amount: float | Tensor | None = None
        if self._weights is not None:
            if self._weights.device != like.device:
                self._weights = self._weights.to(like.device)
            rows = rows if self.mean_of_processes is None else torch.where(rows < 0, ~rows, rows)
            weights = self._weights[rows.to(like.device, non_blocking=True)].to(like.dtype)
        if self.of_visits is not None:
            visits = self.of_visits.to(like.device, like.dtype, non_blocking=True)
            weights = visits if weights is None else weights * visits
            amount = len(visits) * self._mean
        elif self.mean_of_processes is not None and weights is not None:
            # The mean of the processes' gradients is that of their joint batch only if all divide by one number.
            amount = self.mean_of_processes(weights.sum()).clamp(min=torch.finfo(weights.dtype).tiny)
        return weights, amount  # type: ignore[return-value]


def weighted_loss(
    sample_loss: SampleLoss, units: Tensor, inputs: tuple, weights: Tensor, amount: float | Tensor | None = None
) -> Tensor:
    """Return the scalar to train on, in which a sample of weight w counts as w copies of it in the batch.

    Parameters
    ----------
    sample_loss : SampleLoss
        View of the criterion.
    units : Tensor of shape (n_samples, ...)
        Losses of units, with gradient; see `SampleLoss.units`.
    inputs : tuple
        Arguments that the criterion was called with.
    weights : Tensor of shape (n_samples,)
        Weight of each sample.
    amount : float or Tensor, optional
        Expectation of the sum of the weights; a mean is taken over that instead of their sum, which makes the loss of
        a random draw unbiased.

    Returns
    -------
    loss : Tensor
        Scalar.
    """
    weights = weights.to(units.dtype)
    if sample_loss.reduction != "sum":
        # A batch in which every weight is 0 has no loss and no gradient; 0/0 would poison the net.
        tiny = torch.finfo(units.dtype).tiny
        shares = divisors(sample_loss, units, inputs)
        if isinstance(shares, float):
            divisor = shares * (weights.sum().clamp(min=tiny) if amount is None else amount)
        else:
            divisor = (weights * shares).sum().clamp(min=tiny)
            divisor = divisor if amount is None else divisor * (amount / weights.sum().clamp(min=tiny))
        weights = weights / divisor
    return torch.dot(weights, numerators(sample_loss, units, inputs))


def numerators(sample_loss: SampleLoss, units: Tensor, inputs: tuple) -> Tensor:
    """Return the summand of each sample in the sum that the criterion divides, (n_samples,).

    Raises
    ------
    SampleLossError
        For a subclass of `CTCLoss` that finds out about the lengths itself, by which its mean divides.
    """
    if isinstance(sample_loss.criterion, nn.CTCLoss) and sample_loss.reduction == "mean":
        if len(inputs) < 4:
            raise SampleLossError(
                f"weights of samples cannot reach the loss: {type(sample_loss.criterion).__name__} divides by lengths "
                "of targets that it was not given; call it as CTCLoss is called, with input_lengths and "
                'target_lengths, or with reduction="sum"'
            )
        units = units / inputs[3].to(units.device).clamp(min=1)  # torch's own mean is one per symbol
    return units if units.ndim == 1 else units.flatten(1).sum(1)


def divisors(sample_loss: SampleLoss, units: Tensor, inputs: tuple) -> Tensor | float:
    """Return the summand of each sample in the divisor of the criterion's mean: (n_samples,), or one number for all."""
    if sample_loss.reduction == "batchmean":
        return 1.0
    counted, weight = sample_loss.counted(inputs), sample_loss.criterion_weight
    if counted is None or (weight is None and counted.is_cpu and bool(counted.all())):
        return units.numel() / units.shape[0]  # elsewhere the answer would make the host wait
    shares = counted.to(units.dtype)
    if weight is not None:
        shares = shares * weight[torch.where(counted, inputs[1], 0)]
    return shares.reshape(len(units), -1).sum(1)


def batch_losses(sample_loss: SampleLoss, units: Tensor, inputs: tuple, sizes: list[int]) -> Tensor:
    """Put losses together as the criterion reduces them, batch by batch.

    Parameters
    ----------
    sample_loss : SampleLoss
        View of a criterion that reduces.
    units : Tensor of shape (n_samples, ...)
        Losses of units of several batches, one behind the other, class weights included.
    inputs : tuple
        Arguments of the criterion for all of these samples.
    sizes : list of int
        Number of samples of each batch.

    Returns
    -------
    losses : Tensor of shape (n_batches,)
        Each the value of the criterion on one batch, to rounding.
    """
    sums = _sums(numerators(sample_loss, units, inputs), sizes)
    if sample_loss.reduction == "sum":
        return sums
    shares = divisors(sample_loss, units, inputs)
    if isinstance(shares, float):
        counts = torch.tensor(sizes, dtype=sums.dtype).to(sums.device, non_blocking=True)  # nobody waits for the copy
        return sums / (shares * counts)
    return sums / _sums(shares, sizes)


def _sums(values: Tensor, sizes: list[int]) -> Tensor:
    """Sum (n_batches,) over consecutive parts of values (n_samples,)."""
    # one call for each run of batches of one size: the last batch of an epoch is the usual exception
    runs = [(size, len(list(run))) for size, run in groupby(sizes)]
    parts = values.split([size * n_batches for size, n_batches in runs])
    return torch.cat([part.reshape(n, size).sum(1) for part, (size, n) in zip(parts, runs, strict=True)])
