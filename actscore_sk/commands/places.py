"""Places for files: refused before a training, if nothing could be written there."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from actscore_sk.commands.contents import STANDARD
from actscore_sk.commands.tables import FORMATS, table_suffix
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd


MOST_SHOWN = 40  # letters of a text


def check_output(path: Path, *, source: Path) -> None:
    """Refuse an output that could not be written, before any time is spent on its content.

    Parameters
    ----------
    path : Path
        File to write later.
    source : Path
        File that is read, which the output must not replace.

    Raises
    ------
    CommandError
        If the suffix is unknown, the directory is not there or not writable, or ``path`` is ``source``.
    """
    suffix = table_suffix(path)
    if library := FORMATS[suffix].library:
        import_optional(library, extra="cli", purpose=f"write {suffix}")
    if path == STANDARD:
        if sys.__stdout__ is None:
            raise CommandError("standard output is closed; choose another output")
        return
    # a training can take hours; a place that refuses the file is better known before it
    check_directory(path, source=source)


def check_directory(path: Path, *, source: Path) -> None:
    """Refuse a place that no file can be written to.

    Parameters
    ----------
    path, source : Path
        As in `check_output`.

    Raises
    ------
    CommandError
        If the directory is not there or not writable, or ``path`` is ``source``.
    """
    if path.exists() and source.exists() and path.samefile(source):
        raise CommandError(f"the output {str(path)!r} is the input; choose another name")
    if path.is_dir():
        raise CommandError(f"the output {str(path)!r} is a directory")
    directory = path.parent
    if path.is_symlink():  # the file that it points to is written
        place = Path(os.path.realpath(path))
        if place.is_symlink():
            raise CommandError(f"the output {str(path)!r} is a link that leads back to itself")
        directory = place.parent
    if not directory.is_dir():
        raise CommandError(f"no such directory for the output: {str(directory)!r}")
    try:
        with TemporaryFile(dir=directory):  # permissions alone do not say what a system takes
            pass
    except OSError as error:
        raise CommandError(
            f"the directory of the output is not writable: {str(directory)!r} ({error.strerror})"
        ) from error


def check_size(path: Path, n_rows: int) -> None:
    """Refuse a kind of file that has no place for so many rows.

    Parameters
    ----------
    path : Path
        File to write later.
    n_rows : int
        Of the table.
    """
    most = FORMATS[table_suffix(path)].most_rows
    if most is not None and n_rows > most:
        raise CommandError(f"{str(path)!r} has no place for {n_rows:,} rows; this kind of file ends at {most:,}")


def check_texts(path: Path, frame: "pd.DataFrame") -> None:
    """Refuse a kind of file that has no place for one of the texts.

    Parameters
    ----------
    path : Path
        File to write later.
    frame : DataFrame
        What is written there of the user's.
    """
    illegal = FORMATS[table_suffix(path)].illegal
    if illegal is None:
        return
    for place in range(frame.shape[1]):
        texts = {cell for cell in frame.iloc[:, place] if isinstance(cell, str)}
        if wrong := next(filter(illegal.search, texts), None):
            shown = repr(wrong if len(wrong) < MOST_SHOWN else f"{wrong[:MOST_SHOWN]}...")
            raise CommandError(
                f"{str(path)!r} has no place for the text {shown} of {frame.columns[place]!r}, which has control "
                "characters or is too long; choose another kind of file"
            )
