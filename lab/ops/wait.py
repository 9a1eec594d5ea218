"""Waiting until a lab is healthy: the gates, looked at again and again until they hold."""

from __future__ import annotations

import time

from lab import interrupt
from lab.drivers.traits import traits
from lab.errors import DeadlineError
from lab.lab import Lab
from lab.status import Status, status

_PAUSE = 0.5  # seconds between two looks; one look costs a few SSH commands on each node


def wait_healthy(name: str, timeout: float) -> Status:
    """The first status in which every gate holds; DeadlineError names the gate that does not.

    ``timeout`` is for nodes at full speed; emulated ones get their slowness times as long.

    HostError at once for a lab that is only a record: after a reboot of the host nothing of it runs,
    and waiting brings nothing.
    """
    opened = Lab.open(name)
    timeout *= opened.driver.slowness
    deadline = time.monotonic() + timeout
    if traits(opened.plan.driver).on_this_host:
        with opened.namespace.inside():
            pass
    while True:
        now = status(name)
        if now.healthy:
            return now
        if time.monotonic() > deadline:
            broken = next((gate for gate in now.gates if not gate.ok), None)
            raise DeadlineError(
                f"the lab '{name}' is not healthy after {timeout:g} s",
                where=f"gate {broken.name}: {broken.detail}" if broken else "",
                remedy=f"./inv lab.status --name={name}",
            )
        interrupt.wait(_PAUSE)
