"""Devices: what is free on one, and how tensors get to it and back to the host."""

from typing import Any

import torch
from torch import Tensor

from actscore_sk.data.parts import map_parts, parts_of


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


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; the host waits for nothing if it can pin memory for it."""
    pins = can_pin(device)  # elsewhere a copy may read the memory after it was given back
    return (tensor.pin_memory() if pins and tensor.is_cpu else tensor).to(device, non_blocking=pins)


def can_pin(device: torch.device) -> bool:
    """Return True if copies from pinned memory to a device go on while the host works."""
    return device.type in ("cuda", "xpu")
