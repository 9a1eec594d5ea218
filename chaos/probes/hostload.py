"""How busy the host was, and whether the lab had to wait for it: two samples a second for the validity check V4."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

INTERVAL = 0.5


class HostLoad:
    """A thread that appends ``[at, busy, load1, waited, clock]``.

    ``busy`` is the share of all processors' time that was not idle since the sample before, 0..1
    (/proc/stat, proc(5)); ``waited`` the share of that time in which some process of the lab was ready
    and had no processor (the kernel's Documentation/accounting/psi.rst), or null where the kernel does not tell.
    ``clock`` is how far the wall clock has moved against the monotonic one since the start, in seconds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pressure: Path | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, pressure: Path) -> None:
        """Whose waiting is recorded: the pressure file of a lab's control group.  Before ``start``."""
        self._pressure = pressure

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="host-load", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        before, waited, at = _jiffies(), self._waited(), time.monotonic()
        epoch = time.time() - time.monotonic()
        with self._path.open("w", buffering=1) as file:
            while not self._stop.wait(INTERVAL):
                now = _jiffies()
                total, idle = now[0] - before[0], now[1] - before[1]
                before = now
                waited_now, at_now = self._waited(), time.monotonic()
                share = (None if waited is None or waited_now is None
                         else round(min(1.0, (waited_now - waited) / (at_now - at)), 3))
                waited, at = waited_now, at_now
                busy = (total - idle) / total if total else 0.0
                load = 0.0
                with suppress(OSError):
                    load = os.getloadavg()[0]
                file.write(json.dumps([round(time.time(), 3), round(busy, 3), round(load, 2), share,
                                       round(time.time() - time.monotonic() - epoch, 4)]) + "\n")

    def _waited(self) -> float | None:
        """Seconds so far in which some process of the lab waited for a processor."""
        if self._pressure is None:
            return None
        try:
            return pressure_seconds(self._pressure.read_text())
        except (OSError, ValueError):
            return None


def pressure_seconds(text: str) -> float:
    """The total of the line ``some`` of a pressure file, which counts microseconds; ValueError if it has none."""
    for line in text.splitlines():
        if line.startswith("some ") and (total := line.rpartition("total=")[2]):
            return int(total) / 1e6
    raise ValueError("no line 'some' with a total")


def _jiffies() -> tuple[int, int]:
    """(all, idle) of the first line of /proc/stat; guest time is already part of user time."""
    with Path("/proc/stat").open() as file:
        fields = [int(word) for word in file.readline().split()[1:9]]
    return sum(fields), fields[3] + fields[4]
