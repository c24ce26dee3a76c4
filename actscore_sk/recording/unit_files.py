"""Arrays of float32 that lie in files and are mapped into memory."""

import os
import tempfile

import numpy as np


def new_map(shape: tuple[int, ...], path: str | os.PathLike | None = None) -> np.ndarray:
    """Map a new array, in a ``.npy`` file or in a temporary one that goes with it.

    Raises
    ------
    FileExistsError
        If something else than an array of float32 lies at the path.
    """
    if path is None:
        with tempfile.TemporaryFile() as file:  # the map outlives it
            return np.memmap(file, mode="w+", dtype=np.float32, shape=shape)
    if os.path.lexists(path):
        if not _holds_floats(path):
            raise FileExistsError(
                f"{os.fspath(path)} exists and holds no losses of units; move it or choose another path"
            )
        os.unlink(path)  # whoever has mapped an earlier run keeps it; to shorten the file would crash them
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)


def _holds_floats(path: str | os.PathLike) -> bool:
    try:
        return np.load(path, mmap_mode="r").dtype == np.float32
    except (OSError, ValueError):
        return False
