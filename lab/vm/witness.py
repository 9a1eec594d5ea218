"""What becomes of the lab's machines, told by libvirt itself and not by whoever moved the switch.

A small process of the lab's own (cgroup ``halab/<lab>/watch``) hears libvirt's life-cycle events and
writes each change of power into the diary as ``power.seen``.  So a machine that crashed, turned
itself off or was killed behind halab's back is known with its moment, and a fencing device that only
says that it cut the power is not believed.  A watchdog that fires is ``watchdog.fired``.  libvirt's events
carry no time: the moment is the host's clock when the event arrives, some milliseconds later.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import libvirt

from lab.drivers.base import PowerState
from lab.host.cgroups import Cgroup
from lab.host.process import detached, run
from lab.state.events import EventLog
from lab.state.home import LabPaths
from lab.vm.machines import power_of, prefix_of

MEMBER = "watch"
WITNESS = "libvirt"
_WITHIN = 10.0  # s until its process is there
_LOOK = 1000  # ms between two looks at whether libvirtd is still there
_AGAIN = 1.0  # s until a libvirtd that is gone is asked again
# virDomainEventType: what a life-cycle event makes of the power.  The others (defined, shutting down, ...) change none.
_STATES: Mapping[int, PowerState] = {
    libvirt.VIR_DOMAIN_EVENT_STARTED: PowerState.ON, libvirt.VIR_DOMAIN_EVENT_RESUMED: PowerState.ON,
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: PowerState.SUSPENDED,
    libvirt.VIR_DOMAIN_EVENT_PMSUSPENDED: PowerState.SUSPENDED,
    libvirt.VIR_DOMAIN_EVENT_STOPPED: PowerState.OFF, libvirt.VIR_DOMAIN_EVENT_CRASHED: PowerState.OFF,
}
# virDomainEventStoppedDetailType
_STOPPED: Mapping[int, str] = {
    libvirt.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN: "turned itself off",
    libvirt.VIR_DOMAIN_EVENT_STOPPED_DESTROYED: "destroyed",
    libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_EVENT_STOPPED_FAILED: "its process failed",
    libvirt.VIR_DOMAIN_EVENT_STOPPED_SAVED: "saved",
    libvirt.VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT: "snapshot",
}


class Witness:
    """Hears one libvirtd and writes the power of the lab's machines into ``events``."""

    def __init__(self, lab: str, uri: str, events: EventLog) -> None:
        self._prefix = prefix_of(lab)
        self._uri = uri
        self._events = events
        self._connection: Any = None
        self._known: dict[str, PowerState] = {}
        libvirt.virEventRegisterDefaultImpl()  # before the first connection, once in a process
        libvirt.virEventAddTimeout(_LOOK, lambda timer, opaque: None, None)

    def open(self) -> None:
        """Connect, and catch up with what changed meanwhile; libvirtError if nobody answers."""
        connection = libvirt.open(self._uri)
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._hear, None)
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_WATCHDOG, self._barks, None)
        self._connection = connection
        for domain in connection.listAllDomains():
            self._tell(domain.name(), power_of(domain.state()[0]), "found so")

    def step(self) -> bool:
        """Wait for the next event, or a second; False when libvirtd is gone."""
        libvirt.virEventRunDefaultImpl()
        return bool(self._connection.isAlive())

    def run(self) -> None:
        """Until killed; a libvirtd that is gone is waited for."""
        while True:
            try:
                self.open()
                while self.step():
                    pass
                self._events.emit("note", text="the lab's libvirtd is gone")
            except libvirt.libvirtError:
                time.sleep(_AGAIN)

    def _hear(self, connection: Any, domain: Any, event: int, detail: int, opaque: Any) -> None:
        if (state := _STATES.get(event)) is not None:
            off = state is PowerState.OFF
            why = _STOPPED.get(detail, "stopped") if off and event != libvirt.VIR_DOMAIN_EVENT_CRASHED else ""
            self._tell(domain.name(), state, why)

    def _barks(self, connection: Any, domain: Any, action: int, opaque: Any) -> None:
        """A machine's own watchdog acts on it."""
        name = domain.name()
        if name.startswith(self._prefix):
            self._events.emit("watchdog.fired", name.removeprefix(self._prefix), by=WITNESS)

    def _tell(self, domain: str, state: PowerState, why: str) -> None:
        node = domain.removeprefix(self._prefix)
        if node != domain and self._known.get(node) is not state:
            self._known[node] = state
            self._events.emit("power.seen", node, state=str(state), by=WITNESS, why=why)


def start(lab: str, paths: LabPaths, uri: str) -> None:
    """Start the watch of this lab unless it runs."""
    group = Cgroup(lab, MEMBER)
    if group.pids():
        return
    group.create()
    argv = [sys.executable, "-m", "lab.vm.witness", "--lab", lab, "--uri", uri]
    run(detached(group.command(argv), paths.root / "watch.log"), timeout=10,
        cwd=Path(__file__).resolve().parent.parent.parent)
    deadline = time.monotonic() + _WITHIN
    while not group.pids() and time.monotonic() < deadline:  # it joins its group a moment after it was started
        time.sleep(0.02)


def running(lab: str) -> bool:
    """Whether somebody watches this lab's machines now."""
    return bool(Cgroup(lab, MEMBER).pids())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lab", required=True)
    parser.add_argument("--uri", required=True)
    given = parser.parse_args()
    Witness(given.lab, given.uri, EventLog(LabPaths.of(given.lab).events)).run()
