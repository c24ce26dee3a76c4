"""Ask a user's own criterion twice as if it had been called once."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import LossDetails
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.utils.randomness import RandomState

_PLAIN = (int, float, complex, str, bytes, bool, type(None), torch.dtype, torch.device)


class PerSampleTwin:
    """Calls a criterion, and then its per-sample form with the same random numbers and the same state.

    A user's criterion may draw random numbers (sampled negatives), keep running statistics or count its calls. The
    second call is made on a twin that has the state from before the first one, so that the criterion changes once.

    Parameters
    ----------
    sample_loss : SampleLoss
        View of the criterion.
    """

    def __init__(self, sample_loss: SampleLoss) -> None:
        self.sample_loss = sample_loss

    def __call__(self, call: Callable, inputs: tuple, n_samples: int, named: dict) -> tuple[Any, LossDetails]:
        """Return what `call` (the criterion) gives for its arguments, and the losses of samples and their parts."""
        device = next((part.device for part in inputs if isinstance(part, Tensor)), "cpu")
        # A criterion without a reduction to leave out has told all it knows in the first call.
        twin = self.twin() if self.sample_loss.has_reduction else None
        before = RandomState(device) if twin is not None else None
        versions = _versions(inputs)
        output = call(*inputs, **named)
        if twin is not None and _versions(inputs) != versions:
            raise SampleLossError(
                f"{type(self.sample_loss.criterion).__name__} writes into its arguments, so that it cannot be asked "
                "once more for the losses of samples; let it change a copy: output = output.clone()"
            )
        with torch.no_grad():
            if before is None:
                details = self.sample_loss.details(output, inputs, n_samples)
            else:
                after = RandomState(device)
                before.restore()
                details = self.sample_loss.details(twin(*inputs, **named), inputs, n_samples)  # type: ignore[misc]
                after.restore()
            return output, details.detached()

    def twin(self) -> Any:
        """Return the criterion as it is now, with its own state but the same parameters, and no reduction."""
        twin = independent_copy(self.sample_loss.criterion)
        self.sample_loss.leave_out_reduction(twin)
        return twin


def _versions(inputs: tuple) -> list[int]:
    """Return how often each tensor was written to, which torch counts outside of inference mode."""
    return [part._version for part in inputs if isinstance(part, Tensor) and not part.is_inference()]


def independent_copy(criterion: Any) -> Any:
    """Return a copy whose calls change nothing in `criterion`; parameters are shared."""
    # A criterion that holds nothing but settings needs no deep copy, which costs more than its call.
    empty = vars(nn.Module())
    values = [value for name, value in vars(criterion).items() if name != "listener_" and (name not in empty or value)]
    if all(isinstance(value, _PLAIN) for value in values):
        return copy.copy(criterion)
    memo: dict[int, Any] = {id(shared): shared for shared in _parameters(criterion)}
    memo |= {id(generator): generator.clone_state() for generator in _generators(criterion)}
    return copy.deepcopy(criterion, memo)


def _parameters(criterion: Any) -> list[nn.Parameter]:
    return list(criterion.parameters()) if isinstance(criterion, nn.Module) else []


def _generators(criterion: Any) -> list[torch.Generator]:
    parts = criterion.modules() if isinstance(criterion, nn.Module) else [criterion]
    return [value for part in parts for value in vars(part).values() if isinstance(value, torch.Generator)]
