"""Turns at what a process has once: torch's global generators."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Lets threads in one at a time, or several at once of a kind that may overlap.

    A thread that is in already goes on at once, whatever it asks for.

    Examples
    --------
    >>> turns = Turns()
    >>> with turns.alone(), turns.together():
    ...     print("the same thread")
    the same thread
    """

    def __init__(self) -> None:
        self._reset()
        # A child of fork() has no thread that could give back what was taken before.
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._inside: set[int] = set()
        self._is_alone = False
        self._n_waiting = 0  # for a turn alone: those who may overlap let them go first

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run the block while no other thread is in."""
        with self._entered(is_alone=True):
            yield

    @contextmanager
    def together(self) -> Iterator[None]:
        """Run the block while no other thread is in alone."""
        with self._entered(is_alone=False):
            yield

    @contextmanager
    def _entered(self, *, is_alone: bool) -> Iterator[None]:
        thread = threading.get_ident()
        if thread in self._inside:
            yield
            return
        with self._changed:
            self._n_waiting += is_alone
            try:
                self._changed.wait_for(lambda: self._may_enter(is_alone=is_alone))
            finally:
                self._n_waiting -= is_alone
            self._inside.add(thread)
            self._is_alone = is_alone
        try:
            yield
        finally:
            with self._changed:
                self._inside.discard(thread)
                self._is_alone = False
                self._changed.notify_all()

    def _may_enter(self, *, is_alone: bool) -> bool:
        return not self._inside if is_alone else not self._is_alone and not self._n_waiting
