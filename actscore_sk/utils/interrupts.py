"""Ctrl-C: defer it in the few lines that must not stop half-way, and notice it where somebody else handles it."""

import signal
import threading
from collections.abc import Callable, Iterator
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


@contextmanager
def noticed() -> Iterator[Callable[[], bool]]:
    """Notice interrupts in the block, which take their course; skorch ends the training of one net and says nothing.

    Yields
    ------
    came : callable
        Returns True once an interrupt has come. Always False outside of the main thread.

    Examples
    --------
    >>> import os
    >>> with noticed() as came:
    ...     try:
    ...         os.kill(os.getpid(), signal.SIGINT)
    ...     except KeyboardInterrupt:
    ...         print(came())
    True
    """
    handler, numbers = signal.getsignal(signal.SIGINT), []
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield lambda: False
        return

    def note(number: int, frame: Any) -> None:
        numbers.append(number)
        handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(numbers)
    finally:
        signal.signal(signal.SIGINT, handler)
