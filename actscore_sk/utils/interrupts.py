"""Defer Ctrl-C in the few lines that must not stop half-way."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer an interrupt until the block is done, then raise it.

    Only the main thread receives interrupts. In other threads, and if SIGINT is ignored or has a handler that is not
    Python's, nothing changes.

    Examples
    --------
    >>> import os
    >>> done = []
    >>> try:
    ...     with uninterrupted():
    ...         os.kill(os.getpid(), signal.SIGINT)
    ...         done.append("the whole block")
    ... except KeyboardInterrupt:
    ...     done.append("then the interrupt")
    >>> done
    ['the whole block', 'then the interrupt']
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    held: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if held:
        handler(*held[0])
