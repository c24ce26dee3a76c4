"""Places for files: refused before a training, if nothing could be written there."""

import os
from pathlib import Path

from actscore_sk.commands.contents import STANDARD
from actscore_sk.commands.tables import FORMATS, table_suffix
from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional


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
    if not path.parent.is_dir():
        raise CommandError(f"no such directory for the output: {str(path.parent)!r}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise CommandError(f"the directory of the output is not writable: {str(path.parent)!r}")
