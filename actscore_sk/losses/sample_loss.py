"""The loss of each sample in a batch, for any criterion that knows one.

A criterion averages over the batch; before it does, it has a value for each sample. Four kinds can be asked:
torch's own losses and any other criterion with a `reduction` attribute (a copy with ``reduction="none"``), criteria
that return a vector themselves, and those that deliver details.
"""

import copy
from typing import Any

from torch import Tensor, nn

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import DetailedLoss, LossDetails, Units
from actscore_sk.losses.read_details import read_details

# These divide by the sum of the class weights of the targets they do not ignore, not by a count.
_WEIGHTED_MEANS = tuple(
    getattr(nn, name) for name in ("CrossEntropyLoss", "NLLLoss", "LinearCrossEntropyLoss") if hasattr(nn, name)
)
_TORCH_LOSSES = tuple(
    kind
    for kind in vars(nn.modules.loss).values()
    if isinstance(kind, type) and issubclass(kind, nn.modules.loss._Loss) and kind is not nn.modules.loss._Loss
)
_CLASS_WEIGHTS = "weight", "pos_weight"
_NOTHING_IGNORED = -100  # torch's default `ignore_index`, which some losses write as None


class SampleLoss:
    """Per-sample view of a criterion; the criterion itself is left as it is.

    Parameters
    ----------
    criterion : callable
        Usually an `nn.Module`; one compiled by torch is looked through.
    score_class_weights : bool
        Keep the weights that torch's losses give to classes (`weight`, `pos_weight`) in the losses of samples. They
        say how much a class counts in training and not how hard its samples are, so the default leaves them out.

    Attributes
    ----------
    is_stateless : bool
        True for torch's own losses: asking for a value changes nothing, so that it may be computed later.
    is_detailed : bool
        True if it is a `DetailedLoss`.
    """

    def __init__(self, criterion: Any, *, score_class_weights: bool = False) -> None:
        criterion = getattr(criterion, "_orig_mod", criterion)
        self.criterion = criterion
        has_parameters = isinstance(criterion, nn.Module) and any(True for _ in criterion.parameters())
        attributes = getattr(criterion, "__dict__", {})
        is_torch = type(criterion).__module__ == "torch.nn.modules.loss" and "forward" not in attributes
        self.is_stateless = is_torch and not has_parameters
        self.is_detailed = isinstance(criterion, DetailedLoss)
        self.score_class_weights = score_class_weights
        self._class_weights = _CLASS_WEIGHTS if isinstance(criterion, _TORCH_LOSSES) else ()

    @property
    def reduction(self) -> str | None:
        """The criterion's reduction as it is now."""
        return getattr(self.criterion, "reduction", None)

    @property
    def has_reduction(self) -> bool:
        """True if the criterion has a `reduction` that makes a scalar, and which `units` can leave out."""
        return self.reduction in ("mean", "sum", "batchmean")

    @property
    def criterion_weight(self) -> Tensor | None:
        """Weights of classes by which the criterion's own mean divides, (n_classes,), or None."""
        return self.criterion.weight if isinstance(self.criterion, _WEIGHTED_MEANS) else None

    @property
    def has_own_mean(self) -> bool:
        """True if the criterion's mean over a batch is not the mean of the losses of its samples."""
        is_weighted = isinstance(self.criterion, _WEIGHTED_MEANS)
        return self.has_class_weights or is_weighted or (isinstance(self.criterion, nn.CTCLoss))

    def put_together(self, details: LossDetails) -> Tensor | None:
        """Return the value of the criterion for a batch, from losses of its samples; None if it has its own mean."""
        if isinstance(details.samples, Tensor) and self.is_detailed:
            return self.criterion.reduced(details.samples)
        if self.has_own_mean or self.reduction not in (None, "none", "mean", "sum"):
            return None
        return details.samples.sum() if self.reduction == "sum" else details.samples.mean()

    @property
    def has_class_weights(self) -> bool:
        """True if the criterion is one of torch's losses with weights of classes."""
        return any(getattr(self.criterion, name, None) is not None for name in self._class_weights)

    def units(self, inputs: tuple, n_samples: int, output: Any = None, *, scored: bool = True) -> Tensor:
        """Return values before any mean, (n_samples, ...), with gradient.

        Parameters
        ----------
        inputs : tuple
            Arguments that the criterion was called with.
        n_samples : int
            Size of the batch.
        output : optional
            Value that it returned without reduction, if that is known; needed of all but torch's own losses.
        scored : bool
            As in `unreduced`.

        Raises
        ------
        SampleLossError
            If the criterion gives no more than one number for several samples.
        """
        if output is None:
            output = self.unreduced(scored=scored)(*inputs)
        elif isinstance(self.criterion, nn.AdaptiveLogSoftmaxWithLoss) and not isinstance(output, Tensor):
            output = -output.output
        return check_units(output, n_samples, self.criterion)

    def details(self, output: Any, inputs: tuple, n_samples: int) -> LossDetails:
        """Read the value of the criterion without reduction: details, or units alone.

        Raises
        ------
        SampleLossError
            If it holds no loss of single samples.
        """
        details = read_details(output, n_samples, self.criterion)
        if details is None:
            units = self.units(inputs, n_samples, output)
            details = LossDetails(self.values(units, inputs), units=self.unit_losses(units, inputs))
        check_units(details.samples, n_samples, self.criterion)
        return details

    def unit_losses(self, units: Tensor, inputs: tuple) -> Units | None:
        """Return losses of units (n_samples, ...) with a mask of those that count; None if a sample has but one."""
        if units.numel() == len(units):
            return None
        counted = self.counted(inputs)
        return Units(units, None if counted is None or counted.shape != units.shape else counted)

    def settings(self) -> list[tuple]:
        """Return the settings and buffers that the value of a sample depends on; equal as long as none has changed."""
        attributes = getattr(self.criterion, "__dict__", {})
        plain = [(name, value) for name, value in attributes.items() if isinstance(value, (int, float, str))]
        buffers = self.criterion.named_buffers() if isinstance(self.criterion, nn.Module) else ()
        # the version counts writes into a buffer; to compare its values would make the host wait
        weights = [(name, id(buffer), buffer._version) for name, buffer in buffers]
        return [setting for setting in plain if setting[0] != "training"] + weights

    def unreduced(self, *, scored: bool = True) -> Any:
        """Return the criterion, with the settings and buffers that it has now, without its reduction.

        Parameters
        ----------
        scored : bool
            Leave out what does not belong to the score: class weights, unless `score_class_weights`.
        """
        twin = copy.copy(self.criterion)
        self.leave_out_reduction(twin, scored=scored)
        return twin

    def leave_out_reduction(self, twin: Any, *, scored: bool = True) -> None:
        """Change a copy of the criterion in place; see `unreduced`."""
        # past nn.Module's own __setattr__, which searches parameters and buffers at each batch
        object.__setattr__(twin, "reduction", "none")
        if scored:
            self.leave_out_class_weights(twin)

    def leave_out_class_weights(self, twin: Any) -> None:
        """Change a copy of the criterion in place, unless scores keep the weights of classes."""
        if not self.score_class_weights and self.has_class_weights:
            # a new dict: a shallow copy shares the buffers of the criterion, which must keep its weights
            twin._buffers = twin._buffers | dict.fromkeys(self._class_weights)

    def values(self, units: Tensor, inputs: tuple) -> Tensor:
        """Return the loss of each sample (n_samples,), from the values of its units.

        Units finer than a sample (pixels, outputs) are averaged, or added if the criterion adds; positions
        with the `ignore_index` are left out, and a sample that has no other counts as 0.
        """
        if units.ndim == 1:
            return units
        units = units.flatten(1)
        if self.reduction in ("sum", "batchmean"):
            return units.sum(1)
        counted = self.counted(inputs)
        if counted is None:
            return units.mean(1)
        return units.sum(1) / counted.flatten(1).sum(1).clamp(min=1)

    def counted(self, inputs: tuple) -> Tensor | None:
        """Return which targets count, shaped like them; None where all do."""
        if not isinstance(self.criterion, _WEIGHTED_MEANS) or inputs[1].is_floating_point():
            return None
        ignored = self.criterion.ignore_index
        return inputs[1] != (_NOTHING_IGNORED if ignored is None else ignored)


def check_units(units: Any, n_samples: int, criterion: Any) -> Tensor:
    """Return `units` if they have one row per sample, (n_samples, ...); raise SampleLossError if not."""
    name = type(criterion).__name__
    if not isinstance(units, Tensor):
        raise SampleLossError(
            f"{name} returned {type(units).__name__}; expected a tensor of shape ({n_samples},), one loss per sample"
        )
    if units.ndim == 0 and n_samples == 1:
        return units.reshape(1)
    if units.ndim == 0:
        raise SampleLossError(
            f"{name} returned one number for a batch of {n_samples} samples, so the loss of a single sample is "
            f"unknown; let it return one loss per sample, shape ({n_samples},), or give it an attribute `reduction` "
            'that its forward obeys ("mean", "sum", "none")'
        )
    if len(units) != n_samples:
        raise SampleLossError(
            f"{name} gave {len(units)} losses for a batch of {n_samples} samples; expected one row per sample: "
            "keep the samples along the first dimension, and let no collate_fn add or drop any"
        )
    return units
