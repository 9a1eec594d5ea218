"""A making that was killed: before the shared lab is made, so that two labs never share the processors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from conftest import remove

from lab.host import cgroups
from lab.net import network
from lab.ops.down import take_down

ROOT = Path(__file__).resolve().parent.parent.parent


def test_nothing_is_left_of_a_making_that_was_killed() -> None:
    name = "halabvmkill"
    remove(name)
    child = subprocess.Popen([sys.executable, "-m", "cli", "lab.up", "--driver=vagrant", f"--name={name}"], cwd=ROOT,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        # Until the first machine runs: Vagrant, libvirtd and QEMU are all at work then.
        assert _within(120, lambda: any("qemu-system" in _command(pid)
                                        for pid in cgroups.Cgroup(name, "libvirtd").pids()))
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    pids = cgroups.Cgroup(name, "libvirtd").pids()
    take_down(name)
    assert cgroups.members(name) == []
    assert network.namespaces_of(name) == []
    assert not [pid for pid in pids if _command(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
