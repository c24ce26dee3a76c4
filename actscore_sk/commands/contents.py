"""The bytes of a table: of a file, compressed or not, or of standard input."""

import sys
from pathlib import Path

from actscore_sk.exceptions import CommandError
from actscore_sk.utils.optional import import_optional

STANDARD = Path("-")  # standard input, or output
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
LARGEST = 4 << 30  # bytes; a small file can unpack to more than any memory
PART = 1 << 24


def read_content(path: Path) -> bytes:
    """Read a file, unpacked.

    Parameters
    ----------
    path : Path
        ``-`` is standard input.

    Returns
    -------
    content : bytes

    Raises
    ------
    CommandError
        If it unpacks to more than ``LARGEST``.
    """
    if path == STANDARD:
        return sys.stdin.buffer.read()
    compression = COMPRESSIONS.get(path.suffix.lower())
    if compression is None:
        return path.read_bytes()
    pyarrow = import_optional("pyarrow", extra="cli", purpose="read compressed files")
    parts: list[bytes] = []
    n_bytes = 0
    with pyarrow.input_stream(path, compression=compression) as stream:
        while part := stream.read(PART):
            n_bytes += len(part)
            if n_bytes > LARGEST:
                raise CommandError(f"{str(path)!r} unpacks to more than {LARGEST:,} bytes; unpack it first")
            parts.append(part)
    return b"".join(parts)


def pack(content: bytes, compression: str) -> bytes:
    """Compress, without a time stamp: the same table is the same file.

    Parameters
    ----------
    content : bytes
        Any.
    compression : {"gzip", "zstd"}
        How.

    Returns
    -------
    packed : bytes
    """
    pyarrow = import_optional("pyarrow", extra="cli", purpose="write compressed files")
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, compression) as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()
