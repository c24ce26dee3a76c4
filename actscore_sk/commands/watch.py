"""``actscore report --watch``: a page that is written anew after each epoch of another process."""

from collections.abc import Callable
from pathlib import Path
from time import sleep

import numpy as np

from actscore_sk.commands.screen import print_line
from actscore_sk.exceptions import CommandError

TRAJECTORIES = ".npy"
SECONDS = 1.0  # between two looks at the file
RELOAD = 3  # seconds after which a page that is open loads itself anew


def read_trajectories(path: Path) -> np.ndarray:
    """Read the losses of all epochs so far, also while another process appends to them.

    Parameters
    ----------
    path : Path
        File of ``store_trajectories=``, or any ``.npy`` file of that shape.

    Returns
    -------
    trajectories : ndarray of float32 (n_epochs, n_samples)
        Mapped, not loaded.

    Raises
    ------
    CommandError
        If there is no such file, or it does not hold trajectories.
    """
    if not path.exists():
        raise CommandError(f"no such file: {str(path)!r}")
    try:
        trajectories = np.load(path, mmap_mode="r")
    except (ValueError, OSError, EOFError) as error:
        raise CommandError(f"cannot read {str(path)!r} as {TRAJECTORIES}: {error}") from error
    if trajectories.ndim != 2 or trajectories.dtype.kind != "f" or not trajectories.size:
        raise CommandError(
            f"{str(path)!r} holds {trajectories.dtype} of shape {trajectories.shape}; expected losses "
            f"(n_epochs, n_samples), as store_trajectories= writes them"
        )
    return trajectories


def watch_trajectories(path: Path, write: Callable[[np.ndarray, int], None], output: Path) -> None:
    """Write the page after each epoch until the user stops it.

    Parameters
    ----------
    path : Path
        File of trajectories; it may appear later.
    write : callable
        ``write(trajectories, reload)`` writes the page.
    output : Path
        Named on the screen.

    Raises
    ------
    CommandError
        If the file does not hold trajectories, or the page cannot be written.
    """
    n_epochs = 0
    print_line(f"watching {path}; Ctrl-C ends it")
    try:
        while True:
            # another process makes the file at its first epoch
            if path.exists():
                trajectories = read_trajectories(path)
                if len(trajectories) != n_epochs:
                    n_epochs = len(trajectories)
                    write(trajectories, RELOAD)
                    print_line(f"epoch {n_epochs}: wrote {output}")
            sleep(SECONDS)
    except KeyboardInterrupt:
        if n_epochs:
            write(read_trajectories(path), 0)  # a page that no longer loads itself anew
        print_line(f"stopped after {n_epochs} epochs")
