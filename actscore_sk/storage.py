"""Trajectories (n_epochs, n_samples), float32, NaN = not visited; in memory or in a growing ``.npy`` file."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]

_MAGIC = b"\x93NUMPY\x01\x00"  # .npy, version 1.0 (NumPy enhancement proposal 1)
_HEADER_BYTES = 128
_FIELDS = "{{'descr': '<f4', 'fortran_order': False, 'shape': ({:>11}, {}), }}"


def open_trajectories(
    store: bool | str | os.PathLike[str], n_samples: int
) -> "MemoryTrajectories | FileTrajectories | None":
    """Open a new, empty store.

    Parameters
    ----------
    store : bool or path
        False: none; True: in memory; a path: in a ``.npy`` file there.
    n_samples : int
        Number of samples in X.

    Examples
    --------
    >>> rows = open_trajectories(True, n_samples=2)
    >>> rows.append([0.5, np.nan])
    >>> rows.array()
    array([[0.5, nan]], dtype=float32)
    """
    if isinstance(store, bool | np.bool_):
        return MemoryTrajectories(n_samples) if store else None
    return FileTrajectories(store, n_samples)


class MemoryTrajectories:
    """Rows in memory: 4 bytes a sample and epoch.

    Parameters
    ----------
    n_samples : int
        Length of a row.
    """

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples
        self._rows: list[Rows] = []

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, row: npt.ArrayLike) -> None:
        """Add the values (n_samples,) of one finished epoch; the row is copied."""
        self._rows.append(_as_row(row, self.n_samples).copy())

    def array(self) -> Rows:
        """Give all rows as one new array (n_epochs, n_samples)."""
        return np.array(self._rows, dtype=np.float32).reshape(-1, self.n_samples)


class FileTrajectories:
    """Rows in a ``.npy`` file that any process can map at any time, and that holds all finished epochs.

    The file appears with the first finished epoch. A row is written behind the last one, and only then does
    the header count it: a process killed in between leaves a readable file, and the next `append` overwrites
    the torn row. No file stays open, and a pickle holds the path, not the rows. Rows survive the end of the
    process, not that of the machine (no ``fsync``).

    Parameters
    ----------
    path : path-like
        Where to write. The trajectories of an earlier run there are removed.
    n_samples : int
        Length of a row.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    FileExistsError
        If something else than trajectories is there.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> rows = FileTrajectories(f"{folder.name}/losses.npy", n_samples=2)
    >>> rows.append([0.5, 2.0])
    >>> np.load(rows.path, mmap_mode="r")
    memmap([[0.5, 2. ]], dtype=float32)
    >>> folder.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str], n_samples: int) -> None:
        self.path = Path(path).absolute()
        self.n_samples = n_samples
        self._started = False
        _remove_earlier_run(self.path)

    def __len__(self) -> int:
        return len(self.array())

    def append(self, row: npt.ArrayLike) -> None:
        """Add the values (n_samples,) of one finished epoch behind the finished rows of the file."""
        values = _as_row(row, self.n_samples)
        n_epochs = len(self)
        # np.load cannot map an empty array, so the first epoch comes into sight with its header.
        target = self.path if n_epochs else self.path.with_name(self.path.name + ".part")
        with open(target, "r+b" if n_epochs else "wb") as file:
            file.seek(_HEADER_BYTES + n_epochs * values.nbytes)
            file.write(values.data)
            file.flush()
            file.seek(0)
            file.write(_header(n_epochs + 1, self.n_samples))
        if not n_epochs:
            os.replace(target, self.path)
        self._started = True

    def array(self) -> Rows:
        """Map all finished rows read-only (n_epochs, n_samples).

        Raises
        ------
        FileNotFoundError
            If the file was lost since its first epoch.
        ValueError
            If another run has replaced it by rows of another length.
        """
        if not self._started and not self.path.exists():
            return np.empty((0, self.n_samples), dtype=np.float32)
        rows: Rows = np.load(self.path, mmap_mode="r")
        if rows.shape[1:] != (self.n_samples,):
            raise ValueError(
                f"{self.path} now has shape {rows.shape}, expected (n_epochs, {self.n_samples}): another run "
                "wrote there; give every run a path of its own"
            )
        return rows


def _as_row(row: npt.ArrayLike, n_samples: int) -> Rows:
    values = np.ascontiguousarray(row, dtype="<f4")
    if values.shape != (n_samples,):
        raise ValueError(f"a row has one value a sample, shape ({n_samples},); got shape {values.shape}")
    return values


def _header(n_epochs: int, n_samples: int) -> bytes:
    # Only the digits of n_epochs ever change, and they end an aligned 8-byte word (bytes 64 to 71): no reader
    # can see half of the change.
    fields = _FIELDS.format(n_epochs, n_samples).encode("ascii")
    length = _HEADER_BYTES - len(_MAGIC) - 2
    return _MAGIC + length.to_bytes(2, "little") + fields.ljust(length - 1) + b"\n"


def _remove_earlier_run(path: Path) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to write trajectories to; make it first")
    if not os.path.lexists(path):
        return
    if not _is_trajectories(path):
        raise FileExistsError(f"{path} exists and was not written as trajectories; move it or choose another path")
    path.unlink()


def _is_trajectories(path: Path) -> bool:
    # A header of np.save has other spaces: a user's own float32 table is not mistaken for an earlier run.
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER_BYTES)
        shape = np.load(path, mmap_mode="r").shape if header.startswith(_MAGIC) else ()
    except (OSError, ValueError):
        return False
    return len(shape) == 2 and header == _header(*shape)
