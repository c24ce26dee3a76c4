"""Free memory, and arrays that are stored on disk while they are used."""

import ctypes
import math
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Return the bytes that this process may still take, less than the machine has in a container; None if unknown.

    Examples
    --------
    >>> free_memory() is None or free_memory() > 0
    True
    """
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        free = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):  # another system than Linux
        return None
    try:
        limit, used = ((_CGROUP / f"memory.{name}").read_text(encoding="ascii").strip() for name in ("max", "current"))
        return free if limit == "max" else max(0, min(free, int(limit) - int(used)))
    except (OSError, ValueError):  # no container, or one of another kind
        return free


def return_freed() -> None:
    """Return memory that the process has freed to the system, as far as the C library and pyarrow keep it for later.

    Examples
    --------
    >>> return_freed()
    """
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
        if trim is not None:
            trim(0)


def temporary_array(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of zeros whose memory is a file, which the system deletes when nobody uses it any more.

    Parameters
    ----------
    shape : tuple of int
        No part is 0.
    dtype : dtype
        Of the numbers.

    Raises
    ------
    OSError
        If the disk has no place for it.

    Examples
    --------
    >>> temporary_array((2, 3), np.float32).sum()
    np.float32(0.0)
    """
    n_bytes, folder = math.prod(shape) * np.dtype(dtype).itemsize, tempfile.gettempdir()
    if n_bytes > shutil.disk_usage(folder).free:  # a mapped page without a place on the disk kills the process
        raise OSError(
            f"a temporary file of {n_bytes / 1e9:.1f} GB has no place in {folder!r}; name another folder in the "
            "environment variable TMPDIR"
        )
    # The mapping keeps the file, which has no name: not even a killed process leaves it behind.
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)
