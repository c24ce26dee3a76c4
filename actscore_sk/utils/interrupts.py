"""Ctrl-C: defer it in the few lines that must not stop half-way, and notice it where somebody else handles it."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C has ended


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


class Notice:
    """A handler that notes an interrupt, and hands it to the one before.

    Parameters
    ----------
    handler : callable
        The one before.

    Attributes
    ----------
    has_come : bool
        True once there was an interrupt.
    """

    def __init__(self, handler: Callable) -> None:
        self.handler, self.has_come = handler, False

    def __call__(self, number: int, frame: Any) -> None:
        """Note the interrupt, and hand it on."""
        self.has_come = True
        self.handler(number, frame)


def is_default(handler: Any) -> bool:
    """Return True if a handler is Python's own, which raises KeyboardInterrupt, maybe behind a `Notice`."""
    while isinstance(handler, Notice):
        handler = handler.handler
    return handler is signal.default_int_handler


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Let an interrupt end the process in the block, with one line on stderr and status 130.

    For a program that loads its libraries: these swallow an exception or abort, take seconds, and have nothing to lose.
    Only for the main thread of a process that has not set a handler of its own.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: Any) -> None:
    with suppress(OSError):  # stderr may be closed
        os.write(2, b"actscore: interrupted\n")
    os._exit(INTERRUPTED)


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
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield lambda: False
        return

    notice = Notice(handler)
    signal.signal(signal.SIGINT, notice)
    try:
        yield lambda: notice.has_come
    finally:
        signal.signal(signal.SIGINT, handler)
