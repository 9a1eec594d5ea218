"""What the faults share that take a node away: power that has to be on again in the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from chaos.faults.base import BaseFault, all_hold, power_back_on
from chaos.model import HealRank, Proof, Target
from chaos.reach import ssh_banner
from lab import interrupt
from lab.drivers.base import PowerState
from lab.parallel import for_each
from lab.state.events import read_events

if TYPE_CHECKING:
    from lab.lab import Lab

_BOOT_WITHIN = 60.0  # s from its power to its SSH
_LISTEN = 10.0  # s that a node which should be up may be silent
_POLL = 0.3  # s


class NodeFault(BaseFault):
    """Healed when every target has power and its SSH answers."""

    needs: ClassVar[frozenset[str]] = frozenset({"poweroff"})
    rank: ClassVar[HealRank] = HealRank.POWER
    wants_fencing: ClassVar[bool] = True
    bounds: ClassVar[str] = "silent_loss"

    def heal(self, lab: Lab, target: Target) -> None:
        # All at once: nodes of a cluster that was dark as a whole wait for each other.
        for_each(target.nodes, lambda node: _back(lab, node))

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([alive(lab, node) for node in target.nodes])


def cut(lab: Lab, nodes: tuple[str, ...], stagger: float) -> None:
    """Take the power of these nodes, ``stagger`` seconds apart, or of all at once."""
    if not stagger:
        for_each(nodes, lab.driver.power.off)
        return
    for at, node in enumerate(nodes):
        if at:
            interrupt.wait(stagger)
        lab.driver.power.off(node)


def _back(lab: Lab, node: str) -> None:
    """Have it powered on, and anew where power alone brings nobody back.

    A power-off that is cut short may leave a node that runs with its cables gone, mgmt among them.
    """
    was_on = lab.driver.power.state(node) is PowerState.ON
    power_back_on(lab, node)
    if was_on and _stays_silent(lab, node):
        lab.driver.power.off(node)
        lab.driver.power.on(node)


def _stays_silent(lab: Lab, node: str) -> bool:
    """Whether nothing is heard of it for a while, although it should have booted long ago."""
    booted = max((event.at for event in read_events(lab.paths.events)
                  if event.kind == "power.on" and event.node == node), default=0.0)
    if time.time() < booted + _BOOT_WITHIN * lab.driver.slowness:
        return False
    end = time.monotonic() + _LISTEN * lab.driver.slowness
    while not ssh_banner(lab, node):
        if time.monotonic() > end:
            return True
        time.sleep(_POLL)
    return False


def alive(lab: Lab, node: str) -> Proof:
    """Powered on, and a process on it answers."""
    state = lab.driver.power.state(node)
    if state != PowerState.ON:
        return Proof(False, f"{node}: the driver says its power is {state}")
    if not ssh_banner(lab, node):
        return Proof(False, f"{node}: power on, SSH does not answer yet")
    return Proof(True, f"{node}: power on, and SSH answers")


def dead(lab: Lab, node: str) -> Proof:
    """No power, and nobody answers."""
    state = lab.driver.power.state(node)
    if state != PowerState.OFF:
        return Proof(False, f"{node}: the driver says its power is {state}")
    if ssh_banner(lab, node):
        return Proof(False, f"{node}: power off, and yet its SSH answers")
    return Proof(True, f"{node}: the driver says off, and SSH is silent")
