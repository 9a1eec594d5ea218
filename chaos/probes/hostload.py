"""How busy the host was: two samples a second for the validity check V4."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

INTERVAL = 0.5


class HostLoad:
    """A thread that appends ``[at, busy, load1]``: busy is the share of all processors' time
    that was not idle since the sample before, 0..1 (/proc/stat, proc(5))."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="host-load", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        before = _jiffies()
        with self._path.open("w", buffering=1) as file:
            while not self._stop.wait(INTERVAL):
                now = _jiffies()
                total, idle = now[0] - before[0], now[1] - before[1]
                before = now
                busy = (total - idle) / total if total else 0.0
                load = 0.0
                with suppress(OSError):
                    load = os.getloadavg()[0]
                file.write(json.dumps([round(time.time(), 3), round(busy, 3), round(load, 2)]) + "\n")


def _jiffies() -> tuple[int, int]:
    """(all, idle) of the first line of /proc/stat; guest time is already part of user time."""
    with Path("/proc/stat").open() as file:
        fields = [int(word) for word in file.readline().split()[1:9]]
    return sum(fields), fields[3] + fields[4]
