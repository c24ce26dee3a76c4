"""Write a file whole or not at all."""

import os
import uuid
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside the old one, then replace the old one: a reader sees either content, never a part.

    Parameters
    ----------
    path : Path
        File to create or to replace; for a link, the file that it points to.
    content : bytes
        The whole new content.

    Raises
    ------
    OSError
        If the system refuses; the old file is unchanged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "scores.csv", b"index,score")
    ...     [path.name for path in Path(folder).iterdir()]
    ['scores.csv']
    """
    # In the same directory, hence on the same disk: os.replace is one step only there.
    place = path.resolve()
    temporary = place.with_name(f".actscore-{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, place)
    except OSError as error:
        raise OSError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
