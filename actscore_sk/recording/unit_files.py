"""Arrays of losses of units in files, named ones and temporary ones."""

import os
import tempfile

import numpy as np


def new_map(shape: tuple[int, ...], path: str | os.PathLike | None = None) -> np.ndarray:
    """Map a new array of float32.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    path : path-like, optional
        A ``.npy`` file; an array of an earlier run is replaced. None: a temporary file that is deleted with the map.

    Returns
    -------
    array : ndarray of float32
        Writable; zeros at first.

    Raises
    ------
    FileExistsError
        If the path holds anything but an array of float32.
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
    """Return True if a file is an array of float32: the units of an earlier run."""
    try:
        return np.load(path, mmap_mode="r").dtype == np.float32
    except (OSError, ValueError):
        return False
