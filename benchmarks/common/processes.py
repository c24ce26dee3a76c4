"""Run a command in a process of its own, and watch its memory. Linux only."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MiB = 2**20
EVERY = 0.05  # seconds


@dataclass(frozen=True)
class Usage:
    """What a process took.

    Parameters
    ----------
    processor, wall : float
        Seconds, of the processor and of the clock.
    resident, anonymous : float
        Largest memory in MiB: all that is resident, with pages of files, and that which is no file.
    """

    processor: float
    wall: float
    resident: float
    anonymous: float


def memory_of(process: int | str, name: str) -> float:
    """Return a number of ``/proc/PID/status`` in MiB, such as "RssAnon"; 0 if the process has ended."""
    try:
        words = Path(f"/proc/{process}/status").read_text().split()
        return int(words[words.index(f"{name}:") + 1]) * 1024 / MiB
    except (OSError, ValueError):
        return 0.0


class Peak(threading.Thread):
    """Watches the anonymous memory of a process until `end`."""

    def __init__(self, process: int | str = "self") -> None:
        super().__init__(daemon=True)
        self.anonymous = self.resident = 0.0
        self._process, self._is_over = process, threading.Event()
        self.start()

    def run(self) -> None:
        """Look again and again."""
        while not self._is_over.wait(EVERY):
            self.anonymous = max(self.anonymous, memory_of(self._process, "RssAnon"))
            self.resident = max(self.resident, memory_of(self._process, "VmHWM"))

    def end(self) -> None:
        """Stop looking."""
        self._is_over.set()
        self.join()


def run_watched(command: Sequence[str], *, folder: Path, checkout: Path) -> Usage:
    """Run a command to its end.

    Parameters
    ----------
    command : sequence of str
        And its arguments.
    folder : Path
        Where it runs.
    checkout : Path
        Of the repository that it imports.

    Raises
    ------
    RuntimeError
        If it fails; with what it wrote.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile() as written:
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=written, stderr=subprocess.STDOUT)
        peak = Peak(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)  # or Popen waits for it, too
        peak.end()
        if process.returncode:
            written.seek(0)
            raise RuntimeError(written.read().decode(errors="replace"))
    seconds = used.ru_utime + used.ru_stime
    return Usage(seconds, time.perf_counter() - start, peak.resident, peak.anonymous)
