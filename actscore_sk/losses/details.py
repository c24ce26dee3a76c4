"""Losses beside the scalar that is trained on: those of samples, of their parts, of finer units."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

_REDUCTIONS = ("mean", "sum", "none")


@dataclass(frozen=True)
class Units:
    """Losses finer than a sample: those of pixels, boxes, tokens.

    Parameters
    ----------
    values : tensor (n_samples, ...)
        Loss of each unit; anything where `mask` is False.
    mask : tensor of bool, shape of `values`, optional
        True where a value is the loss of a unit; other values are padding, or ignored. None: all are losses.
    is_ragged : bool
        True if samples have different numbers of units: those under `mask`, in order. Then `values` is
        (n_samples, width), where the width is that of the widest sample in the batch.
    """

    values: Tensor
    mask: Tensor | None = None
    is_ragged: bool = False

    @classmethod
    def of(cls, units: Any) -> "Units":
        """Build units from a tensor, or from a list of tensors of different lengths.

        Parameters
        ----------
        units : Units, tensor (n_samples, ...) or list of n_samples tensors (n_units,)
            Losses of units. `Units` are returned as they are; a list is padded, and becomes ragged.

        Returns
        -------
        units : Units
            With the gradient of the input.

        Examples
        --------
        >>> Units.of([torch.ones(2), torch.ones(0)]).mask
        tensor([[ True,  True],
                [False, False]])
        """
        if isinstance(units, (Units, Tensor)):
            return units if isinstance(units, Units) else cls(units)
        # padded and masked rather than a list: later steps are a few vector operations on the device
        values = nn.utils.rnn.pad_sequence([*units], batch_first=True)
        sizes = torch.tensor([len(part) for part in units], device=values.device)
        return cls(values, torch.arange(values.shape[1], device=values.device) < sizes[:, None], is_ragged=True)

    def sizes(self) -> Tensor:
        """Return the number of units of each sample, (n_samples,) int64."""
        mask = torch.ones_like(self.values, dtype=torch.bool) if self.mask is None else self.mask
        return mask.flatten(1).sum(1)

    def detached(self) -> "Units":
        """Return the same units without gradient."""
        return replace(self, values=self.values.detach())


@dataclass(frozen=True)
class LossDetails:
    """Losses of one batch.

    Parameters
    ----------
    samples : tensor (n_samples,)
        Loss of each sample; the net is trained on these alone. Higher = harder.
    components : dict of str to tensor (n_samples,)
        Parts of it: localisation, classification. Recorded, and not trained on.
    units : tensor (n_samples, ...), list of n_samples tensors (n_units,), Units or None
        Losses of pixels, boxes, tokens. Recorded, and not trained on.
    unit_components : dict of str to tensor, list or Units
        Parts of the losses of units, each in one of the forms of `units`.
    """

    samples: Tensor
    components: Mapping[str, Tensor] = field(default_factory=dict)
    units: Any = None
    unit_components: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_more(self) -> bool:
        """True if there are parts or units beside the losses of samples."""
        return bool(self.components or self.unit_components) or self.units is not None

    def detached(self) -> "LossDetails":
        """Return the same losses without gradient, with `Units` for units: they hold no graph."""
        return LossDetails(
            self.samples.detach(),
            {name: part.detach() for name, part in self.components.items()},
            None if self.units is None else Units.of(self.units).detached(),
            {name: Units.of(units).detached() for name, units in self.unit_components.items()},
        )


class DetailedLoss(nn.Module):
    """Base of criteria that know the loss of each sample, of its parts and of its units.

    A subclass defines `details`, and leaves `forward` as it is. As any criterion it works in a plain skorch net; one
    that is watched records all of the details in the same pass. The loss of a sample must not depend on other samples
    in the batch.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        Reduction of the losses of samples to the loss that is trained on.

    Examples
    --------
    >>> class AbsoluteAndSquared(DetailedLoss):
    ...     def details(self, y_pred, y_true):
    ...         gaps = y_pred - y_true                                            # (n_samples, n_outputs)
    ...         parts = {"absolute": gaps.abs().mean(1), "squared": gaps.square().mean(1)}
    ...         return LossDetails(sum(parts.values()), parts, units=gaps.abs())
    >>> AbsoluteAndSquared()(torch.tensor([[3.0], [0.0]]), torch.zeros(2, 1))
    tensor(6.)
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction={reduction!r}; expected one of {', '.join(map(repr, _REDUCTIONS))}")
        self.reduction = reduction

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.forward is not DetailedLoss.forward:  # a net that is watched would not call it
            raise TypeError(f"{cls.__name__} defines forward; define details, and reduced for what is trained on")

    def details(self, y_pred: Any, y_true: Any) -> LossDetails:
        """Compute the losses of the samples in a batch, with gradient.

        Parameters
        ----------
        y_pred, y_true : tensor, tuple, list or dict
            Output of the net for the batch, and its targets.

        Returns
        -------
        details : LossDetails
            One loss per sample, and its parts and units if there are any.
        """
        raise NotImplementedError(f"{type(self).__name__} must define details(y_pred, y_true)")

    def check_targets(self, y_true: Any) -> None:
        """Raise ValueError if the target of some sample cannot be learnt; by default no target is looked at.

        `ActionScoreEstimator` calls it with all targets before the first update.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, ...)
            Targets of all samples, as passed to `fit`.
        """

    def forward(self, y_pred: Any, y_true: Any) -> Tensor:
        """Compute the loss to train on.

        Parameters
        ----------
        y_pred, y_true : tensor, tuple, list or dict
            Output of the net for the batch, and its targets.

        Returns
        -------
        loss : tensor
            A scalar, or (n_samples,) with ``reduction="none"``.
        """
        return self.reduced(self.details(y_pred, y_true).samples)

    def reduced(self, samples: Tensor) -> Tensor:
        """Reduce the losses of samples to the loss that is trained on.

        Parameters
        ----------
        samples : tensor (n_samples,)
            Loss of each sample.

        Returns
        -------
        loss : tensor
            A scalar, or `samples` with ``reduction="none"``.
        """
        return samples if self.reduction == "none" else getattr(samples, self.reduction)()


def mean_of_units(units: Units) -> Tensor:
    """Return the mean loss over the units of each sample (n_samples,); 0 for a sample without units.

    Examples
    --------
    >>> mean_of_units(Units.of([torch.tensor([1.0, 2.0]), torch.ones(0)]))
    tensor([1.5000, 0.0000])
    """
    values = units.values.flatten(1)
    if units.mask is None:
        return values.mean(1)
    mask = units.mask.flatten(1)
    return torch.where(mask, values, 0).sum(1) / mask.sum(1).clamp(min=1)
