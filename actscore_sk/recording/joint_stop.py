"""When all processes of one training stop: none may leave alone, since the others would wait for it."""

import signal
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, distributed

from actscore_sk.utils.interrupts import is_default

N_STEPS_APART = 16  # training steps between two questions if anybody wants to stop
GO_ON, END, CTRL_C = range(3)  # wishes of a process: the strongest one rules


class JointStop:
    """Wishes to stop, noted in each process and followed in all of them together.

    Every method but `ask`, `note_interrupts` and `leave` is called by all processes.

    Parameters
    ----------
    all_of : callable
        Takes the value of this process, and returns those of all.
    group : ProcessGroup or None
        In which small tensors travel between hosts; None: the default one.
    """

    def __init__(self, all_of: Callable[[Any], list[Any]], group: Any) -> None:
        self._all_of, self._group = all_of, group
        self._wish = GO_ON
        self._answer: tuple[Any, Tensor] | None = None
        self._handler: Any = None

    def ask(self) -> None:
        """Note that this process wants to stop; all do so at the next `check` that they agree in."""
        self._wish = max(self._wish, END)

    def check(self, n_steps: int | None = None) -> None:
        """Raise KeyboardInterrupt in all processes if one of them wants to stop.

        Parameters
        ----------
        n_steps : int, optional
            Number of training steps so far. The question of one step is answered by the time of a later one, so that
            nobody waits. None: wait for the answer.
        """
        if n_steps is None:
            self._follow(max(self._all_of(self._wish)))
        elif n_steps % N_STEPS_APART == 0:
            if self._answer is not None:
                work, wish = self._answer
                work.wait()
                self._follow(int(wish))
            wish, largest = torch.tensor([self._wish]), distributed.ReduceOp.MAX
            self._answer = distributed.all_reduce(wish, largest, group=self._group, async_op=True), wish

    def _follow(self, wish: int) -> None:
        """Stop if a process wants to; Ctrl-C in one of them is Ctrl-C in all, for whoever asks if there was one."""
        if wish == GO_ON:
            return
        self._wish, self._answer = GO_ON, None
        if wish == CTRL_C and self._handler is not None:
            self._handler(signal.SIGINT, None)
        raise KeyboardInterrupt

    def notify(self, own: Callable, event: str, **kwargs: Any) -> None:
        """Tell callbacks of an event; one that stops the training of this process stops it in all of them."""
        try:
            own(event, **kwargs)
        except KeyboardInterrupt:
            self.ask()
        if event == "on_epoch_end":
            self.check()

    def note_interrupts(self) -> None:
        """Take the first Ctrl-C as a wish to stop, until `leave`: others would wait for a process that left at once."""
        handler = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and is_default(handler):
            self._handler = handler
            signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: Any) -> None:
        if self._wish == CTRL_C:
            self._handler(number, frame)
        self._wish = CTRL_C

    def leave(self) -> None:
        """Handle Ctrl-C as before."""
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            self._handler = None
