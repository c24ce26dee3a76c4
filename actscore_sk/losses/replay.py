"""Ask a user's own criterion twice as if it had been called once."""

from typing import Any

import torch
from torch import Tensor, nn

from actscore_sk.losses.sample_loss import SampleLoss


class Replay:
    """Calls a criterion, and then its per-sample form with the same random numbers and buffers.

    A user's criterion may draw random numbers (sampled negatives) or keep running statistics. The second
    call sees what the first one saw and leaves no trace: the random stream and the buffers are put back.

    Parameters
    ----------
    sample_loss : SampleLoss
        View of the criterion.
    """

    def __init__(self, sample_loss: SampleLoss) -> None:
        self.sample_loss = sample_loss
        criterion = sample_loss.criterion
        self._buffers = list(criterion.buffers()) if isinstance(criterion, nn.Module) else []

    def __call__(self, call: Any, inputs: tuple, n_samples: int) -> tuple[Any, Tensor]:
        """Return what `call` (the criterion) gives for `inputs`, and the loss of each sample (n_samples,)."""
        devices = sorted({part.get_device() for part in inputs if isinstance(part, Tensor) and part.is_cuda})
        before = self._state(devices)
        output = call(*inputs)
        after = self._state(devices)
        self._restore(before, devices)
        with torch.no_grad():
            values = self.sample_loss.values(self.sample_loss.units(inputs, n_samples, output), inputs)
        self._restore(after, devices)
        return output, values

    def _state(self, devices: list[int]) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        streams = [torch.cuda.get_rng_state(device) for device in devices]
        return torch.get_rng_state(), streams, [buffer.clone() for buffer in self._buffers]

    def _restore(self, state: tuple[Tensor, list[Tensor], list[Tensor]], devices: list[int]) -> None:
        stream, cuda_streams, buffers = state
        torch.set_rng_state(stream)
        for device, cuda_stream in zip(devices, cuda_streams, strict=True):
            torch.cuda.set_rng_state(cuda_stream, device)
        for buffer, saved in zip(self._buffers, buffers, strict=True):
            buffer.data.copy_(saved)
