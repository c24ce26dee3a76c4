"""Write files wholly or not at all."""

import os
import uuid
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside the file, then take its place: a reader sees the old content or the new one.

    Parameters
    ----------
    path : Path
        File to create or to replace; of a link, the file that it points to.
    content : bytes
        All of the new content.

    Raises
    ------
    OSError
        If the system refuses; what was there is left as it was.
    """
    # In the same directory, thus on the same disk: only there is the replacement one step.
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
