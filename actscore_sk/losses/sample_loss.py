"""The loss of each sample in a batch, for any criterion that knows one.

A criterion averages over the batch; before it does, it has a value for each sample. Four kinds can be asked:
torch's own losses and any other criterion with a `reduction` attribute (a copy with ``reduction="none"``), criteria
that return a vector themselves, and those that deliver details.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import DetailedLoss, LossDetails, Units, read_details

# These divide by the sum of the class weights of the targets they do not ignore, not by a count.
_WEIGHTED_MEANS = tuple(
    getattr(nn, name) for name in ("CrossEntropyLoss", "NLLLoss", "LinearCrossEntropyLoss") if hasattr(nn, name)
)
_NOTHING_IGNORED = -100  # torch's default `ignore_index`, which some losses write as None


class SampleLoss:
    """Per-sample view of a criterion; the criterion itself is left as it is.

    Parameters
    ----------
    criterion : callable
        Usually an `nn.Module`; one compiled by torch is looked through.

    Attributes
    ----------
    is_pure : bool
        The value of a sample depends on its own inputs only, and asking for it changes nothing. True for
        torch's own losses, whose values may then be computed later and for many batches at once.
    reduces : bool
        Whether the criterion has a `reduction` that makes a scalar, and which `units` can leave out.
    is_detailed : bool
        Whether it is a `DetailedLoss`.
    """

    def __init__(self, criterion: Any) -> None:
        criterion = getattr(criterion, "_orig_mod", criterion)
        self.criterion = criterion
        self.reduction = getattr(criterion, "reduction", None)
        has_parameters = isinstance(criterion, nn.Module) and any(True for _ in criterion.parameters())
        self.is_pure = type(criterion).__module__ == "torch.nn.modules.loss" and not has_parameters
        self.reduces = self.reduction in ("mean", "sum", "batchmean")
        self.is_detailed = isinstance(criterion, DetailedLoss)

    def units(self, inputs: tuple, n_samples: int, output: Any = None) -> Tensor:
        """Values before any mean, (n_samples, ...), with gradient.

        Parameters
        ----------
        inputs : tuple
            What the criterion was called with.
        n_samples : int
            Size of the batch.
        output : optional
            What it returned without reduction, if that is known; needed of all but torch's own losses.

        Raises
        ------
        SampleLossError
            If the criterion gives no more than one number for several samples.
        """
        if output is None:
            output = self.unreduced()(*inputs)
        elif isinstance(self.criterion, nn.AdaptiveLogSoftmaxWithLoss) and not isinstance(output, Tensor):
            output = -output.output
        return check_units(output, n_samples, self.criterion)

    def details(self, output: Any, inputs: tuple, n_samples: int) -> LossDetails:
        """Read what the criterion returned without reduction: details, or units alone.

        Raises
        ------
        SampleLossError
            If it holds no loss of single samples.
        """
        details = read_details(output, n_samples, self.criterion)
        if details is None:
            units = self.units(inputs, n_samples, output)
            details = LossDetails(self.values(units, inputs), units=self.fine_units(units, inputs))
        check_units(details.samples, n_samples, self.criterion)
        return details

    def fine_units(self, units: Tensor, inputs: tuple) -> Units | None:
        """Losses of units (n_samples, ...) with those that count; None if a sample has but one."""
        if units.numel() == len(units):
            return None
        counted = self._counted(inputs)
        return Units(units, None if counted is None or counted.shape != units.shape else counted)

    def settings(self) -> list[tuple]:
        """Return what the value of a sample depends on beside its inputs; equal as long as nothing changed."""
        plain = [(name, value) for name, value in vars(self.criterion).items() if isinstance(value, (int, float, str))]
        buffers = self.criterion.named_buffers() if isinstance(self.criterion, nn.Module) else ()
        weights = [(name, id(buffer), buffer._version) for name, buffer in buffers]
        return [setting for setting in plain if setting[0] != "training"] + weights

    def unreduced(self) -> Any:
        """Return the criterion, with the settings and buffers that it has now, without its reduction."""
        twin = copy.copy(self.criterion)
        object.__setattr__(twin, "reduction", "none")
        return twin

    def values(self, units: Tensor, inputs: tuple) -> Tensor:
        """Loss of each sample (n_samples,), from the values of its units.

        Units finer than a sample (pixels, outputs) are averaged, or added if the criterion adds; positions
        with the `ignore_index` are left out, and a sample that has no other counts as 0.
        """
        if units.ndim == 1:
            return units
        units = units.flatten(1)
        if self.reduction in ("sum", "batchmean"):
            return units.sum(1)
        counted = self._counted(inputs)
        if counted is None:
            return units.mean(1)
        return units.sum(1) / counted.flatten(1).sum(1).clamp(min=1)

    def weighted(self, units: Tensor, inputs: tuple, weights: Tensor, amount: float | None = None) -> Tensor:
        """Scalar to train on, in which a sample of weight w counts as w copies of it in the batch.

        Parameters
        ----------
        units : tensor (n_samples, ...)
            As from `units`.
        inputs : tuple
            What the criterion was called with.
        weights : tensor (n_samples,)
            Weight of each sample.
        amount : float, optional
            What the weights add up to in expectation; a mean is taken over that instead of their sum, which makes the
            loss of a random draw unbiased.
        """
        if isinstance(self.criterion, nn.CTCLoss) and self.reduction == "mean":
            units = units / inputs[3].to(units.device).clamp(min=1)  # torch's own mean is one a symbol
        weights = weights.to(units.dtype)
        if self.reduction != "sum":
            # A batch in which every weight is 0 has no loss and no gradient; 0/0 would poison the net.
            tiny = torch.finfo(units.dtype).tiny
            shares = self._shares(units, inputs)
            if isinstance(shares, float):
                divisor = shares * (weights.sum().clamp(min=tiny) if amount is None else amount)
            else:
                divisor = (weights * shares).sum().clamp(min=tiny)
                divisor = divisor if amount is None else divisor * (amount / weights.sum().clamp(min=tiny))
            weights = weights / divisor
        return torch.dot(weights, units if units.ndim == 1 else units.flatten(1).sum(1))

    def _shares(self, units: Tensor, inputs: tuple) -> Tensor | float:
        """What each sample adds to the divisor of the criterion's own mean, (n_samples,)."""
        if self.reduction == "batchmean":
            return 1.0
        counted = self._counted(inputs)
        if counted is None or (self.criterion.weight is None and counted.is_cpu and bool(counted.all())):
            return float(units[0].numel())  # elsewhere the answer would make the host wait
        shares = counted.to(units.dtype)
        if self.criterion.weight is not None:
            shares = shares * self.criterion.weight[torch.where(counted, inputs[1], 0)]
        return shares.reshape(len(units), -1).sum(1)

    def _counted(self, inputs: tuple) -> Tensor | None:
        """Which targets count, shaped like them; None where all do."""
        if not isinstance(self.criterion, _WEIGHTED_MEANS) or inputs[1].is_floating_point():
            return None
        ignored = self.criterion.ignore_index
        return inputs[1] != (_NOTHING_IGNORED if ignored is None else ignored)


def check_units(units: Any, n_samples: int, criterion: Any) -> Tensor:
    """Return `units` if they have one row a sample, (n_samples, ...); raise SampleLossError if not."""
    name = type(criterion).__name__
    if not isinstance(units, Tensor):
        raise SampleLossError(
            f"{name} returned {type(units).__name__}; expected a tensor of shape ({n_samples},), one loss a sample"
        )
    if units.ndim == 0 and n_samples == 1:
        return units.reshape(1)
    if units.ndim == 0:
        raise SampleLossError(
            f"{name} returned one number for a batch of {n_samples} samples, so the loss of a single sample is "
            f"unknown; let it return one loss a sample, shape ({n_samples},), or give it an attribute `reduction` "
            'that its forward obeys ("mean", "sum", "none")'
        )
    if len(units) != n_samples:
        raise SampleLossError(
            f"{name} gave {len(units)} losses for a batch of {n_samples} samples; expected one row a sample: "
            "keep the samples along the first dimension, and let no collate_fn add or drop any"
        )
    return units
