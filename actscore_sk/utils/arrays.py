"""Tensors as arrays, in dtypes that NumPy has."""

from typing import Any

import numpy as np
import torch


def as_array(values: Any) -> np.ndarray:
    """Return a tensor of any device and dtype, or whatever else NumPy reads, as an array.

    Examples
    --------
    >>> as_array(torch.tensor([0.5, 1.0], dtype=torch.bfloat16)).dtype, as_array([1, 2]).tolist()
    (dtype('float32'), [1, 2])
    """
    if not isinstance(values, torch.Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    # NumPy has half precision of 16 bits, but not torch's other narrow floats
    is_known = not values.is_floating_point() or values.dtype in (torch.float16, torch.float32, torch.float64)
    return (values if is_known else values.float()).numpy()
