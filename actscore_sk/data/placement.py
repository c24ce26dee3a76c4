"""Where the samples of a training are stored: on the device of the net if they fit, else on the host."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from actscore_sk.data.device_store import DeviceStore, can_pin, row_bytes
from actscore_sk.data.fetching import Fetch, batch_slicer, data_identity
from actscore_sk.data.host_store import HostStore
from actscore_sk.data.parts import map_parts, parts_of

DATA_DEVICES = ("auto", "net", "host")
FREE_SHARE = 0.5  # of the memory that is free on the device after a training step, when the net has taken its own


class Placement:
    """Decides, for each data set of a training, where its samples are stored, and stores them there.

    Parameters
    ----------
    data_device : {"auto", "net", "host"}
        See `ActionScoreClassifier`.

    Attributes
    ----------
    device : torch.device or None
        That of the net; None as long as it is not known.
    is_seen : bool
        True if code of the user's own gets batches, and expects them where the data are: then only "net" moves them.
    is_rewritten : bool
        True if code of the user's own may change the data between two epochs; they are then copied again at each.
    has_stepped : bool
        True if a training step was made, so that the memory it takes is taken.
    """

    def __init__(self, data_device: str = "auto") -> None:
        self.data_device = data_device
        self.device: torch.device | None = None
        self.is_seen, self.is_rewritten, self.has_stepped = True, True, False
        self._stores: dict[tuple, tuple[list, list[int], DeviceStore | HostStore]] = {}

    def begin_epoch(self, device: torch.device | None, *, is_seen: bool, is_rewritten: bool) -> None:
        """Take over what is known of the net in this epoch; see the attributes."""
        self.device, self.is_seen, self.is_rewritten = device, is_seen, is_rewritten

    @property
    def moves(self) -> bool:
        """True if batches are on the device of the net when the net gets them."""
        is_apart = self.device is not None and not is_host(self.device)
        return is_apart and (self.data_device == "net" or not self.is_seen)

    def store(self, dataset: Dataset, fetch: Fetch) -> DeviceStore | HostStore:
        """Return the store that has the batches of a data set in this epoch.

        Parameters
        ----------
        dataset : Dataset
            Not empty.
        fetch : callable
            Its slicer.

        Returns
        -------
        store : DeviceStore or HostStore
            The same one at each epoch. On the device, tensors that were changed since are copied again, and all data if
            `is_rewritten`.
        """
        identity = data_identity(dataset)
        key, versions = tuple(map(id, identity)), _versions(identity)
        known = self._stores.get(key)
        if known is None:
            store = self._new_store(dataset, fetch)
        else:
            store = known[2]
            if self.is_rewritten or versions != known[1]:
                store.fill()
        # the objects are kept with the store, so that no other object gets the id of one of them
        self._stores[key] = identity, versions, store
        return store

    def _new_store(self, dataset: Any, fetch: Fetch) -> DeviceStore | HostStore:
        device: Any = self.device
        n_bytes = len(dataset) * row_bytes(fetch(torch.tensor([0])))
        fits = self.data_device == "net" or (self.data_device == "auto" and n_bytes <= FREE_SHARE * free_bytes(device))
        pinned = batch_slicer(dataset, default_collate, pins=True) if can_pin(device) else None
        fetch = fetch if pinned is None else pinned
        if fits:
            try:
                return DeviceStore(fetch, len(dataset), device)
            except (RuntimeError, TypeError):  # memory in pieces, or a dtype that the device does not know
                if self.data_device == "net":
                    raise
        return HostStore(fetch, device)

    def clear(self) -> None:
        """Give the memory back."""
        self._stores = {}


def _versions(identity: list[Any]) -> list[int]:
    """Return how often each tensor among these objects was written to."""
    things = [part for thing in identity for part in _parts(thing)]
    return [thing._version for thing in things if isinstance(thing, Tensor) and not thing.is_inference()]


def _parts(thing: Any) -> list[Any]:
    if isinstance(thing, (list, tuple)) and thing and hasattr(thing[0], "shape"):
        return list(thing)
    return list(thing.values()) if isinstance(thing, Mapping) else [thing]


def on_host(data: Any) -> Any:
    """Return `data` with its tensors in the memory of the host, where NumPy and scikit-learn can read them.

    Examples
    --------
    >>> on_host({"labels": torch.tensor([1, 0]), "name": "two"})
    {'labels': tensor([1, 0]), 'name': 'two'}
    """
    parts = parts_of(data)
    if parts is None:
        return data.cpu() if isinstance(data, Tensor) else data
    return data if all(on_host(part) is part for part in parts.values()) else map_parts(on_host, data)


def is_host(device: torch.device) -> bool:
    """Return True if samples in memory are where such a device computes."""
    return device.type == "cpu"


def full_device(device: Any) -> torch.device | None:
    """Return a device with its index, as tensors on it have it; None for None.

    Examples
    --------
    >>> full_device("cpu")
    device(type='cpu')
    """
    return None if device is None else torch.empty(0, device=device).device


def free_bytes(device: torch.device) -> int:
    """Return the bytes of a device that nobody has taken; 0 if it does not tell."""
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    module = getattr(torch, device.type, None)
    return module.mem_get_info(device)[0] if module is not None and hasattr(module, "mem_get_info") else 0
