"""A loss for each output of a net: labels, numbers, heads."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from actscore_sk.losses.details import DetailedLoss, LossDetails, Units, mean_of_units
from actscore_sk.losses.sample_loss import SampleLoss


class MultiOutputLoss(DetailedLoss):
    """Weighted sum of one loss per output; each of them is a part that is recorded.

    Parameters
    ----------
    losses : nn.Module, or list or dict of nn.Module
        One elementwise criterion for all outputs, which are along the second dimension: ``BCEWithLogitsLoss()`` for
        labels, ``MSELoss()`` for numbers. Or one criterion per head; one that delivers details itself, too.
    weights : sequence of float, or dict of str to float, optional
        Weight of each output in the sum; 1 each if None. Parts are recorded without it.
    names : sequence of str, optional
        Names of the parts; those of the dict, or "output_0", "output_1" and so on if None.
    reduction : {"mean", "sum", "none"}
        Reduction of the losses of samples to the loss that is trained on. That of
        an inner criterion says how losses within an output (pixels) become its loss: by a mean, or a sum.

    Notes
    -----
    With one criterion, outputs and targets are (n_samples, n_outputs, ...). With several, the net returns a list, tuple
    or dict of heads, and targets are the like, or columns (n_samples, n_outputs). A dict goes by the names. A target of
    the shape of its output gets its dtype; one with a dimension less holds codes of classes.

    Losses finer than an output (pixels of a head) are parts of units, under the name of the output; parts of
    a head's loss have both names, as in ``"mask_dice"``.

    Examples
    --------
    >>> labels = MultiOutputLoss(nn.BCEWithLogitsLoss(), names=["indoor", "people"])
    >>> labels.details(torch.zeros(1, 2), torch.tensor([[0, 1]])).components
    {'indoor': tensor([0.6931]), 'people': tensor([0.6931])}
    >>> heads = MultiOutputLoss({"kind": nn.CrossEntropyLoss(), "size": nn.L1Loss()}, weights={"kind": 1, "size": 0.1})
    >>> outputs = {"size": torch.tensor([[4.0]]), "kind": torch.zeros(1, 4)}
    >>> heads(outputs, torch.tensor([[3.0, 2.0]]))                               # ln 4 + 0.1 * 2
    tensor(1.5863)
    """

    def __init__(
        self,
        losses: nn.Module | Sequence[nn.Module] | Mapping[str, nn.Module],
        weights: Sequence[float] | Mapping[str, float] | None = None,
        names: Sequence[str] | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if isinstance(losses, Mapping):
            if names is not None:
                raise ValueError("losses is a dict, which has the names of the outputs; leave names out")
            names, losses = [*losses], [*losses.values()]
        self.is_shared: bool = isinstance(losses, nn.Module)
        self.names = names
        self.weights = weights
        heads = [losses] if isinstance(losses, nn.Module) else [*losses]
        self.losses: nn.ModuleList = nn.ModuleList(heads)  # their class weights go to another device with it
        if not self.is_shared:
            self._named_weights(len(heads))

    def details(self, y_pred: Any, y_true: Any) -> LossDetails:
        """Compute the losses of the samples in a batch, and of their outputs.

        Parameters
        ----------
        y_pred : tensor, list, tuple or dict
            Outputs of the net; see the notes of the class.
        y_true : tensor, list, tuple or dict
            One target per output.

        Returns
        -------
        details : LossDetails
            One part per output, unweighted.

        Raises
        ------
        ValueError
            If there are not as many outputs, targets, names and weights as losses.
        SampleLossError
            If an inner criterion hides the loss of single samples.
        """
        found = self._of_outputs(y_pred, y_true) if self.is_shared else self._of_heads(y_pred, y_true)
        parts: dict[str, Tensor] = {}
        unit_parts: dict[str, Any] = {}
        weights = self._named_weights(len(found))
        for name, details in zip(weights, found, strict=True):
            parts |= {name: details.samples}
            parts |= {f"{name}_{part}": values for part, values in details.components.items()}
            unit_parts |= {} if details.units is None else {name: details.units}
            unit_parts |= {f"{name}_{part}": units for part, units in details.unit_components.items()}
        weighted = [weight * each.samples for weight, each in zip(weights.values(), found, strict=True)]
        return LossDetails(torch.stack(weighted).sum(0), parts, unit_components=unit_parts)

    def _named_weights(self, n_outputs: int) -> dict[str, float]:
        """Return the weight of each output by its name, in the order of the outputs."""
        names = [f"output_{i}" for i in range(n_outputs)] if self.names is None else [*self.names]
        weights = [1.0] * n_outputs if self.weights is None else self.weights
        for what, given in (("names", set(names)), ("weights", weights)):
            if len(given) != n_outputs:
                raise ValueError(f"{what} has {len(given)} different entries, but there are {n_outputs} outputs")
        if isinstance(weights, Mapping):
            weights = [_entry(weights, i, name, "weights") for i, name in enumerate(names)]
        return dict(zip(names, weights, strict=True))

    def _of_outputs(self, y_pred: Tensor, y_true: Tensor) -> list[LossDetails]:
        """Losses of outputs (n_samples, n_outputs, ...) under one elementwise criterion."""
        sample_loss = SampleLoss(self.losses[0], score_class_weights=True)
        inputs = y_pred, _as_target(y_true, y_pred)
        values = sample_loss.units(inputs, len(y_pred))
        if values.ndim < 2:
            raise ValueError(
                f"{type(self.losses[0]).__name__} gives one loss per sample for outputs {tuple(y_pred.shape)}; "
                "expected an elementwise one, (n_samples, n_outputs), or a list of criteria, one per output"
            )
        units = sample_loss.unit_losses(values, inputs) or Units(values)
        masks = torch.ones_like(values, dtype=torch.bool) if units.mask is None else units.mask
        outputs = [Units(values[:, i, None], masks[:, i, None]) for i in range(values.shape[1])]
        if sample_loss.reduction in ("sum", "batchmean"):
            return [LossDetails(output.values.flatten(1).sum(1)) for output in outputs]
        return [LossDetails(mean_of_units(output)) for output in outputs]

    def _of_heads(self, y_pred: Any, y_true: Any) -> list[LossDetails]:
        """Losses of heads, each under its own criterion."""
        found = []
        for what, given in (("outputs", y_pred), ("targets", y_true)):
            n_given = given.shape[1] if isinstance(given, Tensor) and given.ndim > 1 else len(given)
            if n_given != len(self.losses):
                raise ValueError(f"{n_given} {what} for {len(self.losses)} losses; expected one per output")
        for i, name in enumerate(self._named_weights(len(self.losses))):
            output, target = _entry(y_pred, i, name, "outputs"), _entry(y_true, i, name, "targets")
            found.append(_details_of(self.losses[i], output, target))
        return found


def _entry(values: Any, i: int, name: str, what: str) -> Any:
    """Take entry `name` of a dict, entry `i` of a sequence, column `i` of a tensor."""
    if isinstance(values, Tensor):
        return values[:, i]
    if isinstance(values, Mapping) and name not in values:
        raise ValueError(f"{what} have no {name!r}, only {', '.join(map(repr, values))}")
    return values[name] if isinstance(values, Mapping) else values[i]


def _details_of(loss: nn.Module, output: Any, target: Any) -> LossDetails:
    if isinstance(loss, DetailedLoss):
        return loss.details(output, target)
    sample_loss, inputs = SampleLoss(loss, score_class_weights=True), (output, _as_target(target, output))
    return sample_loss.details(sample_loss.unreduced()(*inputs), inputs, len(target))


def _as_target(target: Tensor, output: Tensor) -> Tensor:
    """Return a target with the dtype and shape that its output needs."""
    if target.ndim == 1 and output.shape == (len(target), 1):
        target = target[:, None]
    if target.shape == output.shape:
        return target.to(output.dtype)
    # a dimension less: codes of classes, which torch takes as int64 only
    return target.long() if target.ndim == output.ndim - 1 else target
