"""Trajectories: float32 (n_epochs, n_samples), NaN = not visited, in memory or in a growing ``.npy`` file."""

import os
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]

_MAGIC = b"\x93NUMPY\x01\x00"  # .npy, version 1.0 (NumPy enhancement proposal 1)
_HEADER_BYTES = 128
_FIELDS = "{{'descr': '<f4', 'fortran_order': False, 'shape': ({:>11}, {}), }}"


def open_trajectories(
    store: bool | str | os.PathLike[str], n_samples: int, *, n_kept: int = 0, is_writer: bool = True
) -> "MemoryTrajectories | FileTrajectories | None":
    """Open a new, empty store of trajectories.

    Parameters
    ----------
    store : bool or path
        False: none. True: in memory. A path: in a ``.npy`` file there.
    n_samples : int
        Number of samples in X.
    n_kept : int
        Number of rows of an interrupted run that stay in the file.
    is_writer : bool
        False: another process writes the file.

    Returns
    -------
    store : MemoryTrajectories, FileTrajectories or None
        None for False.

    Examples
    --------
    >>> rows = open_trajectories(True, n_samples=2)
    >>> rows.append([0.5, np.nan])
    >>> rows.array()
    array([[0.5, nan]], dtype=float32)
    """
    if isinstance(store, bool | np.bool_):
        return MemoryTrajectories(n_samples) if store else None
    if not is_writer:
        return FileOfAnother(store, n_samples)
    return FileTrajectories(store, n_samples, n_kept=n_kept)


class MemoryTrajectories:
    """Rows in memory: 4 bytes per sample and epoch.

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
        """Append a copy of the values (n_samples,) of one finished epoch."""
        self._rows.append(_as_row(row, self.n_samples).copy())

    def add(self, rows: Rows) -> None:
        """Add the rows (n_epochs, n_samples) of other visits in the same epochs."""
        self._rows = [*_sum_of_visits(self.array(), rows)]

    def array(self) -> Rows:
        """Return all rows as one new array of float32 (n_epochs, n_samples)."""
        return np.array(self._rows, dtype=np.float32).reshape(-1, self.n_samples)


class FileTrajectories:
    """Rows in a ``.npy`` file that holds all finished epochs, and that any process can map at any time.

    The file appears with the first finished epoch. A row is written after the last one, and only then counted in the
    header: a process killed in between leaves a readable file, and the next `append` overwrites the torn row. No file
    stays open, and a pickle holds the path, not the rows. Rows survive the end of the process, not a loss of power (no
    ``fsync``).

    Parameters
    ----------
    path : path-like
        File to write. Trajectories of an earlier run at this path are replaced, with a warning.
    n_samples : int
        Length of a row.
    n_kept : int
        Number of rows of an interrupted run that stay in the file; later ones are dropped.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    FileExistsError
        If the path holds anything but trajectories.

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

    def __init__(self, path: str | os.PathLike[str], n_samples: int, *, n_kept: int = 0) -> None:
        self.path = Path(path).absolute()
        self.n_samples = n_samples
        self._started = _keep_rows(self.path, n_kept, n_samples)
        if not self._started:
            _remove_earlier_run(self.path)

    def __len__(self) -> int:
        return len(self.array())

    def append(self, row: npt.ArrayLike) -> None:
        """Append the values (n_samples,) of one finished epoch to the file."""
        values = _as_row(row, self.n_samples)
        n_epochs = len(self)
        # np.load cannot map an empty array, so the file appears once it has a row.
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

    def add(self, rows: Rows) -> None:
        """Add the rows (n_epochs, n_samples) of other visits in the same epochs; the file is replaced as a whole."""
        merged = _sum_of_visits(self.array(), rows)
        if len(merged):
            target = self.path.with_name(self.path.name + ".part")
            target.write_bytes(_header(*merged.shape) + merged.tobytes())
            os.replace(target, self.path)

    def remove(self) -> None:
        """Remove the file: another training is to have the place."""
        self.path.unlink(missing_ok=True)

    def array(self) -> Rows:
        """Map all finished rows, float32 (n_epochs, n_samples), read-only.

        Raises
        ------
        FileNotFoundError
            If the file has vanished since its first epoch.
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


class FileOfAnother(FileTrajectories):
    """Rows of a file that another process writes; see `FileTrajectories` for parameters."""

    def __init__(self, path: str | os.PathLike[str], n_samples: int) -> None:
        self.path, self.n_samples, self._started = Path(path).absolute(), n_samples, False

    def append(self, row: npt.ArrayLike) -> None:
        """Leave the row to the other process."""

    def add(self, rows: Rows) -> None:
        """Leave the rows to the other process."""

    def remove(self) -> None:
        """Leave the file to the other process."""


def _sum_of_visits(mine: Rows, others: Rows) -> Rows:
    """Return the sum of rows, where NaN is no visit.

    >>> _sum_of_visits(np.array([[1.0, np.nan, np.nan]]), np.array([[2.0, 3.0, np.nan]]))
    array([[ 3.,  3., nan]])
    """
    return np.where(np.isnan(mine), others, mine + np.nan_to_num(others))


def _as_row(row: npt.ArrayLike, n_samples: int) -> Rows:
    values = np.ascontiguousarray(row, dtype="<f4")
    if values.shape != (n_samples,):
        raise ValueError(f"a row has one value per sample, shape ({n_samples},); got shape {values.shape}")
    return values


def _header(n_epochs: int, n_samples: int) -> bytes:
    # Only the digits of n_epochs ever change. They end an aligned 8-byte word (bytes 64 to 71), so that no reader sees
    # half of a change.
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
    warnings.warn(f"{path} holds trajectories of an earlier run, which are replaced", UserWarning)
    path.unlink()


def _keep_rows(path: Path, n_kept: int, n_samples: int) -> bool:
    """Cut the file of an interrupted run to its first rows; return False if it does not have them."""
    if not n_kept or not _is_trajectories(path):
        return False
    n_rows, width = np.load(path, mmap_mode="r").shape
    if n_rows < n_kept or width != n_samples:
        return False
    with open(path, "r+b") as file:
        file.write(_header(n_kept, n_samples))
    return True


def _is_trajectories(path: Path) -> bool:
    # np.save writes other spaces in its header, so a user's own float32 table is not taken for an earlier run.
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER_BYTES)
        shape = np.load(path, mmap_mode="r").shape if header.startswith(_MAGIC) else ()
    except (OSError, ValueError):
        return False
    return len(shape) == 2 and header == _header(*shape)
