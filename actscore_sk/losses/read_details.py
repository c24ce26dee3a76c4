"""What a criterion returns besides one number, understood: parts and units by their shapes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import LossDetails, Units, mean_of_units


def read_details(output: Any, n_samples: int, criterion: Any) -> LossDetails | None:
    """Understand the return value of a criterion that is more than a tensor: `LossDetails`, or a pair (loss, dict).

    The shape of an entry of the dict says its kind: (n_samples,) is a part of the loss; (n_samples, ...) or a list of
    n_samples tensors (n_units,) are losses of units. Of several such entries, "units" is the whole and others its
    parts. A loss (n_samples,) is that of the samples; beside a scalar, it is the entry "loss", or the sum of the
    parts, or the mean of the units.

    Parameters
    ----------
    output : Any
        Return value of the criterion.
    n_samples : int
        Size of the batch.
    criterion : callable
        Named in errors.

    Returns
    -------
    details : LossDetails or None
        None if the output is neither form, a tensor for example.

    Raises
    ------
    SampleLossError
        If an entry has another shape.
    """
    if isinstance(output, LossDetails):
        return output
    if without_details(output) is output:
        return None
    loss, entries = output[0], dict(output[1])
    own = entries.pop("loss", None)
    kinds = {name: _kind(name, entry, n_samples, criterion) for name, entry in entries.items()}
    components = {name: entry for name, entry in entries.items() if kinds[name] == "part"}
    unit_components = {name: Units.of(entry) for name, entry in entries.items() if kinds[name] == "units"}
    name = next(iter(unit_components)) if len(unit_components) == 1 else "units"
    units = unit_components.pop(name, None)
    if units is None and unit_components:
        raise SampleLossError(
            f"{type(criterion).__name__} returned several losses of units: {', '.join(unit_components)}; name the one "
            'that is the whole "units"'
        )
    if isinstance(loss, Tensor) and loss.ndim:
        own = loss if loss.ndim == 1 else loss.flatten(1).mean(1)
    samples = own if own is not None else _sum_of(components, units, criterion)
    _kind("loss", samples, n_samples, criterion)
    return LossDetails(samples, components, units, unit_components)


def without_details(loss: Any) -> Any:
    """Return the loss of a pair (loss, dict) or of `LossDetails`, which can be trained on; anything else as it is.

    Examples
    --------
    >>> without_details((torch.tensor(2.0), {"size": torch.ones(3)}))
    tensor(2.)
    """
    if isinstance(loss, LossDetails):
        return loss.samples
    is_pair = isinstance(loss, (tuple, list)) and len(loss) == 2 and isinstance(loss[1], Mapping)
    return loss[0] if is_pair else loss


def _kind(name: str, entry: Any, n_samples: int, criterion: Any) -> str:
    if isinstance(entry, Tensor) and entry.ndim and len(entry) == n_samples:
        return "part" if entry.ndim == 1 else "units"
    is_list = isinstance(entry, Sequence) and len(entry) == n_samples
    if is_list and all(isinstance(part, Tensor) and part.ndim == 1 for part in entry):
        return "units"
    shape = tuple(entry.shape) if isinstance(entry, Tensor) else type(entry).__name__
    raise SampleLossError(
        f"{type(criterion).__name__} returned {name!r} of shape {shape} for {n_samples} samples; expected one number "
        f"per sample, ({n_samples},), or units, ({n_samples}, ...) or a list of {n_samples} tensors (n_units,)"
    )


def _sum_of(components: dict[str, Tensor], units: Units | None, criterion: Any) -> Tensor:
    if components:
        return torch.stack([*components.values()]).sum(0)
    if units is None:
        raise SampleLossError(
            f"{type(criterion).__name__} returned a scalar beside an empty dict; put the loss of each sample into it"
        )
    return mean_of_units(units)
