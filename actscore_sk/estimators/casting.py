"""Arrays and tensors in dtypes that torch has, and batches cast on their way into a module."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import nn

from actscore_sk.data.disk_rows import DiskRows
from actscore_sk.data.parts import map_parts

_TORCH_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtypes in (
        (torch.float16, torch.float32, torch.float64, torch.bool),
        (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    )
    for dtype in dtypes
}


class CastInputs:
    """Hook that casts what a module is called with, by dtype; it can be pickled with the module.

    Parameters
    ----------
    casts : dict of torch.dtype to torch.dtype
        Tensors of other dtypes pass as they are.
    names : list of str
        Names of inputs, if X is a dict of them; otherwise the first input without a name is X.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> hook = CastInputs({torch.uint8: torch.float32}, [])
    >>> handle = layer.register_forward_pre_hook(hook, with_kwargs=True)
    >>> layer(torch.ones(3, 2, dtype=torch.uint8)).dtype
    torch.float32
    """

    def __init__(self, casts: dict[torch.dtype, torch.dtype], names: list[str]) -> None:
        self.casts, self.names = casts, names

    def __call__(self, module: nn.Module, inputs: tuple, named: dict) -> tuple[tuple, dict]:
        """Return the inputs in the dtypes that the module takes."""
        if inputs:
            inputs = (self._cast(inputs[0]), *inputs[1:])
        return inputs, {name: self._cast(part) if name in self.names else part for name, part in named.items()}

    def _cast(self, part: Any) -> Any:
        if isinstance(part, torch.Tensor):
            return part.to(self.casts.get(part.dtype, part.dtype))
        if isinstance(part, Mapping):
            return {name: self._cast(inner) for name, inner in part.items()}
        return [self._cast(inner) for inner in part] if isinstance(part, (list, tuple)) else part


def map_arrays(X: Any, function: Any) -> Any:
    """Return X with each of its parts, an array or a tensor, mapped by a function."""
    return map_parts(lambda part: function(_array_of(part)), X)


def _array_of(part: Any) -> Any:
    return part if isinstance(part, (torch.Tensor, DiskRows)) or sparse.issparse(part) else np.asarray(part)


class _ReadOnlyRows(np.ndarray):
    """An array that may not be written to, and gives copies of its rows, since torch warns when it wraps one."""

    def __getitem__(self, index: Any) -> Any:
        found = self.view(np.ndarray)[index]
        return found.copy() if isinstance(found, np.ndarray) and not found.flags.writeable else found


def readable(part: Any) -> Any:
    """Return a part of X as torch can read its rows, without a copy if there is a torch dtype for it."""
    if isinstance(part, torch.Tensor) or sparse.issparse(part):
        return part
    native = part.dtype.newbyteorder("=")
    if native != part.dtype or str(native) not in _TORCH_DTYPES:
        other = np.int64 if native.kind in "iu" else np.float64
        part = part.astype(native if str(native) in _TORCH_DTYPES else other)
    return part if isinstance(part, DiskRows) or part.flags.writeable else part.view(_ReadOnlyRows)


def first_rows(part: Any) -> Any:
    """Return two rows of a part of X, dense, as torch can take them."""
    rows = part[:2]
    if isinstance(part, torch.Tensor):
        return rows
    return rows.toarray() if sparse.issparse(rows) else np.array(readable(rows))  # no stride is negative in a copy


def dtypes_in(X: Any) -> set[torch.dtype]:
    """Return the dtypes that the parts of X have, or get as tensors."""
    found: set[torch.dtype] = set()
    map_arrays(X, lambda part: found.add(part.dtype if isinstance(part, torch.Tensor) else _torch_dtype(part.dtype)))
    return found


def _torch_dtype(dtype: np.dtype) -> torch.dtype:
    other = torch.int64 if dtype.kind in "iu" else torch.float64
    return _TORCH_DTYPES.get(str(dtype.newbyteorder("=")), other)


def is_integer(dtype: torch.dtype) -> bool:
    """Return True for whole numbers; booleans are none."""
    return not dtype.is_floating_point and not dtype.is_complex and dtype is not torch.bool


def to_float(part: Any, dtype: torch.dtype) -> Any:
    """Return an array or a tensor in a floating dtype, without a copy if it has it."""
    if isinstance(part, torch.Tensor):
        return part.to(dtype)
    if dtype is torch.bfloat16:  # NumPy has no such dtype
        return torch.as_tensor(part).to(dtype)
    return part.astype(str(dtype).removeprefix("torch."), copy=False)


def to_int64(part: Any) -> Any:
    """Return an array or a tensor of int64, without a copy if it is one."""
    return part.long() if isinstance(part, torch.Tensor) else part.astype(np.int64, copy=False)
