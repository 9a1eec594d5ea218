"""Keeping fencing from acting while the tool itself makes nodes stand still.

A BMC refuses to switch while :func:`suppressed` is in force.  It is in force as long as its process
holds a lock, so that it cannot outlive it: after SIGKILL the kernel gives fencing back.  The gate
``fencing`` is red meanwhile.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from lab.state.home import LabPaths

_FILE = "suppressed"


@contextmanager
def suppressed(paths: LabPaths, doing: str) -> Iterator[None]:
    """No BMC of the lab switches a node on or off while the block runs; ``doing`` says why."""
    paths.bmc.mkdir(exist_ok=True)
    with (paths.bmc / _FILE).open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f"{doing}, pid {os.getpid()}")
        lock.flush()
        yield


def suppressed_by(paths: LabPaths) -> str:
    """Who suppresses fencing now; empty when it acts."""
    try:
        lock = (paths.bmc / _FILE).open()
    except FileNotFoundError:
        return ""
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return lock.read() or "another command"
    return ""
