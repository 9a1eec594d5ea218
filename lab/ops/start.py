"""``lab.start``: power for the whole lab, and back to green without an operator.

Whatever became of the lab's processes, namespaces and BMCs meanwhile, a reboot of the host included:
its record and its disks are enough.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from lab import bmc, gates, interrupt, state
from lab.drivers.base import PowerState
from lab.gates import GateResult
from lab.lab import Lab
from lab.ops.hold import held
from lab.ops.order import start_order
from lab.ops.snapshot import mend
from lab.ops.stop import halt, refuse_unfinished
from lab.parallel import for_each
from lab.state import Phase
from lab.state.events import Listener

DEFAULT_TIMEOUT = 300.0  # seconds to green gates, for nodes at full speed


@dataclass(frozen=True)
class StartResult:
    """``seconds`` from the call to green gates."""

    lab: str
    seconds: float
    gates: list[GateResult]


def start(name: str, *, timeout: float = DEFAULT_TIMEOUT, listener: Listener | None = None) -> StartResult:
    """Bring a stopped or lost lab back; on a running one it only waits for the gates.

    RefusedError as ``lab.stop``; DeadlineError when a gate stays red.
    """
    with held(name, "lab.start", listener) as lab:
        return wake(lab, timeout=timeout)


def wake(lab: Lab, *, timeout: float = DEFAULT_TIMEOUT) -> StartResult:
    """As :func:`start`, for a caller that holds the lab already."""
    refuse_unfinished(lab)
    begun = time.monotonic()
    if state.recorded(lab.paths).phase is Phase.STOPPING:
        halt(lab)  # prepares the driver; a node that is about to go would go after it was found running
    state.record(lab.paths, Phase.STARTING)
    with lab.events.step("network"):
        lab.driver.prepare()
    mend(lab)
    with lab.events.step("bmc"):
        bmc.start(lab)
    for wave in start_order(lab.plan):
        interrupt.check("power")
        for_each(wave, lambda node: _power_on(lab, node.name))
    tell_warnings(lab)
    results = gates.await_all(lab, begun + timeout * lab.driver.slowness)
    state.record(lab.paths, Phase.RUNNING)
    return StartResult(lab.name, round(time.monotonic() - begun, 2), results)


def _power_on(lab: Lab, node: str) -> None:
    with lab.events.step("boot", node):
        give_power(lab, node)


def tell_warnings(lab: Lab) -> None:
    """Say what the host holds back from the nodes, which have power now."""
    for warning in lab.driver.warnings:
        lab.events.emit("note", text=f"warning: {warning}")


def give_power(lab: Lab, node: str) -> None:
    """Make a node run, whether it is off, on or suspended."""
    power = lab.driver.power
    if power.state(node) is PowerState.SUSPENDED:
        power.resume(node)  # no fault is unhealed, so whoever froze it is gone
    power.on(node)
