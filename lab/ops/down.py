"""``lab.down``: take a lab off the host, completely, whatever state it is in."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass

from lab import image, state
from lab.drivers import sweep
from lab.errors import NotFoundError
from lab.host import cgroups
from lab.lab import names
from lab.net import network
from lab.state.events import EventLog, Listener
from lab.state.home import LabPaths, home
from lab.vm import store


@dataclass(frozen=True)
class DownResult:
    lab: str
    seconds: float


def take_down(name: str, *, listener: Listener | None = None) -> DownResult:
    """Remove processes, mounts, namespaces, interfaces, cgroups and the lab's folder.

    Works by the lab's name, so also on a lab whose making was killed at any moment.  Reports
    of chaos runs stay.  NotFoundError if there is nothing of that name.
    """
    paths = LabPaths.of(name)
    begun = time.monotonic()
    with state.exclusive(name, "lab.down"):
        # Killed between its last steps, it has left the claim alone, which keeps the name from other homes.
        if not (paths.root.exists() or cgroups.members(name) or network.namespaces_of(name)
                or state.owner(name) == home()):
            raise NotFoundError(f"there is no lab '{name}'", where=f"labs: {', '.join(names()) or 'none'}",
                                remedy="./inv lab.list")
        state.claim(name)
        events = EventLog(None)
        if listener:
            events.subscribe(listener)
        with events.step("remove"):
            sweep(name, paths)
        with events.step("disks"):
            if paths.root.exists():
                shutil.rmtree(paths.root)
            store.forget_machines(paths.root)
            image.prune_half_baked()
        state.disclaim(name)
    state.drop_lock(name)
    return DownResult(name, round(time.monotonic() - begun, 2))
