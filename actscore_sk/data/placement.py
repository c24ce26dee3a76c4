"""Where the samples of a training are stored: on the device of the net if they fit, else on the host."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from actscore_sk.data.device_store import DeviceStore, row_bytes
from actscore_sk.data.devices import can_pin, free_bytes, is_host
from actscore_sk.data.fetching import Fetch, batch_slicer, data_identity
from actscore_sk.data.host_store import HostStore

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
