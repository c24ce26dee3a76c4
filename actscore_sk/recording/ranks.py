"""The processes that train one net together, and what they tell each other."""

import zlib
from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from actscore_sk.data.shards import ALONE, Share
from actscore_sk.exceptions import IndexTrackingError
from actscore_sk.recording.joint_stop import JointStop


class Ranks:
    """All processes of the default group; every method is called by all of them.

    Attributes
    ----------
    share : Share
        Of this process.
    is_main : bool
        True in the one that writes files.
    stop : JointStop
        When all of them end the training.
    """

    def __init__(self) -> None:
        self.share = Share(distributed.get_world_size(), distributed.get_rank())
        self.is_main = self.share.rank == 0
        is_on_cpu = distributed.get_backend() == "gloo" or not torch.cuda.is_available()
        self._device = torch.device("cpu" if is_on_cpu else "cuda")
        # Small things travel between hosts, so that no device is waited for.
        self._of_hosts = None if is_on_cpu else distributed.new_group(backend="gloo")
        self.stop = JointStop(self.all, self._of_hosts)

    # -- once per epoch ------------------------------------------------------------------------------------

    def all(self, value: Any) -> list[Any]:
        """Return the value of each process, in their order; anything that can be pickled."""
        values = [None] * self.share.n_processes
        distributed.all_gather_object(values, value, group=self._of_hosts)
        return values

    def gather(self, table: Tensor) -> list[Tensor]:
        """Return the table (n_rows, n_columns) of each process, on the device of this one's.

        Parameters
        ----------
        table : Tensor of int32 (n_rows, n_columns)
            As many columns in all processes.
        """
        sizes = self.all(len(table))
        padded = table.new_zeros((max(sizes), table.shape[1]), device=self._device)
        padded[: len(table)] = table
        tables = [torch.empty_like(padded) for _ in sizes]
        distributed.all_gather(tables, padded)
        return [found[:size].to(table.device) for found, size in zip(tables, sizes, strict=True)]

    def check_equal(self, name: str, value: Any, advice: str) -> None:
        """Raise IndexTrackingError if the processes do not have the same value."""
        values = self.all(value)
        if any(other != values[0] for other in values):
            raise IndexTrackingError(f"the processes do not have the same {name}; {advice}")

    def of_main(self, value: Any) -> Any:
        """Return the value that the main process has."""
        return self.all(value)[0]

    # -- in a step -----------------------------------------------------------------------------------------

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a number over all processes, without waiting for a device."""
        total = value.detach().clone()
        distributed.all_reduce(total)
        return total / self.share.n_processes


def ranks_of(net: Any) -> Ranks | None:
    """Return the processes that train a net together: by Accelerate, or by torch's `DistributedDataParallel`.

    Parameters
    ----------
    net : NeuralNet
        Initialized.

    Returns
    -------
    ranks : Ranks or None
        None for a net that trains in one process, as others may do beside it.
    """
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return None
    by_accelerate = getattr(getattr(net, "accelerator", None), "num_processes", 1) > 1
    modules = [getattr(net, name + "_", None) for name in getattr(net, "_modules", ())]
    is_wrapped = any(isinstance(module, DistributedDataParallel) for module in modules)
    return Ranks() if by_accelerate or is_wrapped else None


def is_main(ranks: Ranks | None) -> bool:
    """Return True in the process that writes files."""
    return ranks is None or ranks.is_main


def share_of(ranks: Ranks | None) -> Share:
    """Return which one of the processes this is."""
    return ALONE if ranks is None else ranks.share


def digest(positions: Tensor | None) -> int:
    """Return a number that is equal for equal positions; None = all of them."""
    return 0 if positions is None else zlib.crc32(positions.numpy().tobytes())
