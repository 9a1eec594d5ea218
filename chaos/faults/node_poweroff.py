"""node.poweroff: the machine loses power, with no goodbye to anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.base import BaseFault, all_hold, power_back_on
from chaos.model import HealRank, Proof, Target
from chaos.reach import ssh_banner
from lab.drivers.base import PowerState

if TYPE_CHECKING:
    from lab.lab import Lab


class NodePoweroff(BaseFault):
    """Hard power off through the driver.

    The cluster may well power the node on again by itself, because fencing means reboot: the
    proof of effect must be read in the first seconds, and healing is then a no-op.
    """

    name = "node.poweroff"
    summary = "cut the node's power"
    needs = frozenset({"poweroff"})
    rank = HealRank.POWER
    wants_fencing = True
    bounds = "silent_loss"

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            lab.driver.power.off(node)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._dead(lab, node) for node in target.nodes])

    def heal(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            power_back_on(lab, node)

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([alive(lab, node) for node in target.nodes])

    @staticmethod
    def _dead(lab: Lab, node: str) -> Proof:
        state = lab.driver.power.state(node)
        if state != PowerState.OFF:
            return Proof(False, f"{node}: the driver says its power is {state}")
        if ssh_banner(lab, node):
            return Proof(False, f"{node}: power off, and yet its SSH answers")
        return Proof(True, f"{node}: the driver says off, and SSH is silent")


def alive(lab: Lab, node: str) -> Proof:
    """Powered on, and a process on it answers."""
    state = lab.driver.power.state(node)
    if state != PowerState.ON:
        return Proof(False, f"{node}: the driver says its power is {state}")
    if not ssh_banner(lab, node):
        return Proof(False, f"{node}: power on, SSH does not answer yet")
    return Proof(True, f"{node}: power on, and SSH answers")


FAULT = NodePoweroff()
